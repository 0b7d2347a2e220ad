# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup of a container's conmon, which also holds all else that the engine starts for the container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers.cgroups import hierarchy, manager

if TYPE_CHECKING:
    from ..base import ContainerBase


def service(container: ContainerBase) -> str:
    """Return the systemd service that watches conmon as its main process, empty where its cgroup is not a service's."""
    lines = (manager.read_file(f"/proc/{container.state.conmon.pid}/cgroup") or "").splitlines()
    paths = (line.split(":", 2)[2] for line in lines if line.split(":")[1] in ("", "name=systemd"))
    return next((os.path.basename(path) for path in paths if path.endswith(".service")), "")


def enter(container: ContainerBase, pid: int) -> None:
    """Move a process into it; the container's cgroup manager makes the cgroup where it is missing."""
    config, host = container.config, container.host.cgroups
    if config.cgroup_manager == "systemd":
        from ..._drivers.cgroups import systemd_units

        systemd_units.enter_scope(host, container.conmon_cgroup_path, config.cgroup_parent, pid)
    else:
        hierarchy.enter(host, container.conmon_cgroup_path, pid)
