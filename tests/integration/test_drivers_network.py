# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CNI chain and the netlink driver, on the real kernel, CNI plugins and iptables of a test host."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import config as cni_config
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import container_rules
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni.chain import Cni
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netlink, netns
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    ToolFailed,
    ToolMissing,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import (
    NetworkAttachment,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually

CONTAINER = "c0ffee" + "0123456789" * 5 + "abcdef12"
SERVER = (
    "import socket\ns = socket.create_server(('', 80))\n"
    "while True:\n c = s.accept()[0]\n c.sendall(b'from the container'); c.close()"
)
ANSWER = b"from the container"
# Rules of the chains all containers share, which the plugins create once and keep.
SHARED = r'rule iptables:\w+ -A CNI-[A-Z-]+ -m comment --comment "CNI (portfwd|firewall plugin) '


class Network:
    """One container's network on a test host: its namespace, its attachment, and the kernel's view of both."""

    def __init__(self, host: Host, container: str = CONTAINER) -> None:
        self.host, self.container = host, container
        self.cni = Cni(host.parts)
        self.path = f"{host.parts.netns_dir}/libpod-{container[:12]}"
        config = cni_config.network(host.parts, "libpod")
        ports = (PortMapping("0.0.0.0", 8080, 80, "tcp"), PortMapping("192.0.2.1", 8081, 80, "tcp"))
        self.attachment = NetworkAttachment("libpod", "eth0", config, ports=ports)

    def up(self) -> NetworkAttachment:
        netns.create(self.path)
        self.attachment = self.cni.add(self.container, self.path, self.attachment)
        return self.attachment

    def down(self) -> None:
        self.cni.delete(self.container, self.path, self.attachment)
        netns.delete(self.path)

    @property
    def ip(self) -> str:
        return self.attachment.facts.ipv4[0].ip

    def ip_json(self, *args: str) -> Any:
        return json.loads(self.host.run("nsenter", f"--net={self.path}", "ip", "-json", *args))


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a test host whose network is checked after the test; it has no container for the engine to remove."""
    with Host() as made:
        yield made
        made.run("rm", "-rf", made.parts.static_root)
        left = [one for one in made.leaks() if not re.search(SHARED, one)]
        assert not left, "the removal left:\n  " + "\n  ".join(left)


@pytest.fixture
def network(host: Host) -> Iterator[Network]:
    made = Network(host)
    yield made
    left = rules(host, made.container, made.attachment)
    assert not left, f"rules are left: {left}"
    folder = f"{host.parts.static_root}/cni/networks/libpod"
    held = [name for name in os.listdir(folder) if name[0].isdigit()] if os.path.isdir(folder) else []
    assert not held, f"addresses stay reserved: {held}"


def rules(host: Host, container: str, attachment: NetworkAttachment) -> list[str]:
    """Return the lines of iptables-save that name the container, its address, or one of its chains."""
    address = attachment.facts.ipv4[0].ip if attachment.facts.ipv4 else "no address"
    saved = host.run("iptables-save") + host.run("ip6tables-save")
    chains = {match[1] for match in re.finditer(r"(CNI-(?:DN-)?[0-9a-f]{20,})", saved)}
    wanted = (container, f"{address}/32", *chains)
    return [line for line in saved.splitlines() if any(one in line for one in wanted)]


@contextlib.contextmanager
def served(network: Network) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server on port 80 in the container's namespace."""
    server = subprocess.Popen(["nsenter", f"--net={network.path}", sys.executable, "-c", SERVER])
    try:
        while not server.poll() and "0050" not in listening(server.pid):
            time.sleep(0.01)
        yield server
    finally:
        server.kill()
        server.wait()


def listening(pid: int) -> str:
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as file:
        return " ".join(line.split()[1].partition(":")[2] for line in file if " 0A " in line)


def fetch(address: str, port: int) -> bytes:
    with socket.create_connection((address, port), timeout=5) as connection:
        return connection.recv(100)


def test_published_port_answers_on_every_address_and_the_bound_one_only_on_its_own(network: Network) -> None:
    with network.host.neighbour() as there:
        network.up()
        client = "import socket; print(socket.create_connection(('192.0.2.1', 8080), 5).recv(99))"
        with served(network):
            assert fetch("127.0.0.1", 8080) == fetch("192.0.2.1", 8080) == fetch("192.0.2.1", 8081) == ANSWER
            assert fetch(network.ip, 80) == ANSWER
            assert repr(ANSWER) in network.host.run(*there, sys.executable, "-c", client)
            with pytest.raises(OSError):
                fetch("127.0.0.1", 8081)
        network.down()
        with pytest.raises(OSError):
            fetch("127.0.0.1", 8080)


def test_facts_of_the_result_match_the_kernel(network: Network) -> None:
    facts = network.up().facts
    (shown,) = network.ip_json("-4", "address", "show", "dev", "eth0")
    (route,) = network.ip_json("route", "show", "default")
    (inet,) = shown["addr_info"]
    (address,) = facts.ipv4
    assert (address.ip, address.prefix_length, address.gateway) == (inet["local"], inet["prefixlen"], route["gateway"])
    (link,) = network.ip_json("link", "show", "dev", "eth0")
    assert facts.mac == link["address"]
    assert NetworkAttachment.from_json(json.loads(json.dumps(network.attachment.to_json())), "x") == network.attachment
    network.down()


def test_removal_leaves_the_links_and_rules_of_before(network: Network) -> None:
    network.up()
    network.down()  # makes the bridge and the chains that all containers share
    before = (
        network.host.run("iptables-save"),
        network.host.run("ip6tables-save"),
        network.host.run("ip", "-br", "link"),
    )
    network.up()
    assert rules(network.host, network.container, network.attachment)
    network.down()
    after = network.host.run("iptables-save"), network.host.run("ip6tables-save"), network.host.run("ip", "-br", "link")
    assert [ruled(one) for one in before] == [ruled(one) for one in after]


def ruled(saved: str) -> list[str]:
    return [
        re.sub(r"\[\d+:\d+\]| (UP|DOWN) +|,?LOWER_UP|NO-CARRIER,", "", one)
        for one in saved.splitlines()
        if one[0] != "#"
    ]


@pytest.mark.parametrize("six", [False, True])
def test_masquerading_rules_are_those_of_the_plugin(
    network: Network, monkeypatch: pytest.MonkeyPatch, six: bool
) -> None:
    if six:
        bridge = network.attachment.config["plugins"][0]
        bridge["ipam"]["ranges"].append([{"subnet": "fd00:95::/64"}])
    seen = []
    for ours in (True, False):
        monkeypatch.setattr(container_rules, "_are_made_here", lambda _attachment, ours=ours: ours)
        network.attachment = network.attachment._replace(result=None)
        network.up()
        saved = network.host.run("iptables-save", "-t", "nat") + network.host.run("ip6tables-save", "-t", "nat")
        own = [line for line in saved.splitlines() if "MASQUERADE" in line or "POSTROUTING -s" in line]
        seen.append(sorted(re.sub(r"-s \S+/(32|128)", r"-s one/\1", line) for line in (*own, *_accepting(saved))))
        network.down()
    assert seen[0] == seen[1] and sum("-s one" in line for line in seen[0]) == 1 + six


def _accepting(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith("-A CNI-") and line.endswith("-j ACCEPT")]


def test_deleting_again_is_no_error(network: Network) -> None:
    network.up()
    network.cni.delete(network.container, network.path, network.attachment)
    network.cni.delete(network.container, network.path, network.attachment)
    network.down()
    network.cni.delete(network.container, network.path, network.attachment)


def test_check_detects_a_removed_address(network: Network) -> None:
    network.up()
    network.cni.check(network.container, network.path, network.attachment)
    network.host.run("nsenter", f"--net={network.path}", "ip", "address", "flush", "dev", "eth0")
    with pytest.raises(ToolFailed, match="CHECK of container c0ffee012345 on network libpod: .*bridge"):
        network.cni.check(network.container, network.path, network.attachment)
    network.down()


def test_removal_after_ip_netns_del_leaves_nothing(network: Network) -> None:
    network.up()
    netns.delete(network.path)  # what `ip netns del` does
    network.down()


def test_removal_while_a_process_still_holds_the_deleted_namespace_leaves_nothing(network: Network) -> None:
    network.up()
    with served(network):
        netns.delete(network.path)
        network.down()
        assert "veth" not in network.host.run("ip", "-br", "link")


def test_removal_after_the_link_was_deleted_leaves_nothing(network: Network) -> None:
    network.up()
    network.host.run("nsenter", f"--net={network.path}", "ip", "link", "del", "eth0")
    network.down()


def test_removal_after_the_rules_were_flushed_leaves_nothing(network: Network) -> None:
    network.up()
    for table in ("nat", "filter"):
        network.host.run("iptables", "-t", table, "-F")
        network.host.run("iptables", "-t", table, "-X")
    network.down()


def test_removal_of_the_second_network_without_a_namespace_leaves_nothing(network: Network) -> None:
    first = network.up()
    other = NetworkAttachment("other", "eth1", other_network(first.config))
    other = network.cni.add(network.container, network.path, other)
    netns.delete(network.path)
    network.cni.delete(network.container, network.path, other)
    network.down()
    assert not rules(network.host, network.container, other)


def other_network(config: Any) -> Any:
    text = json.dumps({**config, "name": "other"}).replace("10.87.", "10.86.").replace("cni-libpod0", "cni-other0")
    return json.loads(text)


def test_removal_after_a_reboot_that_kept_the_rules_leaves_nothing(network: Network) -> None:
    intent = network.attachment
    network.up()
    netns.delete(network.path)
    assert rules(network.host, network.container, network.attachment)
    network.cni.delete(network.container, network.path, intent)


def test_removal_after_a_reboot_without_cni_result_removes_the_bridge_rules(
    network: Network,
) -> None:
    intent = network.attachment
    network.up()
    netns.delete(network.path)
    os.unlink(f"{network.host.parts.static_root}/cni/networks/libpod/{network.ip}")
    network.cni.delete(network.container, network.path, intent)


def test_removal_of_an_attachment_without_an_add_is_no_error(network: Network) -> None:
    network.cni.delete(network.container, network.path, network.attachment)
    netns.create(network.path)
    network.down()


@pytest.mark.parametrize("namespace_gone", [False, True])
@pytest.mark.parametrize("number", range(1, 5))
def test_add_killed_before_any_of_its_steps_is_undone(network: Network, number: int, namespace_gone: bool) -> None:
    netns.create(network.path)
    killed_at(number, "cni ADD", lambda: network.cni.add(network.container, network.path, network.attachment))
    if namespace_gone:
        netns.delete(network.path)
    network.down()


@pytest.mark.parametrize("number", range(1, 5))
def test_delete_killed_before_any_of_its_steps_is_finished_by_the_next(network: Network, number: int) -> None:
    network.up()
    killed_at(number, "cni DEL", lambda: network.cni.delete(network.container, network.path, network.attachment))
    network.down()


@pytest.mark.parametrize("number", range(1, 14))
def test_killed_delete_with_a_substitute_namespace_is_finished_by_the_next(network: Network, number: int) -> None:
    network.up()
    netns.delete(network.path)
    killed_at(number, "", lambda: network.cni.delete(network.container, network.path, network.attachment))
    network.down()


def killed_at(number: int, prefix: str, operation: Callable[[], object]) -> None:
    """Run the operation in a child that is killed before its ``number``-th effect of that name."""
    child = os.fork()
    if child == 0:
        left = number

        def kill(name: str) -> None:
            nonlocal left
            left -= name.startswith(prefix)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        failpoints.observe(kill)
        with contextlib.suppress(BaseException):
            operation()
        os._exit(0)
    os.waitpid(child, 0)


def test_plugin_outliving_the_kill_of_its_engine_is_waited_for(network: Network) -> None:
    """After a real kill during ADD the plugin continues; a removal too early would leave what it then creates."""
    netns.create(network.path)
    folder = network.host.parts.static_root + "/cni/networks/libpod"
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            network.cni.add(network.container, network.path, network.attachment)
        os._exit(0)
    eventually(lambda: os.path.isdir(folder) and any(name[0].isdigit() for name in os.listdir(folder)))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    network.down()


def test_plugin_that_fails_is_quoted_and_the_ones_before_it_are_undone(network: Network) -> None:
    broken = json.loads(json.dumps(network.attachment.config))
    broken["plugins"][2]["backend"] = "iptables"
    broken["plugins"].append({"type": "vrf", "vrfname": ""})
    before = network.attachment
    network.attachment = before._replace(config=broken)
    netns.create(network.path)
    with pytest.raises(ToolFailed, match=r"ADD of container c0ffee012345 on network libpod: \S*/vrf .*CNI error"):
        network.cni.add(network.container, network.path, network.attachment)
    assert [one["ifname"] for one in network.ip_json("link")] == ["lo"]
    netns.delete(network.path)


def test_missing_plugin_is_named_before_anything_is_done(network: Network) -> None:
    config = {**network.attachment.config, "plugins": [*network.attachment.config["plugins"], {"type": "absent"}]}
    netns.create(network.path)
    with pytest.raises(ToolMissing, match="absent.*containernetworking-plugins"):
        network.cni.add(network.container, network.path, network.attachment._replace(config=config))
    assert [one["ifname"] for one in network.ip_json("link")] == ["lo"]
    netns.delete(network.path)


def test_published_port_on_a_network_without_portmap_is_refused(network: Network) -> None:
    config = {**network.attachment.config, "plugins": network.attachment.config["plugins"][:1]}
    with pytest.raises(InvalidArgument, match="network libpod cannot give published ports.*portMappings"):
        network.cni.require(network.attachment._replace(config=config))


@pytest.mark.parametrize("declared", [True, False], ids=["capability", "CNI_ARGS"])
def test_fixed_address_and_mac_are_applied(network: Network, declared: bool) -> None:
    if not declared:
        del network.attachment.config["plugins"][0]["capabilities"]
    network.attachment = network.attachment._replace(ips=("10.87.9.9",), mac="02:00:00:00:09:09")
    network.up()
    (shown,) = network.ip_json("address", "show", "dev", "eth0")
    assert shown["addr_info"][0]["local"] == network.ip == "10.87.9.9"
    assert shown["address"] == network.attachment.facts.mac == "02:00:00:00:09:09"
    network.down()


def test_first_containers_of_a_host_are_attached_and_removed_concurrently(host: Host) -> None:
    import threading

    ids = [f"{number:x}" * 64 for number in range(1, 5)]
    networks = [Network(host, container) for container in ids]
    for step in (Network.up, Network.down):
        threads = [threading.Thread(target=step, args=(one,)) for one in networks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if step is Network.up:
            assert len({one.ip for one in networks}) == len(networks)
            assert host.run("iptables", "-t", "nat", "-S", "PREROUTING").count("CNI-HOSTPORT-DNAT") == 1


def test_reservations_are_beneath_the_static_root(network: Network) -> None:
    network.up()
    assert os.path.exists(f"{network.host.parts.static_root}/cni/networks/libpod/{network.ip}")
    assert not os.path.exists("/var/lib/cni")
    network.down()


# --- links, as pyroute2 sees them


def test_addresses_and_counters_of_links_match_the_kernel(network: Network) -> None:
    network.up()
    with served(network) as server:
        assert fetch("127.0.0.1", 8080) == ANSWER
        links = {one.name: one for one in netlink.links(f"/proc/{server.pid}/ns/net")}
    (shown,) = network.ip_json("-stats", "address", "show", "dev", "eth0")
    eth0 = links["eth0"]
    assert (eth0.mac, eth0.mtu, eth0.index, eth0.up) == (shown["address"], shown["mtu"], shown["ifindex"], True)
    assert f"{network.ip}/16" in eth0.addresses and "127.0.0.1/8" in links["lo"].addresses
    assert 0 < eth0.counters["rx_bytes"] <= shown["stats64"]["rx"]["bytes"]
    assert eth0.counters["tx_errors"] == shown["stats64"]["tx"]["errors"] == 0
    assert {one.name for one in netlink.links(network.path)} == {"lo", "eth0"}
    network.down()


def test_links_work_with_the_pyroute2_of_debian(network: Network) -> None:
    if not os.path.isdir("/usr/lib/python3/dist-packages/pyroute2"):
        pytest.skip("Debian's python3-pyroute2 is not installed")
    network.up()
    code = (
        "from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netlink, netns\n"
        "import pyroute2, sys\nassert pyroute2.__file__.startswith('/usr/lib/python3')\n"
        f"print(sorted((one.name, *one.addresses[:1]) for one in netlink.links({network.path!r})))\n"
        "netns.create('/srv/other')\n"
        "for again in 1, 2: netlink.add_pair('/srv/other', 'eth0', ['10.1.2.3/24', 'fd00::1/64'])\n"
        "print([one.addresses[:2] for one in netlink.links('/srv/other') if one.name == 'eth0'])\n"
        "netns.delete('/srv/other')\n"
        f"for again in 1, 2: netlink.remove_veth({network.attachment.result['interfaces'][1]['name']!r}, "  # type: ignore[index]
        f"{network.attachment.result['interfaces'][1]['mac']!r})\n"  # type: ignore[index]
    )
    root = next(path for path in sys.path if os.path.isdir(f"{path}/ansible_collections"))
    os.makedirs("/srv/path")
    os.symlink(f"{root}/ansible_collections", "/srv/path/ansible_collections")
    printed = network.host.run("env", "PYTHONPATH=/srv/path", "/usr/bin/python3", "-B", "-c", code)
    assert printed.splitlines() == [
        str([("eth0", f"{network.ip}/16"), ("lo", "127.0.0.1/8")]),
        "[('10.1.2.3/24', 'fd00::1/64')]",
    ]
    assert "veth" not in network.host.run("ip", "-br", "link")
    shutil.rmtree("/srv/path")
    network.down()


def test_link_that_the_kernel_removes_during_the_look_counts_as_removed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's end of a pair vanishes, some time later, with the namespace of its peer."""
    import pyroute2

    network.up()
    (link,) = (one for one in (network.attachment.result or {})["interfaces"] if one["name"].startswith("veth"))
    connect = pyroute2.IPRoute

    def connected() -> Any:
        route = connect()
        lookup = route.link_lookup

        def late(**wanted: Any) -> list[int]:
            found = list(lookup(**wanted))
            network.host.run("ip", "link", "delete", link["name"])
            return found

        route.link_lookup = late
        return route

    with monkeypatch.context() as patched:
        patched.setattr(pyroute2, "IPRoute", connected)
        netlink.remove_veth(link["name"], link["mac"])
    network.down()


def test_absent_pyroute2_is_named_with_its_package(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroute2", None)
    with pytest.raises(ToolMissing, match="python3-pyroute2"):
        netlink.links("/proc/self/ns/net")


def test_attaching_and_removing_loads_no_netlink_library(network: Network) -> None:
    code = (
        "import json, sys\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import chain, config\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import netns\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment\n"
        "from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig\n"
        f"parts = EngineConfig(static_root='/srv/static', run_root='/srv/run', cni_config_dir='/srv/cni')\n"
        f"path, one = {network.path!r}, NetworkAttachment('libpod', 'eth0', config.network(parts, 'libpod'))\n"
        f"netns.create(path)\none = chain.Cni(parts).add({CONTAINER!r}, path, one)\n"
        f"chain.Cni(parts).delete({CONTAINER!r}, path, one)\nnetns.delete(path)\n"
        "print([name for name in ('pyroute2', 'ipaddress', 'tempfile', 'shutil') if name in sys.modules])\n"
    )
    assert network.host.run(sys.executable, "-c", code).strip() == "[]"


def test_parts_of_the_default_roots_share_podman_s_reservations(host: Host) -> None:
    config = cni_config.network(EngineConfig(cni_config_dir=host.parts.cni_config_dir), "libpod")
    assert "dataDir" not in config["plugins"][0]["ipam"]
