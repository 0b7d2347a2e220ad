# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any network's file, answer of netavark, firewall rule, resolv.conf and hosts file is read, or refused in a sentence.

Names of neighbours in a hosts file are right whatever else it has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import hosts_file, resolvers
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import config as cni_config
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import nat_rules
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import plugin as cni_plugin
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import config, leases, result, rules
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.defined_network import DefinedNetwork
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NEIGHBOUR, NetworkAttachment
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks import forms
from ansible_collections.libpod.engine.tests.support import fuzz

FRONT: dict[str, Any] = {
    "name": "front",
    "id": "6" * 64,
    "driver": "bridge",
    "network_interface": "podman1",
    "created": "2026-01-01T00:00:00.000000001Z",
    "subnets": [
        {
            "subnet": "10.91.0.0/24",
            "gateway": "10.91.0.1",
            "lease_range": {"start_ip": "10.91.0.129", "end_ip": "10.91.0.254"},
        },
        {"subnet": "fd91::/64"},
    ],
    "routes": [{"destination": "10.5.0.0/16", "gateway": "10.91.0.2", "metric": 5}],
    "ipv6_enabled": True,
    "internal": False,
    "dns_enabled": True,
    "network_dns_servers": ["10.91.0.3"],
    "labels": {"a": "b"},
    "options": {"metric": "5", "mtu": "1400", "vlan": "5", "isolate": "strict", "mode": ""},
    "ipam_options": {"driver": "host-local"},
}
CNI: dict[str, Any] = {
    "cniVersion": "0.4.0",
    "name": "net",
    "args": {"podman_labels": {"a": "b"}, "podman_options": {"mtu": "5"}, "libpod_engine": {"keepBridge": True}},
    "plugins": [
        {
            "type": "bridge",
            "bridge": "br0",
            "isGateway": True,
            "ipMasq": True,
            "mtu": 1400,
            "vlan": 5,
            "dns": {"nameservers": ["10.1.0.3"]},
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.1.0.0/16", "gateway": "10.1.0.1", "rangeStart": "10.1.0.9"}]],
                "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.5.0.0/16", "gw": "10.1.0.2"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
        {"type": "firewall", "backend": "", "ingressPolicy": "same-bridge"},
        {"type": "bandwidth", "ingressRate": 5, "egressBurst": 6, "capabilities": {"bandwidth": True}},
        {"type": "dnsname", "domainName": "dns.podman"},
    ],
}
STATUS = {
    "front": {
        "dns_search_domains": ["dns.podman"],
        "dns_server_ips": ["10.91.0.1"],
        "interfaces": {
            "eth0": {
                "mac_address": "02:00:00:00:00:01",
                "subnets": [{"gateway": "10.91.0.1", "ipnet": "10.91.0.254/24"}, {"ipnet": "fd91::5/64"}],
            }
        },
    }
}
PORTS = (PortMapping("", 8080, 80, "tcp"), PortMapping("10.0.0.9", 53, 53, "udp"), PortMapping("::1", 81, 81, "tcp"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


def changes_of(read: dict[str, Any]) -> None:
    """Read what a network's file means, and write it back with nothing and with much changed."""
    form = forms.of(read)
    had = form.read(read, "net.json")
    six = {"ipv6_enabled": True}  # follows from the subnets
    assert {**form.written(had, had, read), **six} == {**read, **six}, "what is not changed stays"
    wanted = DefinedNetwork(had.name, "bridge", "br9", labels={"x": "y"}, internal=True, mtu=9000, isolate=True)
    for made in (form.written(wanted, had, read), form.written(wanted)):
        json.dumps(made).encode()
        form.read(made, "net.json")
    form.subnets(read, "net.json")
    form.link(read)
    form.is_marked(read, "net.json")
    form.keeps_bridge(read)


@fuzz.fuzzed(50, document=fuzz.documents(FRONT))
def test_network_files_of_netavark(folder: Path, document: bytes) -> None:
    (folder / "front.json").write_bytes(document)
    (folder / "good.json").write_text(json.dumps({**FRONT, "name": "good"}))
    parts = EngineConfig(network_config_dir=str(folder))
    defined, malformed = config.definitions(parts)
    assert "good" in [one.config["name"] for one in defined], "another network's file must not matter"
    assert all("\n" not in one for one in malformed)
    fuzz.refused_or(lambda: config.network(parts, "front"))
    for one in defined:
        network = dict(one.config)
        fuzz.refused_or(lambda network=network: changes_of(network))
        config.outside(network, ["10.91.0.9", "fd91::9"])
        config.one_each(network, ["10.91.0.9", "fd91::9"])
        config.families(network)
        config.ipam_driver(network)
        for subnet in network.get("subnets") or ():
            fuzz.refused_or(lambda subnet=subnet: leases._free("front", subnet, set()))


@fuzz.fuzzed(50, document=fuzz.documents(CNI))
def test_configuration_lists_of_cni(folder: Path, document: bytes) -> None:
    lists = folder / "cni"
    lists.mkdir(exist_ok=True)
    (lists / "net.conflist").write_bytes(document)
    for network in cni_config.networks(EngineConfig(cni_config_dir=str(lists), static_root="/srv/x")).values():
        fuzz.refused_or(lambda network=network: changes_of(dict(network)))


@fuzz.fuzzed(50, document=fuzz.documents(STATUS))
def test_answers_of_netavark(document: bytes) -> None:
    text = document.decode(errors="replace")
    attachment = NetworkAttachment("front", "eth0", FRONT, ports=PORTS)

    def facts() -> None:
        made = attachment._replace(result=result.parse(text, attachment, "/run/netns/x"))
        json.dumps(made.facts).encode()
        list(rules._lacking(made, lambda _six: [], rules.IPTABLES))
        list(nat_rules._first_addresses(made))

    fuzz.refused_or(facts)


@fuzz.fuzzed(40, document=fuzz.documents({"error": "no such bridge"}, {"code": 7, "msg": "no", "details": "x"}))
def test_errors_of_netavark_and_of_plugins(document: bytes) -> None:
    text = document.decode(errors="replace")
    assert isinstance(result.error(text), str) and isinstance(cni_plugin._error_message(text), str)


RULES = (
    *(":CNI-DN-abc - [0:0]", "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT"),
    '-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"net\\" id: \\"aaa\\"" --dports 80,81 -j CNI-DN-a',
    "-A CNI-DN-a -d 10.0.0.9/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.5:80",
    "-A CNI-DN-a -p tcp --dport 8080 -j DNAT --to-destination [fd91::5]:80",
    "POSTROUTING -s 10.91.0.0/24 -j NETAVARK-1D8721804F16F",
    "NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 8080 -j NETAVARK-DN-1D872",
    "NETAVARK-DN-1D872 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.91.0.5:80",
    *("chain NETAVARK-HOSTPORT-DNAT {", "tcp dport 8080 jump nv_1_dnat", "tcp dport 8080 dnat ip to 10.91.0.5:80"),
)


def _attached() -> NetworkAttachment:
    one = NetworkAttachment("front", "eth0", FRONT, ports=PORTS)
    return one._replace(result=result.parse(json.dumps(STATUS), one, "/run/netns/x"))


def _read_rules(content: bytes) -> None:
    text = content.decode(errors="replace")
    lines = text.splitlines()
    nat_rules.owners(lines)
    list(nat_rules._forwards(lines))
    nat_rules._removal(lines, ["CNI-DN-a"])
    for grammar in (rules.IPTABLES, rules.NFTABLES):
        list(rules._lacking(_attached(), lambda _six: lines, grammar))


@fuzz.fuzzed(50, content=fuzz.lines(*RULES))
def test_firewall_rules(content: bytes) -> None:
    _read_rules(content)


GROWING: tuple[Callable[[int], bytes], ...] = (
    lambda count: b"-A CNI-DN-a -j DNAT --dport 80 --to-destination 1.2.3.4:80\n" * (count // 60),
    lambda count: b"-A CNI-HOSTPORT-DNAT -j CNI-DN-a " + b"--dports 1," * (count // 11),
    lambda count: b"NETAVARK-HOSTPORT-DNAT " + b" " * count,
    lambda count: b"PREROUTING " + b"jump NETAVARK-HOSTPORT-DNAT " * (count // 28),
    lambda count: b'--comment "name: \\"' * (count // 18),
)


@pytest.mark.parametrize("make", GROWING)
def test_firewall_rules_take_linear_time(make: Callable[[int], bytes]) -> None:
    assert fuzz.grows_linearly(_read_rules, make)


SERVERS = ("nameserver 127.0.0.53", "nameserver fe80::1%eth0", "search a b", "options ndots:2", "server=/x/1.2.3.4#53")


def _read_servers(content: bytes) -> None:
    text = content.decode("utf-8", "surrogateescape")
    host = resolvers.parse(text)
    assert set(host.reachable) <= set(host.servers)
    for line in text.split("\n"):
        option = resolvers._DNSMASQ_LINE.match(line)
        resolvers._dnsmasq_server((option[2] if option else line) or "")


@fuzz.fuzzed(50, content=fuzz.lines(*SERVERS))
def test_resolv_conf(content: bytes) -> None:
    _read_servers(content)


@pytest.mark.parametrize("line", [b"server=", b"nameserver 1.2.3.4\n", b" ", b"search a", b"options x\n", b'server="'])
def test_resolv_conf_takes_linear_time(line: bytes) -> None:
    assert fuzz.grows_linearly(_read_servers, lambda count: line * (count // len(line)))


HOSTS = ("127.0.0.1 localhost", "10.0.0.2\tweb db " + " " * 30 + NEIGHBOUR.decode(), "# x " + NEIGHBOUR.decode(), "::1")


def _name_neighbours(content: bytes) -> None:
    neighbours = hosts_file.Neighbours([hosts_file.Line("10.0.0.2", ("web",)), hosts_file.Line("10.0.0.3", ("db",))])
    made = bytearray(content)
    for offset, data in hosts_file.changes(content, neighbours):
        made[offset : offset + len(data)] = data
    assert not hosts_file.changes(bytes(made), neighbours), "a second time nothing is left to change"


@fuzz.fuzzed(50, content=fuzz.lines(*HOSTS))
def test_hosts_files(content: bytes) -> None:
    _name_neighbours(content)


@pytest.mark.parametrize("line", [HOSTS[1].encode() + b"\n", b"#" + b" " * 58 + NEIGHBOUR + b"\n", b"\n", b"a ", b"#"])
def test_hosts_file_takes_linear_time(line: bytes) -> None:
    assert fuzz.grows_linearly(_name_neighbours, lambda count: line * (count // len(line)))
