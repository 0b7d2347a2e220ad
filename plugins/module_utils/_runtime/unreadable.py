# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container whose configuration cannot be read: what its ID alone still tells, which is enough to remove it."""

from __future__ import annotations

import os

from .._container.container import Container
from .._drivers.host import Host
from .._model import foreign
from .._model.config import ContainerConfig
from .._model.errors import MalformedData
from .._model.options import normalise
from .._store.store import Store


def container(store: Store, host: Host, container_id: str, name: str, reason: str) -> Container:
    """The container with every option at its default, but for those its traces on the host give away."""
    static_dir = store.static_dir(container_id)
    parent = _cgroup_parent(f"{store.run_dir(container_id)}/config.json")
    config = ContainerConfig(
        id=container_id,
        name=name,
        created_time="",
        options={**normalise({}), "cgroup_parent": parent},
        static_dir=static_dir,
        # Where there are an overlay's changes; the directory below them does not matter any more.
        rootfs=static_dir if os.path.isdir(f"{static_dir}/overlay") else "",
        overlay=True,
        cgroup_manager=host.cgroup_manager,
    )
    return Container(store, host, config, unreadable=reason)


def _cgroup_parent(path: str) -> str:
    """The parent in an OCI spec's ``linux.cgroupsPath``; empty where there is none."""
    try:
        found = foreign.read(path)["linux"]["cgroupsPath"].text(required=True)
    except (OSError, MalformedData):
        return ""
    return found.partition(":")[0] if ":" in found else os.path.dirname(found)
