# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's own network has: links, addresses, and routes in the main table, by the kernel's files alone."""

from __future__ import annotations

import ipaddress
import socket
from typing import Callable, Iterator, NamedTuple, Union

from . import netns

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_HERE = "/proc/thread-self/ns/net"


class Taken(NamedTuple):
    """Addresses that are in use on the link ``link``: a route's destination, or the host's own address."""

    network: IPNetwork
    link: str

    def __str__(self) -> str:
        kind = "address" if self.network.num_addresses == 1 else "route"
        return f"the host's {kind} {self.network} of {self.link}"


def links() -> set[str]:
    """Return the names of the host's links."""
    return {name for _index, name in socket.if_nameindex()}


def taken() -> list[Taken]:
    """Return what addresses the host reaches otherwise than by its default route, and has itself."""
    found = [*_rows("route", _four), *_rows("ipv6_route", _six)]
    for link, addresses in netns.addresses(_HERE).items():
        found += [Taken(ipaddress.ip_network(one.partition("%")[0]), link) for one in addresses]
    return [one for one in found if one.network.prefixlen and not one.network.is_link_local]


def _rows(name: str, parse: Callable[[list[str]], Taken]) -> Iterator[Taken]:
    try:
        with open(f"/proc/thread-self/net/{name}", encoding="utf-8", errors="replace") as file:
            lines = file.readlines()
    except FileNotFoundError:
        return  # a kernel without IPv6
    for fields in map(str.split, lines[name == "route" :]):
        if fields[-1] != "lo":
            yield parse(fields)


def _four(fields: list[str]) -> Taken:
    address, mask = (socket.inet_ntoa(int(one, 16).to_bytes(4, "little")) for one in (fields[1], fields[7]))
    return Taken(ipaddress.ip_network(f"{address}/{mask}", strict=False), fields[0])


def _six(fields: list[str]) -> Taken:
    address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[0]))
    return Taken(ipaddress.ip_network(f"{address}/{int(fields[1], 16)}", strict=False), fields[-1])
