# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container whose configuration cannot be read, or is a newer version's: what its ID and traces on the host show.

The former can be removed and made again. The latter can be inspected, and counts where others depend on it or share
with it. It is not changed, unless a task gives it up.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple, Optional

from .._drivers import foreign_files
from .._drivers.host import Host
from .._model.errors import ConfigMismatch, LibpodError, MalformedData
from .._model.options.normalise import normalise
from .._model.records.config import FORMAT_VERSION, ContainerConfig
from .._store import records
from .._store.store import Store

# Known by their defaults, since the engine that a host keeps has no annotations.
_TEXTS = [
    key
    for key in ContainerConfig._fields
    if key != "options" and isinstance(ContainerConfig._field_defaults.get(key, ""), str)
]


class StandIn(NamedTuple):
    """A configuration in place of one that this version cannot use, as arguments of ``ContainerBase``."""

    config: ContainerConfig
    unreadable: str
    newer: str = ""


def stand_in(
    store: Store, host: Host, container_id: str, name: str, error: LibpodError, *, plain: bool = False
) -> StandIn:
    """Return the replacement of a configuration that could not be read for ``error``, by ``name`` where none is known.

    A newer version's record is read as one of this version, as far as that goes, unless ``plain``.
    """
    name = name or container_id[:12]
    if not isinstance(error, ConfigMismatch):
        return StandIn(_by_traces(store, host, container_id, name), str(error))
    known = None if plain else _as_of_this_version(store, container_id)
    config = known or _by_traces(store, host, container_id, name)
    advice = f"container {config.name}: {error}, or give it up with state: absent and force_delete: true"
    return StandIn(config, advice, store.config_text(container_id))


def mentions(record: str, name: str) -> bool:
    """Return whether a newer version's record has the name anywhere: its meaning there is unknown."""
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", record) is not None


def may_mention(record: str, name: str) -> bool:
    """Return whether a damaged record has the name anywhere, or had it in what is cut off."""
    return not record.rstrip().endswith("}") or mentions(record, name)


def _as_of_this_version(store: Store, container_id: str) -> Optional[ContainerConfig]:
    """Return the configuration, where all that this version would read has a known shape; else None."""
    path = f"{store.static_dir(container_id)}/config.json"
    try:
        record = records.read(path)
        known = record if isinstance(record, dict) else {}
        config = ContainerConfig.from_json({**known, "version": FORMAT_VERSION}, path)
        if not all(isinstance(getattr(config, key), str) for key in _TEXTS):
            return None
        for key, member in vars(ContainerConfig).items():
            if isinstance(member, property):
                getattr(config, key)
    except (LibpodError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    return config if config.id == container_id else None


def _by_traces(store: Store, host: Host, container_id: str, name: str) -> ContainerConfig:
    """Return every option at its default, but for those that traces on the host show."""
    static_dir = store.static_dir(container_id)
    parent = _cgroup_parent(f"{store.run_dir(container_id)}/config.json")
    return ContainerConfig(
        id=container_id,
        name=name,
        created_time="",
        options={**normalise({}), "cgroup_parent": parent},
        static_dir=static_dir,
        # For the changes of an overlay; the directory below them no longer matters.
        rootfs=static_dir if os.path.isdir(f"{static_dir}/overlay") else "",
        overlay=True,
        cgroup_manager=host.cgroup_manager,
        oci_runtime=_oci_runtime(host, container_id),
    )


def _oci_runtime(host: Host, container_id: str) -> str:
    """Return the name of the OCI runtime that has a state of the container, by its folder; empty where none has."""
    folders = sorted({*_names(host.parts.run_root)} - {"containers"})
    return next((name for name in folders if host.has_state(name, container_id)), "")


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _cgroup_parent(path: str) -> str:
    """Return the parent in an OCI spec's ``linux.cgroupsPath``; empty where there is none."""
    try:
        cgroup = foreign_files.read_json(path)["linux"]["cgroupsPath"].text(required=True)
    except (OSError, MalformedData):
        return ""
    return cgroup.partition(":")[0] if ":" in cgroup else os.path.dirname(cgroup)
