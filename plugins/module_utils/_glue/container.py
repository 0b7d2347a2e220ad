# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What libpod_container and libpod_container_info do, between the arguments and the result."""

from __future__ import annotations

from typing import Any

from .._reconcile.plan import Plan
from .._reconcile.reconcile import Outcome, reconcile
from . import arguments
from .module import EngineModule, run


def container(module: EngineModule) -> dict[str, Any]:
    """libpod_container: reconcile one container."""
    if arguments.is_nothing(module.params):
        return result(Outcome(Plan(), {}), module.params["name"], module._diff)
    desired = arguments.desired(module.params)
    return result(
        reconcile(arguments.parts(module.params), desired, check_mode=module.check_mode), desired.name, module._diff
    )


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
            found.update(failed=True, msg=f"container {name} ended with exit code {outcome.exit_code}")
    return found


def main() -> None:
    """libpod_container, from a task's arguments to its result."""
    run(EngineModule(argument_spec=arguments.container_spec(), supports_check_mode=True), container)
