# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_containers: a list of containers in one task."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from importlib import import_module
from typing import Any, Callable

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import MODULES, Result

DEFAULTS: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sleep", "1000"],
    "network": "none",
    "stop_signal": "KILL",
}
JOINER = {"name": "a", "network": "container:c"}
STACK: list[dict[str, Any]] = [JOINER, {"name": "b", "requires": ["a"]}, {"name": "c"}]


def run_list(host: Host, containers: list[dict[str, Any]], **how: Any) -> Result:
    run_options = {key: how.pop(key) for key in ("check", "diff", "prepare") if key in how}
    args = {"containers": containers, "defaults": DEFAULTS, "workers": 2, **how}
    return host.module("libpod_containers", args, **run_options)


def done(host: Host, containers: list[dict[str, Any]], **how: Any) -> Result:
    """Check mode predicts what the run does, and a second run changes nothing."""
    predicted = run_list(host, containers, check=True, **how)
    result = run_list(host, containers, **how)
    assert not result.failed and not predicted.failed, (predicted, result)
    assert fates(predicted) == fates(result) and predicted["actions"] == result["actions"]
    again = run_list(host, containers, **how)
    assert not again.changed and not again.failed, again
    return result


def fates(result: Result) -> dict[str, str]:
    return {one["name"]: one["fate"] for one in result["fates"]}


def pids(host: Host) -> dict[str, int]:
    listing = host.module("libpod_container_info")["containers"]
    return {one["Name"]: one["State"]["Pid"] for one in listing}


def inode(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


@pytest.mark.smoke
def test_list_is_created_changed_and_removed_in_dependency_order(host: Host) -> None:
    made = done(host, STACK)
    assert made["actions"] == [f"{verb} {name}" for name in "cab" for verb in ("created", "started")]
    first = pids(host)
    assert inode(first["a"], "net") == inode(first["c"], "net") != inode(first["b"], "net")

    # With another owner of the namespace, the joined container restarts; a container that requires it stays as it is.
    renewed = done(host, [*STACK[:2], {"name": "c", "hostname": "new"}])
    assert fates(renewed) == {"c": "changed", "a": "changed", "b": "unchanged"}
    second = pids(host)
    assert inode(second["a"], "net") == inode(second["c"], "net") and second["b"] == first["b"]

    # Once a no longer depends on c, c can be removed.
    freed = done(host, [{"name": "a"}, STACK[1], {"name": "c", "state": "absent"}])
    assert freed["actions"] == ["recreated a", "deleted c"]
    gone = done(host, [{"name": name, "state": "absent"} for name in "abc"])
    assert gone["actions"] == ["deleted b", "deleted a"] and not pids(host)
    host.expect_clean()


def test_purge_removes_labelled_containers_not_in_the_list(host: Host) -> None:
    labelled = {**DEFAULTS, "label": {"stack": "shop"}}
    listed: list[dict[str, Any]] = [{"name": "web", "network": "container:net"}, {"name": "net"}, {"name": "other"}]
    listed[2]["label"] = {"stack": "another"}
    done(host, listed, defaults=labelled, purge="stack=shop")
    for label in ("", "=shop"):
        refused = run_list(host, [{"name": "other"}], purge=label)
        assert refused.failed and refused["msg"].startswith("purge: ") and len(pids(host)) == 3
    kept = run_list(host, [{"name": "web", "network": "container:net"}], defaults=labelled, purge="stack=shop")
    assert kept.failed and "web needs container net, which this task removes" in kept["msg"]
    assert len(pids(host)) == 3
    left = done(host, [{"name": "new"}], defaults=labelled, purge="stack=shop")
    assert left["actions"] == ["deleted web", "deleted net", "created new", "started new"]
    assert set(pids(host)) == {"new", "other"}


def test_host_port_of_a_removed_container_is_reused(host: Host) -> None:
    published = {"network": "bridge", "publish": ["127.0.0.1:8090:80"]}
    done(host, [{"name": "old", **published}])
    moved = done(host, [{"name": "new", **published}, {"name": "old", "state": "absent"}])
    assert moved["actions"] == ["deleted old", "created new", "started new"]


REFUSED: list[tuple[list[dict[str, Any]], str]] = [
    ([{"name": "a", "requires": ["b"]}, {"name": "b", "network": "container:a"}], "depend on each other: "),
    ([{"name": "a"}, {"name": "a"}], "'a' stands there twice"),
    ([{"name": "a"}, {"command": "x"}], "number 2 of the list: missing required arguments: name"),
    ([{"name": "a"}, {"name": "b", "memory": "many"}], "container b: memory: 'many'"),
    (
        [{"name": "a", "comand": 1}],
        "container a: 'comand' is no option of a container in a list: did you mean command?",
    ),
    ([{"name": "a", "static_root": "/x"}], "container a: 'static_root' is no option of a container in a list"),
    ([{"name": "a", "label": {}, "labels": {}}], "container a: label and labels mean the same option"),
    ([{"name": "a", "ports": [], "published": []}], "container a: ports and published mean the same option"),
    ([{"name": "a", "network": "container:b"}, {"name": "b", "state": "absent"}], "b, which this task removes"),
]


def test_invalid_list_is_refused_before_any_change(host: Host) -> None:
    for containers, message in REFUSED:
        for check in (True, False):
            refused = run_list(host, containers, check=check)
            assert refused.failed and message in refused["msg"], refused
    assert not pids(host)


def test_failure_stops_the_list_and_reports_every_status(host: Host) -> None:
    bad: dict[str, Any] = {"name": "bad", "command": ["/no/such/program"]}
    listed = [bad, {"name": "after", "requires": ["bad"]}, {"name": "x"}, {"name": "y"}]
    stopped = run_list(host, listed, workers=1)
    assert stopped.failed and "/no/such/program" in stopped["msg"] and "not begun: " in stopped["msg"]
    assert fates(stopped)["bad"] == "failed" and fates(stopped)["after"] == "not begun"
    assert set(fates(stopped).values()) == {"failed", "not begun"} and not pids(host)

    went_on = run_list(host, listed, keep_going=True)
    assert fates(went_on) == {"bad": "failed", "after": "not begun", "x": "changed", "y": "changed"}
    assert "bad" in next(one["msg"] for one in went_on["fates"] if one["name"] == "after")
    assert set(pids(host)) == {"x", "y"}
    repaired = run_list(host, [{"name": "bad"}, *listed[1:]])
    assert not repaired.failed and len(pids(host)) == 4


def _observed(act: Callable[[str], None]) -> Callable[[], None]:
    return lambda: failpoints.observe(act)


def test_killed_worker_is_reported_and_the_others_finish(host: Host) -> None:
    main = os.getpid()

    def die(name: str) -> None:
        with open("/proc/self/stat", encoding="ascii") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
        if name == "mount merged" and parent != main:
            with contextlib.suppress(FileExistsError):  # of two workers that are there at once, one dies
                os.close(os.open("/run/libpod-test/died", os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), signal.SIGKILL)

    listed = [{"name": name} for name in "abcd"]
    result = run_list(host, listed, keep_going=True, prepare=_observed(die))
    assert sorted(fates(result).values()) == ["changed", "changed", "changed", "failed"], result
    (lost,) = (one for one in result["fates"] if one["fate"] == "failed")
    assert "killed by signal 9" in lost["msg"] and f"container {lost['name']}: " in result["msg"]
    again = run_list(host, listed)
    assert not again.failed and fates(again)[lost["name"]] == "changed" and len(pids(host)) == 4


@pytest.mark.parametrize(("number", "least"), [(signal.SIGTERM, 1), (signal.SIGKILL, 0)])
def test_terminated_task_is_finished_by_the_next_run(host: Host, number: int, least: int) -> None:
    task: list[int] = []

    def end(name: str) -> None:
        if name.startswith("runc start") and os.getpid() != task[0]:
            os.kill(task[0], number)
            time.sleep(0.05)

    def prepare() -> None:
        task.append(os.getpid())
        failpoints.observe(end)

    listed = [{"name": f"c{index}"} for index in range(4)]
    ended = run_list(host, listed, prepare=prepare)
    assert ended.failed
    if number == signal.SIGTERM:
        assert "ended by SIGTERM; not begun: " in ended["msg"]
        assert least <= sum(fate == "changed" for fate in fates(ended).values()) < 4
    else:
        assert ended.exit_code == -signal.SIGKILL
    again = run_list(host, listed)
    assert not again.failed and len(pids(host)) == 4 and all(pids(host).values())
    assert not run_list(host, listed).changed


def test_diff_has_a_part_for_each_container_that_changes(host: Host) -> None:
    run_list(host, [{"name": "a", "memory": "64m"}, {"name": "b"}])
    listed = [{"name": "a", "memory": "96m"}, {"name": "b"}, {"name": "c"}]
    predicted = run_list(host, listed, check=True, diff=True)["diff"]
    assert predicted == run_list(host, listed, diff=True)["diff"]
    assert [part["after_header"] for part in predicted] == ["a", "c"]
    assert "100663296" in str(predicted[0]) and "67108864" in str(predicted[0])
    assert run_list(host, listed, diff=True)["diff"] == []


def test_examples_run_unmodified(host: Host) -> None:
    examples = yaml.safe_load(import_module(f"{MODULES}.libpod_containers").EXAMPLES)
    played = host.play(examples)
    actions = [task["actions"] for task in played.tasks]
    assert actions[1:] == [["deleted app"], ["deleted cache"]] and len(actions[0]) == 4


def test_containers_are_inspections_in_the_order_of_the_list(host: Host) -> None:
    """What playbooks for containers.podman.podman_containers read."""
    gone = {"name": "gone", "state": "absent"}
    made = run_list(host, [{"name": "b", "network": "container:a"}, {"name": "a", "env": {"V": 1.10}}, gone])
    assert not made.failed, made
    assert [one["Name"] for one in made["containers"]] == ["b", "a"] and "containers" not in made["fates"][0]
    assert list(fates(made)) == ["gone", "a", "b"]
    assert ["container a: env: the value of V" in str(one) for one in made["warnings"]] == [True]
    again = run_list(host, [{"name": "b", "network": "container:a"}, {"name": "a", "env": {"V": 1.10}}], debug=True)
    assert again["containers"] == made["containers"] and not again.changed
    assert again["containers"][0] == host.module("libpod_container_info", {"name": "b"})["containers"][0]
    assert len(json.dumps(again["containers"])) < (1 << 20) * 2 / 50
    outlined = run_list(host, [{"name": "a", "env": {"V": "1.1"}}], inspect="outline")
    assert outlined["containers"][0]["State"]["Running"] and "HostConfig" not in outlined["containers"][0]
