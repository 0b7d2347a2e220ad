# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anonymous volumes, which are removed with the last container that has them; and borrowed volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection

from .._model.failpoints import failpoint

if TYPE_CHECKING:
    from .._container.container import Container
    from .._model.options.types import ContainerOptions, Volume
    from .base import RuntimeBase

_KEEP = "keep_volumes"


def borrowed(runtime: RuntimeBase, options: ContainerOptions) -> tuple[Volume, ...]:
    """Return the volumes and bind mounts of the containers in volumes_from; of several with one target, the first.

    :raises NoSuchContainer: one of the containers does not exist.
    """
    volumes: dict[str, Volume] = {}
    for lender in options["volumes_from"]:
        for volume in runtime.container(lender["container"]).config.volumes:
            if volume["type"] == "image":
                continue
            read_only = lender["access"] == "ro" if lender["access"] else volume["read_only"]
            # Overlays and owners of files are the lender's own.
            flags = [flag for flag in volume["flags"] if flag not in ("U", "O")]
            volumes.setdefault(volume["target"], {**volume, "read_only": read_only, "flags": flags})
    return tuple(volumes.values())


def keep(container: Container) -> None:
    """Have the container's removal keep its anonymous volumes, which then are like named ones."""
    if any(volume.get("anonymous") for volume in container.config.volumes):
        container.store.write_side_record(container.id, _KEEP, True)


def leaving(runtime: RuntimeBase, container: Container, gone: Collection[str] = ()) -> set[str]:
    """Return the anonymous volumes that the container's removal removes: not kept, and of no container but ``gone``."""
    names = {volume["source"] for volume in container.config.volumes if volume.get("anonymous")}
    if not names or container.store.side_record(container.id, _KEEP):
        return set()
    for other in runtime.containers_and_new():
        if other.id != container.id and other.id not in gone:
            names -= {volume["source"] for volume in other.config.volumes}
            names = {name for name in names if name not in other.newer}
            if other.unreadable and not other.newer:
                from .._container.unreadable import may_mention

                names = {name for name in names if not may_mention(other.store.config_text(other.id), name)}
    return names


def remove(runtime: RuntimeBase, container: Container) -> None:
    """Remove the container's anonymous volumes, unless they are kept or another container has them too."""
    from .._drivers.trees import removal

    folder = f"{runtime.parts.static_root}/volumes"
    for name in sorted(leaving(runtime, container)):
        failpoint("remove anonymous volume")
        removal.remove(f"{folder}/{name}")
