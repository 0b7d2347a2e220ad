# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that a container is on: its settings, and what the CNI plugins, or netavark, answered."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

from ..errors import StateCorrupt
from ..options.network.ports import PortMapping

# The end of each line on another container in a hosts file.
NEIGHBOUR = b"# by libpod"


def own_lines(hosts: bytes) -> bytes:
    """Return a hosts file without its lines on other containers."""
    if NEIGHBOUR not in hosts:
        return hosts
    return b"".join(line for line in hosts.splitlines(True) if not line.endswith(NEIGHBOUR + b"\n"))


class PortRange(NamedTuple):
    """Published ports in a row, ``length`` of them from the ``first`` on."""

    first: PortMapping
    length: int


class NetworkAttachment(NamedTuple):
    """A network that a container is on, or is to be, with ``interface`` as its link.

    Its record is kept from before ADD, with no ``result``, until after DEL, so that DEL undoes what ADD did.
    ``config`` is the network's configuration list as it was at ADD, ``result`` the last plugin's, both as in the CNI
    specification 1.0. Of netavark, ``config`` is the network's file, and ``result`` has the form of CNI's. ``ips``,
    ``mac``, ``aliases`` and ``ports`` are the requested ones. ``forwarding`` says that the published ports are being
    changed. ``container`` is the name of the container, which is not recorded here, except as ``known_as``: that
    which it had at ADD, where it has been renamed since. ``ranges`` are the ports as podman has had netavark forward
    them, one rule for several; without them each port has its own.
    """

    network: str
    interface: str
    config: Mapping[str, Any]
    ips: tuple[str, ...] = ()
    mac: str = ""
    aliases: tuple[str, ...] = ()
    ports: tuple[PortMapping, ...] = ()
    result: Optional[Mapping[str, Any]] = None
    forwarding: bool = False
    container: str = ""
    known_as: str = ""
    ranges: tuple[PortRange, ...] = ()

    @property
    def forwarded(self) -> tuple[PortRange, ...]:
        """The ports by the rules that netavark makes for them."""
        return self.ranges or tuple(PortRange(port, 1) for port in self.ports)

    @property
    def backend(self) -> str:
        """The network backend that made it, by the form of the network's definition."""
        return "cni" if "plugins" in self.config else "netavark"

    @property
    def runtime_config(self) -> dict[str, object]:
        """The values for the plugins' capabilities, as CNI's conventions have them."""
        values = {
            "ips": list(self.ips),
            "mac": self.mac,
            "aliases": self.aliases and {self.network: list(self.aliases)},
            "portMappings": [port.to_cni() for port in self.ports],
        }
        return {name: value for name, value in values.items() if value}

    def to_json(self) -> dict[str, object]:
        rare = {name: getattr(self, name) for name in _RARE_FIELDS}
        return {
            **{name: getattr(self, name) for name in _JSON_FIELDS},
            **{name: value for name, value in rare.items() if value},
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any], path: str) -> NetworkAttachment:
        """Return the attachment of the record at ``path``.

        :raises StateCorrupt: it is not such a record.
        """
        try:
            unknown = record.keys() - {*_JSON_FIELDS, *_RARE_FIELDS}
            if unknown:
                raise TypeError(f"it has {', '.join(sorted(unknown))}")
            fields = {**record}
            runtime, ranges = fields.pop("runtime_config", {}), fields.pop("ranges", ())
            (aliases,) = (runtime.get("aliases") or {"": ()}).values()
            return cls(
                **fields,
                ips=tuple(runtime.get("ips", ())),
                mac=runtime.get("mac", ""),
                aliases=tuple(aliases),
                ports=tuple(PortMapping.from_cni(entry) for entry in runtime.get("portMappings", ())),
                ranges=tuple(PortRange(PortMapping.from_json(first), int(length)) for first, length in ranges),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
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


_JSON_FIELDS = ("network", "interface", "config", "runtime_config", "result", "forwarding")
_RARE_FIELDS = ("known_as", "ranges")  # left out where they are empty


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
