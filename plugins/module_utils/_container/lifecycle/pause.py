# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pause and unpause, by the freezer (cgroups(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._drivers.cgroups import hierarchy
from ..._model import journal
from ..._model.records.status import ContainerStatus

if TYPE_CHECKING:
    from ..base import ContainerBase


def pause(container: ContainerBase) -> None:
    """Freeze all processes of the container.

    :raises InvalidState: it does not run.
    """
    container.state.status.check("pause", container.name)
    container.check_cgroup("pause")
    if container.oci.by_specification:
        hierarchy.freeze(container.host.cgroups, container.cgroup_path)
    else:
        container.oci.pause(container.id, container.name)
    journal.note("pause", container.id, container.name)
    container.save(status=ContainerStatus.PAUSED)
    container.event("pause")


def unpause(container: ContainerBase) -> None:
    """Thaw all processes of the container.

    :raises InvalidState: it is not paused.
    """
    container.state.status.check("unpause", container.name)
    thaw(container)
    journal.note("unpause", container.id, container.name)
    container.save(status=ContainerStatus.RUNNING)
    container.event("unpause")


def thaw(container: ContainerBase) -> None:
    """Have the kernel let the processes of a paused container go on; its record is not changed."""
    if container.oci.by_specification:
        hierarchy.thaw(container.host.cgroups, container.cgroup_path)
    else:
        container.oci.resume(container.id, container.name)
