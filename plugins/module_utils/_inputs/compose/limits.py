# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's limits: what Compose has in ``deploy``, ``blkio_config``, ``ulimits`` and ``gpus``."""

from __future__ import annotations

from typing import Any

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, flag, scalar, scalars, size, to, unread, whole
from ..stack import Options

_RATES = ("device_read_bps", "device_write_bps", "device_read_iops", "device_write_iops")
_SWARM = ("endpoint_mode", "labels", "rollback_config", "update_config")


class Limits:
    """Translates the limits of services."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.known: dict[str, Translate] = {
            "blkio_config": self._blkio,
            "cpus": to("cpus", scalar),
            "cpu_period": to("cpu_period", whole),
            "cpu_quota": to("cpu_quota", whole),
            "cpu_rt_period": to("cpu_rt_period", whole),
            "cpu_rt_runtime": to("cpu_rt_runtime", whole),
            "cpu_shares": to("cpu_shares", whole),
            "cpuset": to("cpuset_cpus", scalar),
            "deploy": self._deploy,
            "gpus": self._gpus,
            "mem_limit": to("memory", size),
            "mem_reservation": to("memory_reservation", size),
            "mem_swappiness": to("memory_swappiness", whole),
            "memswap_limit": to("memory_swap", size),
            "oom_kill_disable": to("oom_kill_disable", flag),
            "oom_score_adj": to("oom_score_adj", whole),
            "pids_limit": to("pids_limit", scalar),
            "shm_size": to("shm_size", size),
            "ulimits": self._ulimits,
        }

    def _deploy(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {
            "mode": self._mode,
            "replicas": unread,  # ``scale`` reads it
            "resources": self._resources,
            "restart_policy": self._restart,
        }
        return self._fields.of(node, known, _SWARM)

    def _mode(self, node: Foreign) -> Options:
        if scalar(node) != "replicated":
            self._fields.refuse(node, "a host has one of each service, or as many as replicas says")
        return {}

    def _resources(self, node: Foreign) -> Options:
        limits: dict[str, Translate] = {
            "cpus": to("cpus", scalar),
            "memory": to("memory", size),
            "pids": to("pids_limit", scalar),
        }
        reservations: dict[str, Translate] = {"memory": to("memory_reservation", size), "devices": self._gpus}
        known: dict[str, Translate] = {
            "limits": lambda one: self._fields.of(one, limits),
            "reservations": lambda one: self._fields.of(one, reservations, ("cpus",)),
        }
        return self._fields.of(node, known)

    def _restart(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {
            "condition": lambda one: {"condition": scalar(one)},
            "max_attempts": lambda one: {"attempts": whole(one)},
        }
        found = self._fields.of(node, known, ("delay", "window"))
        policy = {"none": "no", "on-failure": "on-failure", "any": "always"}.get(found.get("condition", "any"))
        if policy is None:
            node["condition"].fail("none, on-failure or any")
        attempts = f":{found['attempts']}" if policy == "on-failure" and found.get("attempts") else ""
        return {"deployed_restart": f"{policy}{attempts}"}

    def _blkio(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {
            "weight": to("blkio_weight", whole),
            "weight_device": lambda one: {
                "blkio_weight_device": {each["path"].text(required=True): whole(each["weight"]) for each in one}
            },
            **dict.fromkeys(_RATES, self._rate),
        }
        return self._fields.of(node, known)

    def _rate(self, node: Foreign) -> Options:
        values = [f"{one['path'].text(required=True)}:{size(one['rate'])}" for one in node]
        return {node.path.rpartition(".")[2]: values}

    def _ulimits(self, node: Foreign) -> Options:
        values = []
        for key, one in node.items():
            if isinstance(one.value, dict):
                values.append(f"{key}={whole(one['soft'])}:{whole(one['hard'])}")
            else:
                values.append(f"{key}={whole(one)}")
        return {"ulimit": values}

    def _gpus(self, node: Foreign) -> Options:
        if node.value == "all":
            return {"gpus": "all"}
        names: list[str] = []
        for one in node:
            names += self._gpu(one)
        return {"gpus": ",".join(names)} if names else {}

    def _gpu(self, node: Foreign) -> list[str]:
        """Return the names of the devices that one entry asks for."""
        found: dict[str, Any] = self._fields.of(
            node,
            {
                "capabilities": lambda one: {"capabilities": scalars(one)},
                "count": lambda one: {"count": scalar(one)},
                "device_ids": lambda one: {"ids": scalars(one)},
                "driver": lambda one: {"driver": scalar(one)},
            },
        )
        if found.get("driver", "nvidia") != "nvidia" or "gpu" not in found.get("capabilities", ["gpu"]):
            self._fields.refuse(node, "devices other than NVIDIA's graphics processors are given by devices")
        if found.get("ids"):
            return list(found["ids"])
        if found.get("count", "all") not in ("all", "-1"):
            self._fields.refuse(node["count"], "name the processors with device_ids, or take all")
        return ["all"]
