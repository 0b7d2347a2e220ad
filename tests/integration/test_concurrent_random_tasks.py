# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random tasks on the same few containers and one pod, several at a time, some of them killed."""

from __future__ import annotations

import random
from typing import Any, Callable

from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.random_tasks import BASE, CHOICES, LIST, random_list, some_options
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

NAMES = "vwxyz"
STATES = ["started", "started", "present", "stopped", "paused", "absent"]
SOME = {
    **CHOICES,
    "state": STATES,
    "restart_policy": [None, "always"],
    "network": ["none", "none", None],
    "publish": [None],
}
# Errors that a task may report when another task has meanwhile changed its container or a related one.
SAID = (
    "InvalidArgument NoSuchContainer NoSuchPod ContainerStopped ContainerRemoved DependencyExists InvalidState".split()
)


def _task(host: Host, pick: random.Random) -> tuple[str, dict[str, Any], str | int]:
    """Return module, arguments, and where to kill it."""
    kill_at = pick.randint(1, 60) if pick.random() < 0.2 else ""
    kind = pick.random()
    if kind < 0.15:
        return "libpod_containers", {"containers": random_list(pick), "purge": "stack=x", **LIST}, kill_at
    if kind < 0.3:
        state = pick.choice(["created", "started", "started", "stopped", "restarted", "paused", "absent"])
        return (
            "libpod_pod",
            {"name": "p", "state": state, **pick.choice([{}, {"hostname": "a"}, {"hostname": "b"}])},
            kill_at,
        )
    if kind < 0.4:
        return "libpod_container_info", {}, ""
    args = {"name": pick.choice(NAMES), **BASE, **some_options(pick, SOME, {})}
    if kind < 0.6:
        args = {**args, "pod": "p", "network": None, "hostname": None, "dns": None, "etc_hosts": None}
    elif kind < 0.8:
        args["network"] = f"container:{pick.choice(NAMES)}"
        args.update(hostname=None, dns=None, etc_hosts=None)
    return "libpod_container", {key: value for key, value in args.items() if value is not None}, kill_at


@seeded
def test_several_tasks_at_a_time(host: Host) -> None:
    pick, story = random.Random(SEED), []

    def work(module: str, args: dict[str, Any], kill_at: str | int) -> Callable[[], Result]:
        return lambda: host.module(module, args, kill_at=kill_at)

    for _number in range(14):
        tasks = [_task(host, pick) for _one in range(pick.randint(2, 4))]
        story.append(tasks)
        for task, done in zip(tasks, run_concurrently(host, [work(*task) for task in tasks])):
            where = f"seed {SEED}: {story}, {task}: {done}"
            assert done.killed or done.exit_code in (0, 1), where
            assert "Traceback" not in done.stderr, where
            assert not done.failed or done.killed or done.get("error") in (*SAID, None), where
    for name in NAMES:
        one = {"name": name, **BASE, "network": "none"}
        made = host.module("libpod_container", {**one, "recreate": True})
        assert not made.failed or made["error"] in ("InvalidArgument", "DependencyExists"), (SEED, story, made)
        again = host.module("libpod_container", one)
        assert made.failed or not again.changed, (SEED, story, again)
    for module, args in (("libpod_pod", {"name": "p"}), *(("libpod_container", {"name": name}) for name in NAMES)):
        more = {"delete_depend": True, "delete_volumes": True} if module == "libpod_container" else {}
        gone = host.module(module, {**args, **more, "state": "absent"})
        assert not gone.failed, (SEED, story, gone)
    host.module("libpod_prune", {"volume": True})
    host.expect_clean()
