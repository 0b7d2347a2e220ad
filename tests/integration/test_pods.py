# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods: an infra container that holds namespaces and ports, a cgroup with limits, and the member containers."""

from __future__ import annotations

import json
import os
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.preflight import pod as preflight
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hosts import Host, network
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

MEMBER: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "pod": "p"}
# On cgroup v1 containers have the host's cgroup namespace by default.
UNSHARED = "" if cgroup_files.unified() else "cgroup"


def _pod(host: Host, name: str = "p", *, check: bool = False, kill_at: int | str = 0, **options: Any) -> Result:
    return host.module("libpod_pod", {"name": name, **options}, check=check, kill_at=kill_at)


def _info(host: Host, name: str = "p") -> dict[str, Any]:
    (pod,) = host.module("libpod_pod_info", {"name": name})["pods"]
    assert isinstance(pod, dict)
    return pod


def _member(host: Host, name: str = "a", **options: Any) -> Process:
    made = host.container(name, **{**MEMBER, **options})
    assert not made.failed, made
    return Process(made)


def _infra(host: Host) -> Process:
    (container,) = host.module("libpod_container_info", {"name": [_info(host)["InfraContainerID"]]})["containers"]
    return Process(container)


def _cgroup(host: Host, file: str, controller: str = "memory") -> str:
    return cgroup_files.read(controller, _info(host)["CgroupPath"], file) or ""


@pytest.fixture(autouse=True)
def _pods_are_removed(host: Host) -> Iterator[None]:
    yield
    for pod in host.module("libpod_pod_info").get("pods", []):
        gone = _pod(host, pod["Name"], state="absent")
        assert not gone.failed, gone


def test_pod_is_created_once_and_removed_completely(host: Host) -> None:
    predicted = _pod(host, check=True, network=["none"])
    assert (predicted["actions"], predicted["pod"]) == (["created p"], {})
    made = _pod(host, network=["none"])
    assert made["actions"] == ["created p"]
    assert (made["pod"]["State"], made["pod"]["NumContainers"]) == ("Created", 1)
    assert _pod(host, network=["none"])["actions"] == []
    assert host.module("libpod_pod_info", {"name": "nobody"})["pods"] == []
    started = _pod(host, state="started", network=["none"])
    assert (started["actions"], started["pod"]["State"]) == (["started p"], "Running")
    assert _infra(host).argv[0] == "/catatonit"
    assert _pod(host, state="absent", check=True)["actions"] == ["deleted p"]
    assert _pod(host, state="absent")["actions"] == ["deleted p"]
    assert _pod(host, state="absent")["actions"] == []
    host.expect_clean()


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_name_of_the_infra_container_is_not_taken_from_another(host: Host, check: bool) -> None:
    host.container("web", image="busybox", command=WAITING, network="none")
    _pod(host, "other", network=["none"])
    for name, message in (
        ("web", "it is another container's"),
        ("other", "it is a pod's"),
        ("p", "it is a pod's"),
    ):
        refused = _pod(host, check=check, infra_name=name, network=["none"])
        assert refused.failed and refused["msg"] == (
            f"infra_name: {name!r} cannot be the name of the infra container of pod p: {message}: give another one"
        ), refused
        assert not refused["changed"] and not refused["actions"]
    _pod(host, network=["none"], infra_name="own")
    assert _pod(host, check=check, recreate=True, network=["none"], infra_name="own")["actions"] == ["recreated p"]
    refused = _pod(host, check=check, recreate=True, network=["none"], infra_name="web")
    assert refused.failed and "'web'" in refused["msg"]
    names = {one["Name"] for one in host.module("libpod_container_info")["containers"]}
    assert names == {"web", "own", f"{_info(host, 'other')['Id'][:12]}-infra"}
    host.container("web", state="absent")


def test_network_of_a_pod_that_is_missing_is_a_refusal_before_the_pod_is_made(host: Host) -> None:
    missing: dict[str, Any] = {"network": ["missing"], "state": "started"}
    predicted = _pod(host, check=True, **missing)
    assert predicted["actions"] == ["created p", "started p"] and "network missing is not" in str(predicted["warnings"])
    for change in ({}, {"state": "created"}):
        refused = _pod(host, **{**missing, **change})
        assert refused.failed and "network missing is not" in refused["msg"] and not refused["actions"], refused
    _pod(host, network=["none"], state="started")
    pid = _infra(host).pid
    for check in (True, False):
        refused = _pod(host, check=check, **missing)
        assert refused.failed and "network missing is not" in refused["msg"] and not refused["actions"], refused
    assert _infra(host).pid == pid


@pytest.mark.parametrize(
    ("share", "kinds"),
    [(None, {"ipc", "net", "uts"}), ("pid,net", {"net", "pid"}), ("none", set()), ("ipc,net,pid,uts,cgroup", None)],
)
def test_containers_share_the_chosen_namespaces(host: Host, share: Any, kinds: Any) -> None:
    _pod(host, network=["none"], **({"share": share} if share else {}))
    first, second = _member(host, "a"), _member(host, "b", **({"network": "none"} if share == "none" else {}))
    every = ("ipc", "net", "pid", "uts", "cgroup")
    infra = _infra(host)
    for kind in every:
        shared = kinds is None or kind in kinds
        assert (first.namespace(kind) == infra.namespace(kind)) == (shared or kind == UNSHARED), kind
        assert (second.namespace(kind) == first.namespace(kind)) == (shared or kind == UNSHARED), kind
    assert _info(host)["State"] == "Running"
    again = host.container("a", **MEMBER)
    assert not again.changed
    shown = again["container"]
    assert (shown["Pod"], shown["IsInfra"]) == (_info(host)["Id"], False)
    if kinds is None or "net" in kinds:
        assert shown["HostConfig"]["NetworkMode"] == f"container:{_info(host)['InfraContainerID']}"


def test_own_namespace_of_a_member_is_not_the_pods(host: Host) -> None:
    _pod(host, network=["none"])
    member = _member(host, "a", ipc="private", uts="host")
    infra = _infra(host)
    assert member.namespace("net") == infra.namespace("net")
    assert member.namespace("ipc") != infra.namespace("ipc")
    assert member.namespace("uts") == os.stat("/proc/self/ns/uts").st_ino
    assert not host.container("a", **MEMBER, ipc="private", uts="host").changed
    for asked in ({"recreate": True}, {"state": "absent"}):
        refused = host.container(f"{_info(host)['Id'][:12]}-infra", **asked)
        assert refused["error"] == "DependencyExists" and "libpod_pod" in refused["msg"], refused


def test_ports_published_on_the_pod_lead_to_its_member(host: Host) -> None:
    _pod(host, state="started", publish=["8080:80"], hostname="shop", add_host=["db:192.0.2.9"])
    member = _member(host, "a", command=["httpd", "-f", "-p", "80", "-h", "/www"])
    address = _info(host)["NetworkSettings"]["IPAddress"]
    assert address in member.run("ip", "address").stdout
    assert host.run("curl", "-sf", "--retry-connrefused", "--retry", "5", f"http://{address}/")
    assert member.run("hostname").stdout == "shop\n"
    assert "192.0.2.9\tdb" in member.read("root/etc/hosts")
    assert "--dport 8080" in host.run("iptables-save", "-t", "nat")
    for option, value in (("publish", ["81:81"]), ("dns", ["192.0.2.1"]), ("etc_hosts", {"db": "192.0.2.9"})):
        task: dict[str, Any] = {**MEMBER, option: value}
        refused = host.container("b", **task)
        assert refused.failed and f"give {option} to the pod" in refused["msg"]


def test_member_cgroups_are_below_the_pods_which_has_its_limits(host: Host) -> None:
    """They change in place, and are restored after a reboot."""
    _pod(host, network=["none"], memory="64m", cpus="0.5", cpu_shares=512)
    member = _member(host, memory="32m")
    pod = _info(host)
    assert pod["CgroupPath"] == f"/libpod_parent/libpod-pod-{pod['Id']}"
    assert f"{pod['CgroupPath']}/libpod-" in member.read("cgroup")
    assert (_cgroup(host, "memory.limit_in_bytes"), member.cgroup("memory", "memory.limit_in_bytes")) == (
        str(64 << 20),
        str(32 << 20),
    )
    assert (_cgroup(host, "cpu.cfs_quota_us", "cpu"), _cgroup(host, "cpu.shares", "cpu")) == ("50000", "512")
    for memory in ("128m", "48m"):
        changed = _pod(host, network=["none"], memory=memory, cpus="0.5", cpu_shares=512)
        assert changed["actions"] == ["updated p"]
        assert int(_cgroup(host, "memory.limit_in_bytes")) == int(memory[:-1]) << 20
    assert Process(host.container("a")).pid == member.pid
    host.reboot()
    assert host.container("a")["actions"] == [f"started {pod['Id'][:12]}-infra", "started a"]
    assert _cgroup(host, "memory.limit_in_bytes") == str(48 << 20)


def test_pod_starts_stops_pauses_and_kills_its_containers(host: Host) -> None:
    _pod(host, network=["none"])
    for name in ("a", "b"):
        host.container(name, **MEMBER, state="present")
    expected = [
        ("started", ["started p"], "Running", "running"),
        ("started", [], "Running", "running"),
        ("paused", ["paused p"], "Paused", "paused"),
        ("paused", [], "Paused", "paused"),
        ("unpaused", ["unpaused p"], "Running", "running"),
        ("unpaused", [], "Running", "running"),
        ("restarted", ["restarted p"], "Running", "running"),
        ("killed", ["killed p"], "Exited", "exited"),
        ("killed", [], "Exited", "exited"),
        ("started", ["started p"], "Running", "running"),
        ("stopped", ["stopped p"], "Exited", "exited"),
        ("stopped", [], "Exited", "exited"),
    ]
    for state, actions, status, containers in expected:
        assert _pod(host, state=state, network=["none"], check=True)["actions"] == actions
        done = _pod(host, state=state, network=["none"])
        assert (done.get("actions"), done.get("msg")) == (actions, None), state
        assert done["pod"]["State"] == status, state
        assert {one["State"] for one in done["pod"]["Containers"]} == {containers}, state


def test_status_is_podmans(host: Host) -> None:
    _pod(host, network=["none"])
    _member(host, "a")
    host.container("b", **MEMBER, state="present")
    assert _info(host)["State"] == "Degraded"
    host.container("a", state="stopped")
    host.container(_info(host)["InfraContainerID"][:12], state="stopped")
    assert _pod(host, state="started")["pod"]["State"] == "Running"


def test_changed_ports_recreate_the_infra_container_and_keep_the_members(host: Host) -> None:
    _pod(host, state="started", publish=["8080:80"])
    _member(host)
    before = _info(host)
    changed = _pod(host, state="started", publish=["8081:80"])
    assert changed["actions"][0] == "updated p"
    after = changed["pod"]
    assert after["Id"] == before["Id"] and after["InfraContainerID"] != before["InfraContainerID"]
    (member,) = host.module("libpod_container_info", {"name": ["a"]})["containers"]
    assert Process(member).namespace("net") == _infra(host).namespace("net")
    assert "--dport 8081" in host.run("iptables-save", "-t", "nat")
    refused = _pod(host, state="started", publish=["8081:80"], share="net")
    assert refused.failed and "share" in refused["msg"] and "recreate" in refused["msg"]
    renewed = _pod(host, state="started", publish=["8081:80"], share="net", recreate=True)
    assert renewed["actions"] == ["recreated p", "started p"]
    assert renewed["pod"]["NumContainers"] == 1


def test_omitted_option_is_at_its_default_and_network_order_is_no_difference(host: Host) -> None:
    with open("/srv/cni/90-second.conflist", "w", encoding="utf-8") as file:
        json.dump(network("second", "second0", "10.66"), file)
    both: dict[str, Any] = {"network": ["libpod", "second"], "state": "started"}
    assert not _pod(host, **both, publish=["8080:80"]).failed
    member = _member(host)
    pid = member.pid
    assert _pod(host, **{**both, "network": ["second", "bridge"]}, publish=["8080:80"])["actions"] == []
    for state in ("restarted", "stopped"):
        assert _pod(host, check=True, state=state)["actions"] == [f"{state} p"]
    assert _pod(host, state="started")["actions"][0] == "updated p"
    (pod,) = host.module("libpod_pod_info", {"name": "p"})["pods"]
    assert pod["InfraConfig"]["PortBindings"] == {} and list(pod["NetworkSettings"]["Networks"]) == ["libpod"]
    assert host.container("a", **MEMBER)["container"]["State"]["Pid"] != pid
    assert _pod(host, state="started", ip="10.87.0.77")["pod"]["NetworkSettings"]["IPAddress"] == "10.87.0.77"
    assert _pod(host, state="started", ip="10.87.0.77")["actions"] == []
    os.unlink("/srv/cni/90-second.conflist")
    host.run("ip", "link", "del", "second0")


def test_pod_is_created_with_its_container(host: Host) -> None:
    task = {**MEMBER, "pod": "new:p", "network": "bridge", "publish": ["8080:80"]}
    actions = ["created p", "started p", "created a", "started a"]
    assert host.container("a", check=True, **task)["actions"] == actions
    assert not host.module("libpod_pod_info")["pods"]
    made = host.container("a", **task)
    assert made["actions"] == actions and made.changed, made
    assert made["container"]["Pod"] == _info(host)["Id"]
    assert _info(host)["InfraConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] == "8080"
    for check in (True, False):
        again = host.container("a", check=check, **task)
        assert again["actions"] == [] and not again.changed, again
    assert host.container("a", **{**task, "publish": ["8081:80"]})["actions"][0] == "updated p"
    failed = host.container("b", **{**MEMBER, "pod": "new:q", "command": ["/no/such"], "network": "none"})
    assert failed.failed and failed.changed and failed["actions"] == ["created q", "started q"], failed
    assert _pod(host, "q", state="absent").changed
    assert host.container("a", state="absent", pod="new:p")["actions"] == ["deleted a"]


def test_update_for_a_taken_port_is_refused_or_undone(host: Host) -> None:
    _pod(host, state="started", publish=["8080:80"], memory="64m")
    _member(host)
    _pod(host, "other", state="started", publish=["8081:80"], infra_name="holder")
    before = _info(host)
    changed: dict[str, Any] = {"name": "p", "state": "created", "publish": ["8081:80"], "memory": "96m"}
    for check in (True, False):
        refused = host.module("libpod_pod", changed, check=check)
        assert refused.failed and not refused.changed and _info(host) == before, refused
        assert "8081/tcp, wanted by pod p, is in use by container holder: " in refused["msg"], refused

    def taken_later() -> None:
        vars(preflight)["check_ports"] = lambda *_given: None

    failed = host.module("libpod_pod", changed, prepare=taken_later)
    assert failed.failed and "8081" in failed["msg"], failed
    after = _info(host)
    for key in ("State", "InfraContainerID", "InfraConfig", "memory_limit"):
        assert after[key] == before[key], key
    (member,) = host.module("libpod_container_info", {"name": ["a"]})["containers"]
    assert Process(member).namespace("net") == _infra(host).namespace("net")
    assert _cgroup(host, "memory.limit_in_bytes") == str(64 << 20)
    assert not _pod(host, state="started", publish=["8080:80"], memory="64m").changed


def test_limit_drift_is_repaired(host: Host) -> None:
    wanted: dict[str, Any] = {"state": "started", "network": ["none"], "memory": "64m"}
    _pod(host, **wanted)
    process = _member(host)
    cgroup_files.write("memory", _info(host)["CgroupPath"], "memory.limit_in_bytes", str(48 << 20))
    for check in (True, False):
        assert _pod(host, check=check, **wanted)["actions"] == ["repaired p"]
    assert _cgroup(host, "memory.limit_in_bytes") == str(64 << 20)
    assert Process(host.container("a")).pid == process.pid and not _pod(host, **wanted).changed


def test_mapped_pod_shares_its_user_namespace(host: Host) -> None:
    _pod(host, uidmap=["0:100000:65536"], state="started")
    member, infra = _member(host), _infra(host)
    assert member.namespace("user") == infra.namespace("user") != os.stat("/proc/self/ns/user").st_ino
    assert member.status["Uid"].split()[0] == "100000"
    assert member.namespace("net") == infra.namespace("net")
    assert os.stat(member.path("root/bin")).st_uid == 100000


def test_removal_takes_all_or_is_refused(host: Host) -> None:
    _pod(host, network=["none"])
    _member(host)
    host.container("outside", image="busybox", command=WAITING, network="container:a")
    refused = _pod(host, state="absent", force=False)
    assert refused.failed and "has containers" in refused["msg"]
    refused = _pod(host, state="absent")
    assert refused["error"] == "DependencyExists" and "outside" in refused["msg"]
    infra = f"{_info(host)['Id'][:12]}-infra"
    refused = host.container(infra, state="absent")
    assert refused["error"] == "DependencyExists" and "libpod_pod" in refused["msg"]
    host.container("outside", state="absent")
    assert _pod(host, state="absent")["actions"] == ["deleted p"]
    host.expect_clean()


def test_incomplete_pod_keeps_its_name(host: Host) -> None:
    """The next task of the pod finishes it; a container of that name is refused."""
    assert _pod(host, network=["none"], kill_at="write pod.json #1").killed_at
    refused = host.container("p", image="busybox", network="none")
    assert refused.failed and refused["error"] == "PodExists"
    assert not _pod(host, network=["none"]).failed


def test_names_are_shared_with_containers(host: Host) -> None:
    _pod(host, network=["none"])
    refused = host.container("p", image="busybox", network="none")
    assert refused.failed and refused["error"] == "PodExists"
    host.container("c", image="busybox", network="none", state="present")
    refused = _pod(host, "c")
    assert refused.failed and refused["error"] == "ContainerExists"
    refused = host.container("d", **{**MEMBER, "pod": "nobody"})
    assert refused.failed and refused["error"] == "NoSuchPod" and "'nobody'" in refused["msg"]
    assert _pod(host, "nobody", state="stopped")["error"] == "NoSuchPod"


@pytest.mark.parametrize("state", ["created", "absent"])
def test_next_run_converges_after_a_kill_at_any_effect(host: Host, state: str) -> None:
    """Every second effect: each kill leaves an unfinished pod, which the same task finishes or removes."""
    number = 1
    while True:
        if state == "absent":
            assert not _pod(host, network=["none"]).failed
        killed = _pod(host, state=state, network=["none"], kill_at=number)
        done = _pod(host, state=state, network=["none"])
        assert not done.failed, (number, killed.killed_at, done)
        assert not _pod(host, state=state, network=["none"]).changed
        if state == "created":
            assert _info(host)["NumContainers"] == 1, (number, killed.killed_at)
            assert not _pod(host, state="absent").failed
        assert list(Runtime(host.parts).containers()) == []
        assert not (left := host.leaks()), (number, killed.killed_at, left)
        if not killed.killed_at:
            break
        number += 2
    assert number > 5


def test_pod_in_a_playbook(host: Host) -> None:
    pod, container = "libpod.engine.libpod_pod", "libpod.engine.libpod_container"
    member = {"name": "a", "pod": "p", "image": "busybox", "command": WAITING, "stop_signal": "KILL"}
    played = host.play(
        [
            {"name": "pod", pod: {"name": "p", "state": "started", "network": ["none"]}},
            {"name": "member", container: member},
            {"name": "again", container: member},
            {"name": "still", pod: {"name": "p", "state": "started", "network": ["none"]}},
            {"name": "info", "libpod.engine.libpod_pod_info": {}},
            {"name": "remove", pod: {"name": "p", "state": "absent"}},
        ]
    )
    assert [task["changed"] for task in played.tasks] == [True, True, False, False, False, True]
    assert [one["NumContainers"] for one in played["info"]["pods"]] == [2]
    assert played["pod"]["actions"] == ["created p", "started p"]
    host.expect_clean()


def _words(path: str, *, remove: bool = False) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []
    finally:
        if remove:
            os.unlink(path)


def test_init_containers_run_before_the_others(host: Host) -> None:
    _pod(host, network=["none"])
    say = {**MEMBER, "volume": ["/srv/said:/said"], "state": "created"}
    os.mkdir("/srv/said")
    script = "sleep 0.3; echo {0} >> /said/log; exit $(cat /said/code)"
    for name, kind in (("z", "once"), ("i", "always")):
        made = host.container(name, **{**say, "command": ["sh", "-c", script.format(name)]}, init_ctr=kind)
        assert made["actions"] == [f"created {name}"], made
    host.container("a", **{**say, "command": ["sh", "-c", "echo a >> /said/log; exec sleep 1000"]})

    def write(code: str) -> None:
        with open("/srv/said/code", "w", encoding="ascii") as file:
            file.write(code)

    def said(*names: str) -> bool:
        eventually(lambda: len(_words("/srv/said/log")) >= len(names))
        return _words("/srv/said/log", remove=True) == list(names)

    write("3")
    failed = _pod(host, state="started", network=["none"])
    assert failed.failed and "init container z ended with exit code 3" in failed["msg"] and said("z"), failed
    write("0")
    started = _pod(host, state="started", network=["none"])
    assert started["pod"]["State"] == "Running" and said("z", "i", "a"), started
    assert _pod(host, state="started", network=["none"])["actions"] == []
    assert not host.module("libpod_container_info", {"name": ["z"]})["containers"]
    _pod(host, state="restarted")
    assert said("i", "a")
    refused = host.container("i", **{**say, "state": "started"}, init_ctr="always")
    assert refused.failed and refused["msg"].startswith("state: "), refused
    _pod(host, state="absent")
    os.unlink("/srv/said/code")
    os.rmdir("/srv/said")


def test_difference_names_the_status_only_where_it_changes(host: Host) -> None:
    def diff(check: bool = False, **options: Any) -> Any:
        return host.module("libpod_pod", {"name": "p", "state": "started", **options}, check=check, diff=True)["diff"]

    for check in (True, False):
        assert diff(check) == {"before": {"status": "absent"}, "after": {"status": "Running"}}
    for check in (True, False):
        assert diff(check, cpu_shares=512) == {"before": {"cpu_shares": None}, "after": {"cpu_shares": 512}}
    assert diff(cpu_shares=512) == {"before": {}, "after": {}}
    assert diff(state="stopped") == {"before": {"status": "Running"}, "after": {"status": "Exited"}}
    assert diff(state="absent") == {"before": {"status": "Exited"}, "after": {"status": "absent"}}
