# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/run/.containerenv, by which programs in a container know that they are in one: empty, or podman's keys."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..._drivers.kernel import securejoin
from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..base import ContainerBase

TARGET = "/run/.containerenv"
_ENGINE = "libpod.engine"


def write(container: ContainerBase, rootfs: str) -> dict[str, str]:
    """Write the container's file and return it by path in the container; nothing where the path is another's.

    As podman's, it has content in a privileged container, and where the store of images is mounted.
    """
    if _is_taken(container, rootfs):
        return {}
    path = f"{container.run_dir}/.containerenv"
    failpoint("write .containerenv")
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(_content(container))
    # The umask of the engine's process must not keep the container's users from reading it.
    os.chmod(path, 0o644)
    return {TARGET: path}


def _is_taken(container: ContainerBase, rootfs: str) -> bool:
    """Return whether the mount point would be made in a directory of the host, or cannot be made."""
    config = container.config
    if config.rootfs and config.id_mappings and not os.path.lexists(rootfs + TARGET):
        return True  # the runtime makes it as the container's root, to whom a directory of the host need not belong
    named = {"/run", TARGET}
    try:
        named.add(securejoin.resolve(rootfs, "/run"))
    except OSError:
        return True
    places = {place[len(rootfs) :] if place.startswith(f"{rootfs}/") else place for place in named}
    for volume in config.volumes:
        of_host = volume["type"] == "bind" and "O" not in volume["flags"]
        if (of_host or volume["read_only"]) and _covers(volume["target"], places):
            return True
    return any("ro" in one["options"] and _covers(one["target"], places) for one in config.file_systems)


def _covers(target: str, places: set[str]) -> bool:
    return any(f"{place}/".startswith(f"{target}/") for place in places)


def _content(container: ContainerBase) -> str:
    config = container.config
    lines = []
    if config.options["privileged"]:
        values = {
            "engine": _ENGINE,
            "name": config.name,
            "id": config.id,
            "image": config.rootfs_image_name,
            "imageid": config.rootfs_image_id,
        }
        lines = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()] + ["rootless=0"]
    binds = [volume["source"] for volume in config.volumes if volume["type"] == "bind"]
    if binds:
        from ..._drivers.storage.roots import storage_roots

        root = storage_roots(container.host.parts).root
        if any(f"{root}/".startswith(f"{source.rstrip('/')}/") for source in binds):
            lines.append("graphRootMounted=1")
    return "".join(f"{line}\n" for line in lines)
