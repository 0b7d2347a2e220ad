# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guard of a killed engine process runs: it ends the commands which that has left in a container."""

from __future__ import annotations

from typing import Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import NoSuchContainer
from .._runtime.base import RuntimeBase
from . import runner


def end(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``exec-end ID PID START``: end the commands of the engine process PID that began at START ticks."""
    from .._drivers.oci.exec_guard import end_commands

    try:
        container = RuntimeBase(parts).container(arguments[0])
    except NoSuchContainer:
        return 0
    end_commands(container.oci, container.cgroup_top, container.run_dir, runner.life(arguments))
    return 0
