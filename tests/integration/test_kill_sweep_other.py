# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any external effect of what the engine does outside of a container's own task.

That is the exit command, health checks, the boot, the operator's commands and lists of containers. It is also exec,
commit, export, volumes, and the removal of rules that portmap left. Last, secrets, and what names a
container in its neighbours' hosts files.
"""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.tests.support import (
    sweep_leftovers,
    sweep_names,
    sweep_networks,
    sweep_other,
    sweep_secrets,
    sweep_volumes,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.sweep import finished, undone

OPERATIONS = {**sweep_other.OPERATIONS, **sweep_leftovers.OPERATIONS}
OPERATIONS.update({**sweep_networks.OPERATIONS, **sweep_secrets.OPERATIONS, **sweep_volumes.OPERATIONS})
UNDONE = [name for name in OPERATIONS if name not in sweep_leftovers.FINISHED_ONLY]


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_killed_at_any_effect_is_finished_by_the_next_run(host: Host, name: str) -> None:
    finished(host, OPERATIONS[name], name if name in UNDONE else "")


@pytest.mark.parametrize("name", sweep_names.OPERATIONS)
def test_names_are_right_after_a_kill_and_the_next_run(host: Host, name: str) -> None:
    finished(host, sweep_names.OPERATIONS[name])


@pytest.mark.parametrize("name", UNDONE)
def test_operation_killed_at_any_effect_is_undone_by_removal(host: Host, name: str) -> None:
    undone(host, OPERATIONS[name], name)
