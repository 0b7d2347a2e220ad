# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep: an operation SIGKILLed just before each of its external effects, one after another.

Built on the hook ``_drivers.effects``; there is no clock in it. Programs the operation had started (conmon) live on, as
they do when the module is killed on a real host.
"""

from __future__ import annotations

from typing import Callable

from .hosts import Host
from .modules import NOWHERE, Result


class SweepFailed(AssertionError):
    """The promise broke after one kill; the message says which and how."""


def sweep(
    host: Host,
    operation: Callable[[str], Result],
    check: Callable[[], None],
    *,
    arrange: Callable[[], object] = lambda: None,
    remove: Callable[[], object] = lambda: None,
) -> list[str]:
    """Sweep ``operation(kill_at)`` and return the effects it was killed at.

    A first run, not killed, tells the effects. Then for each: ``arrange()``; the operation killed there; the same
    again unkilled, which must not fail; ``check()`` asserts on the kernel's word; a third run changes nothing;
    ``remove()`` and then ``host.empty()`` take everything away, and the leak check must find nothing. An effect that a
    run did not meet (which ones there are may depend on what another thread or process had done) is passed over.

    :raises SweepFailed: with the effect.
    """

    def once(kill_at: str) -> Result:
        arrange()
        first = operation(kill_at)
        where = f"killed at {kill_at}" if first.killed else "not killed"
        if first.failed and not first.killed:
            raise SweepFailed(f"{where}, yet it failed: {first}")
        _converges(where, operation, check)
        remove()
        host.empty()
        if left := host.leaks():
            raise SweepFailed(f"{where}, repaired and removed, there is\n  " + "\n  ".join(left))
        return first

    return [effect for effect in once(NOWHERE).effects if once(effect).killed]


def _converges(where: str, operation: Callable[[str], Result], check: Callable[[], None]) -> None:
    again = operation("")
    if again.failed:
        raise SweepFailed(f"{where}, then run again, it failed: {again}")
    try:
        check()
    except Exception as error:
        raise SweepFailed(f"{where}, then run again: {error!r}") from error
    settled = operation("")
    if settled.failed or settled.changed:
        raise SweepFailed(f"{where}, then run again, a third run should change nothing: {settled}")
