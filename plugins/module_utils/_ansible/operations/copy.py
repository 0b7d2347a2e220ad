# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_copy: copy of files and directories into a container and out of it."""

from __future__ import annotations

import os
from typing import Any

from ..._container.rootfs.copy import Copy, host_path
from ..._model.options.syntax.parsers import absolute_path, wrong
from ..._runtime.runtime import Runtime
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_container_copy."""
    return {
        "src": {"type": "str", "required": True},
        "dest": {"type": "str", "required": True},
        "container": {"type": "str", "required": True},
        "from_container": {"type": "bool", "default": False},
        "archive": {"type": "bool", "default": True},
        "overwrite": {"type": "bool", "default": False},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def copy(module: EngineModule) -> dict[str, object]:
    """Copy what differs, or in check mode say what would be."""
    params = module.params
    out = params["from_container"]
    request = Copy(
        src=_path(params, "src", inside=out),
        dest=_path(params, "dest", inside=not out),
        out=out,
        archive=params["archive"],
        overwrite=params["overwrite"],
        dry=module.check_mode,
    )
    copied = Runtime(arguments.parts(params)).container(params["container"]).copy(request)
    return {"changed": bool(copied), "copied": copied}


def _path(params: dict[str, Any], option: str, *, inside: bool) -> str:
    """Return the path with its end, "/" or "/.", which has a meaning; a path on the host may be relative."""
    path: str = params[option]
    if not path or "\0" in path:
        raise wrong(option, path, "a path")
    if inside:
        absolute_path(path, option)
        return path
    return host_path(os.path.expanduser(path))


def main() -> None:
    """libpod_container_copy, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), copy, {"changed": True, "copied": []})
