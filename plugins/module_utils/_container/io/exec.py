# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec: run a further process in a running container."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Optional, Sequence

from ..._drivers import foreign_files
from ..._drivers.cgroups import hierarchy
from ..._drivers.kernel import securejoin
from ..._drivers.process import bounding_set
from ..._model.errors import InvalidArgument, LibpodError, ToolTimedOut, warn
from ..._model.options.syntax.durations import seconds
from ..._spec import capabilities, users
from ..lifecycle.background import Background

if TYPE_CHECKING:
    from ..._drivers.oci.exec import Bounds
    from ..base import ContainerBase


OUTPUT_LENGTH = 64 << 20  # bytes of standard output, and of standard error, that a result can have
_GRACE = 10.0  # seconds between SIGTERM and SIGKILL, as where a container is stopped
_LONGEST = 366 * 86400 * 10**9  # nanoseconds; it keeps the sum with the clock's time exact
_EXPECTED = "a duration above 0 and up to 8784h such as 1m30s or 500ms, or a number of seconds"


class Exec(NamedTuple):
    """A process: ``env`` is added to the container's; ``user`` None and an empty ``workdir`` are the container's.

    ``timeout`` is in seconds, 0 for none.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = {}
    user: Optional[str] = None
    workdir: str = ""
    privileged: bool = False
    tty: bool = False
    timeout: float = 0


class Executed(NamedTuple):
    """The exit code, or 127 (command not found), 126 (not executable), 125 (the OCI runtime failed), and the output.

    Of output longer than ``OUTPUT_LENGTH`` the beginning and the end are kept, with a line on what is missing.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


class CommandTimedOut(LibpodError):
    """A command in a container exceeded its limit and was ended; ``output`` and ``errors`` are what it printed."""

    exit_code = 124  # as timeout(1)

    def __init__(self, container: ContainerBase, wanted: Exec, output: bytes = b"", errors: bytes = b"") -> None:
        super().__init__(
            f"{wanted.argv[0]} in container {container.name} did not end within {wanted.timeout:g} seconds, and was "
            "ended: give it a longer timeout, or look at why it takes so long"
        )
        self.output, self.errors = output, errors


def execute(container: ContainerBase, wanted: Exec, input: bytes) -> Executed:
    """Run the process to its end, even where it leaves children behind.

    :raises ContainerStopped: the container does not run. :raises InvalidArgument: user or command cannot be used.
    :raises CommandTimedOut: it took longer than its limit.
    """
    from ..._drivers.command import Kept
    from ..._drivers.oci import exec_streams
    from ..._drivers.oci.exec import execute as run
    from ..._drivers.streams import Sink

    process, bounds = process_for(container, wanted), _bounds(container, wanted)
    out, err = Kept(OUTPUT_LENGTH), Kept(OUTPUT_LENGTH)
    streams = exec_streams.Streams(Sink(out.add), Sink(err.add), input)
    if wanted.tty:
        streams = exec_streams.Terminal(Sink(out.add), Sink(err.add), container.run_dir, input)
    code, message = run(container.oci, container.id, process, streams, bounds)
    for stream, kept in (("standard output", out), ("standard error", err)):
        if kept.cut():
            warn(
                f"{wanted.argv[0]} in container {container.name}: its {stream} is not complete, for it is longer than "
                f"{OUTPUT_LENGTH >> 20} MiB: have the command write a file, and copy that"
            )
    if code is None:
        raise CommandTimedOut(container, wanted, out.content(), err.content())
    return Executed(code, out.content(), err.content() or message.encode())


def execute_attached(container: ContainerBase, wanted: Exec, interactive: bool) -> int:
    """Run the process on this one's standard input (if ``interactive``), output and error; return its exit code.

    :raises ContainerStopped: the container does not run. :raises InvalidArgument: user or command cannot be used.
    :raises CommandTimedOut: it took longer than its limit.
    """
    from ..._drivers.oci.attached import execute_attached as run

    process, bounds = process_for(container, wanted), _bounds(container, wanted)
    code, _message = run(container.oci, container.id, process, interactive, bounds)
    if code is None:
        raise CommandTimedOut(container, wanted)
    return code


def _bounds(container: ContainerBase, wanted: Exec) -> Bounds:
    from ..._drivers.oci import exec as oci_exec
    from ..._drivers.oci import exec_files

    exec_files.forget_left_over(container.run_dir)
    return oci_exec.Bounds(f"{container.run_dir}/{exec_files.new_name('pid')}", wanted.timeout, _GRACE)


def execute_detached(container: ContainerBase, wanted: Exec) -> str:
    """Start the process under a conmon of its own, without output, and return the session's ID.

    :raises LibpodError: it could not be started. :raises ContainerStopped: the container does not run.
    """
    from functools import partial

    from ..._drivers.conmon.conmon import ContainerNotCreated, Monitored
    from ..._drivers.trees import removal
    from ..lifecycle.conmon_cgroup import enter

    exec_id = os.urandom(32).hex()
    spec = os.memfd_create("process.json")
    try:
        process = process_for(container, wanted)
        os.write(spec, json.dumps(process).encode())
        folder = _folder(container, exec_id)
        monitored = Monitored(
            container.id, container.name, folder, "", terminal=wanted.tty, umask=process["user"]["umask"]
        )
        # conmon passes no descriptor on to the OCI runtime, which reads the process through this process's.
        path = f"/proc/{os.getpid()}/fd/{spec}"
        try:
            container.host.conmon.execute(monitored, container.oci, partial(enter, container), exec_id, path)
        except ToolTimedOut:
            removal.remove(folder)
            raise
        except ContainerNotCreated as error:
            removal.remove(folder)
            reason = str(error).partition(": ")[2]
            raise LibpodError(f"cannot run {wanted.argv[0]!r} in container {container.name}: {reason}") from error
    finally:
        os.close(spec)
    return exec_id


def exit_code(container: ContainerBase, exec_id: str) -> Optional[int]:
    """Return the exit code of a detached process, None while it runs.

    :raises InvalidArgument: this life of the container has no such session.
    """
    folder = _folder(container, exec_id) if exec_id.isalnum() else ""
    if not os.path.isdir(folder):
        raise InvalidArgument(f"container {container.name} has no exec session {exec_id!r} since its last start")
    try:
        with open(f"{folder}/exits/{container.id}", encoding="utf-8") as file:
            return int(file.read(32))
    except (FileNotFoundError, ValueError):
        return None


def time_limit(value: object, option: str) -> float:
    """Return the seconds that a command may take.

    :raises InvalidArgument: it is not a duration above 0, or longer than a year.
    """
    return seconds(value, option, _EXPECTED, least=1, most=_LONGEST)


def _folder(container: ContainerBase, exec_id: str) -> str:
    return f"{container.run_dir}/exec-{exec_id}"


def process_for(container: ContainerBase, wanted: Exec) -> dict[str, Any]:
    """Return the container's own process as it was started (config.md#process), with the requested changes.

    A thread has the kernel be ready for its move into the container's cgroups.
    """
    if not wanted.argv or not wanted.argv[0]:
        raise InvalidArgument(f"a command to run in container {container.name} is missing")
    with container.batch():
        container.state.status.check("exec", container.name)
        if not container.host.cgroups.unified:
            container.check_cgroup("run a command in")  # on v2 runc uses the cgroup of the container's process
        Background(lambda: hierarchy.expect_moves(container.host.cgroups))
        process, user = process_of(container, wanted.user, wanted.privileged)
        env = dict(item.partition("=")[::2] for item in process.get("env") or [])
        if wanted.tty:
            env.setdefault("TERM", "xterm")
        if user is not None and "HOME" not in container.config.options["env"]:
            env["HOME"] = user.home
        env.update(wanted.env)
        process.update(
            args=list(wanted.argv), terminal=wanted.tty, env=[f"{key}={value}" for key, value in env.items()]
        )
        if wanted.workdir:
            process["cwd"] = wanted.workdir
        process.pop("consoleSize", None)
        return process


def process_of(
    container: ContainerBase, name: Optional[str], privileged: bool = False
) -> tuple[dict[str, Any], Optional[users.User]]:
    """Return the container's own process as it was started, with the user ``name`` and that one's capabilities.

    That user is returned too, None where it is the container's.

    :raises InvalidArgument: the container has no such user.
    """
    whole = foreign_files.read_json(container.state.config_path)["process"]
    process: dict[str, Any] = dict(whole.mapping())
    user = None
    if name is not None:
        user = users.resolve(name, *securejoin.user_files(container.state.mountpoint))
        changed = {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.additional_gids)}
        process["user"] = {**whole["user"].mapping(), **changed}
    if user is not None or privileged:
        process["capabilities"] = _capabilities(container, process, privileged)
    return process, user


def _capabilities(container: ContainerBase, process: Mapping[str, Any], privileged: bool) -> Mapping[str, list[str]]:
    granted: Sequence[str] = process["capabilities"]["bounding"]
    if privileged:
        granted = capabilities.compute((), (), capabilities.named(bounding_set()), privileged=True)
    return capabilities.oci_capabilities(granted, process["user"]["uid"], container.config.options["cap_add"])
