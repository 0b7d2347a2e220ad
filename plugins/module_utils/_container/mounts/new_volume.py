# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new volume's content: the image's at its target, or none; imported only where a volume is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers import limits
from ..._drivers.kernel import securejoin
from ..._drivers.trees import removal, replica
from ..._model.errors import InvalidArgument, TreeChanged, TreeTooLarge
from ..._model.failpoints import failpoint
from ..._spec import idmapped

if TYPE_CHECKING:
    from ..._model.options.types import Volume
    from ..base import ContainerBase

# A mark in a volume until all of the image's content is there.
_UNFINISHED = ".libpod-unfinished"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def make(container: ContainerBase, data: str, rootfs: str, volume: Volume, *, copy: bool) -> None:
    """Make the directory ``data`` of a volume, with the image's content where ``copy``; safe to repeat.

    As with podman, a directory that has content already gets none of the image's.
    """
    failpoint("make the volume's directory")
    os.makedirs(data, 0o755, exist_ok=True)
    if container.state.mount_label:
        from ..bundle import labels

        # The files that come into it inherit it.
        labels.label_volume(container, data)
    if unfinished(data):
        failpoint("empty an unfinished volume")
        # The mark is removed last, since this may be interrupted as well.
        for name in sorted(os.listdir(data), key=_UNFINISHED.__eq__):
            removal.remove(f"{data}/{name}")
    if copy and not os.listdir(data):
        _copy_up(container, data, rootfs, volume)


def unfinished(data: str) -> bool:
    """Return whether the copy of the image's content into ``data`` was interrupted."""
    return os.path.isdir(f"{data}/{_UNFINISHED}")


def map_owner(container: ContainerBase, data: str, volume: Volume) -> None:
    """Have a volume that root owns be owned by the container's own root, who is root in one whose mount maps IDs."""
    if container.config.id_mappings and os.stat(data).st_uid == 0 and not idmapped.option(volume["flags"]):
        from ..bundle import id_mappings

        id_mappings.own(container, data)


def _copy_up(container: ContainerBase, data: str, rootfs: str, volume: Volume) -> None:
    """Copy what the root filesystem has at the target, safe against a process that moves names during the copy.

    In a volume whose mount maps IDs, the files get those with which the container sees the image's owners.
    """
    target, owners = volume["target"], idmapped.in_files(volume, container.config)
    doing = f"volume: what the image has at {target} was not copied into the volume of container {container.name} there"
    try:
        source = securejoin.open_beneath(rootfs, target, _FOLDER)
    except (FileNotFoundError, NotADirectoryError):
        return
    filled = -1
    try:
        filled = os.open(data, _FOLDER)
        replica.fill(source, filled, _UNFINISHED, limits.of("copy_up").seconds, owners)
    except OSError as error:
        raise OSError(error.errno, f"{doing}: {error.strerror}", data) from error
    except InvalidArgument as error:
        raise InvalidArgument(f"{doing}: {error}; give the volume the option nocopy") from error
    except TreeChanged as error:
        raise TreeChanged(f"{doing}: {error}; run the task again") from error
    except TreeTooLarge as error:
        raise TreeTooLarge(f"{doing}: {error} (a longer limit: {limits.OPTION}: {{copy_up: SECONDS}})") from error
    finally:
        for descriptor in (source, filled):
            if descriptor >= 0:
                os.close(descriptor)
