# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of a host in podman's files, ``NAME.json`` in ``network_config_dir``.

The form is ``types.Network`` of containers/common, libnetwork/types; podman shares these files.
"""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Iterable, Mapping, Union

from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData, NoSuchNetwork
from ..._model.foreign import Foreign
from .. import foreign_files
from ..cni.config import Definition

DEFAULT_NETWORK = "podman"
MAX_BYTES = 1 << 20  # of a network's file
_MOST_SUBNETS = 100
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_ID = re.compile(r"[0-9a-f]{64}")
# What podman has in memory where no file defines its default network.
_DEFAULT: dict[str, object] = {
    "name": DEFAULT_NETWORK,
    "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
    "driver": "bridge",
    "network_interface": "podman0",
    "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}],
    "ipv6_enabled": False,
    "internal": False,
    "dns_enabled": False,
    "ipam_options": {"driver": "host-local"},
}

Config = dict[str, object]
IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def definitions(parts: EngineConfig) -> tuple[list[Definition], list[str]]:
    """Return the networks' files by name, and what is wrong with each malformed one.

    The default network is among them without a file, as in podman.
    """
    defined: list[Definition] = []
    malformed: list[str] = []
    folder = parts.network_config_dir
    try:
        names = sorted(one for one in os.listdir(folder) if one.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        names = []
    for name in names:
        shown = name if name.isprintable() else ascii(name)[1:-1]
        try:
            read = foreign_files.read_json(f"{folder}/{name}", shown, max_bytes=MAX_BYTES)
            defined.append(Definition(f"{folder}/{name}", _checked(read, name), False))
        except MalformedData as error:
            malformed.append(str(error))
        except OSError as error:
            malformed.append(f"{shown}: {error.strerror}")
    planned = {path: one for path, one in parts.planned.networks.items() if "plugins" not in one}
    defined = [one for one in defined if one.path not in planned]
    defined += [Definition(path, one, False) for path, one in planned.items()]
    if f"{DEFAULT_NETWORK}.json" not in names:
        defined.append(Definition(f"{folder}/{DEFAULT_NETWORK}.json", _DEFAULT, False))
    return defined, malformed


def network(parts: EngineConfig, name: str) -> Config:
    """Return the network ``name``, the default one where it is empty.

    :raises NoSuchNetwork: with its name, the directory, the networks defined there and the malformed files.
    """
    defined, malformed = definitions(parts)
    for one in defined:
        if one.config["name"] == (name or DEFAULT_NETWORK):
            return one.config
    known = ", ".join(str(one.config["name"]) for one in defined)
    broken = f"; not readable are {', '.join(malformed)}" if malformed else ""
    raise NoSuchNetwork(
        f"network {name or DEFAULT_NETWORK} is not defined in {parts.network_config_dir} (it defines {known or 'none'}"
        f"{broken}): make it with the module libpod_network"
    )


def subnets(config: Mapping[str, Any]) -> list[IPNetwork]:
    """Return the subnets of a network."""
    return [ipaddress.ip_network(one["subnet"], strict=False) for one in config.get("subnets") or ()]


def families(config: Mapping[str, object]) -> set[int]:
    """Return the address families, 4 and 6, of a network."""
    return {one.version for one in subnets(config)}


def ipam_driver(config: Mapping[str, Any]) -> str:
    """Return what gives a network's containers their addresses."""
    named = (config.get("ipam_options") or {}).get("driver")
    return str(named or ("host-local" if config.get("subnets") else "none"))


def outside(config: Mapping[str, object], ips: Iterable[str]) -> list[str]:
    """Return those of the addresses that no subnet of a network has."""
    there = subnets(config)
    return [ip for ip in ips if not any(ipaddress.ip_address(ip) in one for one in there)]


def one_each(config: Mapping[str, object], ips: Iterable[str]) -> list[str]:
    """Return the first of the addresses in each subnet, in the subnets' order: netavark takes them by position."""
    known = {ip: ipaddress.ip_address(ip) for ip in ips}
    first = (next((ip for ip in known if known[ip] in subnet), "") for subnet in subnets(config))
    return [ip for ip in first if ip]


def _checked(read: Foreign, file: str) -> Config:
    """Return a network as it is, once all that the engine reads of it is checked.

    :raises MalformedData: podman does not accept it either.
    """
    name = read["name"].text(required=True)
    if not _NAME.fullmatch(name) or f"{name}.json" != file:
        read["name"].fail("the name of the file without .json")
    if not _ID.fullmatch(read["id"].text()):
        read["id"].fail("64 hexadecimal digits")
    read["driver"].text(required=True)
    for key in ("network_interface", "created"):
        read[key].text()
    seen: list[IPNetwork] = []
    for one in read["subnets"]:
        subnet = _subnet(one["subnet"])
        if len(seen) >= _MOST_SUBNETS or any(subnet.overlaps(other) for other in seen):
            one["subnet"].fail(f"at most {_MOST_SUBNETS} subnets, none of which overlaps another one")
        seen.append(subnet)
        for address in (one["gateway"], one["lease_range"]["start_ip"], one["lease_range"]["end_ip"]):
            _address(address, subnet)
    for one in read["routes"]:
        _subnet(one["destination"])
        one["gateway"].text()
    for key in ("ipv6_enabled", "internal", "dns_enabled"):
        read[key].flag()
    read["network_dns_servers"].texts()
    for key in ("labels", "options", "ipam_options"):
        read[key].text_map()
    return dict(read.mapping())


def _subnet(value: Foreign) -> IPNetwork:
    try:
        return ipaddress.ip_network(value.text(required=True), strict=False)
    except ValueError:
        value.fail("a subnet such as 10.89.0.0/24")


def _address(value: Foreign, subnet: IPNetwork) -> None:
    try:
        there = not value.text() or ipaddress.ip_address(value.text()) in subnet
    except ValueError:
        there = False
    if not there:
        value.fail(f"an address of {subnet}")
