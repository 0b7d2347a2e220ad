# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers on netavark's networks, on the real netavark: links, addresses, ports, repair, and what is left."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.network_backend import helper
from ansible_collections.libpod.engine.tests.support import absent, kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.names import names
from ansible_collections.libpod.engine.tests.support.networks import links, page
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually
from ansible_collections.libpod.engine.tests.support.sweep import Check, Operation, Task, finished, undone
from ansible_collections.libpod.engine.tests.support.sweep_tasks import module

WEB: dict[str, Any] = {"image": "busybox", "command": "httpd -f -p 80 -h /www", "stop_signal": "KILL"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    with Host(network_backend="netavark") as made:
        yield made


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """Yield a test host with netavark, left without containers and networks by each test, and checked for leaks."""
    yield shared
    shared.empty()
    shutil.rmtree("/srv/networks", ignore_errors=True)
    shared.expect_clean()


def run(host: Host, name: str = "c", **options: Any) -> Result:
    """Start a container, which a second run leaves unchanged."""
    options = {"image": "busybox", "command": WAITING, **options}
    made = host.container(name, **options)
    assert not made.failed, made.get("msg")
    again = host.container(name, **options)
    assert again.get("actions") == [], again
    return made


def define(name: str, number: int, **more: Any) -> str:
    """Define a network as podman writes one."""
    os.makedirs("/srv/networks", exist_ok=True)
    definition = {
        "name": name,
        "id": f"{number:064x}",
        "driver": "bridge",
        "network_interface": f"podman{number}",
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": f"10.9{number}.0.0/24", "gateway": f"10.9{number}.0.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
        **more,
    }
    with open(f"/srv/networks/{name}.json", "w", encoding="utf-8") as file:
        json.dump(definition, file, indent=5)
    return name


def test_default_network_gives_address_route_and_published_port(host: Host) -> None:
    made = run(host, "web", **WEB, publish=["8080:80"])
    settings = made["container"]["NetworkSettings"]
    process = Process(made)
    assert links(process) == {"eth0": [settings["IPAddress"]]}
    assert settings["IPAddress"].startswith("10.88.") and settings["Gateway"] == "10.88.0.1"
    assert process.run("ip", "route").stdout.startswith("default via 10.88.0.1 dev eth0")
    assert eventually(lambda: b"It works" in page("198.51.100.1", 8080))
    assert settings["Networks"].keys() == {"podman"}


def test_address_mac_interface_and_ipv6_are_as_asked_for(host: Host) -> None:
    subnets = [{"subnet": "10.91.0.0/24", "gateway": "10.91.0.1"}, {"subnet": "fd91::/64", "gateway": "fd91::1"}]
    define("front", 1, subnets=subnets, ipv6_enabled=True)
    network = ["front:ip=10.91.0.77,mac=92:d0:c6:0a:29:33,interface_name=web0"]
    process = Process(run(host, network=network))
    shown = process.run("ip", "-o", "addr", "show", "web0").stdout
    assert "10.91.0.77/24" in shown and "fd91::ffff/64" in shown
    assert "92:d0:c6:0a:29:33" in process.run("ip", "link", "show", "web0").stdout
    taken = host.container("other", image="busybox", command=WAITING, network=network)
    assert taken.failed and "10.91.0.77" in taken["msg"], taken
    outside = host.container("third", image="busybox", command=WAITING, network=["front:ip=10.99.0.7"])
    assert outside.failed and "10.91.0.0/24" in outside["msg"], outside


def test_address_of_one_family_leaves_the_other_to_its_subnet(host: Host) -> None:
    subnets = [{"subnet": "10.91.0.0/24", "gateway": "10.91.0.1"}, {"subnet": "fd91::/64", "gateway": "fd91::1"}]
    define("front", 1, subnets=subnets, ipv6_enabled=True)
    shown = Process(run(host, network=["front:ip6=fd91::77"])).run("ip", "-o", "addr", "show", "eth0").stdout
    assert "fd91::77/64" in shown and "10.91.0.254/24" in shown, shown


def test_networks_reach_each_other_unless_both_are_isolated(host: Host) -> None:
    """netavark 2 isolates a network whose file does not say otherwise."""
    made = {}
    for name, isolate in (("one", True), ("two", True), ("open", False), ("other", False)):
        network(host, name, opt={"isolate": isolate})
        made[name] = run(host, name, network=[name])
    for start, end, reached in (("open", "other", True), ("one", "two", False), ("two", "one", False)):
        address = made[end]["container"]["NetworkSettings"]["Networks"][end]["IPAddress"]
        ping = Process(made[start]).run("ping", "-c", "1", "-W", "5" if reached else "1", address)
        assert (ping.returncode == 0) == reached, (start, end, ping)


def test_networks_are_connected_and_disconnected_live(host: Host) -> None:
    define("front", 1), define("back", 2)
    made = run(host, network=["front"], publish=["8080:80"])
    started, address = made["container"]["State"]["StartedAt"], links(Process(made))["eth0"]
    both = run(host, network=["front", "back"], publish=["8080:80"])
    assert both["container"]["State"]["StartedAt"] == started
    assert links(Process(both)).keys() == {"eth0", "eth1"} and links(Process(both))["eth0"] == address
    back = run(host, network=["back"], publish=["8080:80"])
    assert back["container"]["State"]["StartedAt"] == started
    assert [one[0].startswith("10.92.") for one in links(Process(back)).values()] == [True]


def test_ports_are_published_live_and_the_address_stays(host: Host) -> None:
    made = run(host, "web", **WEB, publish=["8080:80"])
    moved = run(host, "web", **WEB, publish=["8081:80"])
    assert moved["container"]["State"]["StartedAt"] == made["container"]["State"]["StartedAt"]
    for key in ("IPAddress", "MacAddress"):
        assert moved["container"]["NetworkSettings"][key] == made["container"]["NetworkSettings"][key]
    assert eventually(lambda: b"It works" in page("198.51.100.1", 8081))
    with pytest.raises(OSError):
        page("198.51.100.1", 8080)


@pytest.mark.parametrize("damage", ["bridge", "rules", "namespace"])
def test_damage_is_drift_and_repaired_with_the_same_address(host: Host, damage: str) -> None:
    made = run(host, "web", **WEB, publish=["8080:80"])
    process = Process(made)
    if damage == "rules":
        in_nftables = "inet netavark" in host.run("nft", "list", "tables")
        flush = "nft flush chain inet netavark" if in_nftables else "iptables -t nat -F"
        host.run(*flush.split(), "NETAVARK-HOSTPORT-DNAT")
    elif damage == "namespace":
        kernel.umount(made["container"]["NetworkSettings"]["SandboxKey"])
    else:
        host.run("ip", "link", "del", "podman0")
        subprocess.run(["nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "link", "del", "eth0"], check=False)
    options = {**WEB, "publish": ["8080:80"], "drift": "full"}
    predicted = host.container("web", check=True, **options)
    assert predicted["changed"], predicted
    repaired = host.container("web", **options)
    assert repaired["changed"] and not repaired.failed, repaired
    settings = repaired["container"]["NetworkSettings"]
    assert settings["IPAddress"] == made["container"]["NetworkSettings"]["IPAddress"]
    assert links(Process(repaired)) == {"eth0": [settings["IPAddress"]]}
    assert eventually(lambda: b"It works" in page("198.51.100.1", 8080))
    assert host.container("web", **options)["actions"] == []


def network(host: Host, name: str, **options: Any) -> Result:
    """Have a network, as check mode predicts it, and as a second run leaves it."""
    predicted = host.module("libpod_network", {"name": name, **options}, check=True)
    made = host.module("libpod_network", {"name": name, **options})
    assert not made.failed, made.get("msg")
    assert made["changed"] == predicted["changed"] and made["actions"] == predicted["actions"]
    assert not host.module("libpod_network", {"name": name, **options})["changed"]
    return made


def test_network_is_made_changed_shown_and_removed_in_podmans_file(host: Host) -> None:
    made = network(host, "front", labels={"tier": "web"}, opt={"mtu": 1400, "isolate": True}, ipv6=True)
    with open("/srv/networks/front.json", encoding="utf-8") as file:
        written = json.load(file)
    assert written["name"] == "front" and written["driver"] == "bridge" and len(written["id"]) == 64
    assert written["options"] == {"mtu": "1400", "isolate": "true"} and written["ipv6_enabled"] is True
    assert written["network_interface"] == made["network"]["network_interface"] == "podman1"
    assert [one["subnet"] for one in written["subnets"]] == [one["subnet"] for one in made["network"]["subnets"]]
    process = Process(run(host, network=["front"]))
    assert "mtu 1400" in process.run("ip", "link", "show", "eth0").stdout
    refused = host.module("libpod_network", {"name": "front", "opt": {"mtu": 1300}, "labels": {"tier": "web"}})
    assert refused.failed and "attached" in refused["msg"], refused
    forced = {"opt": {"mtu": 1300}, "labels": {"tier": "web"}, "force": True}
    assert network(host, "front", **forced)["actions"] == ["updated front", "attached c to front again"]
    assert "mtu 1300" in process.run("ip", "link", "show", "eth0").stdout
    shown = {one["name"]: one for one in host.module("libpod_network_info")["networks"]}
    assert shown.keys() == {"front", "podman"} and shown["front"]["used_by"] == ["c"] and shown["podman"]["default"]
    assert shown["front"]["created"] == made["network"]["created"] == written["created"]
    assert host.module("libpod_network", {"name": "front", "state": "absent"}).failed
    host.empty()
    assert network(host, "front", state="absent")["changed"] and not os.path.exists("/srv/networks/front.json")


def test_default_network_that_no_file_defines_is_not_removed_nor_are_its_containers(host: Host) -> None:
    made = run(host)
    for check in (True, False):
        for force in (False, True):
            gone = host.module("libpod_network", {"name": "podman", "state": "absent", "force": force}, check=check)
            assert gone.failed and "always there" in gone["msg"], gone
    assert host.container("c")["container"]["Id"] == made["container"]["Id"]


def test_containers_keep_the_backend_that_they_were_made_with(host: Host) -> None:
    run(host)
    host.parts = host.parts._replace(network_backend="cni")
    try:
        made = run(host)
        assert made["container"]["NetworkSettings"]["Networks"].keys() == {"podman"}
        host.container("c", state="stopped")
        assert host.container("c")["container"]["NetworkSettings"]["Networks"].keys() == {"podman"}
        new = host.container("c", image="busybox", command=WAITING, recreate=True)
        assert new["container"]["NetworkSettings"]["Networks"].keys() == {"libpod"}
    finally:
        host.empty()
        host.parts = host.parts._replace(network_backend="netavark")


def test_dns_servers_of_a_network_without_its_own_server_are_the_containers(host: Host) -> None:
    made = host.module(
        "libpod_network", {"name": "front", "subnet": "10.91.0.0/24", "disable_dns": True, "dns": ["192.0.2.53"]}
    )
    assert made.changed, made
    process = Process(run(host, network="front"))
    servers = [line for line in process.read("root/etc/resolv.conf").splitlines() if line.startswith("nameserver")]
    assert servers[0] == "nameserver 192.0.2.53"


def name_servers(host: Host) -> list[int]:
    """Return the processes of aardvark-dns."""
    return [pid for pid in host.cgroups.processes() if b"aardvark-dns" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_network_without_a_name_server_has_names_and_aliases_in_hosts_files(host: Host) -> None:
    define("front", 1), define("back", 2)
    address = run(host, "web", network=["front:alias=site"])["container"]["NetworkSettings"]["Networks"]["front"][
        "IPAddress"
    ]
    made = run(host, network=["front", "back"])
    assert [names(made["container"])[name] for name in ("web", "site")] == [[address]] * 2
    assert Process(made).run("ping", "-c", "1", "-W", "5", "site").returncode == 0
    left = names(run(host, network=["back"])["container"])
    assert not left.keys() & {"web", "site"}, "it is on no common network any more"
    assert not name_servers(host) and not os.path.exists("/srv/run/netavark/aardvark-dns/front")


def test_published_port_is_held_on_the_host(host: Host) -> None:
    with socket.create_server(("0.0.0.0", 8080)):
        refused = host.container("web", **WEB, publish=["8080:80"])
        assert "8080/tcp" in refused["msg"] and "another process or container" in refused["msg"], refused
    run(host, "web", **WEB, publish=["8080:80"])
    with pytest.raises(OSError, match="Address already in use"):
        socket.create_server(("0.0.0.0", 8080))
    refused = host.container("other", **WEB, publish=["8080:80"])
    assert "is in use by container web" in refused["msg"], refused
    run(host, "web", **WEB, publish=["8081:80"])
    socket.create_server(("0.0.0.0", 8080)).close()
    assert host.container("web", state="stopped").changed
    socket.create_server(("0.0.0.0", 8081)).close()


def test_network_with_a_name_server_resolves_by_aardvark_dns(host: Host) -> None:
    define("front", 1, dns_enabled=True)
    run(host, "web", **WEB, network=["front:alias=site"])
    process = Process(run(host, network=["front"]))
    assert len(name_servers(host)) == 1
    assert "nameserver 10.91.0.1" in process.read("root/etc/resolv.conf")

    def served(name: str) -> bool:
        return "10.91.0.254" in process.run("nslookup", f"{name}.dns.podman", "10.91.0.1").stdout

    eventually(lambda: served("site") and served("web"))
    # It knows a renamed container by its old name, which goes with it.
    libpod(host, "rename", "web", "shop")
    assert host.container("shop", **WEB, network=["front:alias=site"])["actions"] == [] and served("web")
    assert host.container("shop", state="stopped").changed
    eventually(lambda: not served("web") and not served("site"))
    assert host.container("shop", state="started").changed
    eventually(lambda: served("shop") and not served("web"))


def test_host_without_iptables_uses_nftables_or_names_what_it_lacks(host: Host) -> None:
    """Debian's links /usr/sbin/iptables and so on lead to these programs."""
    version = json.loads(host.run(helper("netavark"), "version"))
    with absent.without("/usr/sbin/xtables-nft-multi", "/usr/sbin/xtables-legacy-multi"):
        refused = {"cni": host.container("c", image="busybox", command=WAITING, network_backend="cni")}
        if version.get("default_fw_driver") == "nftables":
            run(host, "web", **WEB, publish=["8080:80"])
            eventually(lambda: b"It works" in page("198.51.100.1", 8080))
            run(host, "web", **WEB, publish=["8081:80"], drift="full")
            host.run("nft", "flush", "ruleset")
            libpod(host, "network", "reload", "--all")
            assert b"It works" in page("198.51.100.1", 8081)
            assert host.container("web", state="absent").changed
        else:
            refused["netavark"] = host.container("c", image="busybox", command=WAITING)
        for backend, result in refused.items():
            assert result["error"] == "ToolMissing" and "install the package iptables" in result["msg"], (
                backend,
                result,
            )
        assert not host.inspected()


# Answers questions for IPv4 addresses with one address.
NAME_SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 53))
while True:
    query, peer = s.recvfrom(512)
    record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\0\\0\\4" + socket.inet_aton(sys.argv[1])
    end = query.index(b"\\0", 12) + 5
    s.sendto(query[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + query[12:end] + record, peer)
"""


def test_running_name_server_asks_the_new_dns_servers(host: Host) -> None:
    servers = ["198.51.100.2", "198.51.100.3"]
    running = []
    for one in servers:
        host.run("ip", "address", "add", f"{one}/32", "dev", "outside0")
        running.append(subprocess.Popen([sys.executable, "-c", NAME_SERVER, one]))
    try:
        options = {"subnet": "10.91.0.0/24", "disable_dns": False}
        network(host, "front", dns=servers[:1], **options)
        process = Process(run(host, network=["front"]))
        for one, other in zip(servers, reversed(servers)):
            network(host, "front", dns=[one], **options)
            eventually(lambda one=one: one in process.run("nslookup", "example.org", "10.91.0.1").stdout)
            assert other not in process.run("nslookup", "example.org", "10.91.0.1").stdout
        host.empty()
        network(host, "front", state="absent")
    finally:
        for server in running:
            server.kill()
            server.wait()
        for one in servers:
            host.run("ip", "address", "del", f"{one}/32", "dev", "outside0")


# What takes netavark's place, whose path is $NETAVARK: a result of another form, much of it, a death, and a refusal.
FAULTS = {
    "another form": (
        '$NETAVARK "$@" >/dev/null; echo \'{"podman": {"interfaces": []}}\'',
        "podman.interfaces: expected",
    ),
    "noise": ("head -c 10485760 /dev/zero | tr '\\0' x", "its result: not valid JSON"),
    "loud error": ("head -c 10485760 /dev/zero | tr '\\0' x; exit 1", "ended with exit code 1: xxx"),
    "killed at its end": ('$NETAVARK "$@" >/dev/null; kill -9 $$', "was killed by signal 9"),
    "no removal": ('case "$*" in *teardown*) exit 3;; esac; exec $NETAVARK "$@"', ""),
    "hanging": ("exec sleep 1000", "did not end within 1 second"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_container_is_removed_whatever_netavark_has_done(host: Host, tmp_path: Path, fault: str) -> None:
    installed = helper("netavark")
    real, fake = tmp_path / "real", tmp_path / "fake"
    shutil.copy(installed, real)
    script, message = FAULTS[fault]
    fake.write_text(f"#!/bin/sh\nNETAVARK={real}\n{script}\n")
    fake.chmod(0o755)
    kernel.mount(str(fake), installed, flags=kernel.MS_BIND)
    try:
        limit = {"netavark": 1 if fault == "hanging" else 60}
        made = host.container("web", **WEB, publish=["8080:80"], tool_timeouts=limit)
        assert made.failed == bool(message), made
        assert message in made.get("msg", "") and len(made.get("msg", "")) < 2000
        gone = host.container("web", state="absent", tool_timeouts=limit)
        assert not gone.failed or "run the removal again once that is mended" in gone["msg"], gone
    finally:
        kernel.umount(installed)
    assert not host.container("web", state="absent").failed


SERVING: dict[str, Any] = {"name": "web", **WEB, "publish": ["8080:80"]}
MOVED: dict[str, Any] = {**SERVING, "publish": ["8081:80"]}
ONLY = "netavark|lease"
BOTH: dict[str, Any] = {**SERVING, "network": ["both"]}
GONE = module("libpod_container", {"name": "web", "state": "absent"}, lambda host: None)


def answers(port: int) -> Check:
    """Return a check that the container's web server answers at a port of the host."""
    return lambda host: eventually(lambda: b"It works" in page("198.51.100.1", port))


def serves(options: dict[str, Any], port: int) -> Task:
    return module("libpod_container", options, answers(port))


STARTED, PUBLISHED = serves(SERVING, 8080), serves(MOVED, 8081)
# On another network as well, and published elsewhere.
CONNECTED: dict[str, Any] = {**MOVED, "network": ["podman", "back"]}
BACK = module("libpod_network", {"name": "back", "subnet": "10.92.0.0/24"}, lambda host: None)
REMOVED = module("libpod_network", {"name": "back", "state": "absent", "force": True}, lambda host: None)
# The order of the subnets is not that of the families.
FAMILIES = [{"subnet": "fd93::/64"}, {"subnet": "10.93.0.0/24"}]
NETWORK = module("libpod_network", {"name": "both", "net_config": FAMILIES}, lambda host: None)
NOTHING = module("libpod_network", {"name": "both", "state": "absent", "force": True}, lambda host: None)
SWEPT = {
    "made and removed": Operation([GONE], STARTED, GONE, other=GONE, only=ONLY),
    "on both families": Operation([NETWORK, GONE], serves(BOTH, 8080), NOTHING, other=GONE, only=ONLY),
    "connected and published elsewhere": Operation(
        [BACK, STARTED], serves(CONNECTED, 8081), REMOVED, other=STARTED, only=ONLY
    ),
}
PUBLISHED_ELSEWHERE = Operation([STARTED], PUBLISHED, GONE, other=STARTED, only=ONLY)


@pytest.mark.parametrize("name", SWEPT)
def test_killed_task_is_finished_by_its_next_run(host: Host, name: str) -> None:
    finished(host, SWEPT[name])


def test_killed_task_is_undone_by_removal(host: Host) -> None:
    undone(host, PUBLISHED_ELSEWHERE)
