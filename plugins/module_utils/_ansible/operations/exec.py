# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_exec: a command in a running container."""

from __future__ import annotations

from typing import Any

from ..._container.io.exec import CommandTimedOut, Exec, time_limit
from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import absolute_path, environment, shell_words
from ..._runtime.runtime import Runtime
from .. import arguments
from ..endings import failure
from ..module import EngineModule, run

# What check mode says.
_FORETOLD = {"changed": True, "rc": 0, "stdout": "", "stderr": ""}


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_container_exec."""
    return {
        "name": {"type": "str", "required": True},
        "command": {"type": "str"},
        "argv": {"type": "list", "elements": "str"},
        "detach": {"type": "bool", "default": False},
        "env": {"type": "dict"},
        "privileged": {"type": "bool", "default": False},
        "stdin": {"type": "str"},
        "timeout": {"type": "str"},
        "tty": {"type": "bool", "default": False},
        "user": {"type": "str"},
        "workdir": {"type": "str"},
        "executable": {"type": "str"},
        **arguments.parts_spec(),
    }


def execute(module: EngineModule) -> dict[str, object]:
    """Run the command, or in check mode only say so."""
    params = module.params
    wanted = Exec(
        argv=_argv(params),
        env=environment(params["env"] or {}, "env"),
        user=params["user"],
        workdir=absolute_path(params["workdir"], "workdir") if params["workdir"] else "",
        privileged=params["privileged"],
        tty=params["tty"],
        timeout=0 if params["timeout"] is None else time_limit(params["timeout"], "timeout"),
    )
    for option in ("stdin", "timeout"):
        if params["detach"] and params[option] is not None:
            raise InvalidArgument(f"{option}: a command in the background has none: omit it, or set detach to false")
    container = Runtime(arguments.parts(params)).container(params["name"])
    if module.check_mode:
        return _FORETOLD
    if params["detach"]:
        return {"changed": True, "exec_id": container.exec_detached(wanted), "stdout": "", "stderr": "", "rc": 0}
    try:
        code, stdout, stderr = container.exec(wanted, (params["stdin"] or "").encode())
        what = f"{wanted.argv[0]} in container {container.name}"
        failed = {"msg": failure(what, code, stderr.decode(errors="replace"))} if code else {}
    except CommandTimedOut as error:
        code, stdout, stderr = error.exit_code, error.output, error.errors
        failed = {"msg": str(error), "error": type(error).__name__}
    result = {
        "changed": True,
        "rc": code,
        "stdout": stdout.decode(errors="replace"),
        "stderr": stderr.decode(errors="replace"),
    }
    return {**result, **failed, "failed": True} if failed else result


def _argv(params: dict[str, Any]) -> list[str]:
    try:
        argv = params["argv"] if params["command"] is None else shell_words(params["command"])
    except ValueError as error:
        raise InvalidArgument(
            f"command: cannot be split into arguments: {error}: check its quotes, or use argv"
        ) from error
    if not argv:
        raise InvalidArgument("command: is empty: give a command, or argv as a list")
    return list(argv)


def main() -> None:
    """libpod_container_exec, from a task's arguments to its result."""
    alone = [("command", "argv")]
    run(
        EngineModule(argument_spec=spec(), supports_check_mode=True, required_one_of=alone, mutually_exclusive=alone),
        execute,
        _FORETOLD,
    )
