# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netavark's networks: podman's files, leases, firewall rules, and the choice between the backends."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.resources.network import spec
from ansible_collections.libpod.engine.plugins.module_utils._drivers import network_backend
from ansible_collections.libpod.engine.plugins.module_utils._drivers.host import Host
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import config as networks
from ansible_collections.libpod.engine.plugins.module_utils._drivers.netavark import leases, result
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    InvalidState,
    MalformedData,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.definition import wanted
from ansible_collections.libpod.engine.plugins.module_utils._model.records.defined_network import DefinedNetwork
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import NetworkAttachment
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks import podman_file
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks.desired import Surroundings, desired

# As podman 4.3.1 writes it for `podman network create --label a=b -o mtu=1400 --subnet … --ip-range … front`.
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
        }
    ],
    "ipv6_enabled": False,
    "internal": False,
    "dns_enabled": True,
    "labels": {"a": "b"},
    "options": {"metric": "5", "mtu": "1400"},
    "ipam_options": {"driver": "host-local"},
}
WEB, OTHER = "a" * 64, "b" * 64


class Around(Surroundings):
    """Surroundings without a host."""

    links = {"lo", "podman1"}

    def taken(self, apart_from: str) -> Any:
        return iter(())


def made(had: DefinedNetwork | None = None, **options: Any) -> DefinedNetwork:
    params = {**dict.fromkeys(spec()), "name": "front", **options}
    return desired(wanted(params), had, Around([], True, "netavark"))


def test_podmans_file_is_understood_and_only_what_changes_is_written() -> None:
    front = podman_file.read(FRONT, "front.json")
    assert front.subnets[0] == ("10.91.0.0/24", "10.91.0.1", "10.91.0.129", "10.91.0.254")
    assert (front.mtu, front.dns_enabled, front.labels, front.network_id) == (1400, True, {"a": "b"}, "6" * 64)
    config = {**FRONT, "later": {"kept": True}}
    assert podman_file.written(front, front, config) == config
    changed = podman_file.written(front._replace(labels={"c": "d"}, mtu=0, isolate=True), front, config)
    assert changed == {**config, "labels": {"c": "d"}, "options": {"metric": "5", "isolate": "true"}}


def test_new_network_is_written_as_podman_has_it_and_read_as_requested() -> None:
    first = made(labels={"a": "b"}, opt={"mtu": 1400, "isolate": True}, ipv6=True)
    written = podman_file.written(first)
    assert podman_file.read(written, "front.json") == first
    assert first.interface == "podman2", "podman1 is a link of the host"
    assert len(written["id"]) == 64 and written["ipv6_enabled"] and written["ipam_options"] == {"driver": "host-local"}
    assert made(opt={"isolate": None}).options == {} and podman_file.written(made())["options"] == {"isolate": "false"}
    assert podman_file.written(DefinedNetwork("front", driver="macvlan"))["options"] == {}
    unset = podman_file.written(first._replace(isolate=False), first, written)
    assert unset["options"] == {"mtu": "1400", "isolate": "false"}, "netavark 2 isolates where it is omitted"
    assert podman_file.is_own(written) and podman_file.is_marked(FRONT, "front.json")


@pytest.mark.parametrize(
    "options, named",
    [
        ({"ipam_driver": "dhcp"}, "ipam_driver: dhcp"),
        ({"driver": "ptp"}, "driver: ptp"),
        ({"route": ["10.1.0.0/16,10.91.0.9"]}, "route"),
        ({"bandwidth": {"ingress_rate": 1000000}}, "bandwidth"),
        ({"driver": "macvlan"}, "needs the option subnet"),
    ],
)
def test_what_the_engine_does_not_do_with_netavark_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{named}.* netavark|netavark .*{named}"):
        made(**options)


def test_bridge_that_is_a_link_of_the_host_is_refused() -> None:
    with pytest.raises(InvalidState, match="the host has a link podman1"):
        made(interface_name="podman1")


@pytest.mark.parametrize("text", ["9" * 5000, "\u0663", "-1", "1.5", ""])
@pytest.mark.parametrize("option", ["mtu", "vlan"])
def test_option_that_is_no_number_is_named(option: str, text: str) -> None:
    with pytest.raises(MalformedData, match=f"front.json: options.{option}: expected a number, found '.{{0,40}}'$"):
        podman_file.read({**FRONT, "options": {option: text}}, "front.json")


@pytest.mark.parametrize(
    "change, member",
    [
        ({"name": "back"}, "name"),
        ({"id": "6"}, "id"),
        ({"driver": None}, "driver"),
        ({"subnets": [{"subnet": "10.91.0.0"}, {"subnet": "here"}]}, r"subnets\[1\].subnet"),
        ({"subnets": [{"subnet": "10.91.0.0/24", "gateway": "10.92.0.1"}]}, r"subnets\[0\].gateway"),
        ({"subnets": [{"subnet": "10.91.0.0/24"}, {"subnet": "10.91.0.0/16"}]}, r"subnets\[1\].subnet"),
        ({"subnets": [{"subnet": f"fd91:{number:x}::/64"} for number in range(101)]}, r"subnets\[100\].subnet"),
        ({"subnets": {"subnet": "10.91.0.0/24"}}, "subnets"),
        ({"name": "../front"}, "name"),
        ({"name": "front\n"}, "name"),
        ({"dns_enabled": "yes"}, "dns_enabled"),
        ({"options": {"mtu": 1400}}, "options.mtu"),
    ],
)
def test_malformed_file_is_named_with_the_member_and_defines_nothing(
    tmp_path: Path, change: dict[str, Any], member: str
) -> None:
    (tmp_path / "front.json").write_text(json.dumps({**FRONT, **change}))
    defined, malformed = networks.definitions(EngineConfig(network_config_dir=str(tmp_path)))
    assert [one.config["name"] for one in defined] == ["podman"], "the default network needs no file"
    assert len(malformed) == 1 and malformed[0].startswith(f"front.json: {member.replace(chr(92), '')}: expected"), (
        malformed
    )


def test_file_that_is_no_networks_is_named_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "gone.json").symlink_to("nowhere")
    (tmp_path / "junk.json").write_bytes(b"x" * (networks.MAX_BYTES + 1))
    (tmp_path / "loop.json").symlink_to("loop.json")
    (tmp_path / "two\nlines.json").write_text("5")
    (tmp_path / os.fsdecode(b"un\xff.json")).write_text("[]")
    (tmp_path / "real").write_text(json.dumps(FRONT))
    (tmp_path / "front.json").symlink_to("real")
    defined, malformed = networks.definitions(EngineConfig(network_config_dir=str(tmp_path)))
    assert sorted(one.config["name"] for one in defined) == ["front", "podman"]
    assert len(malformed) == 7 and all(one.isprintable() for one in malformed), malformed
    assert [one.partition(".json")[0] for one in malformed] == [
        "fifo", "folder", "gone", "junk", "loop", "two\\nlines", "un\\udcff"
    ]  # fmt: skip


def test_leases_are_the_highest_free_addresses_and_end_with_the_container(tmp_path: Path) -> None:
    book = leases.Leases(str(tmp_path))
    assert book.take(WEB, "eth0", FRONT, ()) == ("10.91.0.254",)
    assert book.take(OTHER, "eth0", FRONT, ()) == ("10.91.0.253",)
    assert book.take(WEB, "eth0", FRONT, ("10.91.0.254",)) == ("10.91.0.254",), "its own"
    with pytest.raises(InvalidArgument, match=f"10.91.0.254 of network front is that of container {WEB[:12]}"):
        book.take(OTHER, "eth0", FRONT, ("10.91.0.254",))
    book.release(WEB, "front")
    assert book.of(WEB, "front") == [] and book.of(OTHER, "front") == ["10.91.0.253"]
    book.release(OTHER, "front")
    assert not book.any("front") and os.listdir(tmp_path / "leases") == []


def test_lease_is_seen_while_another_process_releases_its_own(tmp_path: Path) -> None:
    book = leases.Leases(str(tmp_path))
    taken = book.take(WEB, "eth0", FRONT, ())
    link, ended = tmp_path / "leases/front/10.91.0.7", threading.Event()

    def others() -> None:
        while not ended.is_set():
            link.symlink_to(f"{OTHER}/eth0")
            link.unlink()

    thread = threading.Thread(target=others)
    thread.start()
    try:
        assert all(book.of(WEB, "front") == [*taken] for _look in range(20000))
    finally:
        ended.set()
        thread.join()


def test_subnet_without_a_free_address_is_an_error_that_names_it(tmp_path: Path) -> None:
    book = leases.Leases(str(tmp_path))
    small = {"name": "small", "subnets": [{"subnet": "10.9.0.0/30", "gateway": "10.9.0.1"}]}
    assert book.take(WEB, "eth0", small, ()) == ("10.9.0.2",)
    with pytest.raises(InvalidState, match="no address of subnet 10.9.0.0/30 is free"):
        book.take(OTHER, "eth0", small, ())
    alone = {"name": "alone", "subnets": [{"subnet": "10.9.0.1/32"}]}
    with pytest.raises(InvalidState, match="no address of subnet 10.9.0.1/32 is free"):
        book.take(WEB, "eth0", alone, ())
    six = {"name": "six", "subnets": [{"subnet": "fd91::/64", "gateway": "fd91::1"}]}
    assert book.take(WEB, "eth0", six, ()) == ("fd91::ffff",)


def test_gateway_in_another_spelling_is_not_leased(tmp_path: Path) -> None:
    six = {"name": "six", "subnets": [{"subnet": "fd91::/120", "gateway": "FD91:0::00FF"}]}
    assert leases.Leases(str(tmp_path)).take(WEB, "eth0", six, ()) == ("fd91::fe",)


STATUS = {
    "front": {
        "dns_search_domains": ["dns.podman"],
        "dns_server_ips": ["10.91.0.1"],
        "interfaces": {
            "eth0": {
                "mac_address": "02:00:00:00:00:01",
                "subnets": [{"gateway": "10.91.0.1", "ipnet": "10.91.0.254/24"}],
            }
        },
    }
}


def attached(**more: Any) -> NetworkAttachment:
    one = NetworkAttachment("front", "eth0", FRONT, **more)
    return one._replace(result=result.parse(json.dumps(STATUS), one, "/run/netns/x"))


def test_status_of_an_interface_has_the_facts_of_an_attachment() -> None:
    facts = attached().facts
    assert facts.ipv4[0] == ("10.91.0.254", 24, "10.91.0.1") and facts.mac == "02:00:00:00:00:01"
    assert facts.dns == {"nameservers": ["10.91.0.1"], "search": ["dns.podman"]}
    with pytest.raises(MalformedData, match="interfaces.eth1"):
        result.parse(json.dumps(STATUS), NetworkAttachment("front", "eth1", FRONT), "")
    assert result.error('{"error":"no such bridge"}') == "no such bridge" and result.error("oops") == "oops"


@pytest.mark.parametrize(
    "own, others, recorded, plugins, installed, expected",
    [
        (True, False, "netavark", True, True, "cni"),
        (False, True, "netavark", True, True, "netavark"),
        (False, True, "cni", True, True, "cni"),
        (False, True, "", True, True, "cni"),
        (False, True, "", False, True, "netavark"),
        (False, False, "", True, True, "netavark"),
        (False, False, "netavark", True, False, "cni"),
    ],
)
def test_auto_is_the_backend_that_the_host_has(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: bool,
    others: bool,
    recorded: str,
    plugins: bool,
    installed: bool,
    expected: str,
) -> None:
    for name, there in (("libpod", own), ("users", others)):
        if there:
            text = json.dumps({"cniVersion": "0.4.0", "name": name, "plugins": [{"type": "bridge"}]})
            (tmp_path / f"{name}.conflist").write_text(text)
    for program, there in (("bridge", plugins), ("netavark", installed)):
        if there:
            (tmp_path / program).write_text("")
            (tmp_path / program).chmod(0o755)
    if recorded:
        (tmp_path / "defaultNetworkBackend").write_text(recorded)
    monkeypatch.setattr(network_backend, "_HELPER_DIRS", (str(tmp_path),))
    parts = EngineConfig(
        cni_config_dir=str(tmp_path),
        cni_plugin_dirs=(str(tmp_path),),
        storage_root=str(tmp_path),
        storage_run_root=str(tmp_path),
        storage_driver="vfs",
    )
    assert Host(parts).network_backend == expected
    assert Host(parts._replace(network_backend="netavark")).network_backend == "netavark"
