# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_logout: the end of a login to a registry, or of all."""

from __future__ import annotations

from ..._model.errors import warn
from ..._resources.registries import logins, options
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_logout."""
    return {
        "registry": {"type": "str"},
        "authfile": {"type": "path"},
        "all": {"type": "bool"},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Forget what is stored for the registry, or for all."""
    params = module.params
    key = "" if params["all"] else options.key(params["registry"])
    path = options.path(params["authfile"])
    gone = logins.logout(arguments.parts(params), key, path, dry=module.check_mode)
    actions = [f"logged out of {one}" for one in gone]
    if key and not module.check_mode:
        left, place = logins.find(key, path)
        if left:
            warn(f"pulls from {key} still have the login of {left.username} in {place}, which stays")
    result: dict[str, object] = {"changed": bool(actions), "actions": actions, "registries": gone, "authfile": path}
    if module._diff:
        result["diff"] = {"before": {"logged_in": gone}, "after": {"logged_in": []}}
    return result


def main() -> None:
    """libpod_logout, from a task's arguments to its result."""
    exclusive = [("registry", "all")]
    run(EngineModule(argument_spec=spec(), supports_check_mode=True, mutually_exclusive=exclusive), work, root=False)
