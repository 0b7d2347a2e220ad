# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for a container's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._drivers import process
from ..._model.errors import InvalidState

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
    with container.batch():
        # A restart policy may have begun another run since.
        ends = [one["exit_code"] for one in container.exits if one["started_time"] == state.started_time]
        return ends[-1] if ends else container.state.exit_code
