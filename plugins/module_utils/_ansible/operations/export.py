# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_export: a container's root filesystem, or a volume, as a tar file."""

from __future__ import annotations

import os

from ..._container.rootfs.export import export_volume
from ..._model import caller
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_export."""
    return {
        "container": {"type": "str"},
        "volume": {"type": "str"},
        "executable": {"type": "str"},
        "dest": {"type": "path", "required": True},
        "force": {"type": "bool", "default": True},
        **arguments.parts_spec(),
    }


def export(module: EngineModule) -> dict[str, object]:
    """Write the file, or in check mode say whether it would be."""
    params = module.params
    dest = caller.absolute(params["dest"])
    parts, what = arguments.parts(params), params["container"] or f"volume {params['volume']}"
    container = Runtime(parts).container(what) if params["container"] else None
    changed = False
    if container and (params["force"] or not os.path.exists(dest)):
        changed, what = container.export(dest, dry=module.check_mode), container.name
    elif params["force"] or not os.path.exists(dest):
        changed = export_volume(parts, params["volume"], dest, module.check_mode)
    return {"changed": changed, "dest": dest, "actions": [f"exported {what}"] if changed else []}


def main() -> None:
    """libpod_export, from a task's arguments to its result."""
    either = ("container", "volume")
    run(
        EngineModule(
            argument_spec=spec(), supports_check_mode=True, mutually_exclusive=[either], required_one_of=[either]
        ),
        export,
        {"changed": True, "actions": []},
    )
