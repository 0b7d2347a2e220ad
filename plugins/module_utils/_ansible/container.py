# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_container and libpod_container_info do, between the arguments and the result."""

from __future__ import annotations

from typing import Any, Mapping

from .._model.errors import InvalidArgument, LibpodError, done, note_done
from .._reconcile.plan import Plan
from .._reconcile.reconcile import Outcome, reconcile
from . import arguments
from .module import EngineModule, run


def container(module: EngineModule) -> dict[str, object]:
    """libpod_container: reconcile one container."""
    if arguments.is_nothing(module.params):
        return result(Outcome(Plan(), None), module.params["name"], module._diff)
    if str(module.params["pod"] or "").startswith("new:"):
        return _with_new_pod(module)
    return _reconciled(module, module.params)


def _reconciled(module: EngineModule, params: Mapping[str, object]) -> dict[str, Any]:
    desired = arguments.desired(params)
    return result(reconcile(arguments.parts(params), desired, check_mode=module.check_mode), desired.name, module._diff)


def _with_new_pod(module: EngineModule) -> dict[str, object]:
    """Reconcile the container and its pod; a failure of the container reports the pod that was made."""
    from . import new_pod

    if module.params["expect_plan"]:
        raise InvalidArgument("expect_plan: does not cover a pod that the task makes: make it with libpod_pod before")
    params, actions = new_pod.made(module.params, arguments.parts(module.params), check_mode=module.check_mode)
    try:
        outcome = _reconciled(module, params)
    except (LibpodError, OSError) as error:
        noted = done(error)
        if not module.check_mode and list(noted[: len(actions)]) != actions:
            note_done(error, [*actions, *noted])
        raise
    plan = {**outcome["plan"], "digest": ""}  # the pod is not in it
    changed = bool(actions) or outcome["changed"]
    return {**outcome, "changed": changed, "actions": [*actions, *outcome["actions"]], "plan": plan}


def result(outcome: Outcome, name: str, diff: bool) -> dict[str, Any]:
    """Return what a task's result has of the container ``name``."""
    values: dict[str, Any] = {
        "changed": outcome.changed,
        "actions": outcome.plan.actions,
        "plan": outcome.plan.to_json(),
        "container": outcome.container or {},
    }
    if diff:
        values["diff"] = outcome.plan.diff()
        if outcome.changed:
            values["diff"]["prepared"] = outcome.plan.text()
    if outcome.output is not None:
        values.update(stdout=outcome.output.stdout, stderr=outcome.output.stderr)
    if outcome.exit_code is not None:
        values["rc"] = outcome.exit_code
        if outcome.exit_code:
            from .endings import failure

            errors = outcome.output.stderr if outcome.output is not None else ""
            msg = failure(f"container {name}", outcome.exit_code, errors, outcome.container)
            values.update(failed=True, msg=msg)
    return values


def main() -> None:
    """libpod_container, from a task's arguments to its result."""
    run(EngineModule(argument_spec=arguments.container_spec(), supports_check_mode=True), container)
