# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on disk: ``<static>/volumes/NAME/volume.json`` beside ``_data``, and who holds one mounted.

``<run>/volumes/NAME.json`` exists where the operator holds it mounted. What else holds it is in containers' states.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, Optional

from .._model.engine_config import EngineConfig
from .._model.errors import ConfigMismatch, NoSuchContainer, NoSuchVolume, StateCorrupt
from .._model.failpoints import failpoint
from .._model.records.volume import VolumeRecord
from . import records
from .locks import FileLock
from .store import Store

RECORD = "volume.json"


def folder(parts: EngineConfig, name: str) -> str:
    """Return the volume's directory, which has its record and ``_data``."""
    return f"{parts.static_root}/volumes/{name}"


def data(parts: EngineConfig, name: str) -> str:
    return f"{folder(parts, name)}/_data"


@contextmanager
def locked(parts: EngineConfig, name: str) -> Iterator[None]:
    """Hold the lock under which a volume is made, mounted, unmounted and removed; nothing is locked under it."""
    with FileLock(f"{parts.run_root}/locks/+volume-{name}.lock") as lock:
        try:
            yield
        finally:
            lock.discard()


def read(directory: str) -> Optional[VolumeRecord]:
    """Return the record in a volume's directory, None where there is none.

    :raises StateCorrupt: it cannot be read. :raises ConfigMismatch: a newer version of the engine wrote it.
    """
    path = f"{directory}/{RECORD}"
    try:
        record = records.read(path)
        return None if record is None else VolumeRecord.from_json(record, path)
    except NotADirectoryError:
        return None
    except StateCorrupt as error:
        raise StateCorrupt(f"{error}: restore it, or remove the volume by libpod_volume with state: absent") from error


def existing(parts: EngineConfig, name: str) -> VolumeRecord:
    """Return the record of a volume. :raises NoSuchVolume: there is none of this name. Else as ``read``."""
    record = read(folder(parts, name))
    if record is None:
        raise NoSuchVolume(f"no volume has the name {name!r}")
    return record


def write(directory: str, record: VolumeRecord) -> None:
    records.write(f"{directory}/{RECORD}", record.to_json())


def prepare(directory: str) -> None:
    """Make a volume's directory. Only the way to it is closed to others, since containers' users need its modes."""
    failpoint("make volume")
    os.makedirs(directory, 0o755, exist_ok=True)
    os.chmod(os.path.dirname(directory), 0o700)


def names(parts: EngineConfig) -> list[str]:
    """Return the names of all volumes that are complete, sorted."""
    top = f"{parts.static_root}/volumes"
    try:
        entries = sorted(os.listdir(top))
    except FileNotFoundError:
        return []
    return [name for name in entries if not name.startswith(".") and os.path.exists(f"{top}/{name}/{RECORD}")]


# Who holds it mounted


def holders(store: Store, name: str, boot_id: str) -> Iterator[str]:
    """Yield the IDs of the containers that hold the volume mounted since this boot, and ``""`` for the operator."""
    if held_by_operator(store.parts, name, boot_id):
        yield ""
    try:
        ids = os.listdir(f"{store.parts.static_root}/containers")
    except FileNotFoundError:
        return
    for container_id in ids:
        state = store.state(container_id)
        if state and state.boot_id == boot_id and name in state.held_volumes:
            yield container_id
        elif state and state.unreadable and _names(store, container_id, name):
            yield container_id  # it may, until its state is repaired


def _names(store: Store, container_id: str, name: str) -> bool:
    try:
        volumes = store.config(container_id).volumes
    except (NoSuchContainer, StateCorrupt, ConfigMismatch):
        return False
    return any(one["type"] == "volume" and one["source"] == name for one in volumes)


def held_by_operator(parts: EngineConfig, name: str, boot_id: str) -> bool:
    try:
        record = records.read(_hold(parts, name))
    except StateCorrupt:
        return True
    return isinstance(record, dict) and record.get("boot_id") == boot_id


def hold(parts: EngineConfig, name: str, boot_id: str) -> None:
    """Record that the operator holds the volume mounted, until ``release`` or the next boot."""
    path = _hold(parts, name)
    if not os.path.isdir(os.path.dirname(path)):
        failpoint("mkdir held volumes")
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    records.write(path, {"boot_id": boot_id}, durable=False)


def release(parts: EngineConfig, name: str) -> None:
    records.remove(_hold(parts, name))


def _hold(parts: EngineConfig, name: str) -> str:
    return f"{parts.run_root}/volumes/{name}.json"
