# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine leaves of netavark's rules, links and names, against what the ``teardown`` of netavark leaves."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netns
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import driver, removal
from ansible_collections.libpod.engine.plugins.module_utils._drivers.network_backend import helper
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment, PortRange
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host

BOTH = ["10.91.0.0/24", "fd91::/64"]
TCP, UDP = PortMapping("0.0.0.0", 8080, 80, "tcp"), PortMapping("0.0.0.0", 5353, 53, "udp")
LOCAL, LOCAL6 = PortMapping("127.0.0.1", 8080, 80, "tcp"), PortMapping("::1", 8080, 80, "tcp")
SECOND_LOCAL = LOCAL._replace(host_ip="127.0.0.2")
ROW = (PortRange(TCP._replace(host_port=9000, container_port=90), 3), PortRange(UDP, 1))


def network(name: str, number: int, *subnets: str, isolate: str = "false", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "id": f"{number:064x}",
        "driver": "bridge",
        "network_interface": f"podman{number}",
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": one, "gateway": one.replace("0/24", "1").replace("::/64", "::1")} for one in subnets],
        "ipv6_enabled": any(":" in one for one in subnets),
        "internal": False,
        "dns_enabled": False,
        "options": {"isolate": isolate},
        "ipam_options": {"driver": "host-local"},
        **more,
    }


def attachment(config: dict[str, Any], *ports: PortMapping, ranges: tuple[PortRange, ...] = ()) -> NetworkAttachment:
    return NetworkAttachment(config["name"], "eth0", config, ports=ports, ranges=ranges, container="web")


FRONT = network("front", 1, "10.91.0.0/24")
BACK = network("back", 2, "10.92.0.0/24")
DUAL = network("front", 1, *BOTH)
SERVED = network("front", 1, *BOTH, dns_enabled=True)
ISOLATED = network("front", 1, *BOTH, isolate="true")
ISOLATED_BACK = network("back", 2, "10.92.0.0/24", isolate="true")
SEVERAL = network("front", 1, "10.91.0.0/24", "10.93.0.0/24", "fd91::/64", "fd93::/64")


class Case(NamedTuple):
    """The attachment that goes, and those of other containers, which stay."""

    goes: NetworkAttachment
    stay: tuple[NetworkAttachment, ...] = ()


OTHER_PORT = TCP._replace(host_port=8081)
CASES = {
    "alone without ports": Case(attachment(FRONT)),
    "alone": Case(attachment(FRONT, TCP, UDP)),
    "not the last one": Case(attachment(FRONT, TCP), (attachment(FRONT, OTHER_PORT),)),
    "not the last one, without ports": Case(attachment(FRONT), (attachment(FRONT, OTHER_PORT),)),
    "not the last one with ports": Case(attachment(FRONT, TCP), (attachment(FRONT),)),
    "the same port elsewhere": Case(attachment(FRONT, LOCAL), (attachment(FRONT, SECOND_LOCAL),)),
    "one port on two addresses": Case(attachment(FRONT, LOCAL, SECOND_LOCAL)),
    "both families": Case(attachment(DUAL, TCP, UDP)),
    "both families, not the last one": Case(attachment(DUAL, TCP, UDP), (attachment(DUAL, OTHER_PORT),)),
    "addresses of both families": Case(attachment(DUAL, LOCAL, LOCAL6)),
    "address of IPv6": Case(attachment(DUAL, LOCAL6), (attachment(DUAL),)),
    "range": Case(attachment(DUAL, ranges=ROW)),
    "several subnets": Case(attachment(SEVERAL, TCP)),
    "several subnets, not the last one": Case(attachment(SEVERAL, TCP), (attachment(SEVERAL, UDP),)),
    "isolated": Case(attachment(ISOLATED, TCP)),
    "isolated beside another": Case(attachment(ISOLATED, TCP), (attachment(ISOLATED_BACK, OTHER_PORT),)),
    "isolated, not the last one": Case(attachment(ISOLATED, TCP), (attachment(ISOLATED),)),
    "another network": Case(attachment(FRONT, TCP), (attachment(BACK, OTHER_PORT),)),
    "names": Case(attachment(SERVED, TCP)),
    "names, not the last one": Case(attachment(SERVED, TCP), (attachment(SERVED),)),
    "internal": Case(attachment({**FRONT, "internal": True})),
}
Teardown = Callable[[driver.Netavark, str, str, NetworkAttachment], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    with Host(network_backend="netavark") as made:
        yield made


@pytest.fixture
def host(shared: Host) -> Iterator[Host]:
    """Yield a test host with netavark 1.4, without rules at first."""
    version = json.loads(shared.run(helper("netavark"), "version"))["version"]
    if not version.startswith(removal._VERSION):
        pytest.skip(f"netavark {version} removes its rules itself")
    yield shared
    flush(shared)
    shared.expect_clean()


def flush(host: Host) -> None:
    for program in ("iptables", "ip6tables"):
        for table in ("nat", "filter"):
            host.run(program, "-t", table, "-F")
            host.run(program, "-t", table, "-X")


def state(host: Host) -> dict[str, Any]:
    """Return all rules, the bridges, the number of other links, and the names that are served."""
    rules = {}
    for program in ("iptables-save", "ip6tables-save"):
        lines = host.run(program).splitlines()
        rules[program] = [re.sub(r" \[\d+:\d+\]$", "", line) for line in lines if not line.startswith("#")]
    shown = host.run("ip", "-o", "link", "show", "type", "bridge")
    names = Path(f"{host.parts.run_root}/netavark/aardvark-dns")
    served = {one.name: one.read_text() for one in names.glob("*") if one.name != "aardvark.pid"}
    return {
        **rules,
        "bridges": re.findall(r"^\d+: (\S+):", shown, re.MULTILINE),
        "veths": host.run("ip", "-o", "link", "show", "type", "veth").count("\n"),
        "served": served,
    }


def by_netavark(netavark: driver.Netavark, container: str, namespace: str, one: NetworkAttachment) -> None:
    known = tuple(address.ip for address in (*one.facts.ipv4, *one.facts.ipv6))
    with netavark._turn() as held:
        netavark._run("teardown", container, namespace, one._replace(ips=known), held)


def by_engine(netavark: driver.Netavark, container: str, namespace: str, one: NetworkAttachment) -> None:
    effects: list[str] = []
    failpoints.observe(effects.append)
    try:
        with netavark._turn() as held:
            netavark._teardown(container, namespace, one, held)
    finally:
        failpoints.observe(None)
    rules = [] if one.config["internal"] else ["netavark DEL rules"]
    assert [effect for effect in effects if "netavark" in effect and "write" not in effect] == [
        "netavark teardown",
        *rules,
    ]


class Attached(NamedTuple):
    """The attachments of a case in their namespaces."""

    netavark: driver.Netavark
    goes: NetworkAttachment
    namespace: str


GOES = "ab" * 32


@contextlib.contextmanager
def attached(host: Host, case: Case) -> Iterator[Attached]:
    """Attach the containers of a case on a host without rules, and detach those that stay at the end."""
    flush(host)
    netavark = driver.Netavark(host.parts)
    os.makedirs(host.parts.netns_dir, exist_ok=True)
    with contextlib.ExitStack() as stack:

        def attach(container: str, one: NetworkAttachment) -> tuple[str, NetworkAttachment]:
            namespace = f"{host.parts.netns_dir}/libpod-{container[:12]}"
            netns.create(namespace)
            stack.callback(netns.delete, namespace)
            return namespace, netavark.add(container, namespace, one)

        for number, one in enumerate(case.stay):
            container = f"{number}c" * 32
            namespace, done = attach(container, one)
            stack.callback(netavark.delete, container, namespace, done)
        namespace, done = attach(GOES, case.goes)
        stack.callback(netavark._leases.release, GOES, done.network)
        yield Attached(netavark, done, namespace)


def left(host: Host, case: Case, teardown: Teardown) -> dict[str, Any]:
    """Return the state after the removal of the attachment that goes."""
    with attached(host, case) as made:
        teardown(made.netavark, GOES, made.namespace, made.goes)
        return state(host)


@pytest.mark.parametrize("name", CASES)
def test_removal_leaves_what_netavark_leaves(host: Host, name: str) -> None:
    case = CASES[name]
    wanted = left(host, case, by_netavark)
    assert left(host, case, by_engine) == wanted
    remain = {one.config["network_interface"] for one in case.stay}
    assert {one for one in wanted["bridges"] if one.startswith("podman")} == remain
    assert not any(GOES in line for line in wanted["iptables-save"] + wanted["ip6tables-save"])


def test_rules_that_are_not_as_netavark_makes_them_are_left_to_it(host: Host) -> None:
    """Each is another reason to let netavark do it, which then does."""
    case = Case(attachment(FRONT, TCP))
    with attached(host, case) as made:
        known = tuple(address.ip for address in made.goes.facts.ipv4)
        one = made.goes._replace(ips=known)
        program, folder = helper("netavark"), f"{host.parts.run_root}/netavark"

        def may(attachment: NetworkAttachment = one, netavark: str = program) -> bool:
            return removal.Removal.of(GOES, attachment, netavark, folder) is not None

        assert may()
        assert not may(netavark="/bin/false") and not may(netavark="/bin/echo")
        assert not may(one._replace(ips=()))
        assert not may(one._replace(config={**FRONT, "options": {"isolate": "strict"}}))
        assert not may(one._replace(ports=(TCP, UDP))), "a rule is missing"
        os.makedirs(f"{folder}/firewall")
        assert not may()
        os.rmdir(f"{folder}/firewall")
        host.run("iptables", "-t", "nat", "-F", "NETAVARK-HOSTPORT-DNAT")
        assert not may()
        made.netavark.delete(GOES, made.namespace, made.goes)
        assert "podman1" not in state(host)["bridges"]
        assert "10.91.0" not in host.run("iptables-save")


def test_rules_of_others_in_a_networks_chains_keep_the_chains(host: Host) -> None:
    case = Case(attachment(FRONT, TCP))
    states = []
    for teardown in (by_netavark, by_engine):
        with attached(host, case) as made:
            (chain,) = set(re.findall(r"-j (NETAVARK-[0-9A-F]{13})$", host.run("iptables-save"), re.MULTILINE))
            host.run("iptables", "-t", "nat", "-A", chain, "-s", "10.99.0.9", "-j", "RETURN")
            teardown(made.netavark, GOES, made.namespace, made.goes)
            states.append(state(host))
    assert states[0] == states[1] and f":{chain} -" in states[1]["iptables-save"]


@pytest.mark.parametrize("refused", ["iptables-restore", "ip6tables-restore"])
def test_rules_of_a_refused_transaction_are_removed_by_netavark(host: Host, tmp_path: Path, refused: str) -> None:
    case = Case(attachment(DUAL, TCP))
    wanted = left(host, case, by_netavark)
    (tmp_path / refused).symlink_to("/bin/false")
    with attached(host, case) as made:
        kernel.mount(str(tmp_path), "/usr/local/sbin", flags=kernel.MS_BIND)
        try:
            made.netavark.delete(GOES, made.namespace, made.goes)
        finally:
            kernel.umount("/usr/local/sbin")
        assert state(host) == wanted
