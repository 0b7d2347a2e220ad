# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network configurations of the host, and the contents of a CNI result."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni import config as cni_config
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    NoSuchNetwork,
    StateCorrupt,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records.network import (
    Address,
    NetworkAttachment,
)

ROLE = Path(__file__).parents[2] / "roles" / "libpod_host" / "files" / "87-libpod.conflist"


@pytest.fixture
def parts(tmp_path: Path) -> EngineConfig:
    (tmp_path / "net.d").mkdir()
    return EngineConfig(static_root=str(tmp_path / "static"), cni_config_dir=str(tmp_path / "net.d"))


def define(parts: EngineConfig, file: str, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    Path(parts.cni_config_dir, file).write_text(text, encoding="utf-8")


def bridge(name: str, **more: Any) -> dict[str, Any]:
    return {"cniVersion": "0.4.0", "name": name, "plugins": [{"type": "bridge", **more}]}


def test_networks_are_read_in_the_order_of_the_file_names(parts: EngineConfig) -> None:
    define(parts, "20-b.conflist", bridge("b"))
    define(parts, "10-c.json", {"cniVersion": "0.3.1", "name": "c", "type": "macvlan"})
    define(parts, "30-a.conf", {"name": "a", "type": "ptp"})
    define(parts, "05-x.conflist.bak", bridge("x"))
    assert list(cni_config.networks(parts)) == ["c", "b", "a"]


def test_first_file_of_a_name_wins(parts: EngineConfig) -> None:
    define(parts, "2.conflist", bridge("a", bridge="second"))
    define(parts, "1.conflist", bridge("a", bridge="first"))
    assert cni_config.network(parts, "a")["plugins"][0]["bridge"] == "first"


def test_single_plugin_becomes_a_list_of_one(parts: EngineConfig) -> None:
    define(parts, "1.conf", {"cniVersion": "0.3.1", "name": "c", "type": "macvlan", "master": "eth9"})
    network = cni_config.network(parts, "c")
    assert (network["cniVersion"], network["name"], network["plugins"][0]["master"]) == ("0.3.1", "c", "eth9")


def test_default_network_is_libpod_else_the_first(parts: EngineConfig) -> None:
    define(parts, "10-a.conflist", bridge("a"))
    assert cni_config.default_network(parts)["name"] == "a"
    define(parts, "87-libpod.conflist", bridge("libpod"))
    assert cni_config.default_network(parts)["name"] == "libpod"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '"x"',
        bridge(""),
        {"name": "x", "plugins": []},
        {"name": "x", "plugins": [{}]},
        {"name": "x", "plugins": ["bridge"]},
        {"name": "x", "plugins": [{"type": "../../bin/sh"}]},
        {"name": "x"},
        "[" * 100_000,
        " " * (1 << 21),
        bridge("../x"),
        bridge("x", type=".."),
        bridge("x", type="a\0b"),
        bridge("x", ipam=5),
        bridge("x", ipam={"type": "../host-local"}),
        bridge("x", ipam={"type": "host-local", "dataDir": 5}),
        bridge("x", ipMasq="yes"),
        bridge("x", capabilities=["ips"]),
        bridge("x", capabilities={"ips": "yes"}),
        {**bridge("x"), "cniVersion": 1},
        {**bridge("x"), "cniVersion": "²"},
        {**bridge("x"), "disableCheck": "maybe"},
    ],
)
def test_malformed_file_hides_no_other_network_and_is_named_if_one_is_missing(
    parts: EngineConfig, content: Any
) -> None:
    define(parts, "00-broken.conflist", content)
    define(parts, "10-a.conflist", bridge("a"))
    assert cni_config.network(parts, "a")["name"] == "a" == cni_config.default_network(parts)["name"]
    with pytest.raises(NoSuchNetwork, match="00-broken.conflist"):
        cni_config.network(parts, "x")


def test_fifo_is_no_network_and_does_not_block(parts: EngineConfig) -> None:
    os.mkfifo(f"{parts.cni_config_dir}/00-fifo.conflist")
    define(parts, "10-a.conflist", bridge("a"))
    assert list(cni_config.networks(parts)) == ["a"]


def test_check_is_disabled_by_a_string_too(parts: EngineConfig) -> None:
    define(parts, "10-a.conflist", {**bridge("a"), "disableCheck": "false"})
    assert cni_config.network(parts, "a")["disableCheck"] is False


def test_missing_network_is_named_with_the_directory_the_others_and_the_role(parts: EngineConfig) -> None:
    define(parts, "10-a.conflist", bridge("a"))
    define(parts, "20-b.conflist", bridge("b"))
    with pytest.raises(NoSuchNetwork) as refused:
        cni_config.network(parts, "web")
    for part in ("network web", parts.cni_config_dir, "a, b", "the role libpod_host"):
        assert part in str(refused.value)


def test_no_directory_is_no_network(parts: EngineConfig) -> None:
    os.rmdir(parts.cni_config_dir)
    assert cni_config.networks(parts) == {}
    with pytest.raises(NoSuchNetwork, match="it defines no network.*the role libpod_host"):
        cni_config.default_network(parts)


def test_reservations_follow_moved_roots_and_default_roots_share_podmans(parts: EngineConfig) -> None:
    define(parts, "1.conflist", bridge("a", ipam={"type": "host-local"}))
    define(parts, "2.conflist", bridge("b", ipam={"type": "host-local", "dataDir": "/elsewhere"}))
    define(parts, "3.conflist", bridge("c", ipam={"type": "dhcp"}))

    def data_dirs(parts: EngineConfig) -> list[Any]:
        return [one["plugins"][0]["ipam"].get("dataDir") for one in cni_config.networks(parts).values()]

    assert data_dirs(parts) == [f"{parts.static_root}/cni/networks", "/elsewhere", None]
    assert data_dirs(EngineConfig(cni_config_dir=parts.cni_config_dir)) == [None, "/elsewhere", None]


def test_capability_without_a_plugin_is_refused_by_name(parts: EngineConfig) -> None:
    config = bridge("a", capabilities={"ips": True, "portMappings": False}, ipam={"type": "host-local"})
    assert cni_config.runtime_arguments(config, {"ips": ["10.0.0.9"], "portMappings": []}) == {}
    with pytest.raises(InvalidArgument, match="network a cannot give published ports.*portMappings"):
        cni_config.runtime_arguments(config, {"portMappings": [{"hostPort": 80}]})
    assert cni_config.runtime_arguments(config, {"aliases": {"a": ["web"]}}) == {}


def test_address_and_mac_go_as_arguments_where_they_are_no_capability() -> None:
    config = bridge("a", ipam={"type": "host-local"})
    runtime = {"ips": ["10.0.0.9"], "mac": "02:00:00:00:00:01"}
    assert cni_config.runtime_arguments(config, runtime) == {"IP": "10.0.0.9", "MAC": "02:00:00:00:00:01"}
    with pytest.raises(InvalidArgument, match="a fixed IP address"):
        cni_config.runtime_arguments(bridge("a", ipam={"type": "dhcp"}), {"ips": ["10.0.0.9"]})


def test_default_network_of_the_role_is_the_engines(tmp_path: Path) -> None:
    (tmp_path / ROLE.name).write_bytes(ROLE.read_bytes())
    network = cni_config.default_network(EngineConfig(cni_config_dir=str(tmp_path)))
    assert network["name"] == cni_config.DEFAULT_NETWORK
    assert [one["type"] for one in network["plugins"]] == ["bridge", "portmap", "firewall"]


RESULT = {
    "cniVersion": "1.0.0",
    "interfaces": [
        {"name": "cni0", "mac": "aa:00:00:00:00:01"},
        {"name": "veth1", "mac": "aa:00:00:00:00:02"},
        {"name": "eth0", "mac": "aa:00:00:00:00:03", "sandbox": "/run/netns/x"},
    ],
    "ips": [
        {"address": "10.87.0.2/16", "gateway": "10.87.0.1", "interface": 2},
        {"address": "10.87.0.1/16", "interface": 0},
        {"address": "fd00::2/64", "gateway": "fd00::1", "interface": 2},
    ],
    "dns": {"nameservers": ["10.87.0.1"], "search": ["dns.podman"]},
}


def test_facts_are_the_container_s_side_of_the_result() -> None:
    facts = NetworkAttachment("libpod", "eth0", bridge("libpod"), result=RESULT).facts
    assert facts.ipv4 == (Address("10.87.0.2", 16, "10.87.0.1"),)
    assert facts.ipv6 == (Address("fd00::2", 64, "fd00::1"),)
    assert facts.mac == "aa:00:00:00:00:03" and facts.dns["search"] == ["dns.podman"]


def test_facts_before_the_result_are_empty() -> None:
    facts = NetworkAttachment("libpod", "eth0", bridge("libpod")).facts
    assert (facts.ipv4, facts.ipv6, facts.mac, dict(facts.dns)) == ((), (), "", {})


RECORD = {
    "network": "libpod",
    "interface": "eth0",
    "config": bridge("libpod"),
    "runtime_config": {
        "ips": ["10.87.0.2"],
        "mac": "02:00:00:00:00:01",
        "aliases": {"libpod": ["db", "sql"]},
        "portMappings": [
            {"hostPort": 80, "containerPort": 8080, "protocol": "tcp"},
            {"hostPort": 53, "containerPort": 53, "protocol": "udp", "hostIP": "127.0.0.1"},
        ],
    },
    "result": RESULT,
    "forwarding": True,
}


def test_attachment_is_read_from_its_record_and_written_as_it_was() -> None:
    read = NetworkAttachment.from_json(RECORD, "f")
    assert (read.ips, read.mac, read.aliases) == (("10.87.0.2",), "02:00:00:00:00:01", ("db", "sql"))
    assert read.ports == (PortMapping("0.0.0.0", 80, 8080, "tcp"), PortMapping("127.0.0.1", 53, 53, "udp"))
    assert read.to_json() == RECORD and list(read.to_json()) == list(RECORD)


def test_attachment_that_asks_for_nothing_has_an_empty_runtime_configuration() -> None:
    record = {**RECORD, "runtime_config": {}, "forwarding": False}
    read = NetworkAttachment.from_json({key: record[key] for key in ("network", "interface", "config", "result")}, "f")
    assert read.to_json() == record


@pytest.mark.parametrize(
    "damage",
    [
        {"network": ...},
        {"runtime_config": {"portMappings": [{"hostPort": 80}]}},
        {"runtime_config": {"aliases": ["db"]}},
        {"runtime_config": []},
        {"ports": []},
    ],
)
def test_malformed_record_is_named(damage: dict[str, Any]) -> None:
    record = {key: value for key, value in {**RECORD, **damage}.items() if value is not ...}
    with pytest.raises(StateCorrupt, match="/x/network.json"):
        NetworkAttachment.from_json(record, "/x/network.json")
