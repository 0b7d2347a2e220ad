# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod network reload`` after a flush of the host's firewall, on both backends."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.images import PROJECT
from ansible_collections.libpod.engine.tests.support.networks import page
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

ADDRESSES = ("198.51.100.1", "fd98::1")
# A page on port 80, and on port 90 an echo for as long as a connection lasts.
SERVER = ["sh", "-c", "nc -ll -p 90 -e cat & exec httpd -f -p 80 -h /www"]
PORTS = ["8080:80", "9090:90", "8053:53/udp"]
# Answers each datagram.
ECHO = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 53))
while True:
    s.sendto(*s.recvfrom(100))
"""
WEB: dict[str, Any] = {"image": "busybox", "command": SERVER, "network": "both", "publish": PORTS}
PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING}
NETWORK = {"name": "both", "net_config": [{"subnet": "10.93.0.0/24"}, {"subnet": "fd93::/64"}]}
# What a restart of nftables.service does, what a script of a firewall may do, and a part of it.
FLUSHES = {
    "ruleset": ["nft flush ruleset"],
    "chains": [f"{program} -t {table} -F" for program in ("iptables", "ip6tables") for table in ("nat", "filter")],
    "ports": ["iptables -t nat -F OUTPUT", "ip6tables -t nat -F OUTPUT"],
}
# The same where netavark has nftables.
NFTABLES_FLUSHES = {
    "ruleset": ["nft flush ruleset"],
    "chains": ["nft delete table inet netavark"],
    "ports": ["nft flush chain inet netavark NETAVARK-HOSTPORT-DNAT"],
}


@pytest.fixture(scope="module", params=["cni", "netavark"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """Yield a host with a web server on both families and a container on the default network."""
    with Host(network_backend=request.param) as made:
        made.run("ip", "address", "add", f"{ADDRESSES[1]}/64", "dev", "outside0", "nodad")
        assert made.module("libpod_network", NETWORK).changed
        for name, options in (("web", WEB), ("plain", PLAIN)):
            assert made.container(name, stop_signal="KILL", **options).changed
        yield made
        made.empty()
        assert made.module("libpod_network", {"name": "both", "state": "absent"}).changed
        made.run("ip", "address", "del", f"{ADDRESSES[1]}/64", "dev", "outside0")
        made.expect_clean()


def rules(host: Host) -> list[str]:
    """Return the rules that the kernel has, without counters."""
    saved = [line for program in ("iptables", "ip6tables") for line in host.run(f"{program}-save").splitlines()]
    listed = host.run("nft", "--stateless", "list", "ruleset").partition("table inet netavark")[2]
    return sorted([*(line for line in saved if line.startswith("-A")), *listed.splitlines()])


def run_flush(host: Host, flush: str) -> None:
    flushes = NFTABLES_FLUSHES if "inet netavark" in host.run("nft", "list", "tables") else FLUSHES
    for words in flushes[flush]:
        host.run(*words.split())


def addresses(process: Process) -> list[str]:
    """Return the links with their numbers, MACs and addresses, but for those that are still being detected."""
    lines = process.run("ip", "-o", "address").stdout.splitlines()
    assert not any("dadfailed" in line for line in lines)
    return [*process.run("ip", "-o", "link").stdout.splitlines(), *(line for line in lines if "scope global" in line)]


def serves(address: str) -> bool:
    try:
        return b"It works" in page(address, 8080)
    except OSError:
        return False


def answered(peer: socket.socket) -> bool:
    """Return whether a datagram is answered."""
    try:
        peer.send(b"?")
        return peer.recv(100) == b"?"
    except OSError:
        return False


def test_peer_that_has_sent_without_the_rules_is_answered_after_a_reload(host: Host) -> None:
    process = Process(host.inspected("web")[0])
    server = subprocess.Popen(["nsenter", f"--net={process.path('ns/net')}", sys.executable, "-c", ECHO])
    peers = []
    try:
        for address, family in zip(ADDRESSES, (socket.AF_INET, socket.AF_INET6)):
            peer = socket.socket(family, socket.SOCK_DGRAM)
            peer.settimeout(0.2)
            peer.connect((address, 8053))
            peers.append(peer)
        run_flush(host, "ports")
        assert not any(map(answered, peers))
        libpod(host, "network", "reload", "web")
        eventually(lambda: all(map(answered, peers)))
    finally:
        server.kill()
        server.wait()
        for peer in peers:
            peer.close()
        libpod(host, "network", "reload", "--all")


@pytest.mark.parametrize("flush", FLUSHES)
def test_reload_brings_the_rules_back_and_leaves_links_and_connections(host: Host, flush: str) -> None:
    processes = [Process(one) for one in host.inspected("web", "plain")]
    eventually(lambda: all(map(serves, ADDRESSES)))
    whole, linked = rules(host), [addresses(one) for one in processes]
    with socket.create_connection((ADDRESSES[0], 9090), timeout=5) as connection:
        run_flush(host, flush)
        assert rules(host) != whole
        ids = {one["Id"] for one in host.inspected()}
        assert set(libpod(host, "network", "reload", "--all").stdout.split()) == ids
        assert rules(host) == whole
        assert all(map(serves, ADDRESSES))
        connection.sendall(b"still there\n")
        assert connection.recv(100) == b"still there\n"
    assert [addresses(one) for one in processes] == linked
    assert host.container("web", stop_signal="KILL", drift="full", **WEB)["actions"] == []


@pytest.mark.parametrize("host", ["cni"], indirect=True)
def test_reload_brings_ports_back_on_a_network_whose_plugins_are_not_to_check(host: Host) -> None:
    path = "/srv/cni/50-unchecked.conflist"
    ipam = {"type": "host-local", "ranges": [[{"subnet": "10.44.0.0/24"}]]}
    bridge = {"type": "bridge", "bridge": "unchecked0", "isGateway": True, "ipMasq": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    network = {"cniVersion": "0.4.0", "name": "unchecked", "disableCheck": True, "plugins": [bridge, portmap]}
    with open(path, "w", encoding="ascii") as file:
        json.dump(network, file)
    made = host.container("unchecked", stop_signal="KILL", network="unchecked", publish=["7070:7070"], **PLAIN)
    assert not made.failed, made
    whole = rules(host)
    host.run("iptables", "-t", "nat", "-F", "OUTPUT")
    assert rules(host) != whole
    libpod(host, "network", "reload", "unchecked")
    assert rules(host) == whole
    host.container("unchecked", state="absent")
    host.run("ip", "link", "del", "unchecked0")
    os.unlink(path)


def test_reload_of_a_container_that_lacks_a_link_brings_it_back(host: Host) -> None:
    (before,) = host.inspected("web")
    host.run("nsenter", f"--net=/proc/{before['State']['Pid']}/ns/net", "ip", "link", "del", "eth0")
    assert libpod(host, "network", "reload", "web").stdout == "web\n"
    assert host.inspected("web") == [before]
    eventually(lambda: all(map(serves, ADDRESSES)))


def test_reload_is_of_running_containers_with_networks(host: Host) -> None:
    host.container("alone", network="none", **PLAIN)
    host.container("ended", image="busybox", command="true", detach=False)
    for name, reason in (("alone", "no networks of its own"), ("ended", "is exited"), ("nobody", "no container")):
        assert reason in libpod(host, "network", "reload", name, code=125).stderr
    assert "expected containers' names" in libpod(host, "network", "reload", code=125).stderr
    ids = {one["Id"] for one in host.inspected("web", "plain")}
    assert set(libpod(host, "network", "reload", "-a").stdout.split()) == ids


BUS = """<busconfig><listen>unix:path={}/bus</listen><policy context="default"><allow send_destination="*"/>
<allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>"""


@pytest.mark.parametrize("host", ["netavark"], indirect=True)
def test_documented_units_reload_after_firewalld_and_nftables(host: Host, tmp_path: Path) -> None:
    """The bus is real, and firewalld is busctl, which sends the signal of firewalld.dbus(5)."""
    program = tmp_path / "libpod"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(self_program.argv(host.parts))} "$@"\n')
    program.chmod(0o755)
    page = Path(PROJECT, "docs/operating.md").read_text("utf-8").replace("/usr/local/bin/libpod", str(program))
    names = re.findall(r"`/etc/systemd/system/(libpod-\w+-reload\.service)`", page)
    units = dict(zip(names, re.findall(r"```ini\n(.*?)```", page, re.DOTALL)))
    for name, text in units.items():
        (tmp_path / name).write_text(text)
        assert host.run("systemd-analyze", "verify", "--man=no", str(tmp_path / name)) == ""
    shutil.rmtree("/run/systemd")  # what systemd-analyze has left
    assert units.keys() == {"libpod-nftables-reload.service", "libpod-firewalld-reload.service"}

    def command(unit: str, key: str) -> list[str]:
        read = configparser.RawConfigParser()
        read.read_string(units[f"libpod-{unit}-reload.service"])
        return shlex.split(read["Service"][key])

    environment = {**os.environ, **host.parts.environment(), "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    whole = rules(host)
    run_flush(host, "ruleset")
    subprocess.run(command("nftables", "ExecReload"), env=environment, check=True)
    assert rules(host) == whole
    (tmp_path / "bus.conf").write_text(BUS.format(tmp_path))
    bus = subprocess.Popen(["dbus-daemon", f"--config-file={tmp_path}/bus.conf", "--nofork"])
    eventually((tmp_path / "bus").exists)
    waiting = subprocess.Popen(
        command("firewalld", "ExecStart"), env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert waiting.stderr and "Monitoring" in waiting.stderr.readline()
        run_flush(host, "ruleset")
        name = "org.fedoraproject.FirewallD1"
        subprocess.run(["busctl", "emit", f"/{name.replace('.', '/')}", name, "Reloaded"], env=environment, check=True)
        eventually(lambda: rules(host) == whole)
    finally:
        os.killpg(waiting.pid, signal.SIGKILL)
        waiting.communicate()
        bus.kill()
        bus.wait()
