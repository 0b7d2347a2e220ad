# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host, identified by PID and start time so that a reused PID is never mistaken for one."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Container, Iterator, Optional, Union

from .._model.errors import HostExhausted
from .._model.failpoints import failpoint
from .._model.records.process_ref import ProcessRef, possible

if TYPE_CHECKING:
    import threading

_PF_EXITING = 0x4
_PIECE = 1 << 14  # bytes of a read


def start_time(pid: int) -> int:
    """Return the start of a process in clock ticks since boot, 0 where it is gone or a zombie.

    It is field 22 of proc_pid_stat(5).
    """
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def _stat(pid: int) -> list[bytes]:
    """Return the fields of proc_pid_stat(5) from the third on, none where the process is gone or a zombie.

    A process whose first thread alone has ended (pthread_exit(3)) is shown as a zombie too, and has others (field 20).
    """
    fields = _shown(pid)
    return [] if _ended(fields) else fields


def _ended(fields: list[bytes]) -> bool:
    return not fields or fields[0] in (b"X", b"x") or fields[0] == b"Z" and int(fields[17]) <= 1


def _shown(pid: int) -> list[bytes]:
    """Return the fields of proc_pid_stat(5) from the third on, none where the process is gone."""
    try:
        # The command in parentheses may hold spaces and parentheses itself.
        return _content(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _content(path: str) -> bytes:
    """Return what a file of /proc holds, without a file object: a look at a container reads several of them."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, _PIECE)
        while part := os.read(descriptor, _PIECE):
            content += part
        return content
    finally:
        os.close(descriptor)


def living_thread(pid: int) -> int:
    """Return the PID, or the ID of another thread where the first one has ended.

    Below /proc such a first thread has neither namespaces nor a root directory; the others have the process's.
    """
    if _shown(pid)[:1] != [b"Z"]:
        return pid
    with suppress(FileNotFoundError, ProcessLookupError):
        others = map(int, os.listdir(f"/proc/{pid}/task"))
        return next((other for other in others if _shown(other)[:1] not in ([], [b"Z"], [b"X"])), pid)
    return pid


def unreaped_exit_code(one: ProcessRef) -> Optional[int]:
    """Return the exit code, or 128 plus the signal's number, of a dead process that its parent has not reaped.

    None where it has been, still runs, or may not be looked at. It is field 52 of proc_pid_stat(5).
    """
    try:
        os.readlink(f"/proc/{one.pid}/ns/pid")  # by the same right, without which the field is 0
    except OSError:
        return None
    fields = _shown(one.pid)
    if not (fields and fields[0] == b"Z" and _ended(fields) and int(fields[19]) == one.start_time):
        return None
    return exit_code(int(fields[49]))


def exit_code(status: int) -> int:
    """Return the exit code of a wait status (waitpid(2)), or 128 plus the number of the signal that ended it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def ref(pid: int) -> ProcessRef:
    """Return the process that has this PID now; its start time is 0 where there is none."""
    return ProcessRef(pid, start_time(pid))


def alive(one: ProcessRef) -> bool:
    """Return whether this very process still runs."""
    return possible(one.pid) and one.start_time > 0 and start_time(one.pid) == one.start_time


def ending(one: ProcessRef) -> bool:
    """Return whether this very process runs no more of its program, and only its end is still to come.

    The first process of a PID namespace first ends all others there. It is the flag PF_EXITING in field 9 of
    proc_pid_stat(5).
    """
    return alive(one) and any(int(flags) & _PF_EXITING for flags in _shown(living_thread(one.pid))[6:7])


def stopped(one: ProcessRef) -> bool:
    """Return whether job control has stopped this very process (SIGSTOP, SIGTSTP)."""
    return alive(one) and _stat(one.pid)[:1] == [b"T"]


def handle(pid: int) -> int:
    """Return a pidfd (pidfd_open(2)), which the caller closes. :raises ProcessLookupError: no process has this PID."""
    try:
        if not possible(pid):
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return os.pidfd_open(pid)
    except OSError as error:
        # The error of kernels such as 6.1 where only a session or a process group still has this ID.
        if error.errno == errno.EINVAL:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from error
        raise


def endable(pid: int) -> bool:
    """Return whether the process, or the session that it leads, may be signalled: not this one, nor its own."""
    return possible(pid) and pid not in (os.getpid(), os.getsid(0))


def send_signal(one: ProcessRef, number: int) -> bool:
    """Signal this very process through a pidfd; return False where it is gone or must not be ended."""
    if not endable(one.pid):
        return False
    failpoint(f"signal {number} to {one.pid}")
    try:
        descriptor = handle(one.pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(one):
            return False
        signal.pidfd_send_signal(descriptor, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)


def start_thread(thread: threading.Thread) -> None:
    """Start a thread. :raises HostExhausted: the host has none left."""
    try:
        thread.start()
    except RuntimeError as error:
        raise HostExhausted("cannot start a thread", errno.EAGAIN) from error


def wait_end(one: ProcessRef, seconds: float, other: int = -1) -> bool:
    """Wait up to ``seconds`` for the process to end, or until the descriptor ``other`` is readable.

    Return whether the process has ended.
    """
    if not alive(one):
        return True
    try:
        descriptor = handle(one.pid)
    except ProcessLookupError:
        return True
    try:
        if not alive(one):
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if other >= 0:
            poll.register(other, select.POLLIN)
        deadline = time.monotonic() + seconds
        while True:
            remaining = deadline - time.monotonic()
            # poll(2) takes its milliseconds as an int: a day at a time.
            ready = poll.poll(max(0, min(remaining, 86400)) * 1000)
            if ready or remaining <= 0:
                return any(one == descriptor for one, _event in ready)
    finally:
        os.close(descriptor)


def kill_with_argument(argument: str, programs: Container[str], timeout: float = 5.0) -> None:
    """Kill the processes of ``with_argument`` until two looks in succession find none.

    A process that forks and ends during a look hides its child from that look.
    """
    deadline = time.monotonic() + timeout
    clean = 0
    while clean < 2 and time.monotonic() < deadline:
        matching = list(with_argument(argument, programs))
        for pid in matching:
            send_signal(ref(pid), signal.SIGKILL)
        for pid in matching:
            wait_end(ref(pid), 1.0)
        clean = 0 if matching else clean + 1


def kill_session(leader: int) -> None:
    """Kill every process of a session (setsid(2)), including those that they fork meanwhile.

    The sessions of the host's first process and of this process are left alone.
    """
    if not endable(leader):
        return
    while members := [pid for pid in pids() if session(pid) == leader]:
        for pid in members:
            send_signal(ref(pid), signal.SIGKILL)
        for pid in members:
            if not wait_end(ref(pid), 1.0):
                return  # frozen, or in an uninterruptible call: it ends when it goes on


def session_of_exec(pid: int) -> int:
    """Return the session of a process that an OCI runtime has started in a container, and of what that starts.

    runc makes the process its leader. crun leaves it in crun's own session, whose leader has ended by then.
    """
    found = session(pid)
    return found if found and not start_time(found) and endable(found) else pid


def kill_descent(pid: int, own: int = 0) -> None:
    """Kill a process, its session, and all that descends from it, as the one in which su(1) runs its command.

    ``own`` is its session, if the process may have ended. What a process has left to the container's or the host's
    init, as a daemon does, goes on.
    """
    if not endable(pid):
        return
    leader, stopped = own or session_of_exec(pid), dict[ProcessRef, None]()
    # A parent's end would hide its children, and a process that runs may fork.
    while fresh := [one for one in _descent(leader) if one not in stopped]:
        for one in fresh:
            send_signal(one, signal.SIGSTOP)
        stopped |= dict.fromkeys(fresh)
    # Children first: if this is interrupted, the next kill finds them by their parents, and all by the process.
    for one in sorted([*reversed(stopped)], key=lambda one: one.pid == pid):
        send_signal(one, signal.SIGKILL)
    kill_session(leader)


def _descent(leader: int) -> list[ProcessRef]:
    """Return a session's processes and those that descend from it, each after its parent where that is another's."""
    parents, found = dict[ProcessRef, int](), list[ProcessRef]()
    for pid in pids():
        fields = _stat(pid)
        if fields:
            one = ProcessRef(pid, int(fields[19]))
            parents[one] = int(fields[1])
            if int(fields[3]) == leader:
                found.append(one)
    known = {one.pid for one in found}
    while children := [one for one, parent in parents.items() if parent in known and one.pid not in known]:
        found += children
        known |= {one.pid for one in children}
    return found


def inner_children() -> list[int]:
    """Return this process's children, dead ones too, that are in a PID namespace below its own (NSpid).

    proc_pid_status(5) has the fields.
    """
    own, depth = str(os.getpid()), len(_status("self").get("NSpid", ()))
    found = ((pid, _status(pid)) for pid in pids())
    return [pid for pid, now in found if now.get("PPid") == [own] and len(now.get("NSpid", ())) > depth]


def _status(pid: Union[int, str]) -> dict[str, list[str]]:
    """Return the fields of proc_pid_status(5), each split at white space; none where the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return {name: value.split() for name, _colon, value in (line.partition(":") for line in file)}
    except (FileNotFoundError, ProcessLookupError):
        return {}


def signal_session(leader: int, number: int) -> None:
    """Signal every process of a session, as ``kill_session`` does."""
    for pid in pids() if endable(leader) else ():
        if session(pid) == leader:
            send_signal(ref(pid), number)


def wait_session(leader: int, deadline: float) -> None:
    """Wait until no process of a session is left, or the monotonic clock shows ``deadline``."""
    while members := [pid for pid in pids() if session(pid) == leader]:
        for pid in members:
            if not wait_end(ref(pid), deadline - time.monotonic()):
                return


def mount_points(pid: Union[int, str] = "self") -> list[str]:
    """Return the mount points that a process sees, the latest last (proc_pid_mountinfo(5))."""
    lines = os.fsdecode(_content(f"/proc/{pid}/mountinfo")).split("\n")
    return [unescaped(line.split(" ", 5)[4]) for line in lines if line]


def unescaped(path: str) -> str:
    """Return a path of mountinfo, in which space, tab, newline and backslash are three octal digits."""
    if "\\" not in path:
        return path
    import re

    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def pids() -> Iterator[int]:
    """Return the PIDs of all processes."""
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def session(pid: int) -> int:
    """Return the session ID of a live process (field 6 of proc_pid_stat(5)), 0 where it is gone or a zombie."""
    fields = _stat(pid)
    return int(fields[3]) if fields else 0


def program(pid: int) -> str:
    """Return the name of the program that a process runs (proc_pid_comm(5)), empty where it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def with_argument(argument: str, programs: Container[str]) -> Iterator[int]:
    """Yield the PIDs of processes of the named programs that have ``argument`` in their command line."""
    wanted = argument.encode()
    for pid in pids():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if wanted in arguments and os.path.basename(arguments[0]).decode(errors="replace") in programs:
            yield pid


def bounding_set(proc: str = "/proc") -> int:
    """Return the bounding set of this process (proc_pid_status(5), CapBnd), of the capabilities that the kernel has."""
    with open(f"{proc}/self/status", encoding="utf-8", errors="replace") as file:
        bits = next((int(line.split()[1], 16) for line in file if line.startswith("CapBnd:")), 0)
    with open(f"{proc}/sys/kernel/cap_last_cap", encoding="utf-8") as file:
        last = int(file.read())
    return bits & (2 << last) - 1
