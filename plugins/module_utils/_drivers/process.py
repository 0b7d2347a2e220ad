# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host, each named by its PID and start time so that a reused PID is never mistaken for it."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Container, Iterator, Union

from .._model.errors import HostExhausted
from .._model.failpoints import failpoint
from .._model.records.process_ref import endable, possible

if TYPE_CHECKING:
    import threading


def start_time(pid: int) -> int:
    """Start of a process in clock ticks since boot (field 22 of proc_pid_stat(5)); 0 where it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The command in parentheses may hold spaces and parentheses itself.
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X", b"x") else int(fields[19])


def alive(pid: int, started: int) -> bool:
    """Whether the process that began at ``started`` ticks still runs under this PID."""
    return possible(pid) and started > 0 and start_time(pid) == started


def handle(pid: int) -> int:
    """A pidfd (pidfd_open(2)), to be closed. :raises ProcessLookupError: no process has this PID."""
    try:
        if not possible(pid):
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        return os.pidfd_open(pid)
    except OSError as error:
        # What kernels such as 6.1 say where only a session or a process group still goes by this PID.
        if error.errno == errno.EINVAL:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from error
        raise


def send_signal(pid: int, started: int, number: int) -> bool:
    """Signal that very process through a pidfd (pidfd_send_signal(2)); False where it is gone, or none of ours."""
    if not endable(pid):
        return False
    failpoint(f"signal {number} to {pid}")
    try:
        descriptor = handle(pid)
    except ProcessLookupError:
        return False
    try:
        if not alive(pid, started):
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


def wait_end(pid: int, started: int, seconds: float, other: int = -1) -> bool:
    """Wait up to ``seconds`` for that process to end, or until the descriptor ``other`` is readable; whether it has."""
    if not alive(pid, started):
        return True
    try:
        descriptor = handle(pid)
    except ProcessLookupError:
        return True
    try:
        if not alive(pid, started):
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if other >= 0:
            poll.register(other, select.POLLIN)
        deadline = time.monotonic() + seconds
        while True:
            left = deadline - time.monotonic()
            # poll(2) takes its milliseconds as an int: a day at a time.
            ready = poll.poll(max(0, min(left, 86400)) * 1000)
            if ready or left <= 0:
                return any(found == descriptor for found, _event in ready)
    finally:
        os.close(descriptor)


def kill_with_argument(argument: str, programs: Container[str], timeout: float = 5.0) -> None:
    """SIGKILL what ``with_argument`` finds, until nothing is found.

    Twice in succession: one that ends during a look, after it has forked, hides its child from that look.
    """
    deadline = time.monotonic() + timeout
    clean = 0
    while clean < 2 and time.monotonic() < deadline:
        found = list(with_argument(argument, programs))
        for pid in found:
            send_signal(pid, start_time(pid), signal.SIGKILL)
        for pid in found:
            wait_end(pid, start_time(pid), 1.0)
        clean = 0 if found else clean + 1


def kill_session(leader: int) -> None:
    """SIGKILL every process of a session (setsid(2)), and those that they fork at the same time.

    That of the host's first process is never a program's of the engine, nor is the one that this process is in.
    """
    if not endable(leader):
        return
    while found := [pid for pid in pids() if session(pid) == leader]:
        for pid in found:
            send_signal(pid, start_time(pid), signal.SIGKILL)
        for pid in found:
            if not wait_end(pid, start_time(pid), 1.0):
                return  # frozen, or in the kernel's hands: it ends once it goes on


def signal_session(leader: int, number: int) -> None:
    """Signal every process of a session, as ``kill_session`` does."""
    for pid in pids() if endable(leader) else ():
        if session(pid) == leader:
            send_signal(pid, start_time(pid), number)


def wait_session(leader: int, deadline: float) -> None:
    """Wait until no process of a session is left, or the monotonic clock shows ``deadline``."""
    while found := [pid for pid in pids() if session(pid) == leader]:
        for pid in found:
            if not wait_end(pid, start_time(pid), deadline - time.monotonic()):
                return


def mount_points(pid: Union[int, str] = "self") -> list[str]:
    """Return the mount points that a process sees, the latest last (proc_pid_mountinfo(5))."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [unescaped(line.split(" ", 5)[4]) for line in file]


def unescaped(path: str) -> str:
    """Return a path of mountinfo, in which space, tab, newline and backslash are three octal digits."""
    if "\\" not in path:
        return path
    import re

    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def pids() -> Iterator[int]:
    """The PIDs of the processes there are."""
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def session(pid: int) -> int:
    """The session of a process that lives, else 0 (field 6 of proc_pid_stat(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in (b"Z", b"X", b"x") else int(fields[3])


def program(pid: int) -> str:
    """The name of the program that a process runs (proc_pid_comm(5)), empty where it is gone."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def with_argument(argument: str, programs: Container[str]) -> Iterator[int]:
    """PIDs of the processes of these programs' names that have ``argument`` among their command line's words."""
    wanted = argument.encode()
    for pid in pids():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if wanted in words and os.path.basename(words[0]).decode(errors="replace") in programs:
            yield pid
