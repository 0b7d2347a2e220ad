# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a container's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..._drivers import process
from ..._model.errors import InvalidState
from ..._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from ..base import ContainerBase

FOREVER = 10.0 * 365 * 86400  # seconds


def wait(container: ContainerBase, seconds: float) -> int:
    """Wait up to ``seconds`` for the container to end, without its lock, and return that run's exit code.

    :raises InvalidState: it still runs after that time.
    """
    state = container.peek().state
    if state.status.has_process and not process.wait_end(state.process, seconds):
        raise InvalidState(f"container {container.name} still runs after {seconds:g} seconds")
    # Without the lock where that is enough: a removal has it while it waits for those who read (reading.py).
    code = _code(container, state.started_time)
    if code is None:
        with container.batch():
            code = _code(container, state.started_time)
    return container.state.exit_code if code is None else code


def _code(container: ContainerBase, started_time: str) -> Optional[int]:
    """Return the exit code of the run that began then, None where it is not known so far.

    A restart policy may have begun another run since.
    """
    ends: list[int] = [one["exit_code"] for one in container.exits if one["started_time"] == started_time]
    if ends:
        return ends[-1]
    state = container.peek().state
    return state.exit_code if state.status is ContainerStatus.EXITED and state.started_time == started_time else None
