# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_pod_info: pods in the shape of ``podman pod inspect``."""

from __future__ import annotations

from .._model.errors import NoSuchPod
from .._runtime.inspect_pod import inspect_pod
from .._runtime.pods import Pods
from .._runtime.runtime import Runtime
from .._store import pods as records
from . import arguments
from .module import EngineModule, run


def pods(module: EngineModule) -> dict[str, object]:
    """Return the named pod, or all pods; none for a name of no pod."""
    known = Pods(Runtime(arguments.parts(module.params)))
    name = module.params["name"]
    try:
        selected = [records.find(known.store, name)] if name else list(known.everyone())
    except NoSuchPod:
        selected = []
    return {"changed": False, "pods": [inspect_pod(known, one) for one in selected]}


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_pod_info."""
    return {"name": {"type": "str"}, "executable": {"type": "str"}, **arguments.parts_spec()}


def main() -> None:
    """libpod_pod_info, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), pods)
