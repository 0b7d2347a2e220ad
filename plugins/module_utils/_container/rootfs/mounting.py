# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount a container's root filesystem on the host, for use from there, and unmount it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..bundle import lsm

if TYPE_CHECKING:
    from ..base import ContainerBase


def mount(container: ContainerBase) -> str:
    """Mount the root filesystem, unless it is, and return its path on the host."""
    container.state.status.check("mount", container.name)
    labels = lsm.create_storage(container)
    point = container.storage.mount(container.id, labels.mount)
    container.save(mounted=True, mountpoint=point)
    return point


def unmount(container: ContainerBase) -> None:
    """Unmount the root filesystem.

    :raises InvalidState: the container is created, running or paused.
    """
    container.state.status.check("unmount", container.name)
    container.storage.unmount(container.id)
    container.save(mounted=False, mountpoint="")
