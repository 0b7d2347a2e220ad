# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_login: a login to a registry, checked by it and stored for pulls."""

from __future__ import annotations

import os

from ..._model import caller
from ..._model.options.syntax.parsers import wrong
from ..._model.options.table import HIDDEN
from ..._model.records.login import Access
from ..._resources.registries import logins, options
from .. import arguments
from ..module import EngineModule, run


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_login."""
    return {
        "registry": {"type": "str"},
        "username": {"type": "str", "required": True},
        "password": {"type": "str", "required": True, "no_log": True},
        "authfile": {"type": "path"},
        "certdir": {"type": "path", "aliases": ["cert_dir"]},
        "tlsverify": {"type": "bool", "aliases": ["tls_verify"]},
        "reauthorize": {"type": "bool", "default": False},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def work(module: EngineModule) -> dict[str, object]:
    """Log in where the credentials are not stored yet."""
    params = module.params
    cert_dir = caller.absolute(params["certdir"]) if params["certdir"] else ""
    if cert_dir and not os.path.isdir(cert_dir):
        raise wrong("certdir", cert_dir, "a directory on the host")
    key, path = options.key(params["registry"]), options.path(params["authfile"])
    user, password = options.checked(params["username"], params["password"])
    access = Access(key, user, password, cert_dir, params["tlsverify"])
    change = logins.login(arguments.parts(params), access, path, ask_again=params["reauthorize"], dry=module.check_mode)
    actions = [f"logged in to {key} as {user}"] if change.stores else []
    actions += [f"restricted {path} to its owner"] if change.restricts else []
    result = {
        "changed": bool(actions),
        "actions": actions,
        "login": options.shown(key, user),
        "authfile": change.place,
    }
    if module._diff:
        old = change.before
        before = {**options.shown(key, old.username if old else ""), "password": HIDDEN if old else None}
        after = {**options.shown(key, user), "password": f"{HIDDEN} and changed" if old and change.stores else HIDDEN}
        result["diff"] = {"before": before, "after": after}
    return result


def main() -> None:
    """libpod_login, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work)
