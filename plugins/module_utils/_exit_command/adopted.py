# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of a container adopted from podman: once its process has ended, it does what the exit command does."""

from __future__ import annotations

from typing import Sequence

from .._drivers import process
from .._model.engine_config import EngineConfig
from . import runner

_DAY = 86400.0


def watch(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``adopted ID PID START``: do the exit command's work once the process PID has ended that began at START ticks."""
    while not process.wait_end(runner.life(arguments), _DAY):
        pass
    from .exit import on_exit

    return on_exit(parts, arguments[:1])
