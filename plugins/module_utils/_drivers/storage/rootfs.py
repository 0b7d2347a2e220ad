# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of the host as a container's root filesystem: used in place, or under a temporary overlay."""

from __future__ import annotations

import os
from typing import Optional

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from .own_overlay import mount_rootfs, unmount_rootfs
from .roots import UNLABELLED, Labels, Layers


class Rootfs:
    """The operations of ``Storage`` on the directory ``path``; used in place, there is nothing to create or undo.

    With ``overlay``, changes go to ``<static root>/containers/ID/overlay/upper`` and the merged tree is mounted at
    ``<run root>/containers/ID/rootfs``.
    """

    def __init__(self, parts: EngineConfig, path: str, overlay: bool = False) -> None:
        self._parts = parts
        self.path = path
        self.overlay = overlay

    def create(
        self, container_id: str, image_id: str = "", mappings: object = None, labels: Labels = UNLABELLED
    ) -> None:
        """Create the overlay's directories; the files keep their owners, whatever the mappings.

        :raises InvalidArgument: ``path`` is no directory.
        """
        self._check()
        work = f"{self._changes(container_id)}/work"
        # It is created last, so its existence shows that the others are complete.
        if not self.overlay or os.path.isdir(work):
            return
        upper, status = f"{self._changes(container_id)}/upper", os.stat(self.path)
        failpoint("mkdir overlay")
        os.makedirs(upper, 0o700, exist_ok=True)
        # The merged tree's root has the upper directory's owner and mode.
        os.chown(upper, status.st_uid, status.st_gid)
        os.chmod(upper, status.st_mode & 0o7777)
        os.mkdir(work, 0o700)

    def exists(self, container_id: str) -> bool:
        """Return whether ``create`` has been completed."""
        return os.path.isdir(f"{self._changes(container_id)}/work" if self.overlay else self.path)

    def labels(self, container_id: str) -> Labels:
        """Return no labels: there is no record of them."""
        return UNLABELLED

    def mount(self, container_id: str, label: str = "") -> str:
        """Mount the overlay unless it is mounted, its files with SELinux's ``label``; return the path of the tree.

        A directory that is used in place keeps its own labels.

        :raises InvalidArgument: ``path`` is no directory.
        :raises NotImplementedByHost: the static root's file system cannot hold an overlay's changes.
        """
        self._check()
        point = self._point(container_id)
        if not self.overlay or os.path.ismount(point):
            return point
        what = f"rootfs {self.path} under an overlay"
        mount_rootfs(self.layers(container_id), point, what, self._parts.static_root, label)
        return point

    def mountpoint(self, container_id: str) -> Optional[str]:
        """Return the path of the tree, None for an overlay that is not mounted."""
        point = self._point(container_id)
        return point if not self.overlay or os.path.ismount(point) else None

    def unmount(self, container_id: str) -> None:
        """Unmount the overlay; its changes stay."""
        if self.overlay:
            unmount_rootfs(self._point(container_id))

    def delete(self, container_id: str) -> None:
        """Unmount the overlay and remove its changes; the directory itself is the user's and stays."""
        self.unmount(container_id)
        changes = self._changes(container_id)
        if self.overlay and os.path.isdir(changes):
            from ..trees import removal

            failpoint("remove overlay")
            removal.remove(changes)

    def layers(self, container_id: str) -> Layers:
        """Return the layers as ``Storage.layers`` does; used in place, the directory itself."""
        changes = self._changes(container_id)
        return Layers(f"{changes}/upper", f"{changes}/work", (self.path,)) if self.overlay else Layers(self.path)

    def sizes(self, container_id: str) -> tuple[int, int]:
        """Return the sizes as ``Storage.sizes`` does; in place, both are the directory's size (as in libpod)."""
        from ..trees.disk_usage import directory_size

        base = directory_size(self.path)
        own = directory_size(f"{self._changes(container_id)}/upper") if self.overlay else base
        return own, base + own if self.overlay else base

    def _check(self) -> None:
        if not os.path.isdir(self.path):
            raise InvalidArgument(f"rootfs {self.path} is no directory on the host")

    def _changes(self, container_id: str) -> str:
        return f"{self._parts.static_root}/containers/{container_id}/overlay"

    def _point(self, container_id: str) -> str:
        return f"{self._parts.run_root}/containers/{container_id}/rootfs" if self.overlay else self.path
