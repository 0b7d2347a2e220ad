# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_secret: a task's arguments, and its result, in which no content is."""

from __future__ import annotations

import os
from typing import Mapping

from ..._model import caller
from ..._model.errors import InvalidArgument, may_come, warn, warn_of_missing
from ..._model.options.syntax.parsers import is_name, mapping, wrong
from ..._model.options.syntax.parsers import name as checked_name
from ..._resources import secrets
from ..._store.secrets import LARGEST
from .. import arguments
from ..module import EngineModule, run

_SOURCES = ("data", "path", "env")


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_secret."""
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
        "data": {"type": "str", "no_log": True},
        "path": {"type": "path"},
        "env": {"type": "str"},
        "labels": {"type": "dict"},
        "force": {"type": "bool", "default": False},
        "skip_existing": {"type": "bool", "default": False},
        "driver": {"type": "str"},
        "driver_opts": {"type": "dict"},
        "debug": {"type": "bool"},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def secret(module: EngineModule) -> dict[str, object]:
    """libpod_secret: create, replace or remove one secret."""
    params, parts = module.params, arguments.parts(module.params)
    if params["state"] == "absent":
        name = params["name"]
        # Nothing has a name such as ../x.
        absent = secrets.Outcome([], {}, {})
        if is_name(name):
            absent = secrets.absent(parts, name, force=params["force"], check_mode=module.check_mode)
        return _result(module, absent, {})
    name = checked_name(params["name"], "name")
    if params["driver"] not in (None, "file"):
        raise wrong("driver", params["driver"], "file, the only one here")
    if params["driver_opts"]:
        warn("driver_opts: has no effect here, since secrets are files under static_root")
    try:
        content = content_of(params)
    except InvalidArgument as error:
        if not (module.check_mode and may_come(error)):
            raise
        warn_of_missing(error)
        content = b""  # which no secret has
    outcome = secrets.present(
        parts,
        name,
        content,
        mapping(params["labels"] or {}, "labels"),
        keep=params["skip_existing"],
        check_mode=module.check_mode,
    )
    return _result(module, outcome, secrets.inspect(parts, name) or {})


def _result(module: EngineModule, outcome: secrets.Outcome, shown: Mapping[str, object]) -> dict[str, object]:
    result = {"changed": bool(outcome.actions), "actions": outcome.actions, "secret": shown}
    if module._diff:
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    return result


def content_of(params: Mapping[str, object]) -> bytes:
    """Return the content from the one option that has it; no message shows it.

    :raises InvalidArgument: none or several are given, or it cannot be a secret's.
    """
    given = [option for option in _SOURCES if params[option] is not None]
    if len(given) != 1:
        what = " and ".join(given) + " cannot be combined" if given else "data: is needed for state=present"
        raise InvalidArgument(f"{what}: give one of data, path and env")
    (option,) = given
    sources = {"data": _of_data, "path": lambda path: secrets.of_file(path, "path"), "env": _of_variable}
    content = sources[option](params[option])
    if not content:
        raise InvalidArgument(f"{option}: the secret would be empty: expected at least 1 byte")
    if len(content) > LARGEST:
        raise InvalidArgument(f"{option}: the secret has {len(content)} bytes: expected at most {LARGEST}")
    return content


def _of_data(text: str) -> bytes:
    return text.encode()


def _of_variable(name: str) -> bytes:
    if name not in caller.environment:
        raise wrong("env", name, "a variable of the module's environment, as the task's environment sets it")
    return os.fsencode(caller.environment[name])


def main() -> None:
    """libpod_secret, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), secret)
