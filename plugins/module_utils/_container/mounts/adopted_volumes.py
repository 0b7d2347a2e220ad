# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes of podman's that the engine uses under the same name: each is a bind of podman's directory."""

from __future__ import annotations

from typing import Mapping

from ..._drivers.storage import volume_mounts
from ..._drivers.trees import removal
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState
from ..._model.failpoints import failpoint
from ..._model.options.mounts.volume_options import VolumeOptions
from ..._model.records.volume import VolumeRecord
from ..._store import volumes as store
from ..live_status import timestamp

_LABEL = "libpod.engine.adopted"  # of a volume that an adoption made


def check(parts: EngineConfig, name: str, device: str) -> None:
    """Check that the engine has no other volume of the name.

    :raises InvalidState: it has one.
    """
    record = store.read(store.folder(parts, name))
    if record is not None and (record.options.type, record.options.device) != ("bind", device):
        raise InvalidState(
            f"volume {name}: podman's volume of this name is in {device}, and the engine has another one of the name: "
            "remove that, or rename one of them"
        )


def make(parts: EngineConfig, name: str, device: str, labels: Mapping[str, str]) -> None:
    """Make the volume, unless it is there.

    :raises InvalidState: the engine has another one of the name.
    """
    folder = store.folder(parts, name)
    with store.locked(parts, name):
        check(parts, name, device)
        if store.read(folder) is None:
            store.prepare(f"{folder}/_data")
            options = VolumeOptions(type="bind", device=device)
            store.write(folder, VolumeRecord(name, timestamp(), {**labels, _LABEL: "true"}, options))


def forget(parts: EngineConfig, name: str, device: str) -> None:
    """Remove a volume that an adoption made, and none of podman's files."""
    folder = store.folder(parts, name)
    with store.locked(parts, name):
        record = store.read(folder)
        if record is not None and _LABEL in record.labels and record.options.device == device:
            volume_mounts.unmount(f"{folder}/_data")
            failpoint(f"forget volume {name}")
            removal.remove(folder)
