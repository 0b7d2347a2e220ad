# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod in the shape of ``podman pod inspect``."""

from __future__ import annotations

import os
from typing import Mapping

from .._drivers.cgroups import manager
from .._model.cgroup_limits import LIMITS
from .._model.records.pod import PodConfig, status
from .inspect import inspect
from .pods import Pods, lasting

_MANY = "NetworkMode PidMode IpcMode UTSMode PortBindings Dns DnsOptions DnsSearch ExtraHosts ShmSize Sysctls".split()
_RENAMED = {"memory": "memory_limit"}


def inspect_pod(pods: Pods, pod: PodConfig) -> dict[str, object]:
    """Return the pod as it is now, without a lock and without starting a program."""
    members = pods.members(pod.id)
    inspected = [(one, inspect(one.peek())) for one in members]
    infra = next((shape for one, shape in inspected if one.config.infra), None)
    host_config: Mapping[str, object] = infra["HostConfig"] if infra else {}
    cgroup = manager.parent_path(pod.cgroup)
    return {
        "Id": pod.id,
        "Name": pod.name,
        "Created": pod.created_time,
        "State": status([shape["State"]["ModelStatus"] for one, shape in inspected if lasting([one])]),
        "Hostname": infra["Config"]["Hostname"] if infra else "",
        "Labels": pod.options["label"],
        "CreateCgroup": True,
        "CgroupParent": os.path.dirname(cgroup),
        "CgroupPath": cgroup,
        "CreateInfra": True,
        "InfraContainerID": infra["Id"] if infra else "",
        "InfraConfig": {
            **{key: host_config[key] for key in _MANY if key in host_config},
            "HostNetwork": host_config.get("NetworkMode") == "host",
        },
        "NetworkSettings": infra["NetworkSettings"] if infra else {},
        "SharedNamespaces": pod.share,
        "NumContainers": len(members),
        "Containers": [
            {"Id": shape["Id"], "Name": shape["Name"], "State": shape["State"]["Status"]} for _one, shape in inspected
        ],
        **{_RENAMED.get(name, name): LIMITS[name].shown(value) for name, value in pod.limits.items()},
    }
