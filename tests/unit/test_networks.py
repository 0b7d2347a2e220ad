# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks without a host: options, files read and written, free subnets and names."""

from __future__ import annotations

import copy
import ipaddress
import json
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.resources import network as module
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cni.config import Definition
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidArgument,
    InvalidState,
    LibpodError,
    MalformedData,
    take_warnings,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.definition import (
    IPNetwork,
    Wanted,
    wanted,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.records.defined_network import (
    Bandwidth,
    DefinedNetwork,
    Route,
    Subnet,
)
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks import conflist, files, podman_file
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks.desired import Surroundings, desired
from ansible_collections.libpod.engine.plugins.module_utils._resources.networks.files import Files

# As podman 4.3.1 with network_backend = "cni" writes it:
# podman network create --subnet 10.91.0.0/24 --ip-range 10.91.0.128/25 --label a=b -o mtu=1400 shop
PODMANS = json.loads((Path(__file__).parent / "data" / "podman_network.conflist").read_text())


def given(name: str = "front", **options: Any) -> Wanted:
    return wanted({**dict.fromkeys(module.spec()), "name": name, **options})


class Around(Surroundings):
    """Surroundings without a host."""

    def __init__(self, *, links: tuple[str, ...] = (), taken: tuple[str, ...] = (), dnsname: bool = True) -> None:
        super().__init__((), dnsname)
        self.__dict__["links"] = set(links)
        self._taken = taken

    def taken(self, apart_from: str) -> Iterator[tuple[IPNetwork, str]]:
        del apart_from
        yield from ((ipaddress.ip_network(one), f"route {one}") for one in self._taken)


def made(had: Optional[DefinedNetwork] = None, around: Optional[Around] = None, **options: Any) -> DefinedNetwork:
    return desired(given(**options), had, around or Around())


def test_file_of_podman_is_read_as_podman_inspects_it() -> None:
    shop = conflist.read(PODMANS, "shop.conflist")
    assert shop.inspected() == {
        "name": "shop",
        "id": "a8e71df0f0de4de3ab9d7e0cf3f5ff7d9a7d2a7d7ab41d7a92eaadd1f1d1f7a6",
        "driver": "bridge",
        "network_interface": "cni-podman1",
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
        "network_dns_servers": [],
        "labels": {"a": "b"},
        "options": {"mtu": "1400"},
        "ipam_options": {"driver": "host-local"},
    } | {"id": shop.inspected()["id"]}
    assert conflist.is_marked(PODMANS, "shop.conflist")


def test_podmans_network_described_as_it_is_differs_in_nothing_and_a_change_touches_its_member_alone() -> None:
    shop = conflist.read(PODMANS, "shop.conflist")
    same: dict[str, Any] = {
        "subnet": "10.91.0.0/24",
        "ip_range": "10.91.0.128/25",
        "labels": {"a": "b"},
        "opt": {"mtu": 1400},
    }
    assert made(shop, name="shop", **same) == shop
    smaller = made(shop, name="shop", **{**same, "opt": {"mtu": 1300}})
    expected = copy.deepcopy(PODMANS)
    expected["plugins"][0]["mtu"] = 1300
    expected["args"]["podman_options"]["mtu"] = "1300"
    assert conflist.written(smaller, shop, PODMANS) == expected


def test_new_bridge_has_the_form_of_podmans_file() -> None:
    options: dict[str, Any] = {
        "subnet": "10.91.0.0/24",
        "ip_range": "10.91.0.128/25",
        "labels": {"a": "b"},
        "opt": {"mtu": 1400},
    }
    written = conflist.written(made(name="shop", interface_name="cni-podman1", disable_dns=False, **options))
    assert list(written["args"].pop(conflist.MARK)) == ["created"]
    # The address that podman's file ends with is the broadcast address.
    written["plugins"][0]["ipam"]["ranges"][0][0]["rangeEnd"] = "10.91.0.255"
    assert written == PODMANS


NETWORKS: list[dict[str, Any]] = [
    {},
    {"ipv6": True, "disable_dns": False},
    {"internal": True, "ipv6": True},
    {"subnet": "fd00:1::/64", "dns": ["192.0.2.1", "2001:db8::1"]},
    {"opt": {"isolate": True, "vlan": 7, "mtu": 1300}, "labels": {"a": ""}},
    {"bandwidth": {"ingress_rate": 10**6, "egress_rate": 5, "egress_burst": 9}},
    {"subnet": "10.7.0.0/16", "route": ["10.8.0.0/16,10.7.0.9", "0.0.0.0/0,10.7.0.8"]},
    {"driver": "macvlan", "interface_name": "up0"},
    {"macvlan": "up0", "subnet": "10.7.0.0/24", "opt": {"mode": "private"}},
    {"driver": "ipvlan", "opt": {"parent": "up0", "mode": "l3"}, "subnet": "10.7.0.0/24", "internal": True},
    {
        "driver": "ptp",
        "net_config": [{"subnet": "10.7.0.0/24"}, {"subnet": "10.8.0.0/24", "ip_range": "10.8.0.5-10.8.0.9"}],
    },
    {"driver": "host-device", "interface_name": "up0"},
    {"ipam_driver": "none", "interface_name": "mine0"},
    {"ipam_driver": "dhcp"},
]


@pytest.mark.parametrize("options", NETWORKS, ids=str)
def test_what_is_written_is_read_again_and_described_again(options: dict[str, Any]) -> None:
    first = made(around=Around(links=("up0",)), **options)
    assert conflist.read(conflist.written(first), "x") == first
    assert made(first, Around(links=("up0",)), **options) == first


@pytest.mark.parametrize("before", NETWORKS, ids=str)
@pytest.mark.parametrize("after", NETWORKS, ids=str)
def test_every_change_keeps_what_the_engine_does_not_know(before: dict[str, Any], after: dict[str, Any]) -> None:
    around = Around(links=("up0",))
    config = conflist.written(made(around=around, **before))
    config["mine"] = [1]
    config["plugins"].append({"type": "sbr", "mine": {"a": 1}})
    had = conflist.read(config, "x")
    try:
        wanted_now = made(had, around, **after)
    except InvalidArgument:
        return  # such as a subnet's range that the other driver has no use for
    now = conflist.written(wanted_now, had, config)
    assert conflist.read(now, "x") == wanted_now
    assert now["mine"] == [1] and {"type": "sbr", "mine": {"a": 1}} in now["plugins"]


def test_omitted_options_keep_what_was_chosen_and_reset_what_has_a_default() -> None:
    before = made(
        subnet="10.7.0.0/24", ipv6=True, internal=False, opt={"mtu": 1400}, labels={"a": "b"}, dns=["192.0.2.1"]
    )
    assert made(before) == before._replace(mtu=0, labels={}, dns=())


def test_free_subnets_and_names_leave_out_what_is_taken() -> None:
    around = Around(links=("cni-libpod1",), taken=("10.89.0.0/20", "10.89.17.3/32", "fd00::/8"))
    found = made(around=around)
    assert (found.interface, found.subnets) == ("cni-libpod2", (Subnet("10.89.16.0/24", "10.89.16.1"),))
    with pytest.raises(InvalidState, match="no subnet"):
        made(around=Around(taken=("10.0.0.0/8",)))
    with pytest.raises(InvalidState, match="overlaps route 10.1.0.0/16"):
        made(around=Around(taken=("10.1.0.0/16",)), subnet="10.1.2.0/24")
    assert made(around=Around(taken=("10.1.0.0/16",)), macvlan="", driver="macvlan", subnet="10.1.2.0/24").subnets


def test_second_family_is_chosen_beside_the_named_one() -> None:
    found = made(subnet="fd00:1::/64", ipv6=True)
    assert [one.subnet for one in found.subnets] == ["fd00:1::/64", "10.89.0.0/24"]
    assert made(ipv6=True) == made(ipv6=True), "check mode predicts it"
    assert made(ipv6=True).subnets[1].subnet != made(name="other", ipv6=True).subnets[1].subnet


def test_dnsname_is_there_where_it_is_asked_for_and_works() -> None:
    assert not made().dns_enabled and made(disable_dns=False).dns_enabled
    assert not made(disable_dns=False, around=Around(dnsname=False)).dns_enabled
    assert not made(disable_dns=False, internal=True).dns_enabled
    assert "does not work in an internal network" in take_warnings()[0]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"name": "host"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"driver": "overlay"}, "driver"),
        ({"subnet": "10.0.0.0"}, "subnet"),
        ({"subnet": "10.0.0.0/31"}, "subnet"),
        ({"subnet": "0.0.0.0/0"}, "subnet"),
        ({"subnet": "10.0.0.0/24", "gateway": "10.0.1.1"}, "gateway"),
        ({"gateway": "10.0.1.1"}, "gateway"),
        ({"subnet": "10.0.0.0/24", "ip_range": "10.0.1.0/28"}, "ip_range"),
        ({"subnet": "10.0.0.0/24", "ip_range": "10.0.0.9-10.0.0.3"}, "ip_range"),
        ({"subnet": "10.0.0.0/24", "ip_range": "fd00::-fd00::9"}, "ip_range"),
        ({"subnet": "10.0.0.0/24", "net_config": [{"subnet": "10.1.0.0/24"}]}, "net_config"),
        ({"net_config": [{"subnet": "10.1.0.0/24"}, {"subnet": "10.1.0.128/25"}]}, "net_config"),
        ({"net_config": [{"subnet": "10.1.0.0/24"}, {"subnet": "10.2.0.0/24"}]}, "one IPv4 subnet"),
        ({"interface_name": "sixteen-letters0"}, "interface_name"),
        ({"interface_name": "a/b"}, "interface_name"),
        ({"interface_name": "a\0b"}, "interface_name"),
        ({"opt": {"parent": "é" * 8}}, "interface_name"),
        ({"labels": {"a": "x" * 300_000}}, "labels"),
        ({"macvlan": "a", "interface_name": "b"}, "interface_name"),
        ({"macvlan": "a", "driver": "bridge"}, "macvlan"),
        ({"opt": {"mtu": 70000}}, "mtu"),
        ({"opt": {"mtu": 1279}, "ipv6": True}, "mtu"),
        ({"opt": {"vlan": 4095}}, "vlan"),
        ({"opt": {"vlan": 4094}, "interface_name": "br-storage0"}, "interface_name"),
        ({"opt": {"mode": "bridge"}}, "mode"),
        ({"opt": {"mode": "l2"}, "driver": "macvlan"}, "mode"),
        ({"opt": {"vlan": 5}, "driver": "macvlan"}, "vlan"),
        ({"driver": "host-device"}, "interface_name"),
        ({"driver": "macvlan", "ipam_driver": "host-local"}, "ipam_driver"),
        ({"ipam_driver": "dhcp", "subnet": "10.0.0.0/24"}, "ipam_driver"),
        ({"route": ["10.0.0.0/8"]}, "route"),
        ({"route": ["10.0.0.0/8,fd00::1"]}, "route"),
        ({"dns": ["example.com"]}, "dns"),
        ({"bandwidth": {"ingress_burst": 5}}, "ingress_burst"),
        ({"bandwidth": {"egress_rate": -1}}, "egress_rate"),
    ],
)
def test_wrong_value_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        made(**options)


@pytest.mark.parametrize(
    "broken",
    [
        {"args": []},
        {"args": {"podman_labels": 3}},
        {"plugins": [{"type": "bridge", "mtu": "big"}]},
        {"plugins": [{"type": "bridge", "ipam": {"type": "host-local", "ranges": [[{"subnet": "x"}]]}}]},
        {"plugins": [{"type": "bridge", "ipam": {"type": "host-local", "routes": [{"dst": "all"}]}}]},
        {"plugins": [{"type": "bridge", "ipam": {"type": "host-local", "ranges": {"a": 1}}}]},
        {"plugins": [{"type": "bridge", "bridge": 5}]},
        {"plugins": [{"type": "bridge", "dns": {"nameservers": "192.0.2.1"}}]},
    ],
    ids=str,
)
def test_file_that_no_plugin_takes_is_named_and_hurts_no_other_network(broken: dict[str, Any]) -> None:
    config = {"cniVersion": "0.4.0", "name": "odd", "plugins": [{"type": "bridge"}], **broken}
    with pytest.raises(MalformedData, match=r"odd\.conflist: "):
        conflist.read(config, "odd.conflist")
    around = Surroundings([Definition("odd.conflist", config, False)], False)
    assert conflist.subnets(config, "odd.conflist") == [] and conflist.link(config) in around.bridges
    conflist.is_marked(config, "odd.conflist")
    conflist.keeps_bridge(config)


def test_network_of_an_unknown_driver_can_have_labels() -> None:
    config = {"cniVersion": "0.4.0", "name": "far", "plugins": [{"type": "calico", "ipam": {"type": "calico-ipam"}}]}
    had = conflist.read(config, "far.conflist")
    assert made(had, name="far") == had
    labelled = made(had, name="far", labels={"a": "b"})
    assert conflist.written(labelled, had, config) == {**config, "args": {"podman_labels": {"a": "b"}}}
    with pytest.raises(InvalidArgument, match="of the driver calico"):
        made(had, name="far", internal=True)


def test_new_files_come_after_the_first_one(tmp_path: Path) -> None:
    parts = EngineConfig(cni_config_dir=str(tmp_path), network_backend="cni")
    assert Files(parts).new_path("aa") == f"{tmp_path}/aa.conflist"
    (tmp_path / "mm.conflist").write_text(json.dumps(PODMANS))
    assert Files(parts).new_path("zz") == f"{tmp_path}/zz.conflist"
    assert Files(parts).new_path("aa") == f"{tmp_path}/mm_aa.conflist" > f"{tmp_path}/mm.conflist"
    (tmp_path / "zz.conflist").write_text("{")
    with pytest.raises(MalformedData, match=r"zz\.conflist"):
        Files(parts).new_path("zz")
    (tmp_path / "mm_aa.conflist").write_text(json.dumps({**PODMANS, "name": "other"}))
    assert Files(parts).new_path("aa") == f"{tmp_path}/mm_aa_.conflist", "another network's file is not replaced"
    with pytest.raises(InvalidArgument, match="default network in the place of shop"):
        Files(parts).new_path("libpod")


def test_marks_tell_a_users_files_from_those_of_engines() -> None:
    plain = {key: value for key, value in PODMANS.items() if key != "args"}
    assert conflist.is_marked(plain, "shop.conflist"), "podman's form and bridge"
    assert not conflist.is_marked(plain, "87-shop.conflist")
    assert not conflist.is_marked({**plain, "mine": 1}, "shop.conflist")
    mine = copy.deepcopy(plain)
    mine["plugins"][0]["bridge"] = "br0"
    assert not conflist.is_marked(mine, "shop.conflist")
    assert conflist.is_marked({**mine, "args": {conflist.MARK: {}}}, "anything.conflist")


@pytest.mark.parametrize("when", ["2020-01-01T00:00:00.5Z", "yesterday", 7, None])
@pytest.mark.parametrize("form", [conflist, podman_file], ids=["cni", "netavark"])
def test_network_is_as_old_as_its_file_says_and_else_as_its_file(tmp_path: Path, form: Any, when: Any) -> None:
    config = form.written(made(name="net", interface_name="br7"))
    if form is conflist:
        config["args"][conflist.MARK]["created"] = when
    else:
        config["created"] = when
    there = form.read(config, "net")
    config = form.written(there._replace(interface="br8", labels={"a": "b"}), there, config)
    path = tmp_path / "net"
    path.write_text("{}")
    expected = 1577836800.5 if when == "2020-01-01T00:00:00.5Z" else path.stat().st_ctime
    assert files.created_time(Definition(str(path), config, False)) == expected


def test_meaning_has_every_member_compared() -> None:
    assert DefinedNetwork("a", routes=(Route("10.0.0.0/8", "10.1.0.1"),), bandwidth=Bandwidth(1, 2)).inspected()[
        "routes"
    ] == [{"destination": "10.0.0.0/8", "gateway": "10.1.0.1"}]
    assert issubclass(InvalidState, LibpodError)
