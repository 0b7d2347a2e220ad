# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_wait: a container's coming to a status, its health, or its end."""

from __future__ import annotations

from ..._runtime import waiting
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_container_wait."""
    return {
        "name": {"type": "str", "required": True, "aliases": ["container"]},
        "condition": {
            "type": "list",
            "elements": "str",
            "default": ["stopped"],
            "choices": list(waiting.CONDITIONS),
            "aliases": ["conditions"],
        },
        "timeout": {"type": "str", "default": "300"},
        **arguments.parts_spec(),
    }


def wait(module: EngineModule) -> dict[str, object]:
    """Wait, or in check mode say what is known now."""
    params = module.params
    runtime = Runtime(arguments.parts(params))
    limit = arguments.longest_wait(params["timeout"], "timeout")
    seen = waiting.wait(runtime, params["name"], params["condition"], limit, once=module.check_mode)
    return {"changed": False, **seen._asdict()}


def main() -> None:
    """libpod_container_wait, from a task's arguments to its result."""
    run(
        EngineModule(argument_spec=spec(), supports_check_mode=True),
        wait,
        {"changed": False, **waiting.Seen("removed")._asdict()},
    )
