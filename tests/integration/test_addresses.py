# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, MAC, interface names and aliases that a task requests, read from the network namespace."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host, network
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL"}
MAC = "92:d0:c6:0a:29:33"


def _links(host: Host, container: dict[str, Any]) -> dict[str, tuple[str, set[str]]]:
    """Return each interface's MAC and global addresses, by ip(8) in the container's network namespace."""
    path = f"/proc/{Process(container).pid}/ns/net"
    links = json.loads(host.run("nsenter", f"--net={path}", "ip", "-json", "address"))
    return {
        one["ifname"]: (one["address"], {ip["local"] for ip in one["addr_info"] if ip.get("scope") == "global"})
        for one in links
        if one["ifname"] != "lo"
    }


def _define(name: str, config: dict[str, Any]) -> None:
    with open(f"/srv/cni/90-{name}.conflist", "w", encoding="utf-8") as file:
        json.dump(config, file)


def test_address_and_mac_are_as_requested(host: Host) -> None:
    options: dict[str, Any] = {**BASE, "ip": "10.87.3.4", "mac_address": MAC.upper()}
    made = host.container("c", **options)
    assert _links(host, made) == {"eth0": (MAC, {"10.87.3.4"})}
    assert host.container("c", **options)["actions"] == []
    assert f"10.87.3.4\t{made['container']['Id'][:12]} c" in Process(made).read("root/etc/hosts")
    taken = host.container("d", **options)
    assert taken.failed and "10.87.3.4" in taken["msg"], "another container has it"
    moved = host.container("c", **{**options, "ip": "10.87.3.5"})
    assert moved["actions"] == ["recreated c"] and _links(host, moved) == {"eth0": (MAC, {"10.87.3.5"})}
    again = host.container("c", force_restart=True, **{**options, "ip": "10.87.3.5"})
    assert _links(host, again) == {"eth0": (MAC, {"10.87.3.5"})}
    outside = host.container("d", **BASE, ip="192.0.2.77")
    assert outside.failed and "192.0.2.77" in outside["msg"]


def test_each_network_has_its_own_options(host: Host) -> None:
    config = network("second", "cni-second0", "10.88")
    config["plugins"][0]["ipam"]["ranges"].append([{"subnet": "fd00:88::/64"}])
    _define("second", config)
    networks = [f"bridge:mac={MAC}", "second:ip=10.88.1.2,ip6=fd00:88::77,interface_name=back0"]
    made = host.container("c", **BASE, network=networks)
    links = _links(host, made)
    assert links["eth0"][0] == MAC and links["back0"][1] == {"10.88.1.2", "fd00:88::77"} and len(links) == 2
    assert host.container("c", **BASE, network=networks)["actions"] == []
    single = host.container("d", **BASE, network=["second"], ip="10.88.1.3", ip6="fd00:88::78")
    assert _links(host, single)["eth0"][1] == {"10.88.1.3", "fd00:88::78"}
    wrong: Any
    for wrong in ({"network": ["bridge", "second"], "ip": "10.87.1.2"}, {"network": ["none"], "mac_address": MAC}):
        refused = host.container("e", **BASE, **wrong)
        assert refused.failed and refused["error"] == "InvalidArgument" and "single network" in refused["msg"]
    twice = host.container("e", **BASE, network=["bridge:interface_name=eth1", "second"])
    assert twice.failed and "eth1 is there twice" in twice["msg"]
    # The default network by its name is the same network: for an existing container, a new one, and in check mode.
    assert host.container("c", **BASE, network=[networks[0].replace("bridge", "libpod"), networks[1]])["actions"] == []
    for name, check in (("c", True), ("c", False), ("e", True), ("e", False)):
        twice = host.container(name, check=check, **BASE, network=["bridge", "libpod"])
        assert twice.failed and "network: libpod is listed twice" in twice["msg"]
    host.empty()
    os.unlink("/srv/cni/90-second.conflist")


def test_aliases_reach_a_capable_plugin_too(host: Host) -> None:
    # The test's own plugin in place of dnsname: it records its input and passes the previous result on.
    os.mkdir("/srv/plugins")
    with open("/srv/plugins/names", "w", encoding="ascii") as file:
        file.write("#!/usr/bin/python3\nimport json, os, sys\nread = json.load(sys.stdin)\n")
        file.write("verb = os.environ['CNI_COMMAND']\nopen(f'/srv/plugins/{verb}', 'w').write(json.dumps(read))\n")
        file.write("print(json.dumps(read.get('prevResult', {})) if verb == 'ADD' else '')\n")
    os.chmod("/srv/plugins/names", 0o755)
    config = network("named", "cni-named0", "10.89")
    config["plugins"].append({"type": "names", "capabilities": {"aliases": True}})
    _define("named", config)
    folders: dict[str, Any] = {"cni_plugin_dirs": ["/usr/lib/cni", "/opt/cni/bin", "/srv/plugins"]}
    options: Any
    for options in (
        {"network": ["named"], "network_aliases": ["db", "cache"]},
        {"network": ["named:alias=db,alias=cache"]},
    ):
        made = host.container("c", **BASE, **folders, **options)
        assert not made.failed, made
        with open("/srv/plugins/ADD", encoding="utf-8") as file:
            assert json.load(file)["runtimeConfig"]["aliases"] == {"named": ["cache", "db"]}
        address = made["container"]["NetworkSettings"]["Networks"]["named"]["IPAddress"]
        assert f"{address}\tcache db" in Process(made).read("root/etc/hosts")
        assert host.container("c", **folders, state="absent")["actions"] == ["deleted c"]
    host.run("rm", "-r", "/srv/plugins", "/srv/cni/90-named.conflist")
