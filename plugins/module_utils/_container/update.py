# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update in place: limits the kernel takes while the container runs, and values that only the record holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._drivers.cgroups import read_file
from .._model.config import ContainerConfig
from .._spec.resources import changed_resources

if TYPE_CHECKING:
    from .container import Container


def update(container: Container, config: ContainerConfig, limits: list[str]) -> None:
    """Give a live container the changed ``limits`` of ``config``, then record it.

    In this order, for an interrupted update is then seen as a difference by the next run, and done again.
    """
    if limits and container.state.status.has_process:
        wanted = changed_resources(
            config.options,
            limits,
            swap=container.host.swap,
            unified=container.host.cgroups.unified,
            all_cpus=read_file("/sys/devices/system/cpu/online") or "0",
            all_mems=read_file("/sys/devices/system/node/online") or "0",
        )
        container.host.oci.update(container.id, container.name, wanted)
    container.store.write_config(config)
    container.event("update")
