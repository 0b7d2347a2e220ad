# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""expect_plan: a task carries out the plan that check mode showed, or fails before its first effect."""

from __future__ import annotations

import functools
import json
import random
import time
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING
from ansible_collections.libpod.engine.tests.support.random_tasks import AGAIN, BASE, other_options
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

WEB: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_timeout": 0}
NOTHING = "nothing"
OTHER = "-".join(["0" * 16] * 4)


def planned(host: Host, **task: Any) -> str:
    """Return the digest of the plan that check mode shows."""
    result = host.container("c", check=True, **task)
    assert not result.failed, result
    return str(result["plan"]["digest"])


def inspected(host: Host) -> list[Any]:
    return list(host.module("libpod_container_info")["containers"])


def test_approved_plan_is_carried_out_and_a_repeated_job_changes_nothing(host: Host) -> None:
    for task in (WEB, {**WEB, "memory": "64m"}, {**WEB, "workdir": "/tmp"}, {"state": "stopped"}, {"state": "absent"}):
        approved = planned(host, **task)
        done = host.container("c", **task, expect_plan=approved)
        assert done.changed and done["plan"]["digest"] == approved, done
        again = host.container("c", **task, expect_plan=approved)
        assert not again.failed and not again.changed and again["plan"]["digest"] == NOTHING, again
    host.expect_clean()


# What happens between approval and run, and what the message names.
BETWEEN: dict[str, tuple[Callable[[Host], Any], dict[str, Any], str]] = {
    "the container was stopped": (lambda host: host.container("c", state="stopped"), {}, "the container or its status"),
    "it is another container": (lambda host: host.container("c", **WEB, recreate=True), {}, "the container"),
    "the task has another value": (lambda host: None, {"memory": "65m"}, "differs in the options;"),
    "the task has a secret": (lambda host: None, {"env": {"PASSWORD": "a"}}, "in the steps and the options"),
    "the container changed": (lambda host: host.container("c", **WEB, memory="63m"), {}, "differs in the options;"),
}


@pytest.mark.parametrize("what", BETWEEN)
def test_another_plan_is_refused_before_its_first_effect(host: Host, what: str) -> None:
    between, more, named = BETWEEN[what]
    assert not host.container("c", **WEB).failed
    task: dict[str, Any] = {**WEB, "memory": "64m"}
    approved = planned(host, **task)
    between(host)
    before = inspected(host)
    for check in (True, False):
        refused = host.container("c", **{**task, **more}, expect_plan=approved, check=check)
        assert refused.failed and refused["error"] == "PlanDiffers" and not refused.changed, refused
        assert named in refused["msg"] and refused["msg"].startswith("container c: the plan ("), refused
        # The result has what is to be approved instead.
        assert refused["plan"]["digest"] == planned(host, **{**task, **more}) != approved
    assert inspected(host) == before
    assert host.container("c", **{**task, **more}, expect_plan=refused["plan"]["digest"]).changed


def test_digest_differs_by_secret_values_and_discloses_none(host: Host) -> None:
    digests = {planned(host, **WEB, env={"PASSWORD": password}) for password in ("a", "b", "a", "c")}
    assert len(digests) == 3
    shown = host.container("c", check=True, diff=True, **WEB, env={"PASSWORD": "hunter2"})
    assert "hunter2" not in json.dumps(shown)


def test_plan_without_steps_is_expected_too(host: Host) -> None:
    host.container("c", **WEB)
    assert planned(host, **WEB) == NOTHING
    host.container("c", state="stopped")
    refused = host.container("c", **WEB, expect_plan=NOTHING)
    assert refused.failed and "the plan (started c) is not the approved one, which has no step" in refused["msg"]
    assert inspected(host)[0]["State"]["Status"] == "exited"


@pytest.mark.parametrize("text", ["yes", OTHER[:-1], f"{OTHER}-{OTHER}", f"web={OTHER}", "0" * 2_000_000])
@pytest.mark.parametrize("module", ["container", "containers", "pod"])
def test_what_is_no_digest_is_refused(host: Host, module: str, text: str) -> None:
    task: dict[str, Any] = {"name": "c", **WEB} if module == "container" else {"name": "c"}
    if module == "containers":
        task = {"containers": [{"name": "c", **WEB}]}
        text = text.replace("web=", "")
    refused = host.module(f"libpod_{module}", {**task, "expect_plan": text})
    assert refused.failed and refused["error"] == "InvalidArgument" and "expect_plan" in refused["msg"], refused
    assert len(refused["msg"]) < 20_000 and not inspected(host)


def test_pod_that_the_task_makes_is_not_covered(host: Host) -> None:
    refused = host.container("c", **{**WEB, "network": None}, pod="new:shop", expect_plan=OTHER)
    assert refused.failed and "make it with libpod_pod before" in refused["msg"] and not inspected(host)


def both(host: Host, *, check: bool = False, expect_plan: str = "", **more: Any) -> Result:
    containers = [{"name": "a", **WEB}, {"name": "b", **WEB, "network": "container:a", **more}]
    task = {"containers": containers, "expect_plan": expect_plan, "keep_going": True}
    return host.module("libpod_containers", task, check=check)


def test_several_containers_are_approved_together(host: Host) -> None:
    approved = both(host, check=True)["plan"]["digest"]
    assert [part.partition("=")[0] for part in approved.split(",")] == ["a", "b"]
    refused = both(host, expect_plan=approved, memory="64m")
    assert refused.failed and refused["error"] == "PlanDiffers" and not inspected(host), refused
    assert "container b: the plan (created b, started b)" in refused["msg"] and "container a" not in refused["msg"]
    assert set(refused["plan"]["containers"]) == {"a", "b"}
    done = both(host, expect_plan=approved)
    assert done.changed and done["plan"]["digest"] == approved, done
    again = both(host, expect_plan=approved)
    assert not again.failed and not again.changed and again["plan"]["digest"] == NOTHING, again
    # One of them is repaired: it has steps that no plan without any has.
    host.container("b", state="stopped")
    refused = both(host, expect_plan=NOTHING)
    assert refused.failed and "container b" in refused["msg"], refused
    # Half of an approved plan is done: the other half goes on.
    halved = both(host, check=True, memory="64m")["plan"]["digest"]
    assert both(host, expect_plan=halved, memory="64m").changed


def test_none_is_begun_where_one_cannot_be_planned(host: Host) -> None:
    approved = both(host, check=True)["plan"]["digest"]
    failed = both(host, expect_plan=approved, image="localhost/missing", pull="never")
    assert failed.failed and not inspected(host), failed


def test_plan_of_a_pod(host: Host) -> None:
    def pod(check: bool = False, **more: Any) -> Result:
        return host.module("libpod_pod", {"name": "shop", "state": "started", "share": "ipc", **more}, check=check)

    approved = pod(check=True)["plan"]["digest"]
    refused = pod(hostname="other", expect_plan=approved)
    assert refused.failed and refused["msg"].startswith("pod shop: the plan (created shop, started shop)"), refused
    assert not inspected(host)
    assert pod(expect_plan=approved)["plan"]["digest"] == approved
    again = pod(expect_plan=approved)
    assert not again.changed and again["plan"]["digest"] == NOTHING
    assert pod(state="absent").changed


def random_task(pick: random.Random, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return a task at random that does the same again to the same container."""
    return {**BASE, **{name: value for name, value in other_options(pick, earlier).items() if name not in AGAIN}}


def later(host: Host, seconds: float, task: dict[str, Any]) -> Result:
    """Run a task after some time."""
    time.sleep(seconds)
    return host.container("c", **task)


@seeded
def test_random_pairs_go_over_into_each_other_as_approved(host: Host) -> None:
    pick, earlier, others = random.Random(SEED), dict[str, Any](), set[str]()
    for number in range(12):
        task = random_task(pick, earlier)
        where = f"seed {SEED}, pair {number}: {earlier} to {task}"
        predicted = host.container("c", check=True, **task)
        approved = predicted["plan"]["digest"]
        for other in sorted(others - {approved}) if approved != NOTHING else ():
            refused = host.container("c", **task, expect_plan=other)
            assert refused.failed and refused["error"] == "PlanDiffers" and not refused.changed, (where, refused)
        done = host.container("c", **task, expect_plan=approved)
        assert not done.failed and done["actions"] == predicted["actions"], (where, predicted, done)
        assert done["plan"] == predicted["plan"], (where, predicted, done)
        again = host.container("c", **task, expect_plan=approved)
        assert not again.failed and again["plan"]["digest"] == NOTHING, (where, again)
        earlier, others = task, {NOTHING, approved}


@seeded
def test_approved_plan_is_carried_out_or_refused_while_another_task_changes_the_container(host: Host) -> None:
    pick, earlier = random.Random(SEED), dict[str, Any]()
    for number in range(8):
        task, other = random_task(pick, earlier), random_task(pick, earlier)
        where = f"seed {SEED}, pair {number}: {task} and {other}"
        predicted = host.container("c", check=True, **task)
        run = functools.partial(host.container, "c", **task, expect_plan=predicted["plan"]["digest"])
        # Mostly it is refused where the other one is the first of the two.
        both = [run, functools.partial(later, host, pick.choice((0, 0.3)), other)]
        pick.shuffle(both)
        results = run_concurrently(host, both)
        done = results.pop(both.index(run))
        assert not results[0].failed, (where, results)
        if done.failed:
            assert done["error"] == "PlanDiffers" and not done.changed and done["actions"] == [], (where, done)
        else:  # it came first, or the other one has done the same
            assert done["plan"]["digest"] in (predicted["plan"]["digest"], NOTHING), (where, predicted, done)
            assert done["actions"] == (predicted["actions"] if done["plan"]["steps"] else []), (where, done)
        earlier = {**task, "state": "started"}
