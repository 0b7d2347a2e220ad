# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""conmon: the small process that holds a container's output, reaps it and writes down how it ended.

Exit: ``<exits>/ID`` has the exit status; its modification time is when the container finished.
OOM: ``<persist>/oom`` exists.
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

# What the OCI runtime writes of a container; it swallows the error where there is not so much left.
_RUNTIME_BYTES = 1 << 15
_LOG_BYTES = 1 << 20  # of the runtime's log, from its end
_PID_BYTES = 32
_WORDS = 2000  # characters of a refusal
_CHUNK = 1 << 16
COMMAND_NOT_FOUND, NOT_EXECUTABLE = 127, 126


class ContainerNotCreated(LibpodError):
    """The OCI runtime did not create the container; ``exit_code`` is 127, 126 or 125 as podman's."""

    def __init__(self, name: str, words: str) -> None:
        self.exit_code = failure_code(words)
        # Of runc's words, those that say what failed stand last.
        reason = words.rpartition("unable to start container process: ")[2]
        if self.exit_code != 125:
            reason = f"its command cannot be run: {reason}"
        super().__init__(f"cannot create container {name}: {reason}")


def failure_code(words: str) -> int:
    """The exit code that stands for a runtime's refusal: 127 not found, 126 not executable, 125 anything else."""
    not_found = ("executable file not found", "no such file or directory", "not found in $PATH")
    if any(phrase in words for phrase in not_found) and "exec" in words:
        return COMMAND_NOT_FOUND
    return NOT_EXECUTABLE if "permission denied" in words and "exec" in words else 125


class Monitored(NamedTuple):
    """Paths and switches of one monitored container; without a ``log_path`` its output goes to
    the host's ``journal``, or nowhere. The runtime has conmon's ``umask``, and gives it to what it executes.

    After ``timeout`` seconds (0: never) conmon kills it; ``exit_command`` is run once it has ended, with
    ``environment`` beside that of all tools. What the container sends to ``run_dir/notify/notify.sock`` is passed on
    to ``notify_socket``.
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
    """Starts one conmon for each container."""

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
        argv += (["-i"] if it.stdin else []) + (["-t"] if it.terminal else [])
        argv += ["-s"] if oci.systemd_cgroup else []
        for argument in ("--log-format=json", "--log", it.runtime_log, "--root", oci.root):
            argv += ["--runtime-arg", argument]
        return argv

    def create(self, it: Monitored, oci: OciRuntime, enter_cgroup: Callable[[int], None]) -> tuple[int, int]:
        """Create the OCI container under a new conmon and return (container's PID, conmon's PID).

        ``enter_cgroup`` moves the given process into conmon's cgroup before it does anything;
        ``it.keep_open`` are descriptors conmon holds for the container's life (bound host ports).

        :raises ContainerNotCreated: the runtime refused, with its words.
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
        """Run a further process in the container under a conmon of its own and return its PID; ``it.run_dir`` is the
        folder of this one, where its exit status will be.

        :raises ContainerNotCreated: the runtime refused, with its words.
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
        """Start conmon in its cgroup and return the PID it answers with.

        :raises ContainerNotCreated: it answers otherwise, or not at all. :raises ToolTimedOut: it does not in time.
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
                # One that has more to say must not wait for us.
                os.close(sync_read)
                sync_read = -1
                left = deadline - time.monotonic()
                if answer is None or not processes.wait_end(processes.ref(process.pid), left):
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
        """End a conmon that has given no answer, the runtime it has started, and what that has begun."""
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
    """Let conmon go on once it is in its cgroup; one that has ended by then is found by its missing answer."""
    try:
        enter_cgroup(pid)
        failpoint("release conmon")
        os.write(start_pipe, b"0")
    except (BrokenPipeError, ProcessLookupError):
        pass


def _line(pipe: int, deadline: float, size: int) -> Optional[bytes]:
    """Return the first line that comes through a pipe, or its first ``size`` bytes; None where none comes in time."""
    found, poll = bytearray(), select.poll()
    poll.register(pipe, select.POLLIN)
    while b"\n" not in found[-_CHUNK:] and len(found) < size:
        left = deadline - time.monotonic()
        # poll(2) takes its milliseconds as an int: a day at a time.
        if left <= 0:
            return None
        if poll.poll(min(left, 86400) * 1000 + 1):
            data = os.read(pipe, _CHUNK)
            if not data:
                break
            found += data
    return bytes(found)


def _program(path: str, package: str) -> str:
    """The full path of a program: conmon does not search PATH for its runtime."""
    import shutil

    found = shutil.which(path, path=TOOL_PATH)
    if not found:
        raise ToolMissing(path, package)
    return found


def _created_pid(answer: bytes, it: Monitored) -> int:
    """The PID from conmon's one line of JSON, ``{"data": PID}`` or ``{"data": CODE, "message": WORDS}``."""
    try:
        said = foreign.parse(answer, "conmon's answer", max_bytes=len(answer))
        pid, words = said["data"].integer(required=True), said["message"].text()
    except MalformedData as error:
        pid, words = -1, str(error)
    if process_ref.possible(pid):
        return pid
    raise _not_created(it, words or f"conmon answers {pid}")


def _not_created(it: Monitored, words: str) -> ContainerNotCreated:
    words = runtime_words(it.runtime_log) or words
    room = os.statvfs(it.run_dir)
    if room.f_bavail * room.f_frsize < _RUNTIME_BYTES:
        words += f" (hardly any space left on device for {it.run_dir})"
    return ContainerNotCreated(it.name, shortened(" ".join(words.split()), _WORDS))


def runtime_words(path: str) -> str:
    """The last error in the OCI runtime's JSON log, of which only the end is read."""
    words = ""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_BYTES))
            lines = file.read(_LOG_BYTES).split(b"\n")
    except FileNotFoundError:
        return ""
    for line in lines:
        try:
            entry = foreign.parse(line.decode(errors="replace"), path)
            if entry["level"].text() in ("error", "fatal"):
                words = entry["msg"].text(words)
        except MalformedData:
            continue
    return " ".join(words.split())


def read_pid(path: str) -> int:
    """The PID in a PID file; 0 where there is none yet, or none that can be."""
    try:
        with open(path, encoding="ascii") as file:
            return process_ref.from_text(file.read(_PID_BYTES))
    except (FileNotFoundError, ValueError):
        return 0
