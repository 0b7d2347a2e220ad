# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup limits of a running container: apply those that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._drivers.cgroups import limits
from ..._drivers.cgroups.manager import read_file
from ..._model import journal
from ..._model.cgroup_limits import LIMITS
from ..._model.options.table import select
from ..._model.records.config import ContainerConfig
from ..._spec.resources import changed_resources
from . import kernel_limits

if TYPE_CHECKING:
    from ..base import ContainerBase


def apply(container: ContainerBase, config: ContainerConfig, parts: set[str]) -> None:
    """Apply the limits among ``parts``, those that the OCI runtime knows through it, the others by their files.

    The runtime also writes again what it knows from the container's creation, so all of the others are written after.
    """
    host = container.host
    if not parts & {*(name for name, row in LIMITS.items() if row.set_by), "cgroup_conf"}:
        return
    wanted = changed_resources(
        config.options,
        parts,
        swap=host.swap,
        unified=host.cgroups.unified,
        all_cpus=read_file("/sys/devices/system/cpu/online") or "0",
        all_mems=read_file("/sys/devices/system/node/online") or "0",
    )
    if wanted:
        if "limit" in wanted.get("memory", ()):
            owner = f"container {container.name}"
            limits.make_room(host.cgroups, container.cgroup_path, config.options["memory"], owner)
        if not container.oci.by_specification:
            container.oci.update(container.id, container.name, wanted)
        journal.begun_update(container.id, container.name)
    setters = ("engine", "runtime") if container.oci.by_specification else ("engine",)
    own = select(config.options, (name for name, row in LIMITS.items() if row.set_by in setters))
    numbers = kernel_limits.numbers(config.options, missing_ok=True)
    limits.write(host.cgroups, container.cgroup_path, own, numbers)
    limits.write_named(host.cgroups, container.cgroup_path, config.options["cgroup_conf"])
