# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's network as the kernel reports it: namespaces, links, addresses, published ports, files over /etc."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import hosts, kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import (
    WAITING,
    Process,
    eventually,
    in_background,
    read_until,
)

WEB: dict[str, Any] = {"image": "busybox", "command": "httpd -f -p 80 -h /www", "stop_signal": "KILL"}


def run(host: Host, name: str = "c", **options: Any) -> Result:
    """Start a container, which a second run leaves unchanged."""
    options = {"image": "busybox", "command": WAITING, **options}
    made = host.container(name, **options)
    assert not made.failed, made
    again = host.container(name, **options)
    assert again.get("actions") == [], again
    return made


def _links(process: Process) -> dict[str, list[str]]:
    """Return the interfaces of a process's network namespace, with their global addresses and prefix lengths."""
    text = _output("nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "-json", "address")
    return {
        link["ifname"]: [
            f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if one.get("scope") == "global"
        ]
        for link in json.loads(text)
    }


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _page(host: Host, address: str, *there: str) -> str:
    """Return the page of a web server, requested from the test host or, with ``there``, from the neighbour."""
    name, _colon, port = address.partition(":")
    request = ["sh", "-c", f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 60 {name} {port}"]
    return _output(*there, *request).partition("\n\n")[2]


@pytest.fixture
def resolv_conf(host: Host) -> Iterator[None]:
    """Give the host a resolv.conf with every part."""
    with open("/srv/resolv.conf", "w", encoding="utf-8") as file:
        file.write("# by hand\nsearch example.org\nnameserver 127.0.0.53\nnameserver 192.0.2.53\noptions ndots:2\n")
    kernel.mount("/srv/resolv.conf", "/etc/resolv.conf", flags=kernel.MS_BIND)
    yield
    kernel.umount("/etc/resolv.conf")
    os.unlink("/srv/resolv.conf")


def test_network_none_has_only_loopback(host: Host) -> None:
    process = Process(run(host, network="none"))
    assert process.namespace("net") != os.stat("/proc/self/ns/net").st_ino
    assert _links(process) == {"lo": []}
    assert "LOOPBACK,UP" in _output("nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "link")


def test_network_host_is_the_hosts_namespace(host: Host) -> None:
    process = Process(run(host, network="host"))
    assert process.namespace("net") == os.stat("/proc/self/ns/net").st_ino
    assert process.run("hostname").stdout.strip() == socket.gethostname()


def test_bridge_is_the_default_with_address_route_and_gateway(host: Host) -> None:
    made = run(host)
    process, settings = Process(made), made["container"]["NetworkSettings"]
    assert _links(process)["eth0"] == [f"{settings['IPAddress']}/{settings['IPPrefixLen']}"]
    routes = json.loads(_output("nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "-json", "route"))
    assert {"default"} <= {route["dst"] for route in routes}
    assert next(route for route in routes if route["dst"] == "default")["gateway"] == settings["Gateway"]
    link = _output("nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "link", "show", "eth0")
    assert settings["MacAddress"] in link
    assert os.stat(settings["SandboxKey"]).st_ino == process.namespace("net")
    assert process.run("ping", "-c", "1", "-W", "2", settings["Gateway"]).returncode == 0


def test_stop_releases_the_address_and_start_allocates_one(host: Host) -> None:
    made = run(host)
    host.container("c", state="stopped")
    assert not os.path.exists(made["container"]["NetworkSettings"]["SandboxKey"])
    assert "veth" not in _output("ip", "link")
    info = host.module("libpod_container_info", {"name": ["c"]})["containers"][0]
    assert info["NetworkSettings"]["IPAddress"] == ""
    started = host.container("c")
    address = started["container"]["NetworkSettings"]["IPAddress"]
    assert _links(Process(started))["eth0"] == [f"{address}/16"]


def test_named_network(host: Host, second_network: str) -> None:
    made = run(host, network=second_network)
    assert made["container"]["NetworkSettings"]["IPAddress"].startswith("10.99.")
    assert _links(Process(made))["eth0"][0].startswith("10.99.")


def test_two_networks_are_two_interfaces_in_order(host: Host, second_network: str) -> None:
    made = run(host, network=[second_network, "bridge"])
    links = _links(Process(made))
    assert links["eth0"][0].startswith("10.99.") and links["eth1"][0].startswith("10.87.")
    networks = made["container"]["NetworkSettings"]["Networks"]
    assert set(networks) == {"second", "libpod"}
    assert f"{networks['libpod']['IPAddress']}/16" in links["eth1"]


def test_undefined_network_is_refused(host: Host) -> None:
    refused = host.container("c", image="busybox", command=WAITING, network="no-such-net")
    assert refused.failed and refused["error"] == "NoSuchNetwork" and "no-such-net" in refused["msg"]
    host.expect_clean()


def test_joined_network_is_the_same_namespace(host: Host) -> None:
    web = Process(run(host, "web", **WEB))
    helper = Process(run(host, "helper", network="container:web"))
    assert helper.namespace("net") == web.namespace("net")
    assert helper.namespace("mnt") != web.namespace("mnt")
    eventually(lambda: helper.run("wget", "-q", "-O", "-", "http://127.0.0.1/").stdout == "It works.\n")
    assert helper.read("root/etc/hosts") == web.read("root/etc/hosts")
    host.container("helper", state="absent")
    assert _links(web)["eth0"], "what was joined stays as it is"


@pytest.mark.parametrize(
    ("network", "error", "message"),
    [
        ("container:nobody", "NoSuchContainer", "'nobody'"),
        ("container:idle", "ContainerStopped", "container idle"),
        ("container:c", "InvalidArgument", "container c cannot join its own"),
        ("ns:/proc/no/such", "InvalidArgument", "/proc/no/such"),
    ],
)
def test_network_that_cannot_be_joined_is_refused(host: Host, network: str, error: str, message: str) -> None:
    host.container("idle", image="busybox", command=WAITING, network="none", state="present")
    refused = host.container("c", image="busybox", command=WAITING, network=network)
    assert refused.failed and (refused["error"], message in refused["msg"]) == (error, True), refused["msg"]


def test_container_cannot_join_itself(host: Host) -> None:
    run(host, network="none")
    refused = host.container("c", image="busybox", command=WAITING, network="container:c")
    assert refused.failed and "its own network" in refused["msg"]
    assert host.container("c", image="busybox", command=WAITING, network="none")["actions"] == []


def test_joiner_of_a_recreated_container_is_recreated(host: Host) -> None:
    host.container("web", image="busybox", command=WAITING, network="none")
    run(host, "helper", network="container:web")
    host.container("helper", state="absent")
    host.container("web", recreate=True, image="busybox", command=WAITING, network="none")
    helper = run(host, "helper", network="container:web")
    web = host.module("libpod_container_info", {"name": ["web"]})["containers"][0]
    assert Process(helper).namespace("net") == Process(web).namespace("net")


@pytest.mark.smoke
def test_published_port_answers_on_loopback_and_from_outside(host: Host) -> None:
    made = run(host, publish=["8080:80"], **WEB)
    eventually(lambda: Process(made).run("netstat", "-ltn").stdout.count(":80 "))
    assert _page(host, "127.0.0.1:8080") == "It works.\n"
    with host.neighbour() as there:
        assert _page(host, "192.0.2.1:8080", *there) == "It works.\n"
    assert made["container"]["NetworkSettings"]["Ports"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    host.container("c", state="stopped")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", 8080), timeout=2)


def test_port_published_on_one_address_listens_only_there(host: Host) -> None:
    made = run(host, publish=["127.0.0.1:8080:80"], **WEB)
    eventually(lambda: Process(made).run("netstat", "-ltn").stdout.count(":80 "))
    assert _page(host, "127.0.0.1:8080") == "It works.\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("198.51.100.1", 8080), timeout=2)


def test_omitted_host_port_is_chosen_and_kept(host: Host) -> None:
    made = run(host, publish=["80"], **WEB)
    ((binding,),) = made["container"]["NetworkSettings"]["Ports"].values()
    assert 1024 < int(binding["HostPort"]) < 65536
    eventually(lambda: Process(made).run("netstat", "-ltn").stdout.count(":80 "))
    assert _page(host, f"127.0.0.1:{binding['HostPort']}") == "It works.\n"
    restarted = host.container("c", restart=True)
    assert restarted["container"]["NetworkSettings"]["Ports"] == made["container"]["NetworkSettings"]["Ports"]


def test_range_of_ports(host: Host) -> None:
    made = run(host, publish=["8080-8081:80-81"], **WEB)
    assert {port: one[0]["HostPort"] for port, one in made["container"]["NetworkSettings"]["Ports"].items()} == {
        "80/tcp": "8080",
        "81/tcp": "8081",
    }


ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 7))
print("ready", flush=True)
while True:
    data, sender = server.recvfrom(100)
    server.sendto(b"echo " + data, sender)
"""
ASK = """
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
client.connect((sys.argv[1], 9007))
client.send(b"hello")
print(client.recv(100).decode())
"""


def test_udp_port_answers_on_an_address_of_the_host_and_from_outside(host: Host) -> None:
    process = Process(run(host, publish=["9007:7/udp"]))
    inside = ["nsenter", f"--net=/proc/{process.pid}/ns/net", sys.executable, "-c", ECHO]
    with in_background(inside, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None and read_until(server.stdout.fileno(), "ready\n") == "ready\n"
        assert _output(sys.executable, "-c", ASK, "198.51.100.1") == "echo hello\n"
        with host.neighbour() as there:
            assert _output(*there, sys.executable, "-c", ASK, "192.0.2.1") == "echo hello\n"


@pytest.mark.parametrize("kind", ["process", "container"])
def test_port_in_use_is_refused_and_leaves_nothing(host: Host, kind: str) -> None:
    holder = socket.create_server(("0.0.0.0", 8080)) if kind == "process" else None
    if kind == "container":
        run(host, "first", publish=["8080:80"], **WEB)
    refused = host.container("c", publish=["8080:80"], **WEB)
    assert refused.failed
    assert "8080/tcp" in refused["msg"] and "container c" in refused["msg"]
    other = "container first" if kind == "container" else "another process or container"
    assert f"is in use by {other}: " in refused["msg"]
    names = [one["Name"] for one in host.module("libpod_container_info")["containers"]]
    assert names == (["first"] if kind == "container" else [])
    if holder:
        holder.close()
        host.expect_clean()


def test_port_without_a_network_of_its_own_is_refused(host: Host) -> None:
    for network in ("host", "none", "container:other"):
        refused = host.container("c", network=network, publish=["8080:80"], strict=True, **WEB)
        assert refused.failed and "publish" in refused["msg"]


def test_removal_continues_past_a_failing_plugin_and_reports_the_rest(host: Host) -> None:
    os.mkdir("/srv/plugins")
    stuck = Path("/srv/plugins/stuck")
    script = '#!/bin/sh\n[ "$CNI_COMMAND" = DEL ] && %s\nsed "s/.*prevResult\\"://; s/}$//"\n'
    stuck.write_text(script % "exit 0", encoding="ascii")
    stuck.chmod(0o755)
    config = hosts.network("second", "cni-second0", "10.99")
    config["plugins"].append({"type": "stuck"})
    Path("/srv/cni/90-second.conflist").write_text(json.dumps(config), encoding="utf-8")
    parts: dict[str, Any] = {"cni_plugin_dirs": ["/srv/plugins", *host.parts.cni_plugin_dirs]}
    made = run(host, network=["second", "bridge"], **parts)
    stuck.write_bytes(b"\x7fELF no program")
    gone = host.container("c", state="absent", **parts)
    assert gone.failed and "second" in gone["msg"] and "Exec format error" in gone["msg"], gone
    assert not os.path.exists(made["container"]["NetworkSettings"]["SandboxKey"])
    assert "veth" not in _output("ip", "link") and host.module("libpod_container_info")["containers"] == []
    addresses = f"{host.parts.static_root}/cni/networks/libpod"
    assert [name for name in os.listdir(addresses) if name[0].isdigit()] == []
    stuck.write_text(script % "exit 0", encoding="ascii")
    assert not host.container("c", state="absent", **parts).failed
    for path in ("/srv/cni/90-second.conflist", stuck):
        os.unlink(path)
    os.rmdir("/srv/plugins")


# Files over /etc


def test_hosts_file_has_entries_of_host_container_and_task(host: Host) -> None:
    with open("/srv/hosts", "w", encoding="utf-8") as file:
        file.write("127.0.0.1 localhost\n192.0.2.77 of-the-host\n")
    kernel.mount("/srv/hosts", "/etc/hosts", flags=kernel.MS_BIND)
    made = run(host, hostname="web", etc_hosts={"db": "192.0.2.9", "six": "2001:DB8::1", "gate": "host-gateway"})
    settings = made["container"]["NetworkSettings"]
    lines = {tuple(line.split()) for line in Process(made).read("root/etc/hosts").splitlines() if line}
    assert {("192.0.2.77", "of-the-host"), ("192.0.2.9", "db"), ("2001:db8::1", "six")} <= lines
    assert {(settings["IPAddress"], "web", "c"), (settings["Gateway"], "gate")} <= lines
    kernel.umount("/etc/hosts")
    os.unlink("/srv/hosts")


@pytest.mark.usefixtures("resolv_conf")
def test_resolv_conf_is_the_hosts_by_default(host: Host) -> None:
    """Its servers on the host's loopback are out of reach from another network namespace."""
    inside = Process(run(host)).read("root/etc/resolv.conf")
    assert inside == "search example.org\nnameserver 192.0.2.53\noptions ndots:2\n"
    same = Process(run(host, "d", network="host")).read("root/etc/resolv.conf")
    assert "nameserver 127.0.0.53" in same


@pytest.mark.usefixtures("resolv_conf")
def test_each_dns_option_overrides_its_part_of_resolv_conf(host: Host) -> None:
    process = Process(run(host, dns=["192.0.2.1", "2001:db8:0::1"], dns_option=["timeout:1"]))
    assert process.read("root/etc/resolv.conf") == (
        "search example.org\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions timeout:1\n"
    )
    process = Process(run(host, dns_search=["."]))
    assert process.read("root/etc/resolv.conf") == "nameserver 192.0.2.53\noptions ndots:2\n"
    process = Process(run(host, dns_search=["a.example", "b.example"]))
    assert re.search("^search a.example b.example$", process.read("root/etc/resolv.conf"), re.MULTILINE)


def test_files_over_etc_are_the_containers_own(host: Host) -> None:
    process = Process(run(host, network="none"))
    assert process.run("sh", "-c", "echo 192.0.2.1 x >> /etc/hosts; echo y > /etc/hostname").returncode == 0
    assert "192.0.2.1 x" not in open("/etc/hosts").read()
    for name in ("hosts", "hostname", "resolv.conf"):
        assert os.stat(process.path(f"root/etc/{name}")).st_mode & 0o777 == 0o644
