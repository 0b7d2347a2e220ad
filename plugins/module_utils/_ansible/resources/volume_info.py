# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_volume_info: volumes in the shape of ``podman volume inspect``, with the containers that use them."""

from __future__ import annotations

from ..._model.options.syntax.parsers import is_name
from ..._resources.volumes.inspect import everyone, inspect
from ..._resources.volumes.usage import users
from ..._runtime.base import RuntimeBase
from ..._store import volumes as store
from .. import arguments
from ..module import EngineModule, run


def volumes(module: EngineModule) -> dict[str, object]:
    """Return the named volume, or all; none for a name of no volume."""
    parts, name = arguments.parts(module.params), module.params["name"]
    if name:
        record = store.read(store.folder(parts, name)) if is_name(name) else None
        selected = [record] if record else []
    else:
        selected = list(everyone(parts))
    used = users(RuntimeBase(parts), certain=False) if selected else {}
    return {"changed": False, "volumes": [inspect(parts, one, used.get(one.name, [])) for one in selected]}


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_volume_info."""
    return {"name": {"type": "str"}, "executable": {"type": "str"}, **arguments.parts_spec()}


def main() -> None:
    """libpod_volume_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), volumes)
