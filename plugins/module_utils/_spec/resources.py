# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroup limits of the OCI runtime spec (config-linux.md#control-groups)."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

# What the kernel takes as "no limit", for the options whose None must overwrite an earlier limit.
NO_LIMIT = {
    "memory": -1,
    "memory_swap": -1,
    "cpu_quota": -1,
    "cpu_period": 100000,
    "cpu_shares": 1024,
    "pids_limit": -1,
    "blkio_weight": 100,
    "cpu_rt_period": 1000000,
    "cpu_rt_runtime": 0,
}
_PLACES = {
    "memory": ("memory", "limit"),
    "memory_swap": ("memory", "swap"),
    "cpu_quota": ("cpu", "quota"),
    "cpu_period": ("cpu", "period"),
    "cpu_shares": ("cpu", "shares"),
    "cpuset_cpus": ("cpu", "cpus"),
    "pids_limit": ("pids", "limit"),
    "memory_reservation": ("memory", "reservation"),
    "memory_swappiness": ("memory", "swappiness"),
    "kernel_memory": ("memory", "kernel"),
    "cpuset_mems": ("cpu", "mems"),
    "cpu_rt_period": ("cpu", "realtimePeriod"),
    "cpu_rt_runtime": ("cpu", "realtimeRuntime"),
    "blkio_weight": ("blockIO", "weight"),
}
_BY_DEVICE = {
    "blkio_weight_device": ("weightDevice", "weight"),
    "device_read_bps": ("throttleReadBpsDevice", "rate"),
    "device_write_bps": ("throttleWriteBpsDevice", "rate"),
    "device_read_iops": ("throttleReadIOPSDevice", "rate"),
    "device_write_iops": ("throttleWriteIOPSDevice", "rate"),
}
LIMITS = tuple(_PLACES)
BY_DEVICE = tuple(_BY_DEVICE)
# What an OCI runtime's update takes; the others are written by ``cgroups_direct``.
UPDATED = tuple(name for name in LIMITS if name not in ("memory_swappiness", "kernel_memory"))


def resources(options: Mapping[str, Any], *, swap: bool, numbers: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """``linux.resources`` of a new container from its normalised options.

    ``swap``: the host accounts for swap; ``numbers`` are the major and minor number of each device that is named.
    """
    found = _limits(options, LIMITS, swap)
    if options["oom_kill_disable"]:
        found.setdefault("memory", {})["disableOOMKiller"] = True
    if options["cgroup_conf"]:
        found["unified"] = dict(options["cgroup_conf"])
    for name, (key, field) in _BY_DEVICE.items():
        if options[name]:
            found.setdefault("blockIO", {})[key] = [
                {"major": numbers[path][0], "minor": numbers[path][1], field: limit}
                for path, limit in options[name].items()
            ]
    return found


def _limits(values: Mapping[str, Any], names: Iterable[str], swap: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        if values[name] is not None and (swap or name != "memory_swap"):
            controller, key = _PLACES[name]
            found.setdefault(controller, {})[key] = values[name]
    return found


def changed_resources(
    options: Mapping[str, Any], names: Iterable[str], *, swap: bool, unified: bool, all_cpus: str, all_mems: str
) -> dict[str, Any]:
    """``linux.resources`` for an update in place of the limits in ``names``; other names are passed over.

    Memory and swap go together, and so do quota and period, for the kernel checks one against the other; ``all_cpus``
    and ``all_mems`` are what the cpusets are set to where they are no longer limited. A reservation is given up with -1
    in cgroup v1; in v2 -1 would reserve everything, 0 is not written by runc, and 1 byte is no page.
    """
    wanted = set(names) & set(UPDATED)
    for pair in ({"memory", "memory_swap"}, {"cpu_quota", "cpu_period"}, {"cpu_rt_period", "cpu_rt_runtime"}):
        if wanted & pair:
            wanted |= pair
    free = {**NO_LIMIT, "cpuset_cpus": all_cpus, "cpuset_mems": all_mems, "memory_reservation": 1 if unified else -1}
    values = {name: free[name] if options[name] is None else options[name] for name in wanted}
    return _limits(values, [name for name in LIMITS if name in wanted], swap)
