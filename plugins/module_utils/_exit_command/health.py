# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner that checks one container's health again and again until its process has ended.

Between the checks it waits, by the clock that nobody sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence

from .._drivers import process
from .._model.engine_config import EngineConfig
from .._model.records.process_ref import ProcessRef
from . import runner

if TYPE_CHECKING:
    from .._container.container import Container


def watch(parts: EngineConfig, words: Sequence[str]) -> int:
    """``health ID PID START``: check the container for as long as the process that began at START ticks runs."""
    delay: Optional[float] = 0.0
    while delay is not None and not process.wait_end(runner.life(words), delay):
        delay = runner.asked(parts, words, _tick, runner.AGAIN_SECONDS)
    return 0


def _tick(container: Container, life: ProcessRef, pid: int) -> Optional[float]:
    from .._container.lifecycle.health_check import tick

    return tick(container, life, pid)
