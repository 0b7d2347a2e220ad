# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_container and libpod_container_info do, between the arguments and the result."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.errors import LibpodError, done, note_done
from .._reconcile.plan import Plan
from .._reconcile.reconcile import Outcome, reconcile
from . import arguments
from .module import EngineModule, run


def container(module: EngineModule) -> dict[str, Any]:
    """libpod_container: reconcile one container."""
    if arguments.is_nothing(module.params):
        return result(Outcome(Plan(), {}), module.params["name"], module._diff)
    if str(module.params["pod"] or "").startswith("new:"):
        return _with_new_pod(module)
    return _reconciled(module, module.params)


def _reconciled(module: EngineModule, params: Mapping[str, Any]) -> dict[str, Any]:
    desired = arguments.desired(params)
    return result(reconcile(arguments.parts(params), desired, check_mode=module.check_mode), desired.name, module._diff)


def _with_new_pod(module: EngineModule) -> dict[str, Any]:
    """The container and its pod; a failure of the container tells of the pod that was made."""
    from . import new_pod

    params, actions = new_pod.made(module.params, arguments.parts(module.params), check_mode=module.check_mode)
    try:
        found = _reconciled(module, params)
    except (LibpodError, OSError) as error:
        told = done(error)
        if not module.check_mode and list(told[: len(actions)]) != actions:
            note_done(error, [*actions, *told])
        raise
    return {**found, "changed": bool(actions) or found["changed"], "actions": [*actions, *found["actions"]]}


def result(outcome: Outcome, name: str, diff: bool) -> dict[str, Any]:
    """What a task's result says of the container ``name``."""
    found: dict[str, Any] = {
        "changed": outcome.changed,
        "actions": outcome.plan.actions,
        "plan": outcome.plan.to_json(),
        "container": outcome.container,
    }
    if diff:
        found["diff"] = outcome.plan.diff()
        if outcome.changed:
            found["diff"]["prepared"] = outcome.plan.text()
    if outcome.output is not None:
        found.update(stdout=outcome.output.stdout, stderr=outcome.output.stderr)
    if outcome.exit_code is not None:
        found["rc"] = outcome.exit_code
        if outcome.exit_code:
            from .endings import failure

            errors = outcome.output.stderr if outcome.output is not None else ""
            msg = failure(f"container {name}", outcome.exit_code, errors, outcome.container)
            found.update(failed=True, msg=msg)
    return found


def main() -> None:
    """libpod_container, from a task's arguments to its result."""
    run(EngineModule(argument_spec=arguments.container_spec(), supports_check_mode=True), container)
