# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named volume from its first use to its last: made, filled, mounted for its first container, and unmounted.

A container records in its state that it holds a volume before that is mounted, and no longer once it is released. All
of that happens under the volume's lock, so who is last unmounts it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers.storage import volume_mounts
from ..._model.errors import ConfigMismatch, StateCorrupt
from ..._model.records.volume import COPY_BEGUN, COPY_DONE, VolumeRecord
from ..._store import volumes as store
from ..live_status import timestamp
from . import new_volume

if TYPE_CHECKING:
    from ..._model.options.types import Volume
    from ..base import ContainerBase


def prepare(container: ContainerBase, volume: Volume, rootfs: str) -> None:
    """Make the volume where it is missing, mount it for the container, and give it its first content."""
    parts, name = container.host.parts, volume["source"]
    directory = store.folder(parts, name)
    # Another container with the same new volume may start at this moment.
    with store.locked(parts, name):
        record = store.read(directory)
        new = record is None
        if record is None:
            store.prepare(directory)
            record = VolumeRecord(name, timestamp(), anonymous=bool(volume.get("anonymous")))
        elif record.options.mounts:
            _hold(container, name)
            mounted = volume_mounts.mount(record.options, f"{directory}/_data", name)
            new = record.options.type == "tmpfs" and (mounted or new_volume.unfinished(f"{directory}/_data"))
        if new or record.copy_up:
            copy = "nocopy" not in volume["flags"] and record.options.copy and "subpath" not in volume
            _fill(container, record, rootfs, volume, copy=copy)


def _hold(container: ContainerBase, name: str) -> None:
    if name not in container.state.held_volumes:
        container.save(held_volumes=(*container.state.held_volumes, name))


def _fill(container: ContainerBase, record: VolumeRecord, rootfs: str, volume: Volume, *, copy: bool) -> None:
    """Give a volume the content that the image has at its target; the record is written last.

    What is mounted from elsewhere may have content already, and a directory like the mark of an unfinished copy in it:
    only where the record says that a copy was begun is that mark the engine's.
    """
    options, directory = record.options, store.folder(container.host.parts, record.name)
    data = f"{directory}/_data"
    elsewhere, begun = options.mounts and options.type != "tmpfs", record.copy_up == COPY_BEGUN
    if elsewhere and not begun:
        copy = begun = copy and not os.listdir(data)
        if copy:
            store.write(directory, record._replace(copy_up=COPY_BEGUN))
    if begun or not elsewhere:
        new_volume.make(container, data, rootfs, volume, copy=copy)
    if options.uid is None and not options.has_owners:
        new_volume.map_owner(container, data, volume)
    volume_mounts.own(options, data)
    store.write(directory, record._replace(copy_up=COPY_DONE))


def release(container: ContainerBase, names: list[str]) -> None:
    """Unmount the volumes that no one but this container holds, and record that it holds them no longer."""
    for name in names:
        with store.locked(container.host.parts, name):
            others = {*store.holders(container.store, name, container.host.boot_id)} - {container.id}
            if not others:
                volume_mounts.unmount(store.data(container.host.parts, name))
            if name in container.state.held_volumes and os.path.isdir(container.run_dir):
                container.save(held_volumes=tuple(one for one in container.state.held_volumes if one != name))


def held(container: ContainerBase, *, thorough: bool = False) -> list[str]:
    """Return the volumes that the container holds; ``thorough`` adds those that a lost state may have had."""
    names = list(container.state.held_volumes)
    if thorough:
        for volume in container.config.volumes:
            if volume["type"] == "volume" and volume["source"] not in names:
                try:
                    record = store.read(store.folder(container.host.parts, volume["source"]))
                except (StateCorrupt, ConfigMismatch):
                    continue
                if record and record.options.mounts:
                    names.append(volume["source"])
    return names
