# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process by its PID and start time, and what can be the PID of one that the engine signals or looks up."""

from __future__ import annotations

from typing import NamedTuple

from ..options.syntax.parsers import natural

# PID_MAX_LIMIT of <linux/threads.h>; the kernel gives no higher one.
_HIGHEST = 4 * 1024 * 1024


class ProcessRef(NamedTuple):
    """``start_time`` is in clock ticks since boot (field 22 of proc_pid_stat(5)); both are 0 for no process."""

    pid: int = 0
    start_time: int = 0

    @classmethod
    def of(cls, pid: object, start_time: object) -> ProcessRef:
        """Return the process that a record names.

        :raises ValueError: it names none that the engine can have started.
        """
        if not isinstance(pid, int) or not isinstance(start_time, int) or bool in (type(pid), type(start_time)):
            raise ValueError(f"{pid!r} and {start_time!r} are not a process's number and start time")
        if pid == 0:
            return cls()
        if not possible(pid) or start_time < 0:
            raise ValueError(f"{pid} and {start_time} are not the number and start time of a process of the engine's")
        return cls(pid, start_time)


def possible(pid: int) -> bool:
    """Return whether a process with this PID can be one that the engine has started.

    1 is the host's first process; 0 and negative numbers stand for more than one process in kill(2).
    """
    return 1 < pid <= _HIGHEST


def from_text(text: str) -> int:
    """Return the PID in what a file or a program says, 0 where it is none."""
    number = natural(text.strip(), _HIGHEST) or 0
    return number if possible(number) else 0
