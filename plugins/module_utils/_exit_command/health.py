# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner that checks one container's health at its interval until its process has ended.

It waits between the checks by the monotonic clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence

from .._drivers import process
from .._model.engine_config import EngineConfig
from .._model.records.process_ref import ProcessRef
from . import runner

if TYPE_CHECKING:
    from .._container.container import Container


def watch(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``health ID PID START``: check the container while the process PID runs that began at START ticks."""
    delay: Optional[float] = 0.0
    while delay is not None and not process.wait_end(runner.life(arguments), delay):
        delay = runner.ask(parts, arguments, _tick, runner.AGAIN_SECONDS)
    return 0


def _tick(container: Container, life: ProcessRef, pid: int) -> Optional[float]:
    from .._container.runners.health_check import tick

    return tick(container, life, pid)
