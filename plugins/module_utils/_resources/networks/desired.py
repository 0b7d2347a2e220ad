# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that is to be: a task's options, what is there, and addresses and names that are free on the host."""

from __future__ import annotations

import ipaddress
import socket
from functools import cached_property
from hashlib import sha256
from typing import Iterable, Iterator, NamedTuple, Optional, Sequence

from ..._drivers.cni.config import Definition
from ..._drivers.host import machine_id
from ..._model.errors import InvalidArgument, InvalidState, warn
from ..._model.options.network.definition import IPNetwork, Wanted, check
from ..._model.options.network.options import LONGEST_INTERFACE, vlan_link
from ..._model.options.syntax.parsers import wrong
from ..._model.records.defined_network import (
    BRIDGE,
    DRIVERS,
    HOST_DEVICE,
    HOST_LOCAL,
    MACVLAN,
    ROUTED,
    WITH_PARENT,
    DefinedNetwork,
    Subnet,
)
from . import forms

# podman's default_subnet_pools: each /24 of these.
_POOLS = ("10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9")
_LEAST_MTU = 1280  # for IPv6
_NAMES = {"cni": "cni-libpod", "netavark": "podman"}
# The drivers that the engine uses of each backend.
_DRIVERS = {"cni": DRIVERS, "netavark": (BRIDGE, MACVLAN)}


class Surroundings:
    """What else is on the host: the definitions of other networks, links, addresses and routes."""

    def __init__(self, others: Sequence[Definition], has_dns: bool, backend: str = "cni") -> None:
        """``has_dns`` says that the backend has a name server: the plugin dnsname, or aardvark-dns."""
        self._others = others
        self.has_dns = has_dns
        self.backend = backend

    @cached_property
    def links(self) -> set[str]:
        from ..._drivers.kernel import host_networks

        return host_networks.links()

    @cached_property
    def bridges(self) -> dict[str, str]:
        """The other networks by their bridges."""
        return {forms.of(one.config).link(one.config): one.config["name"] for one in reversed(self._others)}

    def taken(self, apart_from: str) -> Iterator[tuple[IPNetwork, str]]:
        """Yield addresses in use, and by what; not those of the network's own bridge."""
        for one in self._others:
            for subnet in forms.of(one.config).subnets(one.config, one.path):
                yield ipaddress.ip_network(subnet.subnet), f"subnet {subnet.subnet} of network {one.config['name']}"
        from ..._drivers.kernel import host_networks

        # The gateway's link in a VLAN has the bridge's name before a full stop.
        for found in host_networks.taken():
            if found.link != apart_from and not found.link.startswith(f"{apart_from}."):
                yield found.network, str(found)


class _Families(NamedTuple):
    four: bool
    six: bool


def desired(given: Wanted, had: Optional[DefinedNetwork], around: Surroundings) -> DefinedNetwork:
    """Return the network that a task describes; ``had`` is the one that is there.

    What the task does not say of driver, links, subnets, addresses and name service stays as it is.

    :raises InvalidArgument: options do not fit one another. :raises InvalidState: a subnet or a bridge is taken.
    """
    driver = given.driver or (had.driver if had else BRIDGE)
    if driver not in _DRIVERS[around.backend] and had and driver == had.driver:
        return _labelled(given, had)
    check(given.name, driver, given)
    _check_backend(given, driver, around.backend)
    before = had if had and had.driver == driver else None
    interface = _interface(given, driver, before, around)
    ipam = _ipam(given, driver, had, around.backend == "netavark")
    internal = _internal(given, driver, ipam, before)
    subnets = _subnets(given, ipam, had, internal, around, interface if driver == BRIDGE else "")
    _check_mtu(given, subnets)
    if driver == BRIDGE and not internal and around.backend == "cni":
        _check_gateway(given, subnets, interface)
    if driver in ROUTED and subnets != (had.subnets if had else ()):
        _check_free(given.name, subnets, had, around, interface)
    return DefinedNetwork(
        name=given.name,
        driver=driver,
        interface=interface,
        subnets=subnets,
        ipam_driver=ipam,
        internal=internal,
        dns_enabled=_dns_enabled(given, driver, before, internal, around),
        dns=given.dns,
        routes=given.routes,
        mtu=given.mtu,
        vlan=given.vlan,
        mode=given.mode,
        isolate=given.isolate,
        bandwidth=given.bandwidth,
        labels=given.labels,
        id=had.id if had else "",
    )


def _check_backend(given: Wanted, driver: str, backend: str) -> None:
    """Raise InvalidArgument if the engine does not do with netavark what a task describes."""
    if backend != "netavark":
        return
    refused = {
        f"driver: {driver}": driver not in _DRIVERS["netavark"],
        f"ipam_driver: {given.ipam_driver}": given.ipam_driver not in (None, HOST_LOCAL),
        "route": given.routes,
        "bandwidth": any(given.bandwidth),
    }
    for option, is_set in refused.items():
        if is_set:
            raise InvalidArgument(
                f"network {given.name}: {option} is not possible with the network backend netavark, of which the "
                "engine has bridges and macvlan with subnets: omit it, or set network_backend to cni"
            )


def _labelled(given: Wanted, had: DefinedNetwork) -> DefinedNetwork:
    """Return a network whose driver the engine does not know, with other labels."""
    described = given._replace(labels={}, dns_enabled=given.dns_enabled or None, internal=given.internal or None)
    if described != Wanted(given.name):
        raise InvalidArgument(
            f"network {given.name} is of the driver {had.driver}, of which labels alone can be changed: omit the other "
            f"options, or name a driver of {', '.join(DRIVERS)}"
        )
    return had._replace(labels=given.labels)


def _interface(given: Wanted, driver: str, before: Optional[DefinedNetwork], around: Surroundings) -> str:
    if given.interface:
        used = around.bridges.get(given.interface) if driver == BRIDGE else None
        if used:
            raise InvalidState(
                f"network {given.name}: interface_name: the bridge {given.interface} is that of network {used}: "
                "choose another name"
            )
        exists = driver == BRIDGE and around.backend == "netavark" and given.interface in around.links
        if exists and not (before and before.interface == given.interface):
            raise InvalidState(
                f"network {given.name}: interface_name: the host has a link {given.interface}, and netavark removes a "
                "network's bridge with its last container: choose another name"
            )
        if driver in WITH_PARENT and not before and given.interface not in around.links:
            raise InvalidState(
                f"network {given.name}: the host has no link {given.interface}: make it, or name another parent"
            )
        return given.interface
    if before:
        return before.interface
    if driver == HOST_DEVICE:
        raise InvalidArgument(f"network {given.name}: the driver host-device needs interface_name, the link to move")
    if driver != BRIDGE:
        return ""
    number, stem = 1, _NAMES[around.backend]
    while f"{stem}{number}" in around.links or f"{stem}{number}" in around.bridges:
        number += 1
    return f"{stem}{number}"


def _internal(given: Wanted, driver: str, ipam: str, before: Optional[DefinedNetwork]) -> bool:
    if driver != BRIDGE and ipam != HOST_LOCAL:
        if given.internal:
            raise InvalidArgument(f"network {given.name}: internal needs a subnet with the driver {driver}")
        return False
    if any(one.destination in ("0.0.0.0/0", "::/0") for one in given.routes):
        if given.internal:
            raise InvalidArgument(f"network {given.name}: route: an internal network has no default route: omit one")
        return False
    if given.internal is None and driver != BRIDGE and before:
        return before.internal  # such a network often has no default route
    return bool(given.internal)


def _ipam(given: Wanted, driver: str, had: Optional[DefinedNetwork], netavark: bool) -> str:
    if given.subnets or given.ipv6:
        return HOST_LOCAL
    if given.ipam_driver == HOST_LOCAL and driver not in ROUTED and not (had and had.subnets):
        raise InvalidArgument(f"network {given.name}: ipam_driver: host-local needs a subnet with the driver {driver}")
    if given.ipam_driver or had:
        return given.ipam_driver or (had.ipam_driver if had else "")
    if driver in ROUTED:
        return HOST_LOCAL
    if netavark:
        raise InvalidArgument(f"network {given.name}: with netavark the driver {driver} needs the option subnet")
    return "none" if driver == HOST_DEVICE else "dhcp"


def _dns_enabled(
    given: Wanted, driver: str, before: Optional[DefinedNetwork], internal: bool, around: Surroundings
) -> bool:
    """Return whether the network has a name server: where a task asks for it, it is installed and works."""
    if given.dns_enabled is None:
        return before.dns_enabled if before else False
    if given.dns_enabled and internal and around.backend == "cni":
        warn(f"network {given.name}: disable_dns: the plugin dnsname does not work in an internal network; names do")
        return False
    return given.dns_enabled and driver == BRIDGE and around.has_dns


def _subnets(
    given: Wanted,
    ipam: str,
    had: Optional[DefinedNetwork],
    internal: bool,
    around: Surroundings,
    bridge: str,
) -> tuple[Subnet, ...]:
    if ipam != HOST_LOCAL:
        return ()
    before = had.subnets if had else ()
    found = list(given.subnets or ())
    if given.subnets is None:
        found = [one for one in before if given.ipv6 is not False or not one.six]
    there = _Families(any(not one.six for one in found), any(one.six for one in found))
    # As in podman, IPv6 means both families.
    if not there.four and (given.ipv6 or not found):
        old = next((one for one in before if not one.six), None)
        found.append(old or Subnet(str(_free_four(around.taken(bridge)))))
    if given.ipv6 and not there.six:
        old = next((one for one in before if one.six), None)
        found.append(old or Subnet(str(_free_six(given.name, around.taken(bridge)))))
    found = [_with_gateway(one, before, internal) for one in found]
    # The order has no meaning, except for the address that comes first.
    return before if sorted(found) == sorted(before) else tuple(found)


def _with_gateway(subnet: Subnet, before: Iterable[Subnet], internal: bool) -> Subnet:
    if subnet.gateway:
        return subnet
    old = next((one.gateway for one in before if one.subnet == subnet.subnet), "")
    return subnet._replace(gateway=old or ("" if internal else str(ipaddress.ip_network(subnet.subnet)[1])))


def _free_four(taken: Iterable[tuple[IPNetwork, str]]) -> IPNetwork:
    used = [one for one, _what in taken if one.version == 4]
    for pool in map(ipaddress.IPv4Network, _POOLS):
        for found in pool.subnets(new_prefix=24):
            if not any(found.overlaps(one) for one in used):
                return found
    raise InvalidState(f"no subnet of {', '.join(_POOLS)} is free: name one with the option subnet")


def _free_six(name: str, taken: Iterable[tuple[IPNetwork, str]]) -> IPNetwork:
    """Return a /64 of the unique local addresses that the host's and the network's name lead to (RFC 4193)."""
    used = [one for one, _what in taken if one.version == 6]
    host = machine_id() or socket.gethostname()
    number = 0
    while True:
        bits = sha256(f"{host} {name} {number}".encode()).digest()[:7]
        found = ipaddress.IPv6Network((b"\xfd" + bits + bytes(8), 64))
        if not any(found.overlaps(one) for one in used):
            return found
        number += 1


def _check_mtu(given: Wanted, subnets: Sequence[Subnet]) -> None:
    """Raise InvalidArgument if the MTU is too small for IPv6."""
    if 0 < given.mtu < _LEAST_MTU and any(one.six for one in subnets):
        raise wrong("opt: mtu", given.mtu, f"{_LEAST_MTU} or more, since network {given.name} has IPv6")


def _check_gateway(given: Wanted, subnets: Sequence[Subnet], bridge: str) -> None:
    """Raise InvalidArgument if CNI's bridge plugin cannot give a bridge its gateways, or their link in a VLAN."""
    if sum(not one.six for one in subnets) > 1 and given.subnets:
        raise InvalidArgument(
            f"network {given.name}: the CNI plugin bridge gives a bridge one IPv4 gateway alone: name one IPv4 subnet "
            "beside those of IPv6, or set internal, or choose another driver"
        )
    link = vlan_link(bridge, given.vlan) if given.vlan else ""
    if len(link) > LONGEST_INTERFACE:
        raise InvalidArgument(
            f"network {given.name}: opt: vlan: the gateway's link {link} has more than the {LONGEST_INTERFACE} "
            "characters of a link's name: set a shorter interface_name"
        )


def _check_free(
    name: str, subnets: Iterable[Subnet], had: Optional[DefinedNetwork], around: Surroundings, bridge: str
) -> None:
    """Raise InvalidState if a new subnet overlaps one of another network, or what the host reaches otherwise."""
    before = [one.subnet for one in had.subnets] if had else []
    new = [ipaddress.ip_network(one.subnet) for one in subnets if one.subnet not in before]
    own = {bridge, had.interface if had and had.driver == BRIDGE else ""} - {""}
    for network, what in around.taken(bridge if bridge in own else ""):
        for one in new:
            if one.overlaps(network):
                raise InvalidState(
                    f"network {name}: subnet {one} overlaps {what}: choose another, or omit subnet for a free one"
                )
