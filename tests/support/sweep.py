# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep: an operation SIGKILLed just before its k-th external effect, for every k.

Built on the hook ``_drivers.effects``; there is no clock in it. Programs the operation had started (conmon) live on, as
they do when the module is killed on a real host.
"""

from __future__ import annotations

from typing import Callable

from .hosts import Host
from .modules import Result

MOST_EFFECTS = 200


class SweepFailed(AssertionError):
    """The promise broke after one kill; the message says which and how."""


def sweep(
    host: Host,
    operation: Callable[[int], Result],
    check: Callable[[], None],
    *,
    arrange: Callable[[], object] = lambda: None,
    remove: Callable[[], object] = lambda: None,
) -> list[str]:
    """Sweep ``operation(kill_at)`` and return the names of the effects it was killed at, in order.

    For each k: ``arrange()``; the operation killed at k; the same again unkilled (0), which must not fail; ``check()``
    asserts on the kernel's word; ``remove()`` and then ``host.empty()`` take everything away; the leak check must find
    nothing. It ends with the first k the operation outlives, which is checked like the others.

    :raises SweepFailed: with the effect's number and name.
    """
    killed_at: list[str] = []
    for number in range(1, MOST_EFFECTS + 1):
        arrange()
        killed = operation(number)
        where = f"killed at effect {number} ({killed.killed_at})" if killed.killed_at else "not killed"
        if not killed.killed_at and killed.failed:
            raise SweepFailed(f"{where}, yet it failed: {killed} {killed.stderr}")
        _converges(where, operation, check)
        remove()
        host.empty()
        if left := host.leaks():
            raise SweepFailed(f"{where}, repaired and removed, there is\n  " + "\n  ".join(left))
        if not killed.killed_at:
            return killed_at
        killed_at.append(killed.killed_at)
    raise SweepFailed(f"more than {MOST_EFFECTS} effects: does the operation end?")


def _converges(where: str, operation: Callable[[int], Result], check: Callable[[], None]) -> None:
    again = operation(0)
    if again.failed:
        raise SweepFailed(f"{where}, then run again, it failed: {again} {again.stderr}")
    try:
        check()
    except Exception as error:
        raise SweepFailed(f"{where}, then run again: {error!r}") from error
    settled = operation(0)
    if settled.failed or settled.changed:
        raise SweepFailed(f"{where}, then run again, a third run should change nothing: {settled} {settled.stderr}")
