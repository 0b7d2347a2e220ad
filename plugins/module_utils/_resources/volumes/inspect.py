# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume in the shape of ``podman volume inspect``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator, Optional, Sequence

from ..._container.live_status import timestamp
from ..._drivers.host import Host
from ..._model.engine_config import EngineConfig
from ..._model.errors import LibpodError, warn
from ..._model.records.volume import VolumeRecord
from ..._store import volumes as store
from ..._store.store import Store

if TYPE_CHECKING:
    from ..types import InspectedVolume


def inspect(parts: EngineConfig, record: VolumeRecord, used: Optional[Sequence[str]] = None) -> InspectedVolume:
    """Return the volume; with ``used``, the containers that name it too."""
    options = record.options
    inspected: InspectedVolume = {
        "Name": record.name,
        "Driver": "local",
        "Mountpoint": store.data(parts, record.name),
        "CreatedAt": created(parts, record),
        "Labels": dict(record.labels),
        "Scope": "local",
        "Options": options.shown(),
    }
    if options.uid is not None:
        inspected["UID"] = options.uid
    if options.gid is not None:
        inspected["GID"] = options.gid
    if record.anonymous:
        inspected["Anonymous"] = True
    inspected["MountCount"] = _mount_count(parts, record)
    inspected["NeedsCopyUp"] = bool(record.copy_up) and options.copy
    if used is not None:
        inspected["UsedBy"] = list(used)
    return inspected


def created(parts: EngineConfig, record: VolumeRecord) -> str:
    """Return when the volume was made; of one of an earlier version, when its record was written."""
    return record.created or timestamp(os.stat(f"{store.folder(parts, record.name)}/{store.RECORD}").st_mtime)


def _mount_count(parts: EngineConfig, record: VolumeRecord) -> int:
    """Return how many containers hold the volume mounted, and the operator; 0 where nothing is to be mounted."""
    if not record.options.mounts:
        return 0
    return len({*store.holders(Store(parts), record.name, Host(parts).boot_id)})


def everyone(parts: EngineConfig) -> Iterator[VolumeRecord]:
    """Yield all volumes in the order of names; a warning names one whose record cannot be read."""
    for name in store.names(parts):
        try:
            record = store.read(store.folder(parts, name))
        except LibpodError as error:
            warn(f"volume {name} is left out: {error}")
            continue
        if record is not None:
            yield record


def differences(before: VolumeRecord, after: VolumeRecord) -> dict[str, dict[str, object]]:
    """Return what differs, as a task's options, for a diff."""
    pairs = {
        "label": (dict(before.labels), dict(after.labels)),
        "options": (before.options.shown(), after.options.shown()),
    }
    differing = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    return {
        "before": {key: pair[0] for key, pair in differing.items()},
        "after": {key: pair[1] for key, pair in differing.items()},
    }
