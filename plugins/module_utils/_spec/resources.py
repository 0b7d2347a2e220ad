# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroup limits of the OCI runtime spec (config-linux.md#control-groups)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Mapping

from .._model.cgroup_codecs import Values
from .._model.cgroup_limits import LIMITS, Limit, with_partners

if TYPE_CHECKING:
    from .types import Resources


def resources(options: Values, *, swap: bool, numbers: Mapping[str, tuple[int, int]]) -> Resources:
    """Return ``linux.resources`` of a new container from its normalised options.

    ``swap``: the host accounts for swap; ``numbers`` are the major and minor number of each device that is named.
    """
    spec = _sections({name: _value(row, options[name], numbers) for name, row in LIMITS.items()}, swap)
    if options["cgroup_conf"]:
        spec["unified"] = dict(options["cgroup_conf"])
    return spec


def _value(row: Limit, value: object, numbers: Mapping[str, tuple[int, int]]) -> object:
    """Return a limit as the specification has it, None for none."""
    if value is False:
        return None
    if not isinstance(value, dict):
        return value
    devices = ((*numbers[path], limit) for path, limit in value.items())
    return [{"major": major, "minor": minor, row.device_field: limit} for major, minor, limit in devices] or None


def _sections(values: Mapping[str, object], swap: bool) -> Resources:
    spec: Resources = {}
    for name, value in values.items():
        if value is not None and (swap or name != "memory_swap"):
            section, key = LIMITS[name].oci
            spec.setdefault(section, {})[key] = value
    return spec


def changed_resources(
    options: Values, names: Iterable[str], *, swap: bool, unified: bool, all_cpus: str, all_mems: str
) -> Resources:
    """Return ``linux.resources`` for an update in place of the limits in ``names``; other names are passed over.

    Limits that the kernel checks against each other go together. ``all_cpus`` and ``all_mems`` are what the cpusets are
    set to where they are no longer limited.
    """
    updated = with_partners(name for name in names if name in LIMITS and LIMITS[name].set_by == "runtime")
    free = {name: row.unlimited_on(unified) for name, row in LIMITS.items()}
    free.update(cpuset_cpus=all_cpus, cpuset_mems=all_mems)
    values = {name: free[name] if options[name] is None else options[name] for name in LIMITS if name in updated}
    return _sections(values, swap)
