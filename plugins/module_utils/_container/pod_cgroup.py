# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup of a pod, above those of its containers; it has the pod's limits before a container is in it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .._drivers.cgroups import hierarchy, limits, manager
from .._model.records.config import DEFAULT_CGROUP_PARENT
from .._model.records.pod import PodConfig
from .._store import pods

if TYPE_CHECKING:
    from .base import ContainerBase

# How long systemd may take to apply limits.
_SYSTEMD_SECONDS = 2.0


def prepare(container: ContainerBase) -> None:
    """Make the pod's cgroup, which a reboot removes, and apply the pod's limits."""
    pod, host = pods.read(container.store, container.config.pod), container.host.cgroups
    if manager.manager_of(pod.cgroup) == "cgroupfs":
        hierarchy.prepare(host, pod.cgroup)
    elif any(pod.limits.values()) and not _exists(host, pod):
        # systemd makes it with the first scope in it, but without limits.
        _limit_slice(host, pod)
    limit(host, pod)


def limit(host: manager.CgroupHost, pod: PodConfig) -> None:
    """Apply the pod's limits where its cgroup exists."""
    path = manager.parent_path(pod.cgroup)
    if not has_drifted(host, pod):
        return
    limits.make_room(host, path, pod.limits["memory"], f"pod {pod.name}")
    if manager.manager_of(pod.cgroup) == "systemd":
        _limit_slice(host, pod)
    else:
        # The process that made it may have been killed before it was in each hierarchy.
        hierarchy.prepare(host, pod.cgroup)
    # Limits that systemd rounds, or does not know.
    limits.write(host, path, pod.limits)


def has_drifted(host: manager.CgroupHost, pod: PodConfig) -> bool:
    """Return whether the pod's cgroup exists with other limits than those recorded."""
    return _exists(host, pod) and bool(manager.drift(host, manager.parent_path(pod.cgroup), pod.limits))


def _limit_slice(host: manager.CgroupHost, pod: PodConfig) -> None:
    from .._drivers.cgroups import systemd_units

    systemd_units.limit_slice(pod.cgroup, pod.limits)
    deadline = time.monotonic() + _SYSTEMD_SECONDS
    while time.monotonic() < deadline and (not _exists(host, pod) or has_drifted(host, pod)):
        time.sleep(0.005)


def remove(host: manager.CgroupHost, pod: PodConfig) -> None:
    """Remove the cgroup of a pod without containers."""
    if _exists(host, pod):
        if manager.manager_of(pod.cgroup) == "systemd":
            from .._drivers.cgroups import systemd_units

            systemd_units.stop(pod.cgroup)
        hierarchy.remove(host, manager.parent_path(pod.cgroup))
    if os.path.dirname(pod.cgroup) == DEFAULT_CGROUP_PARENT:
        hierarchy.remove_if_empty(host, DEFAULT_CGROUP_PARENT)


def _exists(host: manager.CgroupHost, pod: PodConfig) -> bool:
    return hierarchy.exists(host, manager.parent_path(pod.cgroup))
