# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod network``: ``ls`` and ``inspect``."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import NoSuchNetwork
from .._resources.networks.inspect import inspected
from .._runtime.runtime import Runtime
from . import table
from .arguments import listing

_HEADINGS = ("NAME", "DRIVER", "INTERFACE", "SUBNETS", "CONTAINERS")


def network(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List networks, or show everything about some."""
    options = listing("network", "The networks of the host and the containers on them.", "networks", arguments)
    runtime = Runtime(parts)
    if options.verb == "inspect":
        found = list(inspected(runtime, options.name))
        missing = [name for name in options.name if name not in [one["name"] for one in found]]
        if missing:
            raise NoSuchNetwork(f"network {missing[0]} is not defined in {parts.cni_config_dir}")
        table.write_json(found)
        return 0
    table.write_list(options, {one["name"]: one for one in inspected(runtime)}, _HEADINGS, _row)
    return 0


def _row(one: Mapping[str, Any]) -> Sequence[object]:
    subnets = ", ".join(subnet["subnet"] for subnet in one["subnets"])
    return one["name"], one["driver"], one.get("network_interface", ""), subnets, table.users(one["used_by"])
