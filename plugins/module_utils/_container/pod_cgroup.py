# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup of a pod, under which its containers' are; it has the pod's limits before a container is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._drivers import cgroups_limits, cgroups_tree
from .._store import pods

if TYPE_CHECKING:
    from .container import Container


def prepare(container: Container) -> None:
    """Make the pod's cgroup, which a reboot takes away, and put the pod's limits in force."""
    if container.config.cgroup_manager == "systemd":
        return
    pod = pods.read(container.store, container.config.pod)
    cgroups_tree.prepare(container.host.cgroups, pod.cgroup)
    cgroups_limits.write(container.host.cgroups, pod.cgroup, pod.limits)
