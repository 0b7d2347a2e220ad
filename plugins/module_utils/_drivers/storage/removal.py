# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a container from the image store without containers-storage(1).

The order is that of the tool's own repeated attempts: what a kill leaves still has its record, by which the next
attempt finds it. Where the file system is full, the records are written in the engine's reserve: the tool writes a new
file before it drops the old one, for which there is no space.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ..._model.failpoints import failpoint
from ..kernel import syscalls
from ..trees import removal
from .roots import StorageRoots
from .store_records import drop, locked, unfinished


def possible(roots: StorageRoots) -> bool:
    """Return whether the store's driver keeps layers in directories alone."""
    return roots.driver in ("overlay", "vfs")


def delete(roots: StorageRoots, static_root: str, container_id: str, layer: str) -> None:
    """Delete the container and its layer, where they exist; ``static_root`` has the reserve.

    :raises NotRemoved, OSError: a part of it is left.
    """
    layers, containers = (f"{roots.root}/{roots.driver}-{kind}" for kind in ("layers", "containers"))
    with locked(f"{layers}/layers.lock") as layers_lock, locked(f"{containers}/containers.lock") as containers_lock:
        remove_directories(roots, layer)
        forget_mount(roots, layer)
        failpoint("remove what belongs to the layer")
        for name in os.listdir(layers):
            if name.startswith(f"{layer}."):
                os.unlink(f"{layers}/{name}")
        failpoint("remove the store's folders of the container")
        for folder in (containers, f"{roots.run_root}/{roots.driver}-containers"):
            removal.remove(f"{folder}/{container_id}")
        for path in roots.layer_files:
            drop(path, layer, layers_lock, static_root)
        for path in roots.container_files:
            drop(path, container_id, containers_lock, static_root)


def remove_directories(roots: StorageRoots, layer: str) -> None:
    """Unmount the layer, and remove its directories.

    :raises NotRemoved, OSError: a part of it is left.
    """
    home = roots.layer_home(layer)
    if roots.driver == "overlay":
        unmount(f"{home}/merged")
        _unlink_short_name(roots, home)
    failpoint("remove layer")
    removal.remove(home)


def unmount(point: str) -> None:
    """Unmount all that is mounted at ``point``."""
    while os.path.ismount(point):
        syscalls.umount(point, syscalls.MNT_DETACH)


def forget_mount(roots: StorageRoots, layer: str) -> None:
    """Drop the store's count of the mounts of a layer, which is not mounted any more; ``layers.lock`` is held."""
    folder = f"{roots.run_root}/{roots.driver}-layers"
    path = f"{folder}/mountpoints.json"
    if os.path.exists(path) or os.path.exists(unfinished(path)):
        with suppress(OSError), locked(f"{folder}/mountpoints.lock") as lock:  # a full file system, say
            drop(path, layer, lock)


def _unlink_short_name(roots: StorageRoots, home: str) -> None:
    """Remove the link to the layer in ``overlay/l``, which keeps the options of mount(2) short, and then its name.

    Without the name, a layer counts as one whose removal was killed.
    """
    with suppress(OSError):
        with open(f"{home}/link", encoding="utf-8") as file:
            name = os.path.basename(file.read().strip())
        failpoint("remove short name")
        with suppress(FileNotFoundError):
            os.unlink(f"{roots.root}/overlay/l/{name}")
        os.unlink(file.name)
