# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_network: what containers on a network reach, by packets and by the kernel's links, and how networks change."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.resources.network import network
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, OUTSIDE, Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

CNI = Path("/srv/cni")


@pytest.fixture(scope="module", name="made")
def _made() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture(name="shared")
def _shared(made: Host, request: pytest.FixtureRequest) -> Iterator[Host]:
    """Lend the test host of this file; after the test its networks go with their containers and leave nothing."""
    failed = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed:
        for one in made.module("libpod_network_info")["networks"]:
            if one["name"] != NETWORK:
                gone = made.module("libpod_network", {"name": one["name"], "state": "absent", "force": True})
                assert gone.changed, gone
        made.empty()
        made.expect_clean()


def define(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Have a network be like this, as check mode predicts; a second run changes nothing. Return it."""
    predicted = host.module("libpod_network", {"name": name, **options}, check=True)
    done = host.module("libpod_network", {"name": name, **options})
    assert done.changed and not done.failed, done
    before = {**done["network"]}
    del before["created"]
    assert (predicted.get("actions"), predicted.get("network")) == (done["actions"], before)
    assert not host.module("libpod_network", {"name": name, **options}).changed
    return before


def refused(host: Host, name: str, **options: Any) -> str:
    """Return the one sentence with which a task for a network is refused, in check mode too."""
    done = host.module("libpod_network", {"name": name, **options})
    assert done.failed and not done.stderr, done
    assert host.module("libpod_network", {"name": name, **options}, check=True)["msg"] == done["msg"]
    return str(done["msg"])


def run(host: Host, name: str, network: str, **options: Any) -> Result:
    how = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "network": [network], **options}
    done = host.container(name, **how)
    assert not done.failed, done["msg"]
    return done


def inside(container: Result, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the test host in the container's network namespace."""
    enter = ["nsenter", f"--net=/proc/{Process(container).pid}/ns/net"]
    return subprocess.run([*enter, *argv], check=False, capture_output=True, text=True)


def address(container: Result, network: str, *, six: bool = False) -> str:
    found = container["container"]["NetworkSettings"]["Networks"][network]
    return str(found["GlobalIPv6Address" if six else "IPAddress"])


def reaches(container: Result, target: str) -> bool:
    """Whether an answer comes to a ping; the first ones may be lost to duplicate address detection."""
    kind = ["-6"] if ":" in target else []

    def answered() -> bool:
        return inside(container, "busybox", "ping", *kind, "-c1", "-W1", target).returncode == 0

    try:
        eventually(answered)
    except AssertionError:
        return False
    return True


def drops(container: Result, target: str) -> bool:
    """Whether no answer comes to two pings."""
    return inside(container, "busybox", "ping", "-c2", "-W1", target).returncode != 0


def link(container: Result, name: str = "eth0") -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(inside(container, "ip", "-json", "-details", "link", "show", name).stdout)
    return found[0]


def test_new_network_has_a_free_subnet_and_bridge_and_an_exact_prediction(shared: Host) -> None:
    shared.run("ip", "link", "add", "cni-libpod1", "type", "bridge")
    shared.run("ip", "addr", "add", "10.89.0.7/32", "dev", "cni-libpod1")
    shared.run("ip", "route", "add", "10.89.1.0/25", "dev", "outside0")
    try:
        front = define(shared, "front", labels={"tier": "front"})
    finally:
        shared.run("ip", "link", "del", "cni-libpod1")
        shared.run("ip", "route", "del", "10.89.1.0/25")
    assert (front["subnets"], front["network_interface"]) == (
        [{"subnet": "10.89.2.0/24", "gateway": "10.89.2.1"}],
        "cni-libpod2",
    )
    c = run(shared, "c", "front")
    assert reaches(c, "10.89.2.1") and reaches(c, "198.51.100.1")
    assert (
        json.loads(shared.run("ip", "-json", "addr", "show", "cni-libpod2"))[0]["addr_info"][0]["local"] == "10.89.2.1"
    )
    overlap = refused(shared, "back", subnet="198.51.100.64/26")
    assert "overlaps the host's route 198.51.100.0/24 of outside0" in overlap
    assert "overlaps subnet 10.87.0.0/16 of network libpod" in refused(shared, "back", subnet="10.0.0.0/8")


def test_dual_stack_network_carries_both_families_with_its_mtu(shared: Host) -> None:
    dual = define(shared, "dual", ipv6=True, opt={"mtu": 1400})
    a, b = run(shared, "a", "dual"), run(shared, "b", "dual")
    assert link(a)["mtu"] == 1400
    assert [":" in one["subnet"] for one in dual["subnets"]] == [False, True]
    for six in (False, True):
        assert reaches(a, address(b, "dual", six=six)), inside(a, "ip", "addr").stdout
        assert reaches(a, dual["subnets"][six]["gateway"])
    changed = define(shared, "dual", opt={"mtu": 1500}, force=True)
    assert changed["subnets"] == dual["subnets"], "what the task does not name stays"
    assert link(a)["mtu"] == 1500 and reaches(a, "10.89.0.1"), "it is attached again, and runs on"
    assert "1280" in refused(shared, "dual", opt={"mtu": 1200})


def test_isolated_networks_do_not_reach_each_other_and_others_do(shared: Host) -> None:
    for name, isolate in (("one", True), ("two", True), ("open", False), ("other", False)):
        define(shared, name, opt={"isolate": isolate})
    one, two, opened, other = (run(shared, name, name) for name in ("one", "two", "open", "other"))
    assert reaches(opened, address(other, "other")), "without isolation they are routed"
    assert drops(one, address(two, "two")) and drops(two, address(one, "one"))
    assert reaches(one, "198.51.100.1"), "the host and what is outside are reached"


def test_name_servers_of_a_network_come_before_the_hosts(shared: Host) -> None:
    define(shared, "named", dns=["192.0.2.53", "192.0.2.54"])
    lines = Process(run(shared, "a", "named")).read("root/etc/resolv.conf").splitlines()
    assert [line for line in lines if line.startswith("nameserver")][:2] == [
        "nameserver 192.0.2.53",
        "nameserver 192.0.2.54",
    ]


def test_internal_network_has_no_way_out(shared: Host) -> None:
    define(shared, "within", internal=True, subnet="192.168.22.0/24", ip_range="192.168.22.128/25")
    a, b = run(shared, "a", "within"), run(shared, "b", "within")
    assert (address(a, "within"), address(b, "within")) == ("192.168.22.129", "192.168.22.130")
    assert reaches(a, "192.168.22.130")
    assert "default" not in inside(a, "ip", "route").stdout
    assert drops(a, "198.51.100.1")


def test_several_subnets_give_each_container_an_address_of_each(shared: Host) -> None:
    nets = [{"subnet": "10.40.1.0/24"}, {"subnet": "10.40.2.0/24", "gateway": "10.40.2.254"}, {"subnet": "fd40::/64"}]
    assert "one IPv4 gateway alone" in refused(shared, "wide", net_config=nets)
    route = ["10.77.0.0/16,10.40.2.9"]
    define(shared, "wide", driver="ptp", net_config=nets, route=route)
    define(shared, "within", internal=True, net_config=[{"subnet": f"10.4{one}.0.0/24"} for one in (5, 6)])
    a, b = run(shared, "a", "wide:ip=10.40.1.50,ip=10.40.2.60,ip6=fd40::70"), run(shared, "b", "wide")
    found = json.loads(inside(a, "ip", "-json", "addr", "show", "eth0").stdout)[0]["addr_info"]
    assert {"10.40.1.50", "10.40.2.60", "fd40::70"} <= {one["local"] for one in found}
    assert all(reaches(b, target) for target in ("10.40.1.50", "10.40.2.60", "fd40::70", "10.40.2.254"))
    assert "10.77.0.0/16 via 10.40.2.9" in inside(a, "ip", "route").stdout
    c, d = run(shared, "c", "within"), run(shared, "d", "within:ip=10.45.0.9,ip=10.46.0.9")
    assert reaches(c, "10.45.0.9") and reaches(c, "10.46.0.9"), inside(d, "ip", "addr").stdout
    moved = [*nets[1:], {"subnet": "10.40.3.0/24"}]
    assert "attached to it (a, b)" in refused(shared, "wide", net_config=moved, route=route)
    shared.container("a", state="stopped")
    shared.container("b", state="stopped")
    assert "a (10.40.1.50)" in refused(shared, "wide", net_config=moved, route=route)


@pytest.mark.parametrize("egress", [False, True])
def test_bandwidth_is_limited_by_the_kernel(shared: Host, egress: bool) -> None:
    if egress:
        _needs(shared, "ifb")  # what a container sends is limited on one
    made = define(shared, "slow", bandwidth={"egress_rate" if egress else "ingress_rate": 8_000_000})
    a = run(shared, "a", "slow")
    assert reaches(a, made["subnets"][0]["gateway"])
    (limited,) = json.loads(
        shared.run(
            "ip", "-json", "link", "show", *(["type", "ifb"] if egress else ["master", made["network_interface"]])
        )
    )
    rates = json.loads(shared.run("tc", "-json", "qdisc", "show", "dev", limited["ifname"]))
    assert [one["options"]["rate"] for one in rates if one["kind"] == "tbf"] == [1_000_000], rates


def test_bridge_has_its_vlan(shared: Host) -> None:
    _needs(shared, "bridge", "vlan_filtering", "1")
    made = define(shared, "tagged", opt={"vlan": 42})
    a, b = run(shared, "a", "tagged"), run(shared, "b", "tagged")
    assert reaches(a, address(b, "tagged")) and reaches(a, made["subnets"][0]["gateway"])
    ports = json.loads(shared.run("ip", "-json", "link", "show", "master", made["network_interface"]))
    vlans = {one["ifname"]: one["vlans"] for one in json.loads(shared.run("bridge", "-json", "vlan", "show"))}
    assert [42 in [vlan["vlan"] for vlan in vlans[port["ifname"]]] for port in ports] == [True, True, True]
    assert shared.module("libpod_network", {"name": "tagged", "state": "absent", "force": True}).changed
    assert made["network_interface"] not in shared.run("ip", "link"), "nor is the gateway's link left"


def _needs(host: Host, *kind: str, link: str = "") -> None:
    """Skip the test where the kernel has no such link."""
    try:
        host.run("ip", "link", "add", *(["link", link] if link else []), "name", "probe0", "type", *kind)
    except AssertionError as error:
        pytest.skip(f"the kernel has no link {' '.join(kind)}: {error}")
    host.run("ip", "link", "del", "probe0")


def test_ptp_network_routes_without_a_bridge(shared: Host) -> None:
    define(shared, "point", driver="ptp", opt={"mtu": 1300})
    with shared.neighbour():
        a = run(shared, "a", "point")
        assert link(a)["mtu"] == 1300 and reaches(a, OUTSIDE), "behind the host's address"
    assert shared.run("ip", "-json", "link", "show", "type", "bridge").count("cni-") == 0


@pytest.mark.parametrize(("driver", "mode"), [("macvlan", "bridge"), ("ipvlan", "l2")])
def test_container_is_on_its_parents_network(shared: Host, driver: str, mode: str) -> None:
    with shared.neighbour():
        _needs(shared, driver, "mode", mode, link="near0")
        lan = {"subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "ip_range": "192.0.2.100-192.0.2.110"}
        define(shared, "lan", driver=driver, interface_name="near0", opt={"mode": mode}, **lan)
        a = run(shared, "a", "lan")
        assert address(a, "lan") == "192.0.2.100" and reaches(a, OUTSIDE)
        details = link(a)["linkinfo"]
        assert (details["info_kind"], details["info_data"]["mode"]) == (driver, mode)
        assert "no link lost0" in refused(shared, "lost", driver=driver, interface_name="lost0")
        assert shared.module("libpod_network", {"name": "lan", "state": "absent", "force": True}).changed


def test_host_device_is_lent_to_one_container(shared: Host) -> None:
    shared.run("ip", "link", "add", "lent0", "type", "veth", "peer", "name", "ours0")
    shared.run("ip", "-batch", "-", input="addr add 10.50.0.1/24 dev ours0\nlink set ours0 up\n")
    try:
        define(shared, "device", driver="host-device", interface_name="lent0", subnet="10.50.0.0/24")
        a = run(shared, "a", "device")
        assert link(a)["ifname"] == "eth0" and "lent0" not in shared.run("ip", "link")
        assert reaches(a, "10.50.0.1")
        assert not shared.container("a", state="absent").failed
        assert "lent0" in shared.run("ip", "link"), "it comes back"
    finally:
        shared.run("ip", "link", "del", "ours0")


def test_network_whose_file_cannot_be_read_is_neither_made_nor_called_absent(shared: Host) -> None:
    file = CNI / "broken.conflist"
    file.write_text('{"name": "broken", ')
    for state in ("present", "absent"):
        message = refused(shared, "broken", state=state)
        assert "broken.conflist: not valid JSON" in message and message.endswith("correct or remove it")
    assert file.exists()
    file.unlink()
    assert not shared.module("libpod_network", {"name": "broken", "state": "absent"}).changed


def test_users_file_is_changed_in_place(shared: Host) -> None:
    os.makedirs("/srv/kept", exist_ok=True)
    mine: dict[str, Any] = {
        "cniVersion": "1.0.0",
        "name": "mine",
        "comment": "do not touch",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "mine0",
                "isGateway": True,
                "promiscMode": True,
                "ipam": {"type": "host-local", "subnet": "10.41.0.0/24", "resolvConf": "/etc/resolv.conf"},
            },
            {"type": "sbr", "note": "users"},
            {"type": "portmap", "snat": False, "capabilities": {"portMappings": True}},
        ],
    }
    Path("/srv/kept/mine.json").write_text(json.dumps(mine))
    os.chmod("/srv/kept/mine.json", 0o640)
    (CNI / "90-mine.conflist").symlink_to("/srv/kept/mine.json")
    same = shared.module("libpod_network", {"name": "mine"})
    assert not same.changed and same["network"]["subnets"] == [{"subnet": "10.41.0.0/24", "gateway": "10.41.0.1"}]
    define(shared, "mine", labels={"a": "b"}, opt={"mtu": 1450})
    expected = json.loads(json.dumps(mine))
    expected["plugins"][0]["mtu"] = 1450
    expected["args"] = {"podman_labels": {"a": "b"}, "podman_options": {"mtu": "1450"}}
    assert json.loads(Path("/srv/kept/mine.json").read_text()) == expected
    assert os.stat("/srv/kept/mine.json").st_mode & 0o777 == 0o640 and (CNI / "90-mine.conflist").is_symlink()
    define(shared, "mine")
    assert json.loads(Path("/srv/kept/mine.json").read_text()) == mine, "back to what it was"
    a = run(shared, "a", "mine")
    assert address(a, "mine") == "10.41.0.2"
    assert shared.module("libpod_network", {"name": "mine", "state": "absent", "force": True})["actions"] == [
        "deleted container a",
        "deleted mine",
    ]
    assert Path("/srv/kept/mine.json").exists(), "the file that a link names stays"
    shared.run("rm", "-r", "/srv/kept")


def test_two_files_of_one_name_go_together_and_the_first_counts(shared: Host) -> None:
    define(shared, "twice", subnet="10.42.0.0/24")
    (CNI / "zz.conflist").write_text((CNI / "twice.conflist").read_text().replace("10.42", "10.43"))
    again = shared.module("libpod_network", {"name": "twice"})
    assert not again.changed and "twice.conflist counts" in again["warnings"][0]
    assert shared.module("libpod_network", {"name": "twice", "state": "absent"}).changed
    assert [one["name"] for one in shared.module("libpod_network_info")["networks"]] == [NETWORK]


def test_new_network_leaves_the_default_network_the_default(shared: Host) -> None:
    default = CNI / "87-libpod.conflist"
    text = default.read_text()
    default.unlink()
    (CNI / "zz.conflist").write_text(text.replace('"libpod"', '"zz"'))
    try:
        define(shared, "aa")
        assert (CNI / "zz_aa.conflist").exists()
        assert [one["name"] for one in shared.module("libpod_network_info")["networks"] if one["default"]] == ["zz"]
        assert "would be the default network in the place of zz" in refused(shared, "libpod")
    finally:
        (CNI / "zz.conflist").unlink()
        default.write_text(text)


def test_running_container_is_connected_with_settings_of_that_network_and_disconnected(shared: Host) -> None:
    define(shared, "front")
    define(shared, "back", subnet="10.61.0.0/24")
    first = run(shared, "c", "front")
    there = "back:ip=10.61.0.77,mac=92:d0:c6:0a:29:33,interface_name=back0,alias=db"
    options: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL"}
    both = shared.container("c", **options, network=["front", there])
    assert Process(both).pid == Process(first).pid, "it runs on"
    back = link(both, "back0")
    assert back["address"] == "92:d0:c6:0a:29:33" and "10.61.0.77" in inside(both, "ip", "addr").stdout
    other = run(shared, "d", "back")
    assert "10.61.0.77\tc db" in Process(other).read("root/etc/hosts") and reaches(other, "10.61.0.77")
    assert not shared.container("c", **options, network=["front", there]).changed
    alone = shared.container("c", **options, network=["front"])
    assert Process(alone).pid == Process(first).pid and "back0" not in inside(alone, "ip", "link").stdout
    assert "10.61.0.77" not in Process(other).read("root/etc/hosts")
    assert not shared.container("c", **options, network=["front"]).changed


def test_network_in_use_is_neither_removed_nor_changed_unless_forced(shared: Host) -> None:
    define(shared, "front")
    run(shared, "a", "front")
    shared.container("b", image="busybox", command=WAITING, network=["front"], state="created")
    assert "in use by containers a, b" in refused(shared, "front", state="absent")
    attached = "while containers are attached to it (a)"
    both = refused(shared, "front", internal=True, labels={"x": "y"})
    assert f"network front: internal cannot change {attached}" in both
    anew = refused(shared, "front", dns=["192.0.2.53"], recreate=True)
    assert f"network front: it cannot be re-created {attached}" in anew
    labelled = shared.module("libpod_network", {"name": "front", "labels": {"x": "y"}})
    assert labelled["actions"] == ["updated front"], "labels are nothing to a container"
    used = shared.module("libpod_network_info", {"name": "front"})["networks"][0]
    assert used["used_by"] == ["a", "b"] and [one["name"] for one in used["containers"].values()] == ["a"]
    joined = shared.container("j", image="busybox", command=WAITING, network=["container:a"])
    assert not joined.failed
    assert "on which j depends" in refused(shared, "front", state="absent", force=True)
    assert len(shared.module("libpod_container_info")["containers"]) == 3, "nothing is removed then"
    shared.container("j", state="absent")
    gone = shared.module("libpod_network", {"name": "front", "state": "absent", "force": True})
    assert gone["actions"] == ["deleted container a", "deleted container b", "deleted front"]
    assert not shared.module("libpod_network", {"name": "front", "state": "absent"}).changed


def test_bridge_that_was_there_before_stays(shared: Host) -> None:
    shared.run("ip", "link", "add", "mine0", "type", "bridge")
    try:
        define(shared, "on-mine", interface_name="mine0")
        run(shared, "a", "on-mine")
        assert shared.module("libpod_network", {"name": "on-mine", "state": "absent", "force": True}).changed
        assert "mine0" in shared.run("ip", "link")
    finally:
        shared.run("ip", "link", "del", "mine0")


def test_bridge_with_a_foreign_port_is_not_removed(shared: Host) -> None:
    made = define(shared, "front")
    a = run(shared, "a", "front")
    shared.run("ip", "link", "add", "alien0", "type", "veth", "peer", "name", "alien1")
    shared.run("ip", "link", "set", "alien0", "master", made["network_interface"])
    assert not shared.container("a", state="absent").failed and a
    done = shared.module("libpod_network", {"name": "front", "state": "absent"})
    assert done.failed and "in use by alien0" in done["msg"] and (CNI / "front.conflist").exists()
    shared.run("ip", "link", "del", "alien0")


def test_operator_sees_networks_and_who_is_on_them(shared: Host) -> None:
    define(shared, "front")
    run(shared, "a", "front")
    rows = [line.split() for line in operator(shared, "ls").splitlines()]
    assert rows[0] == ["NAME", "DRIVER", "INTERFACE", "SUBNETS", "CONTAINERS"]
    assert rows[2] == ["front", "bridge", "cni-libpod1", "10.89.0.0/24", "a"]
    assert operator(shared, "ls", "--quiet") == "libpod\nfront\n"
    (seen,) = json.loads(operator(shared, "inspect", "front"))
    info = shared.module("libpod_network_info", {"name": "front"})["networks"]
    assert [seen] == info == json.loads(operator(shared, "ls", "--format", "json"))[1:]
    missing = in_child(lambda: network(shared.parts, ["inspect", "none-such"]) and None)
    assert "network none-such is not defined" in missing.stderr


def operator(host: Host, *args: str) -> str:
    """Return what ``libpod network`` prints."""
    done = in_child(lambda: network(host.parts, args) and None)
    assert done.exit_code == 0, done
    return str(done["printed"]) if "printed" in done else json.dumps(dict(done))


def test_prune_removes_unused_networks_that_engines_made_and_nothing_else(shared: Host) -> None:
    for name, labels in (("used", {}), ("old", {"keep": "no"}), ("kept", {"keep": "yes"})):
        define(shared, name, labels=labels)
    shared.container("a", image="busybox", command=WAITING, network=["used"], state="created")
    text = (CNI / "old.conflist").read_text()
    users = {**json.loads(text.replace("cni-libpod2", "users0").replace("10.89.1", "10.60.1")), "name": "users"}
    del users["args"]
    (CNI / "users.conflist").write_text(json.dumps(users))
    options: dict[str, Any] = {"network": True, "network_filters": {"label": "keep=no"}}
    predicted = shared.module("libpod_prune", options, check=True)
    done = shared.module("libpod_prune", options)
    assert predicted["networks"] == done["networks"] == ["old"] and done["actions"] == ["removed network old"]
    assert shared.module("libpod_prune", {"network": True})["networks"] == ["kept"]
    assert not shared.module("libpod_prune", {"network": True}).changed
    left = [one["name"] for one in shared.module("libpod_network_info")["networks"]]
    assert left == [NETWORK, "used", "users"]


def test_networks_made_at_once_get_subnets_and_bridges_of_their_own(shared: Host) -> None:
    names = [f"n{number}" for number in range(4)]
    tasks = [partial(shared.module, "libpod_network", {"name": name, "ipv6": True}) for name in (*names, *names)]
    results = run_concurrently(shared, tasks)
    assert [one.failed for one in results] == [False] * 8, results
    assert sum(one.changed for one in results) == 4, "the second task of a name finds it made"
    found = [one for one in shared.module("libpod_network_info")["networks"] if one["name"] != NETWORK]
    assert len({one["network_interface"] for one in found}) == 4
    assert len({one["subnets"][0]["subnet"] for one in found}) == 4
