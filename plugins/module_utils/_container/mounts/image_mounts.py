# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are mounted in a container: the OCI runtime mounts their layers, so nothing is mounted on the host.

The changes of a writable one are in the container's directory, and go with the container.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers.images.store import ImageStore
from ..._drivers.kernel import securejoin
from ..._drivers.storage import image_trees
from ..._drivers.storage.driver import Storage
from ..._model.errors import InvalidArgument, not_yet
from ..._model.failpoints import failpoint
from ..._spec.mounts import image_directories
from ..rootfs.private_namespace import with_layers

if TYPE_CHECKING:
    from ..._drivers.storage.roots import Layers
    from ..._model.engine_config import EngineConfig
    from ..._model.options.types import Volume
    from ..base import ContainerBase


def prepared(container: ContainerBase, volume: Volume) -> str:
    """Return the image's directories, topmost first and joined by colons; those for its changes are made.

    :raises InvalidArgument: the image cannot be mounted so.
    """
    source = look(container.host.parts, volume, container.name, mapped=bool(container.config.id_mappings))
    if not volume["read_only"]:
        info = os.stat(source.partition(":")[0])
        for directory in image_directories(container.config.static_dir, volume["target"]):
            failpoint("make layer of mounted image")
            os.makedirs(directory, 0o700, exist_ok=True)
            os.chown(directory, info.st_uid, info.st_gid)
            os.chmod(directory, info.st_mode & 0o7777)
    return source


def look(parts: EngineConfig, volume: Volume, name: str, *, mapped: bool) -> str:
    """Return the directories as ``prepared`` does, and change nothing.

    :raises InvalidArgument: the store has no such image, or it cannot be mounted in the container ``name``.
    """
    where = f"mount: the image {volume['source']} cannot be mounted at {volume['target']} of container {name}"
    image = ImageStore(parts).find(volume["image"]) if volume.get("image") else None
    if image is None or not image.layer:
        raise not_yet(InvalidArgument(f"{where}: it is not in the store: pull it first, as libpod_image does"))
    is_idmapped = bool(volume["flags"])  # an image has no other flag
    if mapped and not is_idmapped:
        raise InvalidArgument(
            f"{where}, which has a user namespace: its files belong to IDs that are not in that: give the mount idmap"
        )
    layers = Storage(parts).layers_of(image.layer)
    path = ""
    if "subpath" in volume:
        path = _located(layers, volume["subpath"])
        if not path:
            raise InvalidArgument(f"{where}: it has no {volume['subpath']} inside it: name a path of the image")
    found = image_trees.directories(layers, path)
    if is_idmapped and len(found) > 1:
        raise InvalidArgument(
            f"{where} with idmap: its {len(found)} layers are an overlay, whose IDs the kernel does not map: mount an "
            "image of one layer, or a subpath that only one layer has"
        )
    if not volume["read_only"] and not os.path.isdir(found[0]):
        raise InvalidArgument(f"{where}: the file {volume['subpath']} can only be mounted read-only: omit rw")
    if any({*one} & {",", ":", "\\"} for one in found):
        raise InvalidArgument(f"{where}: a path with ',', ':' or a backslash is no layer of an overlay")
    source = ":".join(found)
    if len(source) > os.sysconf("SC_PAGE_SIZE") - 500:  # mount(2) takes a page; the rest is for the changes' paths
        raise InvalidArgument(f"{where}: it has {len(found)} layers, and mount(2) has no room for so many names")
    return source


def _located(layers: Layers, subpath: str) -> str:
    """Return the path in the image to which ``subpath`` leads, with links followed inside it; empty for none."""

    def find(root: str) -> str:
        try:
            path = securejoin.resolve(root, subpath)
        except OSError:
            return ""
        usable = os.path.isdir(path) or os.path.isfile(path)
        return path[len(root.rstrip("/")) + 1 :] if usable else ""

    return with_layers(layers, find)
