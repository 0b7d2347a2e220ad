# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's attachment to a CNI network: what was asked for, and what the plugins answered."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NamedTuple, Optional

from ..errors import StateCorrupt


class Attachment(NamedTuple):
    """Kept from before ADD, with no ``result``, until after DEL, so that DEL undoes what ADD did.

    ``config`` is the network's configuration list as it was at ADD, ``runtime_config`` the values for the plugins'
    capabilities (``portMappings``, ``ips``, ``mac``, ``aliases``, …), ``result`` the last plugin's: all as in the
    CNI specification 1.0. ``forwarding`` says that its published ports are being changed.
    """

    network: str
    interface: str
    config: Mapping[str, Any]
    runtime_config: Mapping[str, Any] = {}
    result: Optional[Mapping[str, Any]] = None
    forwarding: bool = False

    def to_json(self) -> dict[str, Any]:
        return self._asdict()

    @classmethod
    def from_json(cls, record: Mapping[str, Any], path: str) -> Attachment:
        """:raises StateCorrupt: it is not such a record."""
        try:
            return cls(**record)
        except TypeError as error:
            raise StateCorrupt(f"{path} is not a network attachment: {error}") from error

    @property
    def facts(self) -> NetworkFacts:
        """What the result says of the container's side; empty before there is one."""
        result = self.result or {}
        interfaces = result.get("interfaces") or []
        inside = [one.get("name") == self.interface and bool(one.get("sandbox")) for one in interfaces]
        addresses = []
        for one in result.get("ips") or []:
            index = one.get("interface")
            if index is None or not 0 <= index < len(inside) or inside[index]:
                ip, _slash, length = one["address"].partition("/")
                addresses.append(Address(ip, int(length), one.get("gateway") or ""))
        for family in ("ip4", "ip6"):  # as results of CNI 0.2.0 have them
            if result.get(family):
                ip, _slash, length = result[family]["ip"].partition("/")
                addresses.append(Address(ip, int(length), result[family].get("gateway") or ""))
        macs = [one.get("mac") or "" for one, ours in zip(interfaces, inside) if ours]
        return NetworkFacts(
            ipv4=tuple(one for one in addresses if ":" not in one.ip),
            ipv6=tuple(one for one in addresses if ":" in one.ip),
            mac=macs[0] if macs else "",
            dns=result.get("dns") or {},
        )


class Address(NamedTuple):
    """An IP address with its prefix length and the gateway of its network, empty where there is none."""

    ip: str
    prefix_length: int
    gateway: str = ""


class NetworkFacts(NamedTuple):
    """The addresses of one attachment; ``dns`` has ``nameservers``, ``domain``, ``search`` and ``options``, if any."""

    ipv4: tuple[Address, ...] = ()
    ipv6: tuple[Address, ...] = ()
    mac: str = ""
    dns: Mapping[str, Any] = {}


def port_mappings(ports: Iterable[Iterable[Any]]) -> list[dict[str, Any]]:
    """The capability ``portMappings`` of published ports ``(host_ip, host_port, container_port, protocol)``.

    The address 0.0.0.0 means every address of the host, IPv6 too where the container has one.
    """
    mappings = []
    for host_ip, host_port, container_port, protocol in ports:
        mapping = {"hostPort": host_port, "containerPort": container_port, "protocol": protocol}
        if host_ip not in ("", "0.0.0.0"):
            mapping["hostIP"] = host_ip
        mappings.append(mapping)
    return mappings
