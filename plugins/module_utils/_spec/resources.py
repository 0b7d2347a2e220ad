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
}
_PLACES = {
    "memory": ("memory", "limit"),
    "memory_swap": ("memory", "swap"),
    "cpu_quota": ("cpu", "quota"),
    "cpu_period": ("cpu", "period"),
    "cpu_shares": ("cpu", "shares"),
    "cpuset_cpus": ("cpu", "cpus"),
    "pids_limit": ("pids", "limit"),
}
LIMITS = tuple(_PLACES)


def resources(options: Mapping[str, Any], *, swap: bool, names: Iterable[str] = LIMITS) -> dict[str, Any]:
    """``linux.resources`` of a new container from its normalised options; ``swap``: the host accounts swap."""
    found: dict[str, Any] = {}
    for name in names:
        if options[name] is not None and (swap or name != "memory_swap"):
            controller, key = _PLACES[name]
            found.setdefault(controller, {})[key] = options[name]
    return found


def changed_resources(options: Mapping[str, Any], names: Iterable[str], *, swap: bool, all_cpus: str) -> dict[str, Any]:
    """``linux.resources`` for an update in place of the limits in ``names``.

    Memory and swap go together, and so do quota and period, for the kernel checks one against the other;
    ``all_cpus`` is what cpuset_cpus is set to where it is no longer limited.
    """
    wanted = set(names)
    for pair in ({"memory", "memory_swap"}, {"cpu_quota", "cpu_period"}):
        if wanted & pair:
            wanted |= pair
    free = {**NO_LIMIT, "cpuset_cpus": all_cpus}
    values = {name: free[name] if options[name] is None else options[name] for name in wanted}
    return resources(values, swap=swap, names=[name for name in LIMITS if name in wanted])
