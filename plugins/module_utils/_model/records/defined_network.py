# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that a host defines, whatever the form of its file."""

from __future__ import annotations

from typing import Mapping, NamedTuple, TypedDict

BRIDGE, MACVLAN, IPVLAN, PTP, HOST_DEVICE = DRIVERS = ("bridge", "macvlan", "ipvlan", "ptp", "host-device")
# Those that have a link of the host as their parent.
WITH_PARENT = (MACVLAN, IPVLAN, HOST_DEVICE)
# Those on whose subnets the host itself has an address.
ROUTED = (BRIDGE, PTP)
HOST_LOCAL = "host-local"


class Subnet(NamedTuple):
    """A subnet (``ADDRESS/PREFIX``), its gateway, and the first and last address that containers get, where limited."""

    subnet: str
    gateway: str = ""
    first: str = ""
    last: str = ""

    @property
    def six(self) -> bool:
        return ":" in self.subnet


class Route(NamedTuple):
    """A route of each container, to ``ADDRESS/PREFIX``; the gateway is the network's where it is empty."""

    destination: str
    gateway: str = ""


class Bandwidth(NamedTuple):
    """Limits of each container's traffic in bits per second, and of bursts in bits; 0 is no limit."""

    ingress_rate: int = 0
    ingress_burst: int = 0
    egress_rate: int = 0
    egress_burst: int = 0


class _Range(TypedDict, total=False):
    start_ip: str
    end_ip: str


class _Subnet(TypedDict, total=False):
    subnet: str
    gateway: str
    lease_range: _Range


class InspectedDefinition(TypedDict, total=False):
    """A network under the keys of ``podman network inspect``."""

    name: str
    id: str
    driver: str
    network_interface: str
    subnets: list[_Subnet]
    ipv6_enabled: bool
    internal: bool
    dns_enabled: bool
    network_dns_servers: list[str]
    labels: dict[str, str]
    options: dict[str, str]
    ipam_options: dict[str, str]
    routes: list[dict[str, str]]
    bandwidth: dict[str, int]


class DefinedNetwork(NamedTuple):
    """A network by its meaning. ``interface`` is its bridge, or the link of the host that is its parent.

    ``id`` is empty where it follows from the name.
    """

    name: str
    driver: str = BRIDGE
    interface: str = ""
    subnets: tuple[Subnet, ...] = ()
    ipam_driver: str = HOST_LOCAL  # or dhcp, or none
    internal: bool = False
    dns_enabled: bool = False
    dns: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    mtu: int = 0
    vlan: int = 0
    mode: str = ""
    isolate: bool = False
    bandwidth: Bandwidth = Bandwidth()
    labels: Mapping[str, str] = {}
    id: str = ""

    @property
    def network_id(self) -> str:
        """The ID, by default a hash of the name, as in podman's CNI backend."""
        from hashlib import sha256

        return self.id or sha256(self.name.encode()).hexdigest()

    @property
    def options(self) -> dict[str, str]:
        """The driver's options, as podman has them."""
        values = {"mtu": self.mtu, "vlan": self.vlan, "mode": self.mode, "isolate": self.isolate and "true"}
        return {name: str(value) for name, value in values.items() if value}

    def inspected(self) -> InspectedDefinition:
        """Return the network under the keys of ``podman network inspect``; routes and bandwidth where it has any."""
        inspected: InspectedDefinition = {
            "name": self.name,
            "id": self.network_id,
            "driver": self.driver,
            "network_interface": self.interface,
            "subnets": [_inspected(one) for one in self.subnets],
            "ipv6_enabled": any(one.six for one in self.subnets),
            "internal": self.internal,
            "dns_enabled": self.dns_enabled,
            "network_dns_servers": list(self.dns),
            "labels": dict(sorted(self.labels.items())),
            "options": self.options,
            "ipam_options": {"driver": self.ipam_driver},
        }
        if self.routes:
            inspected["routes"] = [
                {"destination": one.destination, **({"gateway": one.gateway} if one.gateway else {})}
                for one in self.routes
            ]
        if any(self.bandwidth):
            inspected["bandwidth"] = self.bandwidth._asdict()
        return inspected


def _inspected(subnet: Subnet) -> _Subnet:
    inspected: _Subnet = {"subnet": subnet.subnet}
    if subnet.gateway:
        inspected["gateway"] = subnet.gateway
    leased: _Range = {}
    if subnet.first:
        leased["start_ip"] = subnet.first
    if subnet.last:
        leased["end_ip"] = subnet.last
    if leased:
        inspected["lease_range"] = leased
    return inspected
