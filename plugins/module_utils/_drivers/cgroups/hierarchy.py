# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, enter, empty and remove cgroups, in all hierarchies of the host at once."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from typing import Iterator, Optional

from ..._model.errors import InvalidState, LibpodError
from ..._model.failpoints import failpoint
from .manager import CGROUP_ROOT, CgroupHost, read_file, write_file

# Another engine may remove the empty parent between our mkdir of it and that of the child, repeatedly.
_ATTEMPTS = 100


def prepare(host: CgroupHost, path: str) -> None:
    """Make the cgroup and its ancestors ready for processes, creating those that are missing.

    On v1 an empty cpuset takes its parent's processors and memory nodes (cpuset(7)). On v2 the ancestors delegate all
    their controllers (cgroup.subtree_control).

    :raises LibpodError: the kernel refuses.
    """
    _arrange(host, path, None)


def enter(host: CgroupHost, path: str, pid: int) -> None:
    """Move a process with all its threads into the cgroup, which is created where it is missing.

    :raises LibpodError: the kernel refuses, or the process is gone.
    """
    _arrange(host, path, pid)


def leave(host: CgroupHost) -> None:
    """Move this process to the top of every hierarchy, out of a cgroup whose processes are going to be killed."""
    for mount in host.hierarchies:
        first_error: Optional[OSError] = None
        for cgroup in _outside(mount):
            try:
                write_file(f"{mount}{cgroup}/cgroup.procs", str(os.getpid()))
                break
            except OSError as error:
                first_error = first_error or error
        else:
            raise LibpodError(f"cgroups: no cgroup in {mount} takes a process: {first_error}")


def join(host: CgroupHost, pid: int) -> None:
    """Move a process into this process's own cgroup, in every hierarchy.

    :raises LibpodError: the kernel refuses, or the process is gone.
    """
    for mount, path in _own(host):
        try:
            write_file(f"{mount}{path}/cgroup.procs", str(pid))
        except OSError as error:
            message = f"cgroup {path}: cannot move process {pid} into it in {mount}: {error.strerror}"
            raise LibpodError(message) from error


def expect_moves(host: CgroupHost) -> None:
    """Make the kernel ready for moves between cgroups: move this process to where it is.

    The first move in a while waits some 10 ms for a grace period of RCU (cgroup_threadgroup_rwsem), those soon after it
    do not. A thread can wait for it while a program starts. What fails here is left to the moves.
    """
    for mount, path in _own(host):
        # A cgroup outside of this cgroup namespace has "/.." in front (cgroup_namespaces(7)).
        if not path.startswith("/.."):
            with suppress(OSError):
                write_file(f"{mount}{path}/cgroup.procs", "0", announced=True)
                return


def _own(host: CgroupHost) -> Iterator[tuple[str, str]]:
    """Yield each hierarchy with the path of this process's cgroup in it (/proc/self/cgroup, cgroups(7))."""
    for line in (read_file("/proc/self/cgroup") or "").splitlines():
        _number, controllers, path = line.split(":", 2)
        name = controllers.removeprefix("name=").partition(",")[0]
        mount = (
            host.controllers.get(name) if name else host.hierarchies[0] if host.unified else f"{CGROUP_ROOT}/unified"
        )
        if mount in host.hierarchies:
            yield mount, path


def _outside(mount: str) -> Iterator[str]:
    """Yield cgroups that belong to no container, the preferred one first.

    The top of v2 in a cgroup namespace may hold no processes: then that of the host's first process. Where this one is
    outside of the namespace, the first that has processes.
    """
    yield ""
    yield (read_file("/proc/1/cgroup") or "").rpartition("::")[2]
    for name in sorted(os.listdir(mount)):
        if not name.startswith("libpod") and read_file(f"{mount}/{name}/cgroup.procs"):
            yield f"/{name}"


def _arrange(host: CgroupHost, path: str, pid: Optional[int]) -> None:
    refuse_root(path)
    for mount in host.hierarchies:
        for attempt in range(_ATTEMPTS):
            try:
                _prepare(host, mount, path)
                if pid is not None:
                    write_file(f"{mount}{path}/cgroup.procs", str(pid))
                break
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENODEV) and attempt + 1 < _ATTEMPTS:
                    time.sleep(attempt * 0.0001)
                    continue
                doing = "make it" if pid is None else f"move process {pid} into it"
                raise LibpodError(f"cgroup {path}: cannot {doing} in {mount}: {error.strerror}") from error


def _prepare(host: CgroupHost, mount: str, path: str) -> None:
    levels = [mount]
    for part in path[1:].split("/"):
        levels.append(f"{levels[-1]}/{part}")
        if not os.path.isdir(levels[-1]):
            failpoint(f"mkdir cgroup {path}")
            try:
                os.mkdir(levels[-1], 0o755)
            except FileExistsError:
                pass
    for parent, child in zip(levels, levels[1:]):
        if host.unified:
            _delegate(parent)
        elif mount == host.controllers.get("cpuset"):
            for name in ("cpuset.cpus", "cpuset.mems"):
                if read_file(f"{child}/{name}") == "":
                    write_file(f"{child}/{name}", read_file(f"{parent}/{name}") or "")


def _delegate(parent: str) -> None:
    available = (read_file(f"{parent}/cgroup.controllers") or "").split()
    delegated = (read_file(f"{parent}/cgroup.subtree_control") or "").split()
    for controller in available:
        if controller not in delegated:
            try:
                write_file(f"{parent}/cgroup.subtree_control", f"+{controller}")
            except FileNotFoundError:
                raise
            except OSError:
                # A parent with processes cannot delegate some; a limit that needs one fails later, named by its option.
                pass


def remove(host: CgroupHost, path: str, timeout: float = 2.0) -> None:
    """Remove the cgroup and all below it from every hierarchy, where it is there.

    The kernel may keep one busy for a moment after its last process ended, so this retries for ``timeout`` seconds.

    :raises InvalidState: processes are still in it.
    """
    refuse_root(path)
    deadline, pause = time.monotonic() + timeout, 0.0005
    remaining = list(host.hierarchies)
    while True:
        remaining = [mount for mount in remaining if not _removed(mount + path)]
        if not remaining:
            return
        if time.monotonic() > deadline:
            pids = ", ".join(map(str, sorted(processes(host, path)))) or "none to be seen"
            raise InvalidState(f"the cgroup {path} is still busy in {remaining[0]} (processes: {pids}): end them first")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _removed(directory: str) -> bool:
    for child in reversed(_folders(directory)):
        failpoint(f"rmdir cgroup {child}")
        try:
            os.rmdir(child)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True


def _folders(directory: str) -> list[str]:
    """Return a cgroup's directory and all below it, parents first.

    A container decides how deep they are, and os.walk recurses before Python 3.12.
    """
    folders = [directory] if os.path.isdir(directory) else []
    for path in folders:  # it grows meanwhile
        with suppress(OSError), os.scandir(path) as entries:
            folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return folders


def remove_if_empty(host: CgroupHost, path: str) -> bool:
    """Remove the cgroup where nothing is in or below it, in each hierarchy; return whether it is gone from all.

    Safe beside others that are about to use it: the kernel decides, and ``prepare`` creates it again.
    """
    refuse_root(path)
    gone = True
    for mount in host.hierarchies:
        if os.path.isdir(mount + path):
            failpoint(f"rmdir cgroup {mount}{path}")
            try:
                os.rmdir(mount + path)
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
    return gone


def exists(host: CgroupHost, path: str) -> bool:
    """Return whether the cgroup exists in any hierarchy."""
    return any(os.path.isdir(mount + path) for mount in host.hierarchies)


def processes(host: CgroupHost, path: str) -> set[int]:
    """Return the PIDs in the cgroup and below it, in any hierarchy, as the engine's PID namespace numbers them."""
    return {pid for mount in host.hierarchies for pid in _pids(mount + path)}


def _pids(directory: str) -> Iterator[int]:
    for child in _folders(directory):
        # A process of a PID namespace that is not below ours is shown as 0.
        yield from (int(pid) for pid in (read_file(f"{child}/cgroup.procs") or "").split() if pid != "0")


def kill(host: CgroupHost, path: str, timeout: float = 10.0) -> set[int]:
    """Send SIGKILL to every process in the cgroup and below, including forks meanwhile and frozen ones.

    Return the processes still there after ``timeout`` seconds: those that the kernel cannot end.
    """
    refuse_root(path)
    deadline, pause = time.monotonic() + timeout, 0.0005
    kill_file = f"{host.hierarchies[0]}{path}/cgroup.kill" if host.unified else ""
    while True:
        remaining = processes(host, path)
        if not remaining or time.monotonic() > deadline:
            return remaining
        failpoint(f"kill cgroup {path}")
        try:
            if not kill_file:
                raise FileNotFoundError(kill_file)
            write_file(kill_file, "1", announced=True)
        except OSError:
            # Kernels before 5.14 have no cgroup.kill.
            _kill_each(remaining)
        if not host.unified:
            # v1 delivers no signal to frozen processes.
            _thaw(host, path)
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _kill_each(pids: set[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _thaw(host: CgroupHost, path: str) -> None:
    for child in _folders(f"{host.controllers.get('freezer', '')}{path}"):
        if read_file(f"{child}/freezer.self_freezing") == "1":
            try:
                write_file(f"{child}/freezer.state", "THAWED")
            except FileNotFoundError:
                pass


def freeze(host: CgroupHost, path: str, timeout: float = 2.0) -> None:
    """Freeze all processes of the cgroup and below (the freezer of cgroups(7)), and wait until they are.

    :raises LibpodError: the kernel refuses, or they are not after ``timeout`` seconds; nothing is frozen then.
    """
    name, text = ("cgroup.freeze", "1") if host.unified else ("freezer.state", "FROZEN")
    deadline, pause = time.monotonic() + timeout, 0.0005
    _write(host, path, name, text)
    while not _is_frozen(host, path):
        if time.monotonic() > deadline:
            thaw(host, path)
            raise LibpodError(f"cgroup {path}: its processes are not frozen after {timeout:g} seconds")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
        if not host.unified:
            # A process that was forked meanwhile is frozen by another write alone (as runc does).
            _write(host, path, name, text)


def thaw(host: CgroupHost, path: str) -> None:
    """Let the processes of a frozen cgroup go on.

    :raises LibpodError: the kernel refuses.
    """
    _write(host, path, *(("cgroup.freeze", "0") if host.unified else ("freezer.state", "THAWED")))


def _is_frozen(host: CgroupHost, path: str) -> bool:
    if host.unified:
        return "frozen 1" in (host.read(path, "", "cgroup.events") or "").splitlines()
    return host.read(path, "freezer", "freezer.state") == "FROZEN"


def _write(host: CgroupHost, path: str, name: str, text: str) -> None:
    file = host.file(path, "freezer", name)
    try:
        write_file(file, text)
    except OSError as error:
        raise LibpodError(f"cgroup {path}: cannot write {text} to {file or name}: {error.strerror}") from error


def refuse_root(path: str) -> None:
    """Refuse a path that means the whole machine or leads out of the mount.

    :raises LibpodError: it is such a path.
    """
    if not path.startswith("/") or any(part in ("", ".", "..") for part in path[1:].split("/")):
        raise LibpodError(f"{path!r} is no cgroup's path: expected an absolute one below the root, without . and ..")
