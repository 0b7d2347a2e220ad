# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_network_info: networks in the shape of ``podman network inspect``."""

from __future__ import annotations

from ..._resources.networks.inspect import inspected
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_network_info."""
    return {"name": {"type": "str"}, "executable": {"type": "str"}, **arguments.parts_spec()}


def networks(module: EngineModule) -> dict[str, object]:
    """Return the named network, or all; none for a name of no network."""
    name = module.params["name"]
    runtime = Runtime(arguments.parts(module.params))
    return {"changed": False, "networks": list(inspected(runtime, [name] if name else []))}


def main() -> None:
    """libpod_network_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), networks)
