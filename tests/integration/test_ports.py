# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports in the kernel: connections that outlive their port, both address families, leftover rules."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.network import host_ports
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import conntrack
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import hosts
from ansible_collections.libpod.engine.tests.support.failing_iptables import PORTMAP_LOOKS, failing
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.networks import tracked
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, Process, eventually

PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING}
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
s.bind(("::", 53))
while True:
    data, peer = s.recvfrom(100)
    s.sendto(sys.argv[1].encode(), peer)
"""
# Uses one socket per destination: reads lines of ADDRESS PORT, and prints the answer or "nothing".
CLIENT = """
import socket, sys
s = {}
for line in sys.stdin:
    address, port = line.split()
    key = address, port
    if key not in s:
        s[key] = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        s[key].settimeout(5.0)
        s[key].connect((address, int(port)))
    try:
        s[key].send(b"?")
        print(s[key].recv(100).decode(), flush=True)
    except OSError:
        print("nothing", flush=True)
"""
OURS = ("192.0.2.1", "fd00:2::1")


class Client:
    """A peer that keeps its sockets."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*argv, sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, port: int, address: str = OURS[0]) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{address} {port}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def expect(self, answer: str, port: int, address: str) -> None:
        eventually(lambda: self.ask(port, address) == answer)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def client(host: Host) -> Iterator[Client]:
    """Yield a peer on a machine of its own, which reaches the host by IPv4 and IPv6."""
    with host.neighbour() as there:
        host.run("ip", "addr", "add", f"{OURS[1]}/64", "dev", "near0", "nodad")
        host.run(*there, "ip", "addr", "add", "fd00:2::2/64", "dev", "far0", "nodad")
        host.run(*there, "ip", "route", "add", "default", "via", OURS[1])
        made = Client(there)
        yield made
        made.close()


@contextlib.contextmanager
def echoing(process: Process, answer: str) -> Iterator[None]:
    """Run a server on port 53/udp in the container's network namespace."""
    server = subprocess.Popen(["nsenter", f"--net={process.path('ns/net')}", sys.executable, "-c", ECHO, answer])
    try:
        eventually(lambda: ":0035 " in process.read("net/udp6"))
        yield
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def define(host: Host) -> Iterator[Callable[..., None]]:
    """Yield a function that defines another CNI network, with an address of each subnet."""
    path = f"{host.parts.cni_config_dir}/95-more.conflist"

    def one(name: str, *subnets: str) -> None:
        made = hosts.network(name, f"cni-{name}", "10.95")
        made["plugins"][0]["ipam"]["ranges"] = [[{"subnet": subnet}] for subnet in subnets]
        made["plugins"][0]["ipam"]["routes"] = [{"dst": "::/0" if ":" in subnet else "0.0.0.0/0"} for subnet in subnets]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(made, file)

    yield one
    os.unlink(path)


def nat(host: Host, six: bool = False) -> list[str]:
    return host.run("ip6tables-save" if six else "iptables-save", "-t", "nat").splitlines()


def test_removed_udp_port_is_closed_to_an_open_socket(host: Host, client: Client) -> None:
    made = host.container("dns", **PLAIN, publish=["8053:53/udp", "8054:53/udp"])
    address = made["container"]["NetworkSettings"]["IPAddress"]
    with echoing(Process(made), "dns"):
        assert [client.ask(8053), client.ask(8054), client.ask(53, address)] == ["dns"] * 3
        kept = [line for line in tracked() if "dport=8054 " in line or f"dst={address} " in line]
        done = host.container("dns", **PLAIN, publish=["8054:53/udp"])
        assert done["actions"] == ["updated dns"], done
        assert client.ask(8053) == "nothing"
        assert [client.ask(8054), client.ask(53, address)] == ["dns"] * 2
        assert len([line for line in tracked() if f"dst={address} " in line]) == 1 and kept
        # Moved, and bound to another address.
        host.container("dns", **PLAIN, publish=["8055:53/udp"])
        assert [client.ask(8054), client.ask(8055)] == ["nothing", "dns"]
        host.container("dns", **PLAIN, publish=["198.51.100.1:8055:53/udp"])
        assert [client.ask(8055), client.ask(8055, "198.51.100.1")] == ["nothing", "dns"]
    host.container("dns", state="absent")
    assert not [line for line in tracked() if f"src={address} dst" in line and "dport=8055 " in line]


@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_reused_udp_port_reaches_the_new_container_from_an_open_socket(
    host: Host, client: Client, define: Callable[..., None], state: str
) -> None:
    define("dual", "10.95.0.0/16", "fd00:95::/64")
    options = {**PLAIN, "network": "dual", "publish": [f"{OURS[0]}:8053:53/udp", "[::]:8053:53/udp"]}
    first = host.container("first", **options)
    with echoing(Process(first), "first"):
        for address in OURS:  # IPv6 answers once duplicate address detection has finished
            client.expect("first", 8053, address)
        host.container("first", state=state)
        assert not [line for line in tracked() if "src=10.95." in line or "src=fd00:0095:" in line]
    second = host.container("second", **options)
    with echoing(Process(second), "second"):
        for address in OURS:
            client.expect("second", 8053, address)


def test_published_udp_port_is_reachable_for_peers_that_tried_before(host: Host, client: Client) -> None:
    made = host.container("dns", **PLAIN)
    with echoing(Process(made), "dns"):
        assert client.ask(8053) == "nothing"
        host.container("dns", **PLAIN, publish=["8053:53/udp"])
        assert client.ask(8053) == "dns"


def test_tasks_that_look_at_held_ports_at_once_see_them_all(host: Host) -> None:
    ports = [8100 + number for number in range(12)]
    host.container("web", **PLAIN, publish=[f"{port}:80" for port in ports])

    def look() -> None:
        signal.setitimer(signal.ITIMER_REAL, 60 * PATIENCE)  # it could go on for ever
        container = Runtime(host.parts).container("web")
        held = [[one.host_port for one in host_ports.of_live(container)] for _look in range(300)]
        sys.stdout.write(json.dumps({"wrong": [one for one in held if one != ports]}))

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(in_child, look) for _task in range(3)]:
            assert done.result() == {"wrong": []}, done.result()


def test_unreadable_connection_tracking_is_no_failure(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CAP_NET_ADMIN the kernel answers EPERM."""
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        conntrack.forget([conntrack.Forwarding(PortMapping("0.0.0.0", 8053, 53, "udp"), "10.87.0.2")])
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    monkeypatch.setattr(conntrack, "_NETLINK_NETFILTER", 31)
    conntrack.forget([conntrack.Forwarding(PortMapping("0.0.0.0", 8053, 53, "udp"), "10.87.0.2")])


# --- drift of both families

FAMILIES = {
    "four": (["10.95.0.0/16"], ["8080:80", "127.0.0.1:8081:80"]),
    "dual": (["10.95.0.0/16", "fd00:95::/64"], ["8080:80", "[::1]:8081:80", "127.0.0.1:8082:80", "8053:53/udp"]),
    "last": (["10.95.0.0/16", "fd00:95::/64"], ["[::1]:8081:80"]),
    "six": (["fd00:95::/64"], ["8080:80", "[::1]:8081:80"]),
}


@pytest.mark.parametrize("network", FAMILIES)
def test_missing_port_rules_of_either_family_are_drift_and_repaired(
    host: Host, define: Callable[..., None], network: str
) -> None:
    subnets, publish = FAMILIES[network]
    define(network, *subnets)
    options = {**PLAIN, "network": network, "publish": publish, "drift": "full"}
    assert not host.container("web", **options).failed
    assert host.container("web", **options)["actions"] == []
    for six in (False, True):
        whole = [re.sub(r"\[\d+:\d+\]", "", line) for line in nat(host, six) if line[0] != "#"]
        # For a family without published ports, portmap adds rules that lead to an empty chain.
        used = any("-j DNAT" in line for line in whole)
        for line in [one for one in whole if used and (one.startswith("-A CNI-DN-") or "--dports" in one)]:
            host.run("ip6tables" if six else "iptables", "-t", "nat", "-D", *shlex.split(line)[1:])
            predicted = host.container("web", **options, check=True, diff=True)
            mended = host.container("web", **options, diff=True)
            assert mended["actions"] == predicted["actions"] == ["updated web"], (line, mended)
            assert "network rules of eth0" in mended["diff"]["before"]
            now = [re.sub(r"\[\d+:\d+\]", "", line) for line in nat(host, six) if line[0] != "#"]
            assert sorted(now) == sorted(whole)
            assert host.container("web", **options)["actions"] == []


# --- families that a network does not have


@pytest.mark.parametrize(
    ("subnet", "wrong", "right"),
    [("10.95.0.0/16", "[::1]:8081:80", "8080:80"), ("fd00:95::/64", "127.0.0.1:8081:80", "8080:80")],
)
def test_port_on_an_unsupported_address_family_warns_or_is_refused_if_strict(
    host: Host, define: Callable[..., None], subnet: str, wrong: str, right: str
) -> None:
    define("one", subnet)
    options = {**PLAIN, "network": "one", "publish": [right, wrong]}
    for check in (True, False):
        done = host.container("web", **options, check=check)
        assert not done.failed and done.changed
        (warning,) = done["warnings"]
        for part in (f"publish: {wrong}/tcp of container web has no effect", "network one gives it no IPv"):
            assert part in warning
    host.container("web", state="absent")
    strict = host.container("other", **{**options, "publish": [wrong]}, strict=True, check=True)
    assert strict.failed and "has no effect" in strict["msg"] and "strict" in strict["msg"], strict
    assert "warnings" not in host.container("right", **{**options, "publish": ["8090:80"]})


# --- leftover rules


def of(container_id: str, host: Host, six: bool = False) -> list[str]:
    """Return the rules that forward ports to a container."""
    return [line for line in nat(host, six) if "dnat name: " in line and container_id in line or "CNI-DN" in line]


@pytest.mark.parametrize("network", ["four", "dual", "six"])
def test_rules_left_by_portmap_are_removed_with_the_container(
    host: Host, define: Callable[..., None], network: str
) -> None:
    define(network, *FAMILIES[network][0])
    made = host.container("web", **PLAIN, network=network, publish=["8080:80", "8053:53/udp"])
    container_id = made["container"]["Id"]
    assert of(container_id, host) or of(container_id, host, six=True)
    with failing(iptables=PORTMAP_LOOKS, ip6tables=PORTMAP_LOOKS):
        gone = host.container("web", state="absent")
    assert not gone.failed and gone["actions"] == ["deleted web"], gone
    assert not of(container_id, host) and not of(container_id, host, six=True)


def test_plugins_remove_nat_rules_where_the_engine_cannot(host: Host) -> None:
    container_id = host.container("web", **PLAIN, publish=["8080:80"])["container"]["Id"]
    with failing(iptables_restore="*"):
        gone = host.container("web", state="absent")
    assert not gone.failed and gone["actions"] == ["deleted web"], gone
    assert not [line for line in nat(host) if container_id in line]


def test_engine_removes_a_container_s_nat_rules_in_one_transaction(host: Host) -> None:
    host.container("web", **PLAIN, publish=["8080:80"])
    # The plugins still list chains; what they would do to remove rules fails.
    with failing(iptables="*'-t nat -D '*|*'-t nat -F '*|*'-t nat -X '*"):
        gone = host.container("web", state="absent")
    assert not gone.failed and gone["actions"] == ["deleted web"], gone
    assert not [line for line in nat(host) if "CNI-DN-" in line or "POSTROUTING -s" in line]


def test_port_rules_that_cannot_be_removed_are_reported_and_stay_recorded(host: Host) -> None:
    made = host.container("web", **PLAIN, publish=["8080:80"])
    container_id = made["container"]["Id"]
    for programs in ({"iptables_restore": "*"}, {"iptables_save": "*"}):
        with failing(iptables=PORTMAP_LOOKS, **programs):
            gone = host.container("web", state="absent")
            assert gone.failed and gone["error"] == "RemovalIncomplete" and gone["actions"] == ["deleted web"], gone
            for part in ("rules of published ports of container", "on network libpod", "broken", "force_delete"):
                assert part in gone["msg"]
        assert of(container_id, host)
    # Prune removes the rules, and nothing is left for a removal by name.
    pruned = host.module("libpod_prune", {"container": True})
    assert pruned["actions"] == ["removed what was left of web"], pruned
    assert not of(container_id, host)
    assert host.container("web", state="absent")["actions"] == []


def test_recreated_container_gets_the_ports_though_the_old_one_cannot_be_detached(host: Host) -> None:
    first = host.container("web", **PLAIN, publish=["8080:80"])["container"]["Id"]
    options = {**PLAIN, "publish": ["8080:80"], "env": {"A": "1"}}
    with failing(iptables_save="*"):  # the engine does not see that the plugins have removed the rules
        done = host.container("web", **options)
    assert done["actions"] == ["recreated web"] and "its attachment to network" in done["warnings"][0], done
    assert not [line for line in nat(host) if "dnat name: " in line and first in line]
    assert host.container("web", **options, drift="full")["actions"] == []
    assert host.module("libpod_prune", {"container": True})["actions"] == ["removed what was left of web"]


def test_leftover_port_rules_are_drift_of_the_successor(host: Host) -> None:
    first = host.container("web", **PLAIN, publish=["8080:80"])["container"]["Id"]
    options = {**PLAIN, "publish": ["8080:80"], "env": {"A": "1"}}
    left = [line.replace("-A CNI-HOSTPORT-DNAT", "-I CNI-HOSTPORT-DNAT") for line in nat(host) if "CNI-DN-" in line]
    assert host.container("web", **options)["actions"] == ["recreated web"]
    host.run("iptables-restore", "--noflush", input="\n".join(["*nat", *left, "COMMIT\n"]))
    assert of(first, host)
    options["drift"] = "full"
    predicted = host.container("web", **options, check=True)
    assert host.container("web", **options)["actions"] == predicted["actions"] == ["updated web"]
    assert not [line for line in nat(host) if "dnat name: " in line and first in line]
    assert host.container("web", **options)["actions"] == []


@pytest.mark.parametrize("also", [{}, {"memory": "80m"}])
def test_partly_failed_live_change_is_reported(host: Host, also: dict[str, Any]) -> None:
    host.container("web", **PLAIN, publish=["8080:80"])
    options = {**PLAIN, "publish": ["8080:80", "8081:80"], **also}
    with failing(iptables="*CNI-DN-*", ip6tables="*"):
        failed = host.container("web", **options)
    assert failed.failed and (failed["changed"], failed["actions"]) == (True, ["updated web"]), failed
    assert host.container("web", **options)["actions"] == ["updated web"]
    assert host.container("web", **options, drift="full")["actions"] == []


def left_rules(host: Host, name: str, **options: Any) -> str:
    """Remove a container but leave its rules; return its ID."""
    container_id: str = host.container(name, **PLAIN, **options)["container"]["Id"]
    with failing(iptables=PORTMAP_LOOKS, iptables_restore="*"):
        gone = host.container(name, state="absent", force_delete=True)
    assert not gone.failed and "rules of published ports" in gone["warnings"][0], gone
    assert of(container_id, host)
    return container_id


def test_rules_of_a_removed_container_are_drift_where_they_take_a_port(host: Host) -> None:
    old = left_rules(host, "old", publish=["8080:80"])
    options = {**PLAIN, "publish": ["8080:80", "8081:80"]}
    host.container("web", **options)
    assert host.container("web", **options)["actions"] == []
    options["drift"] = "full"
    predicted = host.container("web", **options, check=True, diff=True)
    assert (
        f"8080/tcp is still taken by a rule of removed container {old[:12]}"
        in predicted["diff"]["before"]["network rules of eth0"]
    )
    done = host.container("web", **options)
    assert done["actions"] == predicted["actions"] == ["updated web"], done
    assert not [line for line in nat(host) if old in line]
    assert host.container("web", **options)["actions"] == []


def renamed_rules(host: Host, old: str, new: str) -> None:
    """Move the rules of one container to another ID, as a restored iptables-save(8) dump would."""
    text = "\n".join(nat(host))
    host.run("iptables-restore", input=text.replace(old, new) + "\n")


def test_rules_of_another_engine_are_named_and_never_touched(host: Host) -> None:
    old, podmans = left_rules(host, "old", publish=["8080:80"]), "ab" * 32
    renamed_rules(host, old, podmans)
    options = {**PLAIN, "publish": ["8080:80"], "drift": "full"}
    host.container("web", **{**options, "drift": "auto"})
    for known in (False, True):
        if known:
            os.makedirs("/var/lib/cni/results")
            open(f"/var/lib/cni/results/libpod-{podmans}-eth0", "w", encoding="ascii").close()
        for check in (True, False):
            refused = host.container("web", **options, check=check)
            assert refused.failed and "8080/tcp of container web is taken" in refused["msg"], refused
            assert ("of another engine" if known else podmans) in refused["msg"]
        pruned = host.module("libpod_prune", {"container": True})
        assert not pruned.failed and pruned["actions"] == [], pruned
        assert known != any(podmans in one for one in pruned.get("warnings", ()))
        assert [line for line in nat(host) if podmans in line]
    os.unlink(f"/var/lib/cni/results/libpod-{podmans}-eth0")
    os.removedirs("/var/lib/cni/results")
    host.container("web", state="absent")
    renamed_rules(host, podmans, old)
    assert host.module("libpod_prune", {"container": True})["actions"] == [f"removed rules of container {old[:12]}"]


def test_rules_of_another_container_that_take_a_port_name_it(host: Host) -> None:
    other = host.container("other", **PLAIN, publish=["127.0.0.1:8081:80"])["container"]["Id"]
    options = {**PLAIN, "publish": ["198.51.100.1:8081:80"], "drift": "full"}
    assert not host.container("web", **options).failed
    assert host.container("web", **options)["actions"] == [], "each has its own address"
    text = "\n".join(line.replace("-d 127.0.0.1/32 ", "") for line in nat(host))
    host.run("iptables-restore", input=text + "\n")
    refused = host.container("web", **options)
    assert (
        refused.failed
        and f"8081/tcp of container web is taken by rules of container other ({other[:12]})" in (refused["msg"])
    ), refused
    # The rules do not affect another port.
    assert host.container("web", **{**options, "publish": ["8090:80"]})["actions"] == ["updated web"]


def test_prune_removes_rules_of_removed_containers_only(host: Host) -> None:
    old = left_rules(host, "old", publish=["8080:80", "8053:53/udp"])
    web = host.container("web", **PLAIN, publish=["8081:80"])["container"]["Id"]
    for check in (True, False):
        pruned = host.module("libpod_prune", {"container": True}, check=check)
        assert pruned["actions"] == [f"removed rules of container {old[:12]}"], pruned
    assert not [line for line in nat(host) if old in line] and [line for line in nat(host) if web in line]
    assert host.module("libpod_prune", {"container": True})["actions"] == []
