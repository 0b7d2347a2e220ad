# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capabilities(7) that this process may pass on."""

from __future__ import annotations


def bounding_set(proc: str = "/proc") -> int:
    """Return the bounding set of this process (proc_pid_status(5), CapBnd), of the capabilities that the kernel has."""
    with open(f"{proc}/self/status", encoding="utf-8", errors="replace") as file:
        bits = next((int(line.split()[1], 16) for line in file if line.startswith("CapBnd:")), 0)
    with open(f"{proc}/sys/kernel/cap_last_cap", encoding="utf-8") as file:
        last = int(file.read())
    return bits & (2 << last) - 1
