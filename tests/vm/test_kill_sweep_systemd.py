# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep of effects that systemd completes even if the engine is killed."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.tests.support import preload, sweep_container, sweep_other
from ansible_collections.libpod.engine.tests.support.machine import Machine
from ansible_collections.libpod.engine.tests.support.sweep import finished, undone

preload.engine()
# Other effects are the same here and are swept in test hosts. systemd may remove a cgroup before the engine does.
ONLY = "cgroup|Unit|^conmon|(runc|crun).* #1"
SWEPT = {
    **{name: sweep_container.OPERATIONS[name] for name in ("create", "start", "stop", "pause", "recreate")},
    **{name: sweep_other.OPERATIONS[name] for name in ("exit", "exit and restart", "exec in the background")},
}


# The stop is killed in turn with the start.
@pytest.mark.parametrize("name", [name for name in SWEPT if name != "stop"])
def test_operation_killed_at_a_systemd_effect_is_finished_by_the_next_run(host: Machine, name: str) -> None:
    finished(host, SWEPT[name]._replace(only=ONLY, others=1 + SWEPT[name].apart))


@pytest.mark.parametrize("name", ["create", "stop", "exit"])
def test_operation_killed_at_a_systemd_effect_is_undone_by_removal(host: Machine, name: str) -> None:
    undone(host, SWEPT[name]._replace(only=ONLY, removed=""))
