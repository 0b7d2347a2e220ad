# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode predicts what the run does: on real containers, lists and pods, between random configurations."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.prediction import run_as_predicted, run_task_as_predicted, settled
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process
from ansible_collections.libpod.engine.tests.support.random_tasks import (
    BASE,
    LIST,
    POD_CHOICES,
    other_options,
    random_list,
)
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded


def _meddled(host: Host, pick: random.Random, process: Process) -> None:
    """Change a limit or a file of the engine's outside of the engine."""
    if pick.random() < 0.5:
        if not os.access(process.path("root/etc/hosts"), os.W_OK):
            return  # the image's, in a read-only root filesystem
        with open(process.path("root/etc/hosts"), "a", encoding="ascii") as file:
            file.write("192.0.2.66 elsewhere\n")
    else:
        with open(f"/sys/fs/cgroup/pids{_cgroup(process)}/pids.max", "w", encoding="ascii") as file:
            file.write("77")


def _cgroup(process: Process) -> str:
    return next(line.rpartition(":")[2].strip() for line in process.read("cgroup").splitlines() if ":pids:" in line)


@seeded
def test_check_mode_predicts_a_task(host: Host) -> None:
    pick, wanted = random.Random(SEED), {}
    for number in range(24):
        where, wanted = f"seed {SEED}, pair {number}: {wanted} to ", other_options(pick, wanted)
        where += repr(wanted)
        task = {**BASE, **wanted}
        done = run_task_as_predicted(host, "c", task, where)
        assert not done.failed, (where, done)
        state = wanted.get("state", "started")
        status = {"started": "running", "paused": "paused"}.get(state, done["plan"]["status"]["after"])
        # A container created without being started is `configured`; one that waits for its start is `exited`.
        assert done["container"]["State"]["ModelStatus"] == status, (where, done)
        if status == "running" and "comparisons" not in wanted:
            limit = Process(done).cgroup("memory", "memory.limit_in_bytes") or ""
            assert "memory" not in wanted or int(limit) == int(wanted["memory"][:-1]) << 20, (where, limit)
        again = settled(host, task, where)
        if status == "running" and pick.random() < 0.3:
            _meddled(host, pick, Process(again))


def test_restart_of_a_stopped_container(host: Host) -> None:
    """The container and its dependencies run afterwards, although the state does not require it."""
    for name, needed in (("owner", []), ("user", ["owner"])):
        host.container(name, **BASE, network="none", requires=needed)
    for name in ("user", "owner"):
        host.container(name, state="stopped")
    done = run_task_as_predicted(host, "user", {"state": "present", "force_restart": True}, "restart")
    assert done["actions"] == ["started owner", "started user"]
    assert done["plan"]["status"] == {"before": "exited", "after": done["container"]["State"]["Status"]}


@seeded
def test_check_mode_predicts_a_list(host: Host) -> None:
    pick = random.Random(SEED)
    for number in range(14):
        listed, purge = random_list(pick), pick.choice([None, "stack=x"])
        args = {"containers": listed, "purge": purge, "keep_going": pick.random() < 0.5, **LIST}
        done = _run_list_as_predicted(host, args)
        if done.failed:
            continue
        again = host.module("libpod_containers", args, diff=True)
        assert not again.changed and not again.failed and again["diff"] == [], (SEED, number, args, again)


@pytest.mark.parametrize("digits", [12, 64])
def test_id_of_a_container_that_the_list_recreates(host: Host, digits: int) -> None:
    """The ID does not exist after the recreation: a container that refers to it is refused beforehand."""
    options = {**BASE, "network": "none"}
    owner = host.container("owner", **options)["container"]["Id"][:digits]
    listed = [{"name": "owner", "hostname": "other"}, {"name": "user", "network": f"container:{owner}"}]
    done = _run_list_as_predicted(host, {"containers": listed, "defaults": options})
    assert done.failed and not done.changed and f"no container has the name or ID '{owner}'" in done["msg"]


def test_namespace_of_a_container_that_the_list_recreates(host: Host) -> None:
    """The diff has its name: its new ID is unknown in advance, and its old one does not exist afterwards."""
    options = {**BASE, "network": "none"}
    for name in ("one", "other"):
        host.container(name, **options)
    host.container("user", **{**options, "network": "container:one"})
    listed: list[dict[str, Any]] = [{"name": name, "hostname": "new"} for name in ("one", "other")]
    listed.append({"name": "user", "network": "container:other"})
    done = _run_list_as_predicted(host, {"containers": listed, "defaults": options})
    change = next(part for part in done["diff"] if part["after_header"] == "user")
    assert change["before"] == {"network": "one"} and change["after"]["network"] == "other"


@pytest.mark.parametrize("option", ["env_file", "label_file", "pod_id_file"])
def test_file_that_an_earlier_task_may_write(host: Host, option: str) -> None:
    """For an existing container, check mode fails as the run does."""
    options = {**BASE, "network": "none", option: "/srv/not-yet"}
    listed = {"containers": [{"name": "c"}], "defaults": options}
    for module, args in (("libpod_container", {"name": "c", **options}), ("libpod_containers", listed)):
        predicted = host.module(module, args, check=True)
        assert predicted["actions"] == ["created c", "started c"], predicted
        warnings = predicted["warnings"]
        assert [one for one in warnings if "/srv/not-yet" in one and "check mode continues" in one], predicted
        done = host.module(module, args)
        assert done.failed and not done.changed and "/srv/not-yet" in str(done), done
    host.container("c", **BASE, network="none")
    for check in (True, False):
        done = host.module("libpod_container", {"name": "c", **options}, check=check)
        assert done.failed and done["msg"].startswith(f"{option}: "), done


def test_label_file_of_a_pod_that_an_earlier_task_may_write(host: Host) -> None:
    args = {"name": "p", "state": "created", "label_file": "/srv/not-yet"}
    predicted = host.module("libpod_pod", args, check=True)
    assert predicted["actions"] == ["created p"] and "/srv/not-yet" in predicted["warnings"][0], predicted
    assert host.module("libpod_pod", args)["msg"].startswith("label_file: /srv/not-yet cannot be read")
    host.module("libpod_pod", {"name": "p", "state": "created"})
    assert host.module("libpod_pod", args, check=True)["msg"].startswith("label_file: /srv/not-yet cannot be read")
    assert host.module("libpod_pod", {"name": "p", "state": "absent"}).changed


def _run_list_as_predicted(host: Host, args: dict[str, Any]) -> Result:
    return run_as_predicted(
        host,
        lambda check: _comparable(host.module("libpod_containers", args, check=check, diff=True)),
        ("changed", "actions", "diff", "fates"),
        f"seed {SEED}: {args}",
    )


def _comparable(result: Result) -> Result:
    result["fates"] = [
        {key: one.get(key) for key in ("name", "fate", "changed", "actions", "plan", "msg")}
        for one in result.get("fates", [])
    ]
    return result


@seeded
@pytest.mark.parametrize("members", [0, 1])
def test_check_mode_predicts_a_pod(host: Host, members: int) -> None:
    pick, wanted = random.Random(SEED), {}
    for number in range(12):
        names = pick.sample(sorted(POD_CHOICES), 3) if number else []
        wanted = {**wanted, **{name: pick.choice(POD_CHOICES[name]) for name in names}}
        task = {"name": "p", **{name: value for name, value in wanted.items() if value is not None}}
        where = f"seed {SEED}, pod {number}: {task}"
        done = run_as_predicted(
            host,
            lambda check: host.module("libpod_pod", task, check=check, diff=True),  # noqa: B023
            ("changed", "actions", "diff"),
            where,
        )
        if done.failed:
            continue
        if not task.get("recreate"):
            again = host.module("libpod_pod", task, diff=True)
            assert not again.changed and not again.failed, (where, again)
        if members and task.get("state", "created") in ("created", "started"):
            host.container("a", image="busybox", command=WAITING, stop_signal="KILL", pod="p")
    host.module("libpod_pod", {"name": "p", "state": "absent"})
