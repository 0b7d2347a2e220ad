# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kill sweep over pods: the next task finishes a killed one, and all containers that ran are running."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import Process
from ansible_collections.libpod.engine.tests.support.sweep import Operation, Task, finished, undone
from ansible_collections.libpod.engine.tests.support.sweep_tasks import (
    RUNNING,
    TURNS,
    Options,
    inspected,
    module,
    runs,
    started,
)

MEMBER: Options = {name: value for name, value in {**RUNNING, "pod": "shop"}.items() if name != "network"}
ONE: Options = {"memory": "64m", "publish": ["8080:80"]}
OTHER: Options = {"memory": "96m", "publish": ["8081:80"]}


def _pod(state: str, options: Options, status: str = "", **how: Any) -> Task:
    return module(
        "libpod_pod", {"name": "shop", "state": state, **options}, lambda host: _is(host, options, status), **how
    )


def _is(host: Host, options: Options, status: str) -> None:
    """Return whether pod and member have the status and, if running, a shared network with these ports and limits."""
    (pod,) = host.module("libpod_pod_info", {"name": "shop"})["pods"]
    assert (pod["State"], pod["NumContainers"]) == (status, 2), pod["Containers"]
    member, infra = inspected(host), inspected(host, pod["InfraContainerID"])
    if status == "Running":
        runs(host, RUNNING)
        limit = cgroup_files.read("memory", pod["CgroupPath"], "memory.limit_in_bytes")
        assert limit == str(int(options["memory"][:-1]) << 20)
        assert Process(member).namespace("net") == Process(infra).namespace("net")
        rules = [line for line in host.run("iptables", "-t", "nat", "-S").splitlines() if "--to-destination" in line]
        assert len(rules) == 1 and f"--dport {options['publish'][0].split(':')[0]} -j" in rules[0], rules


ABSENT = module("libpod_pod", {"name": "shop", "state": "absent"}, lambda host: None)
CREATED, CHANGED = _pod("created", ONE, "Running"), _pod("created", OTHER, "Running")
UP = [_pod("started", ONE), started(MEMBER)]
STOPPED = _pod("stopped", {}, "Exited")
RESTARTED = _pod("restarted", ONE, "Running", settles=False)
PAUSED, UNPAUSED = _pod("paused", {}, "Paused"), _pod("unpaused", ONE, "Running")
# Effects on a single container are swept separately; these are the effects of the pod.
PARTS = "event|signal|(names|pod|state).*json"
OPERATIONS = {
    "update": Operation(UP, CHANGED, ABSENT, other=CREATED, only=f"memory|{TURNS}", removed=PARTS),
    "update that is taken back": Operation(UP, CHANGED, ABSENT, by=[CREATED], only=PARTS, removed="pod.json"),
    "restart": Operation(UP, RESTARTED, ABSENT, by=[CREATED, RESTARTED], only=PARTS),
    "stop": Operation(UP, STOPPED, ABSENT, only=PARTS),
    "kill": Operation(UP, _pod("killed", {}, "Exited"), ABSENT, only=PARTS),
    "pause": Operation(UP, PAUSED, ABSENT, other=UNPAUSED, only=PARTS),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_task_is_finished_by_its_next_run(host: Host, name: str) -> None:
    finished(host, OPERATIONS[name], name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_task_is_undone_by_removal(host: Host, name: str) -> None:
    undone(host, OPERATIONS[name], name)
