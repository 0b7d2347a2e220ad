# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run another process in a running container: ``runc exec --detach``, whose process becomes a child of ours.

So no helper stands between: the runtime ends once the process runs, and nothing is left where we are killed. The
specification of the process never touches a disk.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any, Callable, ContextManager, Iterator, Mapping, NamedTuple, Optional

from ..._model.errors import HostExhausted, ToolTimedOut
from ..._model.failpoints import failpoint
from .. import limits
from .. import process as processes
from ..command import refused, tool_environment
from ..conmon.conmon import failure_code, read_pid, runtime_error
from ..kernel import syscalls
from . import exec_files
from .exec_streams import Streams
from .runtime import OciRuntime

_adopting, _lock = [0], threading.Lock()
# The processes of this one that are being started or run, by the files that have their PIDs.
_pid_files: set[str] = set()
_ORPHAN_SECONDS = 1.0  # until a killed process has ended, unless its cgroup is frozen
# runc lives for milliseconds, and Go's further threads and its garbage collection cost it a twentieth of them. An exec
# starts no hook, which would have this too.
_ENVIRONMENT = {"GOMAXPROCS": "1", "GOGC": "off"}


class Bounds(NamedTuple):
    """The limits of a process: ``seconds`` (0: none), then SIGTERM, ``grace`` seconds and SIGKILL.

    ``pid_file`` has its PID while it runs.
    """

    pid_file: str
    seconds: float = 0
    grace: float = 0


class Ended(NamedTuple):
    """The exit code, 128 plus the signal's number, or None for a process that exceeded its time.

    An error of the runtime itself has the code 127 (not found), 126 (not executable) or 125, and its message.
    """

    code: Optional[int]
    error: str = ""


class Begun:
    """A process that the runtime is starting; ``finish`` follows it to its end, ``end`` kills one that was not."""

    def __init__(
        self,
        oci: OciRuntime,
        argv: list[str],
        kept: tuple[int, int],
        process: Mapping[str, Any],
        streams: Streams,
        bounds: Bounds,
    ) -> None:
        """Start the runtime, which has the descriptors ``kept``. :raises ToolMissing: it does not exist."""
        self.streams = streams
        self._argv, self._log, self._bounds, self._ended = argv, kept[1], bounds, False
        self.handed_over = False  # the runtime has started the process, which is ours now
        self.over = False  # it has ended by itself
        stdin, stdout, stderr = streams.theirs
        # runc gives the process its own umask, and not the specification's.
        umask = process["user"].get("umask", 0o022)
        env = tool_environment(_ENVIRONMENT)
        try:
            self._runtime = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=kept,
                env=env,
                cwd="/",
                umask=umask,
                start_new_session=True,
            )
        except OSError as error:
            refused(error, argv[0], oci.name)
        streams.close_theirs()

    def finish(self, running: Callable[[int], ContextManager[None]] = lambda _pidfd: nullcontext()) -> Ended:
        """Follow the process to its end, within ``running(pidfd)``.

        :raises ToolTimedOut: the runtime exceeds its own limit.
        """
        deadline = time.monotonic() + self._bounds.seconds if self._bounds.seconds else math.inf
        code = self._started(deadline)
        if code:
            message = runtime_error(f"/proc/self/fd/{self._log}")
            return Ended(failure_code(message) if message else code, message)
        if code is None:
            return Ended(None)
        pid = read_pid(self._bounds.pid_file)
        if not pid:  # the container ended, and its cleanup has killed the process and cleared the folder
            return Ended(128 + signal.SIGKILL)
        self.handed_over = True
        ended = _follow(pid, self.streams, self._bounds, deadline, running)
        self.over = ended is not None
        return Ended(ended)

    def _started(self, deadline: float) -> Optional[int]:
        """Wait for the runtime and return its exit code; None where the process had exceeded its time by then."""
        limit = limits.of("oci_runtime")
        until = time.monotonic() + limit.seconds if limit.seconds else math.inf
        handle = os.pidfd_open(self._runtime.pid)
        try:
            in_time = self.streams.flow.follow(handle, min(deadline, until))
        finally:
            os.close(handle)
        if in_time:
            self._ended = True  # a process that runs now is _follow's to end
            return self._runtime.wait()
        self.end()
        if until < deadline:
            about = "it did not start the process"
            raise ToolTimedOut(self._argv[:1], about, "", limit.tool, limit.seconds, limits.OPTION)
        return None

    def end(self) -> None:
        """Kill the runtime and what it has started, unless ``finish`` has met their end."""
        if self._ended:
            return
        self._ended = True
        failpoint("end runtime")
        processes.kill_session(self._runtime.pid)
        self._runtime.wait()
        if pid := read_pid(self._bounds.pid_file):
            processes.kill_descent(pid)
            _reap(pid)  # no child where the runtime was killed before it had handed the process over


@contextmanager
def begun(
    oci: OciRuntime, container_id: str, process: Mapping[str, object], streams: Streams, bounds: Bounds
) -> Iterator[Begun]:
    """Enter with ``process`` (config.md#process) being started. Its own children may go on after its end.

    A process that exceeds its time is killed with all that descends from it; so it is on an exception, and where it is
    not finished.

    :raises ToolMissing: the runtime does not exist.
    """
    with ExitStack() as noted:
        noted.callback(forget, bounds.pid_file)  # the caller may have made it, for a guard
        with streams, _adopted(), _command(oci, container_id, process, bounds, streams) as (argv, kept):
            one = None
            _pid_files.add(bounds.pid_file)
            try:
                one = Begun(oci, argv, kept, process, streams, bounds)
                yield one
            finally:
                if one:
                    one.end()
                    if not one.over:
                        oci.end_inside(bounds.pid_file)
                noted.close()
                _pid_files.discard(bounds.pid_file)
                if one and not one.handed_over:
                    _end_orphans()
            # Its end has been recorded by now, which that of the container may wait for.
            streams.flow.flush()


def execute(
    oci: OciRuntime,
    container_id: str,
    process: Mapping[str, object],
    streams: Streams,
    bounds: Bounds,
    running: Callable[[int], ContextManager[None]] = lambda _pidfd: nullcontext(),
) -> Ended:
    """Run ``process`` to its end, as ``begun`` and ``Begun.finish`` do."""
    with begun(oci, container_id, process, streams, bounds) as one:
        return one.finish(running)


def _end_orphans() -> None:
    """End and reap what a runtime that failed has left to this process.

    The init of a PID namespace ends only once all processes there are reaped (pid_namespaces(7)). So a stop of the
    container would wait for this process, which may wait for the lock that the stop has.
    """
    for pid in set(processes.inner_children()) - {read_pid(path) for path in [*_pid_files]}:
        orphan = processes.ref(pid)
        processes.send_signal(orphan, signal.SIGKILL)
        processes.wait_end(orphan, _ORPHAN_SECONDS)
        _reap(pid)


def _reap(pid: int) -> None:
    """Reap a killed child; a thread waits for one that cannot end so far, as in a paused container."""
    with suppress(ChildProcessError, HostExhausted):
        if not os.waitpid(pid, os.WNOHANG)[0]:
            processes.start_thread(threading.Thread(target=_wait, args=(pid,), daemon=True))


def _wait(pid: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def forget(pid_file: str) -> None:
    """Remove the PID file of a process that has ended, and the runtime's draft of it, which would block the next."""
    failpoint("forget exec")
    folder, _slash, name = pid_file.rpartition("/")
    for path in (pid_file, f"{folder}/.{name}", exec_files.inner(pid_file)):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def _follow(
    pid: int, streams: Streams, bounds: Bounds, deadline: float, running: Callable[[int], ContextManager[None]]
) -> Optional[int]:
    """Follow the process to its end and return its exit code; None where it exceeded its time and was killed."""
    # It stays a zombie until it is reaped below, so that no other process can have its PID.
    handle, over = processes.handle(pid), False
    try:
        streams.started()
        with running(handle):
            over = streams.flow.follow(handle, deadline)
        if over:
            return processes.exit_code(os.waitpid(pid, 0)[1])
        _terminate(pid, handle, streams, bounds.grace)
        return None
    finally:
        if not over:
            processes.kill_descent(pid)
            _reap(pid)
        os.close(handle)


def _terminate(pid: int, handle: int, streams: Streams, grace: float) -> None:
    """Send SIGTERM to the session and, after the grace period, SIGKILL; output is read until then."""
    failpoint("end exec")
    own = processes.session_of_exec(pid)
    if grace:
        processes.signal_session(own, signal.SIGTERM)
        until = time.monotonic() + grace
        streams.flow.follow(handle, until)
        processes.wait_session(own, until)
    processes.kill_descent(pid, own)
    streams.flow.follow(handle, time.monotonic() + 1)


@contextmanager
def _adopted() -> Iterator[None]:
    """Be the parent of the runtime's orphans; the kernel keeps this for a process with all its threads."""
    _adopt(1)
    try:
        yield
    finally:
        _adopt(-1)


def _adopt(more: int) -> None:
    with _lock:
        before, _adopting[0] = _adopting[0], _adopting[0] + more
        if not before or not _adopting[0]:
            syscalls.adopt_orphans(not before)


@contextmanager
def _command(
    oci: OciRuntime, container_id: str, process: Mapping[str, object], bounds: Bounds, streams: Streams
) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """Enter with the runtime's command line, and the descriptors for it: the process's specification, and its log."""
    failpoint(f"{oci.name} exec")
    with ExitStack() as opened:
        spec, log = _memory("process.json", json.dumps(process).encode(), opened), _memory("log", b"", opened)
        argv = [oci.path, *oci.global_arguments, "--log", f"/proc/self/fd/{log}", "--log-format", "json"]
        argv += ["exec", "--detach", "--pid-file", bounds.pid_file, *oci.exec_options(container_id, bounds.pid_file)]
        argv += streams.options
        yield [*argv, "--process", f"/proc/self/fd/{spec}", container_id], (spec, log)


def _memory(name: str, content: bytes, opened: ExitStack) -> int:
    descriptor = os.memfd_create(name)
    opened.callback(os.close, descriptor)
    os.write(descriptor, content)
    return descriptor
