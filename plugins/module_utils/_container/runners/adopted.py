# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of a life that podman began: conmon's exit command is podman's, so the runner does the engine's part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import runner

if TYPE_CHECKING:
    from ..base import ContainerBase


def _wants_runner(container: ContainerBase) -> bool:
    return container.adopted and container.state.status.has_process and runner.possible(container)


_DUTY = runner.Duty("adopted", _wants_runner)
lacks_runner, begin, end = _DUTY.lacks_runner, _DUTY.begin, _DUTY.end
