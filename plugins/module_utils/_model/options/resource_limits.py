# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of CPUs and processes; imported only for tasks that have one."""

from __future__ import annotations

import re

from .syntax.parsers import count, wrong

_MAX_CPU = 1 << 16  # above what any kernel is built for (NR_CPUS)
_MAX_PIDS = 1 << 22  # PID_MAX_LIMIT (linux/threads.h)


def limit(value: object, option: str) -> int | None:
    """Return a whole number; None for 0, -1 and ``unlimited``, which are no limit."""
    if str(value).strip() in ("-1", "unlimited"):
        return None
    return count(value, option) or None


def pids(value: object, option: str) -> int | None:
    """Return a limit of processes, not above what Linux can have."""
    number = limit(value, option)
    if number and number > _MAX_PIDS:
        raise wrong(option, value, f"at most {_MAX_PIDS}, which is all that Linux can have, or -1 for no limit")
    return number


def shares(value: object, option: str) -> int | None:
    """Return a share relative to others'; None for 0, which is the default."""
    number = count(value, option)
    if number and not 2 <= number <= 1 << 18:
        raise wrong(option, value, f"a share from 2 to {1 << 18}, or 0 for the default")
    return number or None


def cpu_quota(value: object, option: str) -> int | None:
    if str(value) in ("-1", "0"):
        return None
    quota = count(value, option)
    if quota < 1000:
        raise wrong(option, value, "microseconds, at least 1000, or -1 for no limit")
    return quota


def cpu_period(value: object, option: str) -> int | None:
    period = count(value, option)
    if period and not 1000 <= period <= 1000000:
        raise wrong(option, value, "microseconds from 1000 to 1000000")
    return period or None


def cpu_list(value: object, option: str) -> str:
    """Return a list in the format of cpuset(7), sorted and with adjacent ranges joined."""
    numbers: set[int] = set()
    for part in str(value).replace(" ", "").split(","):
        match = re.fullmatch("([0-9]{1,5})(?:-([0-9]{1,5}))?", part)
        if not match or not int(match[1]) <= int(match[2] or match[1]) < _MAX_CPU:
            raise wrong(option, value, "CPU numbers such as 0-3,5")
        numbers.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
