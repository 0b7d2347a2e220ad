# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of a volume that no container names."""

from __future__ import annotations

import os
from contextlib import suppress

from ..._drivers.storage import project_quota, volume_mounts
from ..._drivers.trees import removal
from ..._model.engine_config import EngineConfig
from ..._model.errors import ConfigMismatch, StateCorrupt
from ..._model.failpoints import failpoint
from ..._runtime.base import RuntimeBase
from ..._store import volumes as store
from .usage import users

# No volume's name begins with a dot.
TRASH = ".pruned-"


def remove(runtime: RuntimeBase, name: str) -> list[str]:
    """Remove a volume and what is left of its earlier removal; return the containers for which it stays.

    It is unmounted and renamed first, and restored if a container that names it has appeared since.

    :raises NotRemoved: something of it is left.
    """
    if not os.path.isdir(store.folder(runtime.parts, name)):
        finish(runtime.parts, name)
        return []
    with store.locked(runtime.parts, name):
        return discard(runtime, name)


def finish(parts: EngineConfig, name: str) -> None:
    """Remove what an interrupted removal of a volume has left."""
    trash = _trash(parts, name)
    if os.path.isdir(trash):
        # Another process may be about to restore it, for a container that has appeared.
        with store.locked(parts, name):
            _clear(trash)


def _trash(parts: EngineConfig, name: str) -> str:
    return f"{os.path.dirname(store.folder(parts, name))}/{TRASH}{name}"


def discard(runtime: RuntimeBase, name: str) -> list[str]:
    """Do what ``remove`` does with a volume that is there, under its lock."""
    folder, trash = store.folder(runtime.parts, name), _trash(runtime.parts, name)
    used = users(runtime).get(name, [])
    if used or not os.path.isdir(folder):
        return used
    volume_mounts.unmount(f"{folder}/_data")
    store.release(runtime.parts, name)
    _clear(trash)
    failpoint(f"rename volume {name}")
    os.rename(folder, trash)
    used = users(runtime).get(name, [])
    if used:
        os.rename(trash, folder)
    else:
        _clear(trash)
    return used


def _clear(trash: str) -> None:
    if os.path.isdir(trash):
        _lift_quota(trash)
        failpoint("remove volume")
        removal.remove(trash)


def _lift_quota(trash: str) -> None:
    """Take the limits from the project of a volume with a quota, which another directory can have afterwards."""
    with suppress(StateCorrupt, ConfigMismatch, OSError):
        record = store.read(trash)
        if record and record.options.has_quota and project_quota.has_project(f"{trash}/_data"):
            project_quota.limit(f"{trash}/_data", 0, 0)
