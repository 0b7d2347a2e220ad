# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_quadlet does, between the arguments and the result."""

from __future__ import annotations

import os
import re
from functools import partial
from typing import Any

from ..._inputs.quadlet import stack as quadlet_files
from ..._inputs.stack import Options, Stack
from ..._model import caller
from ..._model.errors import InvalidArgument
from ..._reconcile.desired import SECRETS_CHANGED
from .. import arguments
from ..module import EngineModule, run
from .pods import StackPods
from .run import StackRun, run_stack
from .stack import Owner


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_quadlet."""
    return {
        "name": {"type": "str", "required": True},
        "src": {"type": "path"},
        "files": {"type": "list", "elements": "path"},
        "state": {"type": "str", "default": "started", "choices": ["absent", "created", "started"]},
        "secrets_changed": {"type": "str", "default": "restart", "choices": list(SECRETS_CHANGED), "no_log": False},
        "remove_volumes": {"type": "bool", "default": False},
        "timeout": {"type": "str"},
        "workers": {"type": "int"},
        "expect_plan": {"type": "str", "default": ""},
        **arguments.parts_spec(),
    }


def quadlet(module: EngineModule) -> dict[str, object]:
    """libpod_quadlet: bring the containers of a set of quadlet files to their state."""
    params = module.params
    if not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}", params["name"]):
        raise InvalidArgument(
            f"name: {params['name']!r} cannot be used: expected letters, digits, '_', '.' and '-', a letter or digit "
            "first"
        )
    gone = params["state"] == "absent"
    stack = Stack() if gone else quadlet_files.load(_paths(params), params["name"])
    owner = Owner(quadlet_files.OWNER, params["name"])
    done = run_stack(module, owner, partial(_done, stack))
    return {**done, "pods": [one["name"] for one in stack.pods], "ineffective": list(stack.ineffective)}


def _done(stack: Stack, task: StackRun) -> dict[str, object]:
    """Have the stack of the files, and return the result."""
    pods = StackPods(task)
    want = partial(pods.wanted, stack, partial(_adapted, task.params), start=task.params["state"] == "started")
    return task.result(want, stack.after, partial(pods.remove_unlisted, stack))


def _paths(params: dict[str, Any]) -> list[str]:
    """Return the paths of the files; those of a directory in the order of their names.

    :raises InvalidArgument: none are given, or the directory cannot be read.
    """
    if (params["src"] is None) == (params["files"] is None):
        raise InvalidArgument("src: give it or files: a directory, or the paths of quadlet files")
    if params["files"] is not None:
        return [caller.absolute(one) for one in params["files"]]
    folder = caller.absolute(params["src"])
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InvalidArgument(f"src: {folder} cannot be read on the target: {error.strerror}") from error
    return [f"{folder}/{name}" for name in names if name.rpartition(".")[2] in quadlet_files.KINDS]


def _adapted(params: dict[str, object], options: Options) -> Options:
    """Return a container's options with what the task says of all."""
    more: Options = {"stop_time": params["timeout"]} if params["timeout"] is not None else {}
    if params["state"] == "created" and "wait" in options:  # for an init container's end
        more["wait"] = "started"
    return {"secrets_changed": params["secrets_changed"], **options, **more, "state": params["state"]}


def main() -> None:
    """libpod_quadlet, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), quadlet)
