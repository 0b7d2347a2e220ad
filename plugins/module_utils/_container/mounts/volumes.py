# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: named ones are directories below the static root, which outlast their containers."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, Optional

from ..._drivers.command import run
from ..._model.errors import InvalidArgument, not_yet
from ..._model.failpoints import failpoint
from ..._spec.mounts import overlay_directories
from ..._spec.users import User

if TYPE_CHECKING:
    from ..._model.engine_config import EngineConfig
    from ..._model.options.types import Volume
    from ..._model.records.config import ContainerConfig
    from ..._model.records.volume import VolumeRecord
    from ..base import ContainerBase

_GUARDS = {"ro": os.ST_RDONLY, "nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC}


def sources(container: ContainerBase, rootfs: str, user: User) -> dict[str, str]:
    """Return the host's directory or file of each target in the container; missing named volumes are made.

    With the flag U all of a volume is given to ``user``; with O the directories of its overlay are made. z and Z have
    it relabelled where SELinux is enabled.

    :raises InvalidArgument: the source of a bind mount does not exist.
    """
    result = {}
    for volume in container.config.volumes:
        target = volume["target"]
        result[target] = source = _followed(volume, prepared(container, volume, rootfs))
        if "U" in volume["flags"]:
            with held(container, volume, source) as path:
                _give(container, path, user)
        if "O" in volume["flags"]:
            _prepare_overlay(container, target, source)
        else:
            relabel(container, volume, source)
    return result


def relabel(container: ContainerBase, volume: Volume, source: str) -> None:
    """Relabel a volume with the option z or Z, where SELinux is enabled.

    :raises InvalidArgument: it is a directory of the system.
    """
    if container.state.mount_label and {"z", "Z"} & {*volume["flags"]}:
        from ..bundle import labels

        with held(container, volume, source) as path:
            labels.relabel(container, volume, path)


def _followed(volume: Volume, source: str) -> str:
    """Return where a symbolic link leads that is mounted with other IDs: crun then mounts the link itself."""
    if not os.path.islink(source):
        return source
    from ..._spec import idmapped

    return os.path.realpath(source) if idmapped.option(volume["flags"]) else source


def host_path(container: ContainerBase, volume: Volume) -> str:
    """Return the directory or file on the host of a volume or bind mount, whether it exists or not; an image's ID."""
    if volume["type"] == "bind":
        return str(volume["source"])
    if volume["type"] == "image":
        return f"{volume['image']}/{volume.get('subpath', '')}"
    from ..._store import volumes as store

    data = store.data(container.host.parts, volume["source"])
    if "subpath" not in volume:
        return data
    from . import subpaths

    return subpaths.resolved(data, volume["subpath"])


@contextmanager
def held(container: ContainerBase, volume: Optional[Volume], path: str) -> Iterator[str]:
    """Yield a path that leads to what is to be mounted: that of a subpath's descriptor, else ``path`` itself.

    :raises InvalidArgument: the volume has no such subpath.
    """
    if volume is None or not _is_part(volume):
        yield path
        return
    from . import subpaths

    with subpaths.held(container.host.parts, volume, container.name) as way:
        yield way


def check_mounted(container: ContainerBase, pid: int) -> None:
    """Check the mounts of a created container, in which nothing runs yet.

    :raises InvalidState: a volume with a subpath was changed while the OCI runtime mounted it.
    """
    for volume in container.config.volumes:
        if _is_part(volume):
            from . import subpaths

            subpaths.check_mounted(container, volume, pid)


def _is_part(volume: Volume) -> bool:
    """Return whether a part of a named volume is mounted."""
    return "subpath" in volume and volume["type"] == "volume"


def source_guards(container: ContainerBase, config: ContainerConfig) -> dict[str, tuple[str, ...]]:
    """Return the flags of its source's mount that each mount, by target, keeps: a remount would clear them."""
    guards = {}
    for volume in config.volumes:
        if volume["type"] == "volume":
            record = _record(container, volume)
            if record and record.options.mounts:
                from ..._drivers.storage import volume_mounts

                guards[volume["target"]] = volume_mounts.guards(record.options)
        elif volume["type"] == "bind":
            try:
                flags = os.statvfs(volume["source"]).f_flag
            except OSError:
                continue  # reported elsewhere
            guards[volume["target"]] = tuple(word for word, flag in _GUARDS.items() if flags & flag)
    return guards


def prepared(container: ContainerBase, volume: Volume, rootfs: str) -> str:
    """Return the ``host_path`` of a volume, which is made and mounted where it is named and has to be.

    :raises InvalidArgument: the source of a bind mount, or the subpath of a volume, does not exist.
    """
    path = host_path(container, volume)
    if volume["type"] == "bind":
        check_source(container.host.parts, path, container.name)
    elif volume["type"] == "image":
        from . import image_mounts

        path = image_mounts.prepared(container, volume)
    else:
        record = _record(container, volume)
        if record is None or not record.ready:
            from . import volume_use

            volume_use.prepare(container, volume, rootfs)
        if "subpath" in volume:
            from . import subpaths

            os.close(subpaths.opened(container.host.parts, volume, container.name))
            path = host_path(container, volume)
    return path


def _record(container: ContainerBase, volume: Volume) -> Optional[VolumeRecord]:
    """Return the record of a named volume, None where there is none."""
    from ..._store import volumes as store  # most containers have no volume

    return store.read(store.folder(container.host.parts, volume["source"]))


def made(container: ContainerBase, volume: Volume) -> bool:
    """Return whether a named volume exists and has its initial content."""
    record = _record(container, volume)
    return record is not None and not record.copy_up


def _give(container: ContainerBase, path: str, user: User) -> None:
    """Make the container's user the owner of ``path`` and all below it; links below it are not followed."""
    config = container.config
    uid, gid = config.host_id(user.uid, "uid"), config.host_id(user.gid, "gid")
    if os.path.isfile(path):
        failpoint("chown volume")
        os.chown(path, uid, gid)
        return
    owner = f"{uid}:{gid}"
    run(
        ["chown", "--recursive", "--no-dereference", owner, "--", path],
        package="coreutils",
        doing=f"cannot give the volume {path} to the user of container {container.name}",
    )


def _prepare_overlay(container: ContainerBase, target: str, source: str) -> None:
    """Make the directories of an overlay over ``source``, with the owner and mode of that."""
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
    """Remove what the container has changed in its overlay volumes."""
    directory = f"{container.config.static_dir}/overlays"
    if os.path.isdir(directory):
        from ..._drivers.trees import removal

        failpoint("remove overlays of volumes")
        removal.remove(directory)


def check_source(parts: EngineConfig, path: str, name: str) -> None:
    """Check that the source of a bind mount exists.

    :raises InvalidArgument: it does not.
    """
    if not os.path.exists(path) and path not in parts.planned.directories:
        raise not_yet(
            InvalidArgument(
                f"volume: {path}, to be bound in container {name}, does not exist on the host: make it first"
            )
        )
