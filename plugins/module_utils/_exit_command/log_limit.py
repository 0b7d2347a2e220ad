# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner that keeps one container's log at a limit that its conmon does not have.

It sleeps until the log is written to and then looks at its size, the sooner, the sooner the limit would be reached.
At the limit it orders conmon to reopen the log, as conmon itself does at its own limit.
"""

from __future__ import annotations

import math
import os
import select
import time
from typing import TYPE_CHECKING, Optional, Sequence

from .._drivers import host_log, process
from .._drivers.conmon import log as conmon_log
from .._drivers.kernel.inotify import Watch
from .._model.engine_config import EngineConfig
from .._model.records.process_ref import ProcessRef
from . import runner

if TYPE_CHECKING:
    from .._container.container import Container

# Seconds between two looks at a log that is being written to.
_SHORTEST, _LONGEST = 0.001, 0.05
# Until the next look without inotify, and until an order that conmon has not followed is repeated.
_BLIND_SECONDS = 1.0
# Until an order that conmon does not take is logged: as its container ends, conmon may be gone already.
_DEAF_SECONDS = 10.0
_UNKNOWN = (0, "", "")  # no order of a log


def keep(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``log-limit ID PID START``: keep the log's limit while the process PID runs that began at START ticks."""
    life = runner.life(arguments)
    order: Optional[tuple[int, str, str]] = _UNKNOWN
    delay = 0.0
    while order == _UNKNOWN and not process.wait_end(life, delay):
        order = runner.ask(parts, arguments, _order, _UNKNOWN)
        delay = runner.AGAIN_SECONDS
    if order not in (None, _UNKNOWN):
        _keep(life, _Log(*order))
    return 0


def _order(container: Container, life: ProcessRef, pid: int) -> Optional[tuple[int, str, str]]:
    from .._container.runners.log_limit import order

    return order(container, life, pid)


def _keep(life: ProcessRef, log: _Log) -> None:
    poll = select.poll()
    try:
        end = process.handle(life.pid)
    except ProcessLookupError:
        return
    poll.register(end, select.POLLIN)
    if log.watch is not None:
        poll.register(log.watch, select.POLLIN)
    going_on = process.alive(life)
    while going_on:
        pause, watched = log.look()
        happened = poll.poll(None if watched else _BLIND_SECONDS * 1000)
        going_on = all(descriptor != end for descriptor, _event in happened)
        # All that is written meanwhile takes one look.
        time.sleep(pause)


class _Log:
    """The file that conmon writes, with the results of earlier looks at it."""

    def __init__(self, limit: int, path: str, run_dir: str) -> None:
        self._limit = limit
        self._path = path
        self._run_dir = run_dir
        self._inode, self._size, self._time = 0, 0, 0.0
        self._rate = 0.0  # bytes in a second; it falls by half at most from look to look
        self._ordered = 0.0  # when conmon was last ordered to reopen this file
        self._deaf = 0.0  # since when conmon has not taken that order; infinity once that is logged
        try:
            self.watch: Optional[Watch] = Watch()
        except OSError:
            self.watch = None

    def look(self) -> tuple[float, bool]:
        """Have the log rotated where it is over the limit.

        Return the seconds until the next look at the earliest, and whether ``watch`` reports changes until then.
        """
        try:
            if self.watch is not None:
                # Before the size is read, so that what happens from here on ends the next wait. At each look, since a
                # file may have been replaced by one with its inode number; for a watched file it does nothing.
                self.watch.forget()
                self.watch.look_at(self._path)
            status = os.stat(self._path)
        except OSError:
            self._inode = 0
            return _LONGEST, False
        now, size = time.monotonic(), status.st_size
        if status.st_ino != self._inode:
            self._inode, self._size, self._ordered = status.st_ino, 0, 0.0
        self._rate = max((size - self._size) / (now - self._time), self._rate / 2)
        self._size, self._time = size, now
        if size <= self._limit:
            soon = (self._limit - size) / (self._rate or 1.0) / 2
            return min(max(soon, _SHORTEST), _LONGEST), self.watch is not None
        if now > self._ordered + _BLIND_SECONDS:
            self._reopen(now)
        return _SHORTEST, self.watch is not None

    def _reopen(self, now: float) -> None:
        """Order conmon to reopen the log; write to the host's log where it has not taken that order for a while."""
        if conmon_log.reopen(self._run_dir):
            self._ordered, self._deaf = now, 0.0
        elif not self._deaf:
            self._deaf = now
        elif now > self._deaf + _DEAF_SECONDS:
            self._deaf = math.inf
            host_log.write("error", f"conmon does not begin {self._path} again: it grows above its limit")
