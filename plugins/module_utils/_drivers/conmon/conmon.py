# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conmon: the small process that holds a container's output, reaps it and records its exit status.

``<exits>/ID`` has the exit status, and its modification time is when the container finished. After an OOM kill
``<persist>/oom`` exists.
"""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import Callable, Mapping, NamedTuple, Optional, Sequence

from ..._model import foreign
from ..._model.errors import LibpodError, MalformedData, ToolMissing, ToolTimedOut, shortened
from ..._model.failpoints import failpoint
from ..._model.records import process_ref
from .. import limits
from .. import process as processes
from ..command import TOOL_PATH, refused, tool_environment
from ..oci.runtime import OciRuntime

# Space that the OCI runtime needs for a container; it hides the error where there is less.
_RUNTIME_BYTES = 1 << 15
_LOG_BYTES = 1 << 20  # of the runtime's log, from its end
_PID_BYTES = 32
_REASON = 2000  # characters of an error message
_CHUNK = 1 << 16
COMMAND_NOT_FOUND, NOT_EXECUTABLE = 127, 126


class ContainerNotCreated(LibpodError):
    """The OCI runtime did not create the container; ``exit_code`` is 127, 126 or 125 as podman's."""

    def __init__(self, name: str, message: str) -> None:
        self.exit_code = failure_code(message)
        # runc's message ends with what failed.
        reason = message.rpartition("unable to start container process: ")[2]
        if self.exit_code != 125:
            reason = f"its command cannot be run: {reason}"
        super().__init__(f"cannot create container {name}: {reason}")


def failure_code(message: str) -> int:
    """Return the exit code for a runtime's error: 127 not found, 126 not executable, 125 anything else."""
    text = message.lower()  # crun has the C library's capitals
    not_found = ("executable file not found", "no such file or directory", "not found in $path")
    if any(phrase in text for phrase in not_found) and "exec" in text:
        return COMMAND_NOT_FOUND
    return NOT_EXECUTABLE if "permission denied" in text and "exec" in text else 125


class Monitored(NamedTuple):
    """Paths and settings of one monitored container.

    Without a ``log_path`` the output goes to the host's ``journal``, or nowhere. The runtime has conmon's ``umask``
    and passes it on to what it executes. After ``timeout`` seconds (0: never) conmon kills the container. Once it has
    ended, conmon runs ``exit_command`` with ``environment`` beside that of all tools. Messages of the container to
    ``run_dir/notify/notify.sock`` are passed on to ``notify_socket``.
    """

    container_id: str
    name: str
    run_dir: str
    log_path: str
    log_size_max: Optional[int] = None
    log_tag: Optional[str] = None
    stdin: bool = False
    terminal: bool = False
    keep_open: Sequence[int] = ()
    timeout: int = 0
    exit_command: Sequence[str] = ()
    environment: Mapping[str, str] = {}
    notify_socket: str = ""
    journal: bool = False
    umask: int = 0o022

    @property
    def pid_file(self) -> str:
        return f"{self.run_dir}/pidfile"

    @property
    def conmon_pid_file(self) -> str:
        return f"{self.run_dir}/conmon.pid"

    @property
    def runtime_log(self) -> str:
        return f"{self.run_dir}/oci-log"


class Conmon:
    """Start one conmon for each container."""

    def __init__(self, path: str) -> None:
        self.path = path

    def _argv(self, it: Monitored, oci: OciRuntime) -> list[str]:
        argv = [self.path, "--api-version", "1", "-c", it.container_id, "-u", it.container_id, "-n", it.name]
        argv += ["-r", _program(oci.path, oci.name), "-b", it.run_dir, "-p", it.pid_file]
        argv += ["--conmon-pidfile", it.conmon_pid_file, "--exit-dir", f"{it.run_dir}/exits"]
        argv += ["--persist-dir", f"{it.run_dir}/persist", "--full-attach", "--log-level", "error"]
        argv += ["-l", f"k8s-file:{it.log_path}" if it.log_path else "journald" if it.journal else "none"]
        if it.log_size_max:
            from .log import LIMIT_OPTION

            argv += [LIMIT_OPTION, str(it.log_size_max)]
        argv += ["--log-tag", it.log_tag] if it.log_tag else []
        argv += ["-T", str(it.timeout)] if it.timeout else []
        argv += ["--exit-command", it.exit_command[0]] if it.exit_command else []
        for argument in it.exit_command[1:]:
            argv += ["--exit-command-arg", argument]
        argv += ["--sdnotify-socket", it.notify_socket] if it.notify_socket else []
        # A terminal has its input in any case; with -i, conmon would close it with the first client that leaves.
        argv += ["-t"] if it.terminal else ["-i"] if it.stdin else []
        argv += ["-s"] if oci.systemd_cgroup else []
        for argument in ("--log-format=json", "--log", it.runtime_log, "--root", oci.root):
            argv += ["--runtime-arg", argument]
        return argv

    def create(self, it: Monitored, oci: OciRuntime, enter_cgroup: Callable[[int], None]) -> tuple[int, int]:
        """Create the OCI container under a new conmon and return (container's PID, conmon's PID).

        ``enter_cgroup`` moves a process into conmon's cgroup before it does anything. ``it.keep_open`` are descriptors
        that conmon holds for the container's life (bound host ports).

        :raises ContainerNotCreated: the runtime failed, with its message.
        """
        for directory in ("exits", "persist"):
            os.makedirs(f"{it.run_dir}/{directory}", 0o700, exist_ok=True)
        pid = self._run(self._argv(it, oci), enter_cgroup, it, f"cannot create container {it.name}")
        return pid, read_pid(it.conmon_pid_file)

    def execute(
        self,
        it: Monitored,
        oci: OciRuntime,
        enter_cgroup: Callable[[int], None],
        exec_id: str,
        process_spec: str,
    ) -> int:
        """Run another process in the container under its own conmon and return its PID.

        Its exit status will be in ``it.run_dir``, its own folder.

        :raises ContainerNotCreated: the runtime failed, with its message.
        """
        failpoint("mkdir exec")
        os.makedirs(f"{it.run_dir}/exits", 0o700, exist_ok=True)
        argv = [self.path, "--api-version", "1", "-c", it.container_id, "-u", exec_id, "-n", it.name]
        argv += ["-r", _program(oci.path, oci.name), "-b", it.run_dir, "-p", it.pid_file, "--full-attach", "-l", "none"]
        argv += ["--exit-dir", f"{it.run_dir}/exits", "--exec", "--exec-process-spec", process_spec]
        argv += ["--conmon-pidfile", it.conmon_pid_file, *(["-t"] if it.terminal else [])]
        argv += ["-s"] if oci.systemd_cgroup else []
        for argument in ("--log-format=json", "--log", it.runtime_log, "--root", oci.root):
            argv += ["--runtime-arg", argument]
        return self._run(argv, enter_cgroup, it, f"cannot run a command in container {it.name}")

    def _run(self, argv: list[str], enter_cgroup: Callable[[int], None], it: Monitored, doing: str) -> int:
        """Start conmon in its cgroup and return the PID that it reports.

        :raises ContainerNotCreated: it reports an error, or nothing. :raises ToolTimedOut: it exceeds its limit.
        """
        limit = limits.of("conmon")
        deadline = time.monotonic() + limit.seconds if limit.seconds else float("inf")
        sync_read, sync_write = os.pipe()
        start_read, start_write = os.pipe()
        try:
            process = self._spawn(argv, sync_write, start_read, it)
            os.close(sync_write)
            os.close(start_read)
            sync_write = start_read = -1
            try:
                _release(process.pid, start_write, enter_cgroup)
                answer = _line(sync_read, deadline, limit.kept)
                # It must not block where it writes more.
                os.close(sync_read)
                sync_read = -1
                remaining = deadline - time.monotonic()
                if answer is None or not processes.wait_end(processes.ref(process.pid), remaining):
                    raise ToolTimedOut([self.path], "it gave no answer", doing, limit.tool, limit.seconds)
            except BaseException:
                self._end(process, it, argv[argv.index("-r") + 1])
                raise
            code = process.wait()
        finally:
            for descriptor in (sync_read, sync_write, start_read, start_write):
                if descriptor >= 0:
                    os.close(descriptor)
        if not answer:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise _not_created(it, f"{self.path} {how} before it answered")
        return _created_pid(answer, it)

    def _end(self, process: subprocess.Popen[bytes], it: Monitored, runtime: str) -> None:
        """Kill a conmon that has reported nothing, the runtime that it started, and the container's process."""
        failpoint("end conmon")
        processes.kill_session(process.pid)
        processes.kill_with_argument(it.pid_file, (os.path.basename(self.path), os.path.basename(runtime)))
        if created := read_pid(it.pid_file):
            processes.kill_session(created)
        process.wait()

    def _spawn(self, argv: list[str], sync_pipe: int, start_pipe: int, it: Monitored) -> subprocess.Popen[bytes]:
        failpoint("conmon")
        pipes = {"_OCI_SYNCPIPE": str(sync_pipe), "_OCI_STARTPIPE": str(start_pipe)}
        environment = tool_environment({**it.environment, **pipes})
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=it.run_dir,  # where it leaves a file "oom"
                umask=it.umask,
                env=environment,
                pass_fds=(sync_pipe, start_pipe, *it.keep_open),
                start_new_session=True,
            )
        except OSError as error:
            refused(error, self.path, "conmon")


def _release(pid: int, start_pipe: int, enter_cgroup: Callable[[int], None]) -> None:
    """Let conmon go on once it is in its cgroup; one that has ended by then is noticed by its missing answer."""
    try:
        enter_cgroup(pid)
        failpoint("release conmon")
        os.write(start_pipe, b"0")
    except (BrokenPipeError, ProcessLookupError):
        pass


def _line(pipe: int, deadline: float, size: int) -> Optional[bytes]:
    """Return the first line from a pipe, or its first ``size`` bytes; None where none comes in time.

    Where a command ends at once, a second line, with its exit code, may have come by then.
    """
    data, poll = bytearray(), select.poll()
    poll.register(pipe, select.POLLIN)
    while b"\n" not in data[-_CHUNK:] and len(data) < size:
        remaining = deadline - time.monotonic()
        # poll(2) takes its milliseconds as an int: a day at a time.
        if remaining <= 0:
            return None
        if poll.poll(min(remaining, 86400) * 1000 + 1):
            chunk = os.read(pipe, _CHUNK)
            if not chunk:
                break
            data += chunk
    return bytes(data).partition(b"\n")[0]


def _program(path: str, package: str) -> str:
    """Return the full path of a program, since conmon does not search PATH for its runtime."""
    import shutil

    resolved = shutil.which(path, path=TOOL_PATH)
    if not resolved:
        raise ToolMissing(path, package)
    return resolved


def _created_pid(answer: bytes, it: Monitored) -> int:
    """Return the PID from conmon's one line of JSON, ``{"data": PID}`` or ``{"data": CODE, "message": TEXT}``."""
    try:
        report = foreign.parse(answer, "conmon's answer", max_bytes=len(answer))
        pid, message = report["data"].integer(required=True), report["message"].text()
    except MalformedData as error:
        pid, message = -1, str(error)
    if process_ref.possible(pid):
        return pid
    raise _not_created(it, message or f"conmon answers {pid}")


def _not_created(it: Monitored, message: str) -> ContainerNotCreated:
    reason = runtime_error(it.runtime_log) or message
    space = os.statvfs(it.run_dir)
    if space.f_bavail * space.f_frsize < _RUNTIME_BYTES:
        reason += f" (hardly any space left on device for {it.run_dir})"
    return ContainerNotCreated(it.name, shortened(" ".join(reason.split()), _REASON))


def runtime_error(path: str) -> str:
    """Return the last error in the OCI runtime's JSON log, of which only the end is read."""
    message = ""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            lines = file.read(_LOG_BYTES).split(b"\n")
    except FileNotFoundError:
        return ""
    for line in lines:
        try:
            entry = foreign.parse(line.decode(errors="replace"), path)
            # youki has the level in capitals, and other names.
            if entry["level"].text().lower() in ("error", "fatal"):
                message = entry["msg"].text() or entry["message"].text(message)
        except MalformedData:
            continue
    return " ".join(message.split())


def read_pid(path: str) -> int:
    """Return the PID in a PID file; 0 where there is none yet, or no valid one."""
    try:
        with open(path, encoding="utf-8") as file:
            return process_ref.from_text(file.read(_PID_BYTES))
    except (FileNotFoundError, ValueError):
        return 0
