# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of a life that podman began: conmon's exit command is podman's, so the runner does the engine's part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import runner

if TYPE_CHECKING:
    from ..base import ContainerBase

_DUTY = "adopted"


def lacks_runner(container: ContainerBase) -> bool:
    """Return whether the container should have a runner and has none; no program is started."""
    return _wants_runner(container) and not runner.lives(container, _DUTY)


def begin(container: ContainerBase) -> None:
    """Start a runner where one is wanted (in a batch)."""
    if _wants_runner(container):
        runner.begin(container, _DUTY)


def end(container: ContainerBase) -> None:
    """End the runner (in a batch)."""
    runner.end(container, _DUTY)


def _wants_runner(container: ContainerBase) -> bool:
    return container.adopted and container.state.status.has_process and runner.possible(container)
