# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: named ones are directories under the static root, kept when containers go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Mapping

from ..._drivers.command import run
from ..._model.errors import InvalidArgument, not_yet
from ..._model.failpoints import failpoint
from ..._spec.mounts import overlay_directories
from ..._spec.users import User
from ..._store import records
from ..._store.locks import FileLock

if TYPE_CHECKING:
    from ..._model.records.config import ContainerConfig
    from ..base import ContainerBase

_GUARDS = {"ro": os.ST_RDONLY, "nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC}


def sources(container: ContainerBase, rootfs: str, user: User) -> dict[str, str]:
    """Target in the container to the directory or file behind it; named volumes are made where missing.

    With the flag U all of a volume is given to ``user``; with O the directories of its overlay are made.

    :raises InvalidArgument: the source of a bind mount does not exist.
    """
    found = {}
    for volume in container.config.volumes:
        target = volume["target"]
        found[target] = prepared(container, volume, rootfs)
        if "U" in volume["flags"]:
            _give(container, found[target], user)
        if "O" in volume["flags"]:
            _prepare_overlay(container, target, found[target])
    return found


def host_path(container: ContainerBase, volume: Mapping[str, Any]) -> str:
    """The directory or file on the host behind a volume or bind mount, be it there or not."""
    if volume["type"] == "bind":
        return str(volume["source"])
    return f"{container.host.parts.static_root}/volumes/{volume['source']}/_data"


def source_guards(config: ContainerConfig) -> dict[str, tuple[str, ...]]:
    """Target of each bind mount to the flags of its source's own mount, which it keeps; a remount would clear them."""
    found = {}
    for volume in config.volumes:
        if volume["type"] == "bind":
            try:
                flags = os.statvfs(volume["source"]).f_flag
            except OSError:
                continue  # said elsewhere
            found[volume["target"]] = tuple(word for word, flag in _GUARDS.items() if flags & flag)
    return found


def prepared(container: ContainerBase, volume: Mapping[str, Any], rootfs: str) -> str:
    """Its ``host_path``, a named volume made where missing.

    :raises InvalidArgument: the source of a bind mount does not exist.
    """
    found = host_path(container, volume)
    if volume["type"] == "bind":
        check_source(found, container.name)
    else:
        _ensure(container, os.path.dirname(found), rootfs, volume["target"], copy="nocopy" not in volume["flags"])
    return found


def made(path: str) -> bool:
    """Whether the named volume behind this ``path`` is there, with all that it is to begin with."""
    return os.path.exists(f"{os.path.dirname(path)}/volume.json")


def _give(container: ContainerBase, path: str, user: User) -> None:
    """Make the container's user the owner of all below ``path``; links are not followed."""
    ids = []
    for kind, number in (("uid", user.uid), ("gid", user.gid)):
        for inside, outside, amount in container.config.id_mappings.get(kind, []):
            if inside <= number < inside + amount:
                number += outside - inside
                break
        ids.append(str(number))
    run(
        ["chown", "--recursive", "--no-dereference", ":".join(ids), "--", path],
        package="coreutils",
        doing=f"cannot give the volume {path} to the user of container {container.name}",
    )


def _prepare_overlay(container: ContainerBase, target: str, source: str) -> None:
    """Fresh directories for an overlay over ``source``, whose owner and mode the overlay's own root takes over."""
    if not os.path.isdir(source) or set(source) & {",", ":", "\\"}:
        raise InvalidArgument(
            f"volume: {source} cannot have an overlay in container {container.name}: it must be a directory whose path "
            "has no ',', ':' and backslash"
        )
    info = os.stat(source)
    for directory in overlay_directories(container.config.static_dir, target):
        failpoint("make overlay of volume")
        os.makedirs(directory, 0o700, exist_ok=True)
        os.chown(directory, info.st_uid, info.st_gid)
        os.chmod(directory, info.st_mode & 0o7777)


def remove_overlays(container: ContainerBase) -> None:
    """Forget what the container has changed in its overlay volumes."""
    directory = f"{container.config.static_dir}/overlays"
    if os.path.isdir(directory):
        from ..._drivers.trees import removal

        failpoint("remove overlays of volumes")
        removal.remove(directory)


def check_source(path: str, name: str) -> None:
    """:raises InvalidArgument: the source of a bind mount does not exist."""
    if not os.path.exists(path):
        raise not_yet(
            InvalidArgument(
                f"volume: {path}, to be bound in container {name}, does not exist on the host: make it first"
            )
        )


def _ensure(container: ContainerBase, directory: str, rootfs: str, target: str, *, copy: bool) -> None:
    """Make the volume, and give a new one the content that the image has at ``target``, once.

    The record is written when all is done: a volume without it is begun again.
    """
    if made(f"{directory}/_data"):
        return
    failpoint("make volume")
    os.makedirs(directory, 0o755, exist_ok=True)
    # Only the way to it is closed to others; the data has the image's own modes, which containers' users need.
    os.chmod(os.path.dirname(directory), 0o700)
    # Another container that begins with it may start at this moment.
    with FileLock(f"{directory}/lock") as lock:
        if not made(f"{directory}/_data"):
            from . import new_volume

            new_volume.make(container, f"{directory}/_data", rootfs, target, copy=copy)
            records.write(f"{directory}/volume.json", {"name": os.path.basename(directory)})
        lock.discard()
