# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_kube does, between the arguments and the result."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from ..._inputs.kube import stack as kube_files
from ..._inputs.kube.objects import OWNER
from ..._inputs.kube.security import SECCOMP_ROOT
from ..._inputs.stack import Options, Stack
from ..._model import caller
from ..._model.errors import InvalidArgument
from ..._reconcile.desired import SECRETS_CHANGED
from .. import arguments
from ..module import EngineModule, run
from .pods import StackPods
from .run import DefinitionModule, StackRun, container_options, registry_options, registry_spec, run_stack
from .stack import Owner

_PULLS = ("always", "missing", "never", "newer", "policy")
# Options that each container has, under the same names, where the task has them.
_COMMON = ("log_driver", "log_opt")


def spec() -> dict[str, Any]:
    """Return the argument spec of libpod_kube."""
    own = arguments.container_spec()
    return {
        "name": {"type": "str"},
        "src": {"type": "path", "aliases": ["kube_file"]},
        "definition": {"type": "raw"},
        "configmap": {"type": "list", "elements": "path"},
        "state": {"type": "str", "default": "started", "choices": ["absent", "created", "started"]},
        "annotation": {"type": "dict", "aliases": ["annotations"]},
        "network": {"type": "list", "elements": "str"},
        "seccomp_profile_root": {"type": "path", "default": SECCOMP_ROOT},
        "pull": {"type": "str", "default": "policy", "choices": list(_PULLS)},
        **registry_spec(),
        **{option: own[option] for option in _COMMON},
        "recreate": {"type": "bool", "default": False},
        "secrets_changed": {"type": "str", "default": "restart", "choices": list(SECRETS_CHANGED), "no_log": False},
        "remove_volumes": {"type": "bool", "default": False},
        "timeout": {"type": "str"},
        "wait": {"type": "bool", "default": False},
        "wait_timeout": {"type": "str", "default": "300"},
        "workers": {"type": "int"},
        "expect_plan": {"type": "str", "default": ""},
        **{option: {"type": "bool"} for option in ("debug", "quiet")},
        **{option: {"type": "str"} for option in ("executable", "log_level")},
        **arguments.parts_spec(),
    }


def _request(params: Mapping[str, Any]) -> kube_files.Request:
    """Return what a task says of the documents.

    :raises InvalidArgument: options contradict each other, or one that is needed is missing.
    """
    name, definition = params["name"], params["definition"]
    src = caller.absolute(params["src"]) if params["src"] else ""
    gone = params["state"] == "absent"
    if src and definition is not None:
        raise InvalidArgument("definition: cannot be combined with src: give one of them")
    if not name and not src:
        raise InvalidArgument("name: is needed where there is no src: give the set of objects a name")
    if not (gone or src) and not isinstance(definition, (dict, list)):
        raise InvalidArgument("src: is needed, or definition, a document or a list of them")
    registry_options(params)
    return kube_files.Request(
        {OWNER: name or src},
        (src,) if src else (),
        definition,
        [caller.absolute(one) for one in params["configmap"] or ()],
        tuple(params["network"] or ()),
        params["seccomp_profile_root"],
    )


def kube(module: EngineModule) -> dict[str, object]:
    """libpod_kube: bring the pods of Kubernetes YAML to their state."""
    request = _request(module.params)
    stack = Stack() if module.params["state"] == "absent" else kube_files.load(request)
    return run_stack(module, Owner(OWNER, request.label[OWNER]), lambda task: _Run(task, stack).result())


class _Run:
    """One task about the pods of a set of objects."""

    def __init__(self, task: StackRun, stack: Stack) -> None:
        self._params = task.params
        self._stack = stack
        self._task = task
        self._pods = StackPods(task)

    def result(self) -> dict[str, object]:
        stack = self._stack
        start, recreate = self._params["state"] == "started", self._params["recreate"]
        want = partial(self._pods.wanted, stack, self._adapted, start=start, recreate=recreate)
        done = self._task.result(want, stack.after, partial(self._pods.remove_unlisted, stack))
        return {**done, "pods": [one["name"] for one in stack.pods], "ineffective": list(stack.ineffective)}

    def _adapted(self, options: Options) -> Options:
        """Return a container's options with what the task says of all."""
        params = self._params
        common = {option: params[option] for option in _COMMON if params[option] is not None}
        found = {**container_options(options, params, params["state"]), **common}
        if params["annotation"]:
            found["annotation"] = {**options.get("annotation", {}), **params["annotation"]}
        return found


def main() -> None:
    """libpod_kube, from a task's arguments to its result."""
    run(DefinitionModule(argument_spec=spec(), supports_check_mode=True), kube)
