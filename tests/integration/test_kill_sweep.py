# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any external effect of a task: its next run finishes the work, and ``absent`` leaves nothing.

Operations outside of tasks and of other modules are swept in test_kill_sweep_other and test_kill_sweep_pods.
"""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.sweep import finished, undone
from ansible_collections.libpod.engine.tests.support.sweep_container import OPERATIONS

UNDONE = [name for name, one in OPERATIONS.items() if one.task != one.removal and not one.by]
# The stop is killed in turn with the start.
FINISHED = [name for name in OPERATIONS if name != "stop"]


@pytest.mark.parametrize("name", FINISHED)
def test_killed_task_is_finished_by_its_next_run(host: Host, name: str) -> None:
    finished(host, OPERATIONS[name], name if name in UNDONE else "")


@pytest.mark.parametrize("name", UNDONE)
def test_killed_task_is_undone_by_removal(host: Host, name: str) -> None:
    undone(host, OPERATIONS[name], name if name in FINISHED else "")
