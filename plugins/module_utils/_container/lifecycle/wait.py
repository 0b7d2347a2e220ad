# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a container's end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..._drivers import process
from ..._model.errors import InvalidState
from ..._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from ..base import ContainerBase

_PAUSE = 0.02  # seconds
FOREVER = 10.0 * 365 * 86400  # seconds


def wait(container: ContainerBase, seconds: float) -> int:
    """Wait up to ``seconds`` for the container to end, without its lock, and return that run's exit code.

    :raises InvalidState: it still runs after that time.
    """
    state = container.peek().state
    if state.status.has_process and not process.wait_end(state.process, seconds):
        raise InvalidState(f"container {container.name} still runs after {seconds:g} seconds")
    while not container.sync_now():
        # Without the lock where it is taken: a removal has it while it waits for those who read (reading.py).
        now = container.peek().state
        if now.status is ContainerStatus.EXITED and now.started_time == state.started_time:
            return now.exit_code
        time.sleep(_PAUSE)
    # A restart policy may have begun another run since.
    ends: list[int] = [one["exit_code"] for one in container.exits if one["started_time"] == state.started_time]
    return ends[-1] if ends else container.state.exit_code
