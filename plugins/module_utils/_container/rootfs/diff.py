# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Diff: what a container changed in its root filesystem."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..._model.errors import NotImplementedByHost, TreeChanged

if TYPE_CHECKING:
    from ..base import ContainerBase

# Made by the engine and the OCI runtime; podman leaves them out as well.
_OURS = ("/dev", "/proc", "/sys", "/run", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab")


class Change(NamedTuple):
    """``kind`` is A (added), C (changed) or D (deleted)."""

    kind: str
    path: str


def diff(container: ContainerBase) -> list[Change]:
    """Return the changes, sorted by path; mount points are left out.

    :raises NotImplementedByHost: the root filesystem has no layer of its own.
    :raises TreeChanged: the container moved a directory meanwhile.
    """
    layers = container.storage.layers(container.id)
    if not layers.lower:
        raise NotImplementedByHost(
            f"container {container.name} has no layer of its own to compare with: it uses a directory in place, or a "
            "storage driver without layers"
        )
    from ..._drivers.storage.overlay_changes import changes

    own = (layers.upper, *layers.lower[: layers.own])
    hidden = {*_OURS, *(volume["target"] for volume in container.config.volumes)}
    try:
        return [Change(kind, path) for kind, path in changes(own, layers.lower[layers.own :], hidden)]
    except TreeChanged as error:
        raise TreeChanged(f"the changes of container {container.name} were not read: {error}; try again") from error
