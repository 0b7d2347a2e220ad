# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links, addresses and counters, through pyroute2 (Debian's 0.7.2 as well as 0.9).

Importing pyroute2 costs 200 ms, so no task that leaves, creates or starts a container calls this.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from ..._model.errors import ToolMissing
from ..._model.failpoints import failpoint
from . import netns

COUNTERS = (
    "rx_bytes tx_bytes rx_packets tx_packets rx_errors tx_errors rx_dropped tx_dropped"  # struct rtnl_link_stats64
).split()
_IFF_UP = 0x1


@dataclass(frozen=True)
class Link:
    """An interface; ``addresses`` are ``IP/PREFIX``, ``counters`` by the names in COUNTERS (bytes and packets)."""

    name: str
    index: int
    mac: str
    mtu: int
    up: bool
    addresses: tuple[str, ...]
    counters: Mapping[str, int]


def links(namespace: str) -> list[Link]:
    """Return the interfaces of the network namespace at a path, such as ``/run/netns/NAME`` or ``/proc/PID/ns/net``.

    :raises OSError: there is no namespace at the path.
    :raises ToolMissing: pyroute2 is not installed.
    """
    pyroute2 = _pyroute2()

    def read() -> list[Link]:
        with pyroute2.IPRoute() as route:
            addresses: dict[int, list[str]] = {}
            for one in route.get_addr():
                text = f"{_attribute(one, 'IFA_LOCAL') or _attribute(one, 'IFA_ADDRESS')}/{one['prefixlen']}"
                addresses.setdefault(one["index"], []).append(text)
            return [_link(one, addresses.get(one["index"], [])) for one in route.get_links()]

    return netns.run_inside(namespace, read)


def add_pair(namespace: str, name: str, addresses: Sequence[str]) -> None:
    """Create a veth pair in the namespace, one end ``name`` with ``addresses`` (``IP/PREFIX``), where it is missing.

    :raises ToolMissing: pyroute2 is not installed.
    """
    pyroute2 = _pyroute2()

    def make() -> None:
        with pyroute2.IPRoute() as route:
            if not route.link_lookup(ifname=name):
                failpoint(f"add link {name}")
                route.link("add", ifname=name, kind="veth", peer=f"{name[:13]}-p")
            index = route.link_lookup(ifname=name)[0]
            present = {_attribute(one, "IFA_ADDRESS") for one in route.get_addr(index=index)}
            for address in addresses:
                ip, _slash, length = address.partition("/")
                if ip not in present:
                    failpoint(f"add address to {name}")
                    route.addr("add", index=index, address=ip, prefixlen=int(length))

    netns.run_inside(namespace, make)


def add_routes(namespace: str, name: str, routes: Sequence[tuple[str, str]]) -> None:
    """Add routes, each ``(DESTINATION/PREFIX, GATEWAY)``, through the link ``name``, where they are missing.

    :raises ToolMissing: pyroute2 is not installed.
    """
    pyroute2 = _pyroute2()

    def add() -> None:
        with pyroute2.IPRoute() as route:
            for index in route.link_lookup(ifname=name):
                for destination, gateway in routes:
                    failpoint(f"add route through {name}")
                    try:
                        route.route("add", dst=destination, gateway=gateway, oif=index)
                    except pyroute2.NetlinkError as error:
                        if error.code != errno.EEXIST:  # another process was faster
                            raise

    netns.run_inside(namespace, add)


def remove_veth(name: str, mac: str) -> None:
    """Remove the veth link of this name and MAC from the caller's namespace, if it exists.

    :raises ToolMissing: pyroute2 is not installed.
    """
    with _pyroute2().IPRoute() as route:
        for link in _named(route, name):
            if _kind(link) == "veth" and _attribute(link, "IFLA_ADDRESS") == mac:
                _remove(route, name, link["index"])


def bridge_ports(name: str, gateway: str = "") -> list[str]:
    """Return the links that are ports of the bridge of this name in the caller's namespace, without ``gateway``'s peer.

    :raises ToolMissing: pyroute2 is not installed.
    """
    with _pyroute2().IPRoute() as route:
        indexes = route.link_lookup(ifname=name)
        peers = [_attribute(one, "IFLA_LINK") for one in (_named(route, gateway) if gateway else ())]
        found = [one for one in route.get_links() if _attribute(one, "IFLA_MASTER") in indexes]
    return sorted(str(_attribute(one, "IFLA_IFNAME")) for one in found if one["index"] not in peers)


def remove_bridge(name: str, gateway: str = "") -> None:
    """Remove the bridge of this name, and the veth pair of ``gateway``, from the caller's namespace, if they exist.

    :raises ToolMissing: pyroute2 is not installed.
    """
    with _pyroute2().IPRoute() as route:
        for one, kind in ((gateway, "veth"), (name, "bridge")):
            for link in _named(route, one) if one else ():
                if _kind(link) == kind:
                    _remove(route, one, link["index"])


def _named(route: Any, name: str) -> list[Any]:
    """Return the links of a name; the kernel may remove one, with the namespace of its peer, during the look."""
    found: list[object] = []
    for index in route.link_lookup(ifname=name):
        try:
            found += route.get_links(index)
        except _pyroute2().NetlinkError as error:
            if error.code != errno.ENODEV:
                raise
    return found


def _kind(link: object) -> object:
    return _attribute(_attribute(link, "IFLA_LINKINFO"), "IFLA_INFO_KIND")


def _remove(route: Any, name: str, index: int) -> None:
    failpoint(f"remove link {name}")
    try:
        route.link("del", index=index)
    except _pyroute2().NetlinkError as error:
        if error.code != errno.ENODEV:  # the kernel was faster
            raise


def _link(message: Any, addresses: Sequence[str]) -> Link:
    counters = _attribute(message, "IFLA_STATS64") or {}
    return Link(
        name=_attribute(message, "IFLA_IFNAME"),
        index=message["index"],
        mac=_attribute(message, "IFLA_ADDRESS") or "",
        mtu=_attribute(message, "IFLA_MTU") or 0,
        up=bool(message["flags"] & _IFF_UP),
        addresses=tuple(addresses),
        counters={name: int(counters.get(name, 0)) for name in COUNTERS},
    )


def _attribute(message: Any, name: str) -> Any:
    """Return a netlink attribute, None of a missing message; pyroute2 0.7 and 0.9 agree on ``get_attr``."""
    return message.get_attr(name) if message is not None else None


def _pyroute2() -> Any:
    import importlib

    try:
        return importlib.import_module("pyroute2")
    except ImportError as error:
        raise ToolMissing("pyroute2", "python3-pyroute2") from error
