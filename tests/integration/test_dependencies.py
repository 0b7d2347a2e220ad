# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container starts after its dependencies, is removed before them, and restarts when they do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def _run(host: Host, name: str, **options: Any) -> Result:
    made = host.container(name, **{**OPTIONS, **options})
    assert not made.failed, made
    return made


def _info(host: Host, name: str) -> dict[str, Any]:
    (container,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    assert isinstance(container, dict)
    return container


def test_stopped_dependencies_are_started_first_in_order(host: Host) -> None:
    _run(host, "a", state="present")
    _run(host, "b", state="present", requires=["a"])
    joining = {"network": "container:b", "requires": ["b"]}
    predicted = host.container("c", **{**OPTIONS, **joining}, check=True)
    made = _run(host, "c", **joining)
    assert made["actions"] == predicted["actions"] == ["started a", "started b", "created c", "started c"]
    began = [_info(host, name)["State"]["StartedAt"] for name in "abc"]
    assert began == sorted(began)
    for name in "cab":
        host.container(name, state="stopped")
    by_name = host.container("c")
    assert by_name["actions"] == ["started a", "started b", "started c"]
    assert host.container("c")["actions"] == []
    assert Process(by_name).namespace("net") == Process(_info(host, "b")).namespace("net")


def test_creating_a_container_starts_no_dependency(host: Host) -> None:
    _run(host, "a", state="present")
    assert _run(host, "b", state="present", network="container:a")["actions"] == ["created b"]
    assert _info(host, "a")["State"]["Status"] == "created"


def test_removal_with_dependents_is_refused_and_proceeds_in_order(host: Host) -> None:
    _run(host, "a")
    _run(host, "b", requires=["a"])
    _run(host, "c", ipc="container:b")
    for name, dependent in (("a", "b"), ("b", "c")):
        refused = host.container(name, state="absent")
        assert refused.failed and refused["error"] == "DependencyExists" and f": {dependent} depends" in refused["msg"]
    removed = host.container("a", state="absent", delete_depend=True)
    assert removed["actions"] == ["deleted c", "deleted b", "deleted a"]
    host.expect_clean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "container:c"}, "network: container c cannot join its own network namespace"),
        ({"pid": "container:c"}, "pid: container c cannot join its own pid namespace"),
        ({"requires": ["c"]}, "requires: container c cannot require itself"),
        ({"uts": "container:b"}, "uts: container c would depend on itself: c → b → a → c"),
        ({"requires": ["b"]}, "requires: container c would depend on itself: c → b → a → c"),
    ],
)
def test_cycle_is_refused_and_changes_nothing(host: Host, options: dict[str, Any], message: str) -> None:
    first = _run(host, "c", state="present")
    _run(host, "a", state="present", ipc="container:c")
    _run(host, "b", state="present", requires=["a"])
    refused = host.container("c", **{**OPTIONS, **options, "state": "present"})
    assert refused.failed and refused["error"] == "InvalidArgument"
    assert message in refused["msg"]
    assert _info(host, "c")["Id"] == first["container"]["Id"]
    assert not host.container("c", **OPTIONS, state="present").changed


@pytest.mark.parametrize("options", [{"network": "container:nobody"}, {"requires": ["nobody"]}])
def test_missing_dependency_is_refused_by_name(host: Host, options: dict[str, Any]) -> None:
    refused = host.container("c", **{**OPTIONS, **options})
    assert refused.failed and refused["error"] == "NoSuchContainer" and "'nobody'" in refused["msg"]
    # An earlier task of the play may create it.
    predicted = host.container("c", **{**OPTIONS, **options}, check=True)
    assert not predicted.failed and "'nobody'" in str(predicted["warnings"]), predicted
    host.expect_clean()


def test_requires_changes_in_place(host: Host) -> None:
    _run(host, "a")
    _run(host, "b", state="present")
    made = _run(host, "c", requires=["a"])
    changed = _run(host, "c", requires=["a", "b"])
    assert changed["actions"] == ["updated c"]
    assert changed["container"]["State"]["Pid"] == made["container"]["State"]["Pid"]
    ids = sorted(_info(host, name)["Id"] for name in "ab")
    assert changed["container"]["Dependencies"] == ids
    assert host.container("b", state="absent")["error"] == "DependencyExists"
    assert _run(host, "c")["container"]["Dependencies"] == []
    assert host.container("b", state="absent")["actions"] == ["deleted b"]


@pytest.mark.parametrize("option", ["network", "ipc", "uts"])
def test_restarted_dependency_restarts_the_container(host: Host, option: str) -> None:
    kind = {"network": "net"}.get(option, option)
    _run(host, "a")
    joined = {option: "container:a"}
    before = _run(host, "b", **joined)
    restarted = host.container("a", restart=True)
    predicted = host.container("b", **{**OPTIONS, **joined}, check=True, diff=True)
    assert option in predicted["diff"]["before"]
    after = _run(host, "b", **joined)
    assert predicted["actions"] == after["actions"] == ["restarted b"]
    assert Process(after).namespace(kind) == Process(restarted).namespace(kind)
    assert after["container"]["Id"] == before["container"]["Id"]
    assert _run(host, "b", **joined)["actions"] == []


def test_end_of_a_pid_namespace_ends_the_containers_in_it(host: Host) -> None:
    """The kernel kills them (pid_namespaces(7)); their task starts them in the new namespace."""
    _run(host, "a")
    _run(host, "b", pid="container:a")
    restarted = host.container("a", restart=True)
    eventually(lambda: _info(host, "b")["State"]["Status"] == "exited")
    after = _run(host, "b", pid="container:a")
    assert after["actions"] == ["started b"]
    assert Process(after).namespace("pid") == Process(restarted).namespace("pid")


def test_stopped_dependency_is_started_and_the_container_restarted(host: Host) -> None:
    _run(host, "a")
    _run(host, "b", network="container:a")
    host.container("a", state="stopped")
    assert host.container("b")["actions"] == ["started a", "restarted b"]
    assert Process(_info(host, "b")).namespace("net") == Process(_info(host, "a")).namespace("net")


def test_recreated_dependency_keeps_its_dependents(host: Host) -> None:
    """They depend on the replacement at once, and share its namespace once their own task has run."""
    _run(host, "a")
    _run(host, "b", network="container:a")
    _run(host, "c", requires=["a"])
    renewed = _run(host, "a", memory="64m", hostname="other")
    assert renewed["actions"] == ["recreated a"]
    assert _info(host, "b")["Dependencies"] == _info(host, "c")["Dependencies"] == [renewed["container"]["Id"]]
    assert host.container("a", state="absent")["error"] == "DependencyExists"
    after = _run(host, "b", network="container:a")
    assert after["actions"] == ["restarted b"]
    assert Process(after).namespace("net") == Process(renewed).namespace("net")
    assert _run(host, "c", requires=["a"])["actions"] == []


def test_dependencies_start_first_after_a_reboot(host: Host) -> None:
    _run(host, "a")
    _run(host, "b", network="container:a", requires=["a"])
    host.reboot()
    assert [one.config.name for one in Runtime(host.parts).containers()] == ["a", "b"]
    assert host.container("b")["actions"] == ["started a", "started b"]
