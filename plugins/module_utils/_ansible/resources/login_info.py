# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_login_info: who is logged in to a registry."""

from __future__ import annotations

from ..._resources.registries import logins, options
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_login_info."""
    return {
        "registry": {"type": "str", "required": True},
        "authfile": {"type": "path"},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Return the user whose credentials a pull would use."""
    arguments.parts(module.params)  # for the time limit of credential helpers
    key = options.key(module.params["registry"])
    found, place = logins.find(key, options.path(module.params["authfile"]))
    shown = {**options.shown(key, found.username if found else ""), "logged_in": bool(found), "place": place}
    return {"changed": False, "login": shown}


def main() -> None:
    """libpod_login_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work, root=False)
