# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_secret_info: secrets in the shape of ``podman secret inspect``, without their content."""

from __future__ import annotations

from ..._model.errors import warn
from ..._model.options.syntax.parsers import is_name
from ..._resources import secrets
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_secret_info."""
    return {
        "name": {"type": "str"},
        "showsecret": {"type": "bool", "default": False, "no_log": False},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def info(module: EngineModule) -> dict[str, object]:
    """libpod_secret_info: the secret of a name, or all secrets."""
    name, parts = module.params["name"], arguments.parts(module.params)
    if module.params["showsecret"]:
        warn("showsecret: has no effect, since no result has a secret's content: read the file under static_root")
    if name is None:
        return {"changed": False, "secrets": secrets.everyone(parts)}
    found = secrets.inspect(parts, name) if is_name(name) else None
    return {"changed": False, "secrets": [found] if found else []}


def main() -> None:
    """libpod_secret_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), info)
