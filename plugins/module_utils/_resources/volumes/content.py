# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a volume from a tar file."""

from __future__ import annotations

import os

from ..._container.rootfs.private_mount import with_volume
from ..._drivers import limits
from ..._drivers.storage import volume_mounts
from ..._drivers.trees import unpack
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState, TreeTooLarge
from ..._model.records.volume import COPY_DONE
from ..._store import volumes as store

_TEMPORARY = ".libpod-unpacked"


def fill(parts: EngineConfig, name: str, archive: str, *, dry: bool = False) -> bool:
    """Unpack a tar file into the volume, which keeps what the file does not have; return whether something differed.

    :raises NoSuchVolume: there is none of this name. :raises InvalidState: it is in memory, and not mounted.
    :raises MalformedData: it is no tar file, or has a member that leads out of the volume.
    """
    folder = store.folder(parts, name)
    record = store.existing(parts, name)
    if record.options.type == "tmpfs":
        check_mounted(parts, name)
    if record.copy_up and not dry:
        # What an image has does not come on top of this.
        with store.locked(parts, name):
            record = store.existing(parts, name)._replace(copy_up=COPY_DONE)
            store.write(folder, record)

    def work(data: str) -> bool:
        root = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return unpack.unpack(archive, root, _TEMPORARY, limits.of("tar").seconds, dry=dry)
        except TreeTooLarge as error:
            raise TreeTooLarge(f"{error} (a longer limit: {limits.OPTION}: {{tar: SECONDS}})") from error
        finally:
            os.close(root)

    return with_volume(folder, work) if record.options.mounts else work(f"{folder}/_data")


def check_mounted(parts: EngineConfig, name: str, kept: bool = True) -> None:
    """Raise InvalidState if a volume in memory is not mounted, or is not ``kept`` so by the task."""
    if not (kept and volume_mounts.is_mounted(store.data(parts, name))):
        raise InvalidState(f"src: volume {name} is in memory and keeps nothing now: set state to mounted")


def check(archive: str) -> None:
    """Look at all of a tar file. :raises MalformedData: it cannot be used for a volume."""
    unpack.check(archive, limits.of("tar").seconds)
