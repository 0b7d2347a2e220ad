# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What check mode foretells is what the run does: on real containers, lists and pods, between random configurations."""

from __future__ import annotations

import os
import random
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options import MOUNTS, OPTIONS, normalise
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, files
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL"}
# Of each option, values of different meanings; None is an omitted one.
CHOICES: dict[str, list[Any]] = {
    "memory": [None, "32m", "64m"],
    "cpu_shares": [None, 256, 512],
    "pids_limit": [None, 100, "-1"],
    "memory_swappiness": [None, 7],
    "label": [None, {"a": "1"}, {"a": "2", "b": "1"}],
    "annotation": [None, {"a": "1"}],
    "stop_timeout": [None, 1],
    "restart_policy": [None, "on-failure:2"],
    "healthcheck": [None, "true", "none"],
    "healthcheck_interval": [None, "1h", "2h"],
    "dns": [None, ["192.0.2.1"]],
    "etc_hosts": [None, {"db": "192.0.2.9"}],
    "env": [None, {"A": "1"}, {"A": "2"}],
    "hostname": [None, "web", "Web"],
    "workdir": [None, "/www"],
    "user": [None, "root", "0", "1000:1000"],
    "tmpfs": [None, {"/scratch": "size=1m"}, {"/scratch": "size=2m,exec", "/shared/t": ""}, {"/data": "ro"}],
    "volume": [
        None,
        ["kept:/shared"],
        ["kept:/shared:nosuid", "other:/www:ro", "/nameless"],
        ["/srv/cni:/cni:ro"],
        ["/srv/cni:/cni:rslave"],
        ["kept:/data", "other:/other:U"],
        ["kept:/www", "/etc/passwd:/shared/passwd"],
    ],
    "mount": [
        None,
        ["type=bind,source=/srv/cni,target=/www,ro"],
        ["type=tmpfs,target=/nameless,tmpfs-size=1m", "type=volume,source=kept,target=/there/kept"],
        ["type=ramfs,target=/www"],
    ],
    "ulimit": [None, ["nofile=100"]],
    "read_only": [None, True],
    "log_opt": [None, {"max_size": "1m"}, {"max_size": "2m"}],
    "network": ["none", "none", "bridge", None],
    "publish": [None, ["8080:80"], ["8081:80"]],
    "image": ["busybox", "localhost/busybox:latest", "bare"],
    "comparisons": [None, None, {"label": "allow_more_present", "env": "ignore"}, {"*": "ignore"}],
    "recreate": [None, None, None, True],
    "force_restart": [None, None, None, True],
    "drift": [None, "full"],
    "state": ["started", "started", "started", "present", "stopped", "paused"],
}
LIST = {
    "defaults": {**{key: value for key, value in BASE.items() if key != "image"}, "label": {"stack": "x"}},
    "workers": 2,
}
# What asks for the same again at each run.
AGAIN = ("recreate", "force_restart")


def _options(pick: random.Random, earlier: dict[str, Any]) -> dict[str, Any]:
    """Another configuration, in a few options; two times of three only in those that can change in place."""
    live = ["memory", "label", "log_opt", "dns", "healthcheck", "state"]
    names = pick.choice([pick.sample(sorted(CHOICES), 4), live, [*MOUNTS, "state"]])
    while True:
        changed = {name: pick.choice(CHOICES[name]) for name in names}
        found = {**{name: value for name, value in earlier.items() if name not in AGAIN}, **changed}
        if found.get("network") == "none":
            found.pop("publish", None)
        found = {name: value for name, value in found.items() if value is not None}
        try:
            normalise({name: value for name, value in found.items() if name in OPTIONS})
            return found
        except InvalidArgument:
            continue  # two options have one target


def foretold(host: Host, run: Callable[[bool], Result], keys: tuple[str, ...], where: str) -> Result:
    """Check mode says what the run then does, to the last word, and touches nothing; so it is where both refuse."""
    roots = [host.parts.static_root] if os.path.isdir(host.parts.static_root) else []
    before = files(*roots)
    foretold = run(True)
    assert files(*roots) == before, where
    done = run(False)
    assert done.failed == foretold.failed, (where, foretold, done.get("msg"), done)
    for key in (*keys, *(("msg", "error") if done.failed else ())):
        assert done.get(key) == foretold.get(key), (where, key, foretold.get(key), done.get(key))
    return done


def task_foretold(host: Host, name: str, task: dict[str, Any], where: str) -> Result:
    return foretold(
        host,
        lambda check: host.container(name, check=check, diff=True, **task),
        ("changed", "actions", "plan", "diff"),
        where,
    )


def settled(host: Host, task: dict[str, Any], where: str) -> Result:
    """Once more changes nothing, but for what asks for the same again at each run."""
    again = host.container("c", diff=True, **{key: value for key, value in task.items() if key not in AGAIN})
    assert not again.changed and again["plan"]["steps"] == again["plan"]["differences"] == [], (where, again)
    return again


def _meddled(host: Host, pick: random.Random, process: Process) -> None:
    """Somebody changes a limit or a file of ours behind our back."""
    if pick.random() < 0.5:
        with open(process.path("root/etc/hosts"), "a", encoding="ascii") as file:
            file.write("192.0.2.66 elsewhere\n")
    else:
        with open(f"/sys/fs/cgroup/pids{_cgroup(process)}/pids.max", "w", encoding="ascii") as file:
            file.write("77")


def _cgroup(process: Process) -> str:
    return next(line.rpartition(":")[2].strip() for line in process.read("cgroup").splitlines() if ":pids:" in line)


@seeded
def test_task(host: Host) -> None:
    pick, wanted = random.Random(SEED), {}
    for number in range(24):
        where, wanted = f"seed {SEED}, pair {number}: {wanted} to ", _options(pick, wanted)
        where += repr(wanted)
        task = {**BASE, **wanted}
        done = task_foretold(host, "c", task, where)
        assert not done.failed, (where, done)
        state = wanted.get("state", "started")
        status = {"started": "running", "paused": "paused"}.get(state, done["plan"]["status"]["after"])
        # What is made without being started says `configured`, and what waits for its start `exited`.
        assert done["container"]["State"]["ModelStatus"] == status, (where, done)
        if status == "running" and "comparisons" not in wanted:
            limit = Process(done).cgroup("memory", "memory.limit_in_bytes") or ""
            assert "memory" not in wanted or int(limit) == int(wanted["memory"][:-1]) << 20, (where, limit)
        again = settled(host, task, where)
        if status == "running" and pick.random() < 0.3:
            _meddled(host, pick, Process(again))


def test_restart_of_what_is_down(host: Host) -> None:
    """It runs afterwards, and so does what it needs, though the state does not ask for that."""
    for name, needed in (("owner", []), ("user", ["owner"])):
        host.container(name, **BASE, network="none", requires=needed)
    for name in ("user", "owner"):
        host.container(name, state="stopped")
    done = task_foretold(host, "user", {"state": "present", "force_restart": True}, "restart")
    assert done["actions"] == ["started owner", "started user"]
    assert done["plan"]["status"] == {"before": "exited", "after": done["container"]["State"]["Status"]}


def random_list(pick: random.Random) -> list[dict[str, Any]]:
    """Up to four containers, some of which need others; not every list makes sense.

    No ID begins like their names, for which one that is made in this very run does is chance.
    """
    found: list[dict[str, Any]] = []
    for name in pick.sample("vwxyz", pick.randint(1, 4)):
        one = {"name": name, **_options(pick, {}), "image": "busybox", "network": "none"}
        # One that is to be down and is needed by one that is to be up would be started and stopped by turns.
        other = pick.choice("xyz")
        if name in "xyz":
            one["state"] = "started"
        if pick.random() < 0.4 and other != name:
            one.update({"requires": [other]} if pick.random() < 0.5 else {"network": f"container:{other}", "dns": None})
        if pick.random() < 0.15:
            one = {"name": name, "state": "absent"}
        for option in ("publish", "wait", *AGAIN, *(["hostname"] if "container:" in str(one.get("network")) else [])):
            one.pop(option, None)
        found.append({key: value for key, value in one.items() if value is not None})
    return found


@seeded
def test_list(host: Host) -> None:
    pick = random.Random(SEED)
    for number in range(14):
        listed, purge = random_list(pick), pick.choice([None, "stack=x"])
        args = {"containers": listed, "purge": purge, "keep_going": pick.random() < 0.5, **LIST}
        done = _told_beforehand(host, args)
        if done.failed:
            continue
        again = host.module("libpod_containers", args, diff=True)
        assert not again.changed and not again.failed and again["diff"] == [], (SEED, number, args, again)


@pytest.mark.parametrize("digits", [12, 64])
def test_id_of_a_container_that_the_list_makes_anew(host: Host, digits: int) -> None:
    """It leads nowhere once that is done: what names it is refused before."""
    options = {**BASE, "network": "none"}
    owner = host.container("owner", **options)["container"]["Id"][:digits]
    listed = [{"name": "owner", "hostname": "other"}, {"name": "user", "network": f"container:{owner}"}]
    done = _told_beforehand(host, {"containers": listed, "defaults": options})
    assert done.failed and not done.changed and f"no container has the name or ID '{owner}'" in done["msg"]


def test_other_namespace_of_a_container_that_the_list_makes_anew(host: Host) -> None:
    """Nobody knows the ID that it will have, nor by then the one that it had."""
    options = {**BASE, "network": "none"}
    for name in ("one", "other"):
        host.container(name, **options)
    host.container("user", **{**options, "network": "container:one"})
    listed: list[dict[str, Any]] = [{"name": name, "hostname": "new"} for name in ("one", "other")]
    listed.append({"name": "user", "network": "container:other"})
    done = _told_beforehand(host, {"containers": listed, "defaults": options})
    change = next(part for part in done["diff"] if part["after_header"] == "user")
    assert change["before"] == {"network": "one"} and change["after"]["network"] == "other"


def _told_beforehand(host: Host, args: dict[str, Any]) -> Result:
    return foretold(
        host,
        lambda check: _told(host.module("libpod_containers", args, check=check, diff=True)),
        ("changed", "actions", "diff", "fates"),
        f"seed {SEED}: {args}",
    )


def _told(result: Result) -> Result:
    result["fates"] = [
        {key: one.get(key) for key in ("name", "fate", "changed", "actions", "plan", "msg")}
        for one in result.get("fates", [])
    ]
    return result


POD_CHOICES: dict[str, list[Any]] = {
    "share": [None, "net", "ipc,uts"],
    "hostname": [None, "web"],
    "label": [None, {"a": "1"}],
    "memory": [None, "64m", "96m"],
    "cpus": [None, "0.5"],
    "publish": [None, ["8080:80"]],
    "network": [None, ["none"]],
    "add_host": [None, ["db:192.0.2.9"]],
    "recreate": [None, None, True],
    "state": ["created", "started", "started", "started", "stopped", "paused", "unpaused", "absent"],
}


@seeded
@pytest.mark.parametrize("members", [0, 1])
def test_pod(host: Host, members: int) -> None:
    pick, wanted = random.Random(SEED), {}
    for number in range(12):
        names = pick.sample(sorted(POD_CHOICES), 3) if number else []
        wanted = {**wanted, **{name: pick.choice(POD_CHOICES[name]) for name in names}}
        task = {"name": "p", **{name: value for name, value in wanted.items() if value is not None}}
        where = f"seed {SEED}, pod {number}: {task}"
        done = foretold(
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
