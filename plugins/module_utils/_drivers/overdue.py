# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a lock that a program of a killed engine may hold, and end that program when its time is over.

A build is ended at once: it may take hours, and buildah's cache has its finished steps.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import Callable, Iterator

from .._model.errors import warn
from . import process

# In the environment of every program with a limit: "TOOL SECONDS", from its start on.
VARIABLE = "LIBPOD_TOOL_LIMIT"
_EVERY = 2.0
_GRACE = 8.0  # a live engine ends its program by itself
_TICKS = os.sysconf("SC_CLK_TCK")
_AT_ONCE = "buildah"


def lock(descriptor: int, path: str, kind: int = fcntl.LOCK_EX) -> None:
    """Take the flock(2) on the open file ``path``, ending meanwhile a holder that exceeds its time limit."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        return
    except BlockingIOError:
        pass
    import threading

    obtained = threading.Event()

    def watch() -> None:
        while not obtained.wait(_EVERY):
            try:
                end_overdue(path, obtained.is_set)
            except OSError:
                pass  # retried at the next look

    try:
        threading.Thread(target=watch, daemon=True).start()
    except RuntimeError:
        pass  # the host has no thread for it
    try:
        fcntl.flock(descriptor, kind)
    finally:
        obtained.set()


@contextmanager
def held(path: str, kind: int = fcntl.LOCK_EX) -> Iterator[int]:
    """Hold a lock's file, which is made where it is missing, and yield its descriptor for programs to inherit.

    If this process is killed, such a program keeps the lock, so that the next run waits for it.
    """
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        lock(descriptor, path, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def end_overdue(path: str, obtained: Callable[[], bool]) -> None:
    """Kill the session of a program that holds the lock and has exceeded its time limit, or is a build without engine.

    At most one at a look: this process may have ``obtained`` the lock by then, and its holders be its own.
    """
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    holders = {pid: _limit(process.session(pid) or pid) for pid in _holders(path)}
    # An engine has no limit, or that of the conmon which has started it.
    orphaned = all(tool == _AT_ONCE for tool, _seconds in holders.values())
    for pid, (tool, seconds) in holders.items():
        started = process.start_time(pid)
        leader = process.session(pid)
        # A process that has ended by now has no session, and its PID may be another's.
        gone = not started or not process.endable(leader) or process.start_time(pid) != started
        late = seconds and now - started / _TICKS >= seconds + _GRACE
        if gone or obtained() or not (late or orphaned):
            continue
        held = f"held {os.path.basename(path)}"
        held += "" if orphaned else f" for more than its limit of {seconds:g} seconds"
        warn(f"{tool} (process {pid}), which a killed run had left, {held} and was ended")
        process.kill_session(leader)
        return


def _holders(path: str) -> Iterator[int]:
    """Yield the processes that hold a lock on the file, through a descriptor that they opened or inherited."""
    ours = os.stat(path)
    for pid in process.pids():
        try:
            descriptors = os.listdir(f"/proc/{pid}/fd") if pid != os.getpid() else []
        except OSError:
            continue
        if any(_holds(pid, descriptor, path, ours) for descriptor in descriptors):
            yield pid


def _holds(pid: int, descriptor: str, path: str, ours: os.stat_result) -> bool:
    link = f"/proc/{pid}/fd/{descriptor}"
    try:
        # An engine in a container may have another file of the same path.
        if os.readlink(link) != path or not os.path.samestat(os.stat(link), ours):
            return False
        # A process that waits for the lock has the file open too.
        with open(f"/proc/{pid}/fdinfo/{descriptor}", "rb") as file:
            return b"\nlock:" in file.read()
    except OSError:
        return False


def _limit(pid: int) -> tuple[str, float]:
    """Return tool and time limit from the program's environment; no limit where it has none."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            variables = dict(item.partition("=")[::2] for item in file.read().decode(errors="replace").split("\0"))
        tool, seconds = variables[VARIABLE].split(" ")
        return tool, float(seconds)
    except (OSError, KeyError, ValueError):
        return "", 0.0
