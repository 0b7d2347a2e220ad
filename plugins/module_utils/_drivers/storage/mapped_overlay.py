# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The overlay of a container with a user namespace: its image's files have the host's IDs for the container's.

The kernel maps them (Linux 5.19): the layers below are those of an ID-mapped bind mount of the store's directory. That
is mounted in a mount namespace of its own, which ends with the thread in it, so that a kill leaves none.
"""

from __future__ import annotations

import os
from typing import Optional, Sequence

from ..._model.foreign import Foreign
from ..._model.id_map import IdMap
from ..kernel import mount_api, netns, syscalls, userns
from ..kernel.userns import Maps

# In a record of the store: idtools.IDMap of containers/storage.
_KEYS = ("container_id", "host_id", "size")
_KINDS = ("uid", "gid")


def overlay(
    home: str, layer: str, lower: Sequence[str], maps: Maps, flags: Optional[int] = None, label: str = ""
) -> int:
    """Return a mount, which is attached nowhere yet, of a layer on those below it, given by their names in ``home``.

    Without ``flags`` of mount(2) the layer is one of those that are only read, and the kernel leaves no mark in it.
    ``label`` is that of SELinux that all its files have.

    :raises OSError: the kernel or the file system does not map the IDs of an overlay's lower layers.
    """
    with userns.mapped(maps) as namespace:
        tree = mount_api.idmapped(home, namespace)
    point = f"{home}/{layer}/merged"

    def mounted() -> int:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("none", "/", flags=syscalls.MS_REC | syscalls.MS_PRIVATE)
        mount_api.attach_here(tree, point)
        # The names of the layers below are those in the mapped mount.
        os.chdir(point)
        options = f"lowerdir={':'.join(lower)},upperdir={home}/{layer}/diff,workdir={home}/{layer}/work"
        if flags is None:
            options = f"lowerdir={layer}/diff:{':'.join(lower)}"
        syscalls.mount("overlay", point, "overlay", flags or 0, options, label=label)
        return mount_api.clone(point, 0, "private", recursive=False)

    try:
        return netns.in_thread(mounted)
    finally:
        os.close(tree)


def from_record(record: Foreign) -> Maps:
    """Return the maps of a container's record in the store, {} without any. :raises MalformedData: they are none."""
    maps = {
        kind: [IdMap(*(one[key].integer(low=0, required=True) for key in _KEYS)) for one in record[f"{kind}map"]]
        for kind in _KINDS
    }
    return maps if any(maps.values()) else {}


def to_record(maps: Maps) -> dict[str, list[dict[str, int]]]:
    """Return the maps as members of a container's record in the store."""
    return {f"{kind}map": [dict(zip(_KEYS, one)) for one in maps[kind]] for kind in _KINDS}
