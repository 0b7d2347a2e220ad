# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Different tasks are killed in a row at random effects: the task that then completes finishes or undoes them."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.prediction import settled
from ansible_collections.libpod.engine.tests.support.random_tasks import (
    BASE,
    CHOICES,
    LIST,
    POD_CHOICES,
    random_list,
    some_options,
)
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

STATES = ["started", "started", "present", "stopped", "paused", "absent"]


@seeded
def test_tasks_killed_one_after_another(host: Host) -> None:
    pick, wanted = random.Random(SEED), {}
    choices = {
        **CHOICES,
        "state": STATES,
        "rm": [None, None, None, True],
        "restart_policy": [None, "always", "on-failure:2"],
    }
    choices["comparisons"] = [None]
    story: list[Any] = []
    for _number in range(12):
        for _kill in range(pick.randint(1, 3)):
            wanted = some_options(pick, choices, wanted)
            at = pick.randint(1, pick.choice([12, 60]))
            killed = host.module("libpod_container", {"name": "c", **BASE, **wanted}, kill_at=at)
            story.append((wanted, at, killed.killed_at, killed.get("msg")))
        if pick.random() < 0.5:
            wanted = some_options(pick, choices, wanted)
        story.append(wanted)
        where = f"seed {SEED}: {story}"
        done = host.container("c", **{**BASE, **wanted})
        if done.failed and done["error"] == "InvalidArgument":
            wanted = {}
            continue
        assert not done.failed, (where, done)
        settled(host, {**BASE, **wanted}, where)
    gone = host.container("c", state="absent", delete_volumes=True)
    assert not gone.failed, (SEED, story, gone)
    host.expect_clean()


@seeded
def test_lists_killed_one_after_another(host: Host) -> None:
    pick, story = random.Random(SEED), []
    for _number in range(8):
        args = {"containers": random_list(pick), "purge": "stack=x", **LIST}
        for _kill in range(pick.randint(1, 3)):
            if pick.random() < 0.4:
                args = {"containers": random_list(pick), "purge": "stack=x", **LIST}
            at = pick.randint(1, pick.choice([12, 60]))
            killed = host.module("libpod_containers", args, kill_at=at)
            story.append((args["containers"], at, killed.killed_at))
        where = f"seed {SEED}: {story} {args}"
        done = host.module("libpod_containers", args)
        if done.failed:
            assert done.get("error") in (None, "InvalidArgument", "NoSuchContainer", "ContainerStopped"), (where, done)
            continue
        again = host.module("libpod_containers", args, diff=True)
        assert not again.changed and not again.failed and again["diff"] == [], (where, again)
    for name in "vwxyz":
        gone = host.container(name, state="absent", delete_volumes=True, delete_depend=True)
        assert not gone.failed, (SEED, story, gone)
    host.module("libpod_prune", {"volume": True})
    host.expect_clean()


@seeded
def test_pods_and_members_killed_one_after_another(host: Host) -> None:
    pick, wanted, story = random.Random(SEED), {}, []
    states = {"created": None, "started": "Running", "stopped": "Exited", "paused": "Paused", "unpaused": None}
    choices = {**POD_CHOICES, "recreate": [None], "state": ["created", "started", "started", *states], "share": [None]}
    members = {**CHOICES, "network": [None], "publish": [None], "dns": [None], "etc_hosts": [None], "hostname": [None]}
    members |= {"state": [None], "comparisons": [None], "recreate": [None]}
    member: dict[str, Any] = {}
    host.module("libpod_pod", {"name": "p"})
    for _number in range(8):
        for _kill in range(pick.randint(1, 3)):
            if pick.random() < 0.3:
                name, member = "libpod_container", some_options(pick, members, member)
                task = {"name": "a", **BASE, **member, "pod": "p"}
            else:
                name, wanted = "libpod_pod", some_options(pick, choices, wanted)
                task = {"name": "p", **wanted}
            at = pick.randint(1, pick.choice([12, 60]))
            killed = host.module(name, task, kill_at=at)
            story.append((task, at, killed.killed_at, killed.get("msg")))
        wanted.setdefault("state", "created")
        task, where = {"name": "p", **wanted}, f"seed {SEED}: {story} {wanted}"
        done = host.module("libpod_pod", task, diff=True)
        if done.failed and done["error"] == "InvalidArgument":
            wanted = {}
            continue
        assert not done.failed, (where, done)
        again = host.module("libpod_pod", task, diff=True)
        assert not again.changed and not again.failed, (where, again)
        expected = states[wanted["state"]]
        statuses = {one["State"] for one in again["pod"]["Containers"]} - {"created"}
        assert expected in (None, again["pod"]["State"]) or len(statuses) < 2, (where, again)
    gone = host.module("libpod_pod", {"name": "p", "state": "absent"})
    assert not gone.failed, (SEED, story, gone)
    # A member killed before its configuration was written is not known to belong to the pod.
    assert not host.container("a", state="absent")["actions"], story
    host.module("libpod_prune", {"volume": True})
    host.expect_clean()
