# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root filesystem that can go back to a marked point: the container's changes lie beside the image store.

The store's layer of the container stays empty, and keeps the image in use. ``<static root>/containers/ID/rewind`` has
numbered directories, each an overlay's ``diff`` and ``work``: the highest number takes the changes, and those below are
frozen, each by one mark.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState, NotRemoved
from ..._model.failpoints import failpoint
from .driver import Storage
from .own_overlay import mount_rootfs, unmount_rootfs
from .roots import UNLABELLED, Labels, Layers

if TYPE_CHECKING:
    from ..kernel.userns import Maps

# mount(2) takes a page of options, and each layer has some 20 bytes of it.
_MAX_LAYERS = 180
# An empty directory, kept ready so that a rewind needs no space on a full disk.
_SPARE = "spare"
# Neither is ever in use: what is being made, and what an exchange takes away or has not put in place.
_NEW, _NEXT = "new", "next"


class Rewindable:
    """The operations of ``Storage``, and ``mark`` and ``rewind``, which need it unmounted.

    ``mapped``: the container has a user namespace. The store then gives the image's files the owners of that when it
    mounts them, and the changes go over this mount.
    """

    def __init__(self, parts: EngineConfig, storage: Storage, *, mapped: bool = False) -> None:
        self._parts = parts
        self._storage = storage
        self._mapped = mapped

    def create(
        self, container_id: str, image_id: str, mappings: Optional[Maps] = None, labels: Labels = UNLABELLED
    ) -> None:
        """Create the store's layer and the first directory for changes, unless they exist."""
        self._storage.create(container_id, image_id, mappings, labels)
        if not self._numbers(container_id):
            self._make(container_id, "1", self._storage.layers(container_id).upper)
            self.prepare(container_id)

    def exists(self, container_id: str) -> bool:
        """Return whether ``create`` has been completed."""
        return bool(self._numbers(container_id)) and self._storage.exists(container_id)

    def labels(self, container_id: str) -> Labels:
        """Return the labels that the store has on record for the container."""
        return self._storage.labels(container_id)

    def mount(self, container_id: str, label: str = "") -> str:
        """Mount the root filesystem, with SELinux's ``label``, unless it is mounted; return its mount point.

        :raises NotImplementedByHost: the static root's file system cannot hold an overlay's changes.
        """
        point = self._point(container_id)
        if not os.path.ismount(point):
            layers = self.layers(container_id)
            if self._mapped:
                frozen = layers.lower[: len(self._numbers(container_id)) - 1]
                layers = layers._replace(lower=(*frozen, self._storage.mount(container_id, label)))
            mount_rootfs(layers, point, "rewindable: true", self._parts.static_root, label)
        return point

    def mountpoint(self, container_id: str) -> Optional[str]:
        """Return the mount point of the root filesystem, None where it is not mounted."""
        point = self._point(container_id)
        return point if os.path.ismount(point) else None

    def unmount(self, container_id: str) -> None:
        """Unmount the root filesystem; its changes stay."""
        unmount_rootfs(self._point(container_id))
        if self._mapped:
            self._storage.unmount(container_id)

    def delete(self, container_id: str) -> None:
        """Unmount it, and remove the changes and the store's layer."""
        unmount_rootfs(self._point(container_id))
        home = self._home(container_id)
        if os.path.isdir(home):
            from ..trees import removal

            failpoint("remove changes")
            removal.remove(home)
        self._storage.delete(container_id)

    def layers(self, container_id: str) -> Layers:
        """Return the directories of the layers, frozen ones among the lower. :raises Internal: there is no layer."""
        base = self._storage.layers(container_id)
        *frozen, live = self._numbers(container_id) or [0]
        if not live:
            return base
        home = self._home(container_id)
        lower = (*(f"{home}/{number}/diff" for number in reversed(frozen)), base.upper, *base.lower)
        own = len(frozen) + bool(base.lower)  # without layers, the store's directory has the image's files
        return Layers(f"{home}/{live}/diff", f"{home}/{live}/work", lower, own)

    def sizes(self, container_id: str) -> tuple[int, int]:
        """Return the sizes as ``Storage.sizes`` does; marked files are the container's own."""
        from ..trees.disk_usage import directory_size

        home, (own, total) = self._home(container_id), self._storage.sizes(container_id)
        changed = sum(directory_size(f"{home}/{number}/diff") for number in self._numbers(container_id))
        return own + changed, total + changed

    def differs(self, container_id: str) -> bool:
        """Return whether a file was changed since the mark, or since creation where there is none."""
        if not self._numbers(container_id):
            return False
        layers = self.layers(container_id)
        here, before = os.stat(layers.upper), os.stat(layers.lower[0])
        if (here.st_mode, here.st_uid, here.st_gid) != (before.st_mode, before.st_uid, before.st_gid):
            return True
        with os.scandir(layers.upper) as entries:
            return next(entries, None) is not None

    def check_mark(self, container_id: str, name: str) -> None:
        """Check that the layers can be one more.

        :raises InvalidState: it was marked too often.
        """
        if self._numbers(container_id) and len(self.layers(container_id).lower) >= _MAX_LAYERS:
            raise InvalidState(
                f"container {name} cannot be marked: it was marked {len(self._numbers(container_id)) - 1} times, and "
                "the kernel takes no more layers: re-create it (recreate: true)"
            )

    def mark(self, container_id: str) -> None:
        """Freeze the files as they are, in place of an earlier mark."""
        self._tidy(container_id)
        home, live = self._home(container_id), self._numbers(container_id)[-1]
        if os.path.isdir(f"{home}/{_SPARE}"):
            # It has the owner and mode that the root directory had at the earlier mark.
            failpoint("drop spare")
            os.rename(f"{home}/{_SPARE}", f"{home}/{_NEXT}")
            self._tidy(container_id)
        self._make(container_id, str(live + 1), f"{home}/{live}/diff")
        self.prepare(container_id)

    def prepare(self, container_id: str) -> None:
        """Make what a rewind puts in place, unless it is there."""
        home, layers = self._home(container_id), self.layers(container_id)
        if not os.path.isdir(f"{home}/{_SPARE}"):
            self._make(container_id, _SPARE, layers.lower[0])

    def rewind(self, container_id: str) -> None:
        """Put an empty directory in the place of all changes since the mark.

        :raises NotRemoved: the files are as they were marked, but the later ones are still on the host.
        """
        from ..kernel.syscalls import RENAME_EXCHANGE, rename

        self._tidy(container_id)
        self.prepare(container_id)
        home, live = self._home(container_id), self._numbers(container_id)[-1]
        failpoint("take spare")
        os.rename(f"{home}/{_SPARE}", f"{home}/{_NEXT}")
        failpoint("rewind")
        rename(f"{home}/{_NEXT}", f"{home}/{live}", RENAME_EXCHANGE)
        self._tidy(container_id)
        with suppress(OSError):  # the next rewind makes it, where the disk is still full
            self.prepare(container_id)

    def _make(self, container_id: str, name: str, like: str) -> None:
        """Make an overlay's directories in one rename; the merged tree's root has the owner and mode of ``like``."""
        home = self._home(container_id)
        new = f"{home}/{_NEW}"
        self._remove(new)
        failpoint(f"make {name}")
        os.makedirs(f"{new}/work", 0o700)
        os.mkdir(f"{new}/diff", 0o700)
        status = os.stat(like)
        os.chown(f"{new}/diff", status.st_uid, status.st_gid)
        os.chmod(f"{new}/diff", status.st_mode & 0o7777)
        for attribute in os.listxattr(like):
            if not attribute.startswith("trusted.overlay."):
                os.setxattr(f"{new}/diff", attribute, os.getxattr(like, attribute))
        os.utime(f"{new}/diff", ns=(status.st_atime_ns, status.st_mtime_ns))
        failpoint(f"place {name}")
        os.rename(new, f"{home}/{name}")

    def _tidy(self, container_id: str) -> None:
        """Remove what an exchange took away, or an interrupted operation left."""
        for name in (_NEW, _NEXT):
            self._remove(f"{self._home(container_id)}/{name}")

    @staticmethod
    def _remove(path: str) -> None:
        if not os.path.isdir(path):
            return
        from ..trees import removal

        failpoint(f"remove {os.path.basename(path)}")
        try:
            removal.remove(path)
        except NotRemoved as error:
            raise NotRemoved(f"earlier files of the container are still on the host: {error}") from error

    def _numbers(self, container_id: str) -> list[int]:
        """Return the numbers of the directories, the live one's last."""
        try:
            names = os.listdir(self._home(container_id))
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def _home(self, container_id: str) -> str:
        return f"{self._parts.static_root}/containers/{container_id}/rewind"

    def _point(self, container_id: str) -> str:
        return f"{self._parts.run_root}/containers/{container_id}/rootfs"
