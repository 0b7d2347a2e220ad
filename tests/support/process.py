# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's first process as the kernel shows it: /proc, cgroup files and its file system from outside."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Mapping, NoReturn, Optional, Sequence

from . import cgroup_files

# How often longer things may take than on a machine of our own: an emulated one is slow.
PATIENCE = float(os.environ.get("LIBPOD_TEST_PATIENCE", "1"))
# Ends at TERM at once; a plain `sleep` as PID 1 ignores it.
WAITING = ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
# Only the OCI runtime finds out that it cannot be.
UNMAKEABLE: dict[str, Any] = {"device": ["/dev/null:/etc/passwd/null"]}
# Prints what ``say`` has it print.
ECHOING = ["sh", "-c", "mkfifo /tmp/said; exec cat <> /tmp/said"]


@dataclass(frozen=True)
class Mount:
    """One line of proc_pid_mountinfo(5); ``options`` are the mount's, ``super_options`` the file system's."""

    target: str
    root: str
    fstype: str
    source: str
    options: tuple[str, ...]
    super_options: tuple[str, ...]
    propagation: tuple[str, ...]


class Process:
    """The process ``State.Pid`` of a module's result, or of one container of the info module's."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        container = result.get("container", result)
        assert "State" in container, result
        self.pid: int = container["State"]["Pid"]
        assert self.pid > 0, container["State"]
        eventually(self._has_begun)

    def _has_begun(self) -> bool:
        """Return whether this is the command: a runtime's start returns when its process is about to become it.

        One that has ended, or was frozen before, becomes nothing else.
        """
        try:
            # In the middle of that exec there are no words, and a zombie has none.
            runtime = os.path.basename(self.read("cmdline").partition("\0")[0]) in ("", "runc", "crun")
            frozen = runtime and self.cgroup("freezer", "freezer.state") == "FROZEN"
            return not runtime or frozen or self.status["State"].startswith("Z")
        except (FileNotFoundError, ProcessLookupError):
            return True

    def path(self, name: str) -> str:
        """Return the path of a file of /proc/PID, such as ``root/etc/hosts``, which is the container's /etc/hosts."""
        return f"/proc/{self.pid}/{name}"

    def read(self, name: str) -> str:
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def status(self) -> dict[str, str]:
        lines = (line.partition(":") for line in self.read("status").splitlines())
        return {key: value.strip() for key, _separator, value in lines}

    @property
    def capabilities(self) -> dict[str, int]:
        """CapEff and the other sets as bit masks."""
        return {key: int(value, 16) for key, value in self.status.items() if key.startswith("Cap")}

    @property
    def limits(self) -> dict[str, tuple[str, str]]:
        """Soft and hard limit by the kernel's words ("Max open files")."""
        lines = self.read("limits").splitlines()[1:]
        return {line[:26].strip(): (line[26:47].strip(), line[47:68].strip()) for line in lines}

    @property
    def environ(self) -> dict[str, str]:
        return dict(item.partition("=")[::2] for item in self.read("environ").split("\0") if item)

    @property
    def argv(self) -> list[str]:
        return self.read("cmdline").split("\0")[:-1]

    @property
    def children(self) -> list[int]:
        return [int(pid) for pid in self.read(f"task/{self.pid}/children").split()]

    @property
    def folder(self) -> str:
        """The working directory, seen from inside."""
        return os.readlink(self.path("cwd"))

    def namespace(self, kind: str) -> int:
        """Return the inode that names a namespace."""
        return os.stat(self.path(f"ns/{kind}")).st_ino

    @property
    def mounts(self) -> dict[str, Mount]:
        found = {}
        for line in self.read("mountinfo").splitlines():
            left, right = line.split(" - ", 1)
            words, (fstype, source, supers) = left.split(), right.split(" ", 2)
            found[words[4]] = Mount(
                words[4],
                words[3],
                fstype,
                source,
                tuple(words[5].split(",")),
                tuple(supers.split(",")),
                tuple(words[6:]),
            )
        return found

    def cgroup(self, controller: str, file: str) -> Optional[str]:
        """Return a file of the process's cgroup, as ``cgroup_files.read`` does."""
        for line in self.read("cgroup").splitlines():
            _number, controllers, path = line.split(":", 2)
            if controller in controllers.split(",") or controllers == "" and cgroup_files.unified():
                return cgroup_files.read(controllers.replace("name=", ""), path, file)
        return None

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the container's in all its namespaces, as root (so not bound by its user or filter)."""
        command = ["nsenter", "--target", str(self.pid), "--all", "--", "/bin/busybox", *argv]
        return subprocess.run(command, check=False, capture_output=True, text=True, env={"PATH": "/bin"})


def settled(result: Mapping[str, Any]) -> Process:
    """Return the process of a container whose command is WAITING, once that waits: TERM ends it, it forks no more."""
    process = Process(result)
    eventually(lambda: running(process.children, "sleep", "1000"))
    return process


def running(pids: Iterable[int], *argv: str) -> list[int]:
    """Return those of the processes that have this command line."""
    found = []
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if file.read() == b"".join(os.fsencode(word) + b"\0" for word in argv):
                found.append(pid)
    return found


def kill_all(pids: Iterable[int]) -> None:
    """Kill the processes, in this order; one that has ended, perhaps because of another's end, counts as killed."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def in_background(argv: Sequence[str | os.PathLike[str]], **how: Any) -> Iterator[subprocess.Popen[Any]]:
    """Run a program during a block; a failed assertion kills it too, where ``Popen`` would wait for its exit."""
    with subprocess.Popen(argv, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def end_by(body: Callable[[], object]) -> NoReturn:
    """Run ``body`` in a forked child and end that: by the code of its SystemExit, 1 after another exception, else 0."""
    code = 1
    try:
        body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def traced(path: str) -> list[str]:
    """Return the command prefix that writes the command line of each program that is started to this file.

    The kernel stops a process at that system call alone (seccomp(2)), and not at every one.
    """
    return ["strace", "-f", "-qq", "-s", "65536", "--seccomp-bpf", "-e", "trace=execve", "-o", path]


def read_until(descriptor: int, wanted: str, *, seconds: float = 20.0) -> str:
    """Return what a pipe or terminal gives until it has the wanted text, within ``seconds``."""
    output, data = "", b"x"
    deadline = time.monotonic() + seconds * PATIENCE
    while data and wanted not in output and (remaining := deadline - time.monotonic()) > 0:
        if select.select([descriptor], [], [], remaining)[0]:
            data = os.read(descriptor, 1 << 16)
            output += data.decode()
    assert wanted in output, output
    return output


def eventually(what: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Return the first true answer within ``seconds``, for what the container does by itself.

    What the system refuses is no answer yet, nor a command of the test host that fails: the container may not listen
    so far, and a file or a process may not be there yet, or be gone.
    """
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            found = what()
        except (OSError, AssertionError) as error:
            found, last = None, repr(error)
        else:
            last = repr(found)
        if found:
            return found
        assert time.monotonic() < deadline, f"it did not come true in {seconds} seconds; last: {last}"
        time.sleep(0.01)


def say(pid: int, text: str) -> None:
    """Have the container of this process, whose command is ECHOING, print ``text``."""
    path = f"/proc/{pid}/root/tmp/said"
    eventually(lambda: os.path.exists(path))
    with open(os.open(path, os.O_WRONLY), "w", encoding="ascii") as file:
        file.write(text)


def files(*tops: str, without: Sequence[str] = ()) -> dict[str, tuple[Any, ...]]:
    """Every path below these folders on their own file systems, with what any write to it would change.

    ``without``: paths that are left out with all below them, and not looked at.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for top in tops:
        device = os.stat(top).st_dev
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if f"{folder}/{name}" not in without]
            names = [name for name in names if f"{folder}/{name}" not in without]
            folders[:] = [name for name in folders if os.lstat(f"{folder}/{name}").st_dev == device]
            for name in [".", *folders, *names]:
                info = os.lstat(f"{folder}/{name}")
                found[f"{folder}/{name}"] = (
                    info.st_ino,
                    info.st_mode,
                    info.st_size,
                    info.st_mtime_ns,
                    info.st_ctime_ns,
                )
    return found
