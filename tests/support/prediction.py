# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode predicts is what the run does, and a run that has settled changes nothing more."""

from __future__ import annotations

import os
from typing import Any, Callable

from .hosts import Host
from .modules import Result
from .process import files
from .random_tasks import AGAIN


def run_as_predicted(host: Host, run: Callable[[bool], Result], keys: tuple[str, ...], where: str) -> Result:
    """Assert that check mode predicts the run exactly and touches nothing, also where both are refused."""
    roots = [host.parts.static_root] if os.path.isdir(host.parts.static_root) else []
    before = files(*roots)
    predicted = run(True)
    assert files(*roots) == before, where
    done = run(False)
    assert done.failed == predicted.failed, (where, predicted, done.get("msg"), done)
    for key in (*keys, *(("msg", "error") if done.failed else ())):
        assert done.get(key) == predicted.get(key), (where, key, predicted.get(key), done.get(key))
    return done


def run_task_as_predicted(host: Host, name: str, task: dict[str, Any], where: str) -> Result:
    return run_as_predicted(
        host,
        lambda check: host.container(name, check=check, diff=True, **task),
        ("changed", "actions", "plan", "diff"),
        where,
    )


def settled(host: Host, task: dict[str, Any], where: str) -> Result:
    """Assert that another run changes nothing, apart from options that act at each run."""
    again = host.container("c", diff=True, **{key: value for key, value in task.items() if key not in AGAIN})
    assert not again.changed and again["plan"]["steps"] == again["plan"]["differences"] == [], (where, again)
    return again
