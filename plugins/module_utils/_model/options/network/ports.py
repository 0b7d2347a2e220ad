# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: ``[[HOST_IP:][HOST_PORT]:]PORT[-PORT][/PROTOCOL]``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Iterable, Mapping, NamedTuple, TypedDict

from ..syntax.parsers import address, natural, wrong

if TYPE_CHECKING:
    from ...records.image_config import ImageConfig

_PUBLISH = r"(?:(?:(?P<ip>\[[^\]]*\]|[^:\[\]]*):)?(?P<host>[0-9-]*):)?(?P<port>[0-9-]+)(?:/(?P<protocol>\w+))?"
PROTOCOLS = ("tcp", "udp", "sctp")
ANY_ADDRESS = "0.0.0.0"  # every address of the host, IPv6 too where the container has one


class PortMapping(NamedTuple):
    """A published port, from the option to the kernel.

    ``host_ip`` is in its canonical spelling. ``host_port`` is 0 in an option that has the engine choose a free one.
    """

    host_ip: str
    host_port: int
    container_port: int
    protocol: str

    @classmethod
    def from_json(cls, row: Iterable[Any]) -> PortMapping:
        """Return the mapping that a record of the engine has.

        :raises TypeError: it has another shape.
        """
        mapping = cls(*row)
        if [type(value) for value in mapping] != [str, int, int, str]:
            raise TypeError(f"{list(mapping)} is not a port mapping")
        return mapping

    @classmethod
    def from_cni(cls, entry: Mapping[str, Any]) -> PortMapping:
        """Return the mapping of an entry of the CNI capability ``portMappings``."""
        return cls(entry.get("hostIP") or ANY_ADDRESS, entry["hostPort"], entry["containerPort"], entry["protocol"])

    def to_cni(self) -> dict[str, object]:
        """Return the entry of the CNI capability ``portMappings``; it has no address where that is any."""
        entry = {"hostPort": self.host_port, "containerPort": self.container_port, "protocol": self.protocol}
        return entry if self.host_ip == ANY_ADDRESS else {**entry, "hostIP": self.host_ip}

    def to_option(self) -> str:
        """Return the spelling that ``publish`` accepts."""
        host_ip = f"[{self.host_ip}]" if ":" in self.host_ip else self.host_ip
        return f"{host_ip}:{self.host_port or ''}:{self.container_port}/{self.protocol}"

    def forwards(self, six: bool) -> bool:
        """Return whether packets of IPv4, or of IPv6 if ``six``, are forwarded."""
        return self.host_ip == ANY_ADDRESS or (":" in self.host_ip) == six

    @property
    def host_key(self) -> tuple[str, int, str]:
        """Protocol, port and address of the host as the kernel's rules match them; an empty address is any."""
        return self.protocol, self.host_port, "" if self.host_ip in (ANY_ADDRESS, "::") else self.host_ip


if TYPE_CHECKING:

    class PublishOptions(TypedDict):
        """The options that ports are published by."""

        publish: list[PortMapping]
        publish_all: bool
        expose: list[list[Any]]


def _range(text: str, value: object, option: str) -> range:
    first, dash, last = text.partition("-")
    low, high = natural(first, 65535) or 0, natural(last if dash else first, 65535) or 0
    if not 1 <= low <= high:
        raise wrong(option, value, "ports from 1 to 65535, such as 8080:80, 127.0.0.1:53:53/udp or 8000-8009:80-89")
    return range(low, high + 1)


def expose(value: Any, option: str) -> list[list[object]]:
    """Return ``[port, protocol]``, sorted, of ``PORT[-PORT][/PROTOCOL]``."""
    ports: set[tuple[int, str]] = set()
    for item in value:
        numbers, slash, protocol = str(item).strip().partition("/")
        protocol = protocol.lower() if slash else "tcp"
        if protocol not in PROTOCOLS:
            raise wrong(option, item, "PORT[-PORT][/tcp|udp|sctp]")
        ports.update((port, protocol) for port in _range(numbers, item, option))
    return [list(port) for port in sorted(ports)]


def with_exposed(options: PublishOptions, image: ImageConfig) -> list[PortMapping]:
    """Return what is published: with publish_all also every port exposed here or by the image, on a free one."""
    published: list[PortMapping] = list(options["publish"])
    if options["publish_all"]:
        taken = {(one.container_port, one.protocol) for one in published}
        exposed = options["expose"] + expose(image.get("ExposedPorts") or (), "expose")
        wanted = {tuple(one) for one in exposed} - taken
        published += [PortMapping(ANY_ADDRESS, 0, port, protocol) for port, protocol in sorted(wanted)]
    return published


def publish(value: Any, option: str) -> list[PortMapping]:
    """Return the mappings of ``[[HOST_IP:][HOST_PORT]:]PORT[/PROTOCOL]`` and of such ranges, one a port, sorted."""
    mappings: set[PortMapping] = set()
    for item in value:
        match = re.fullmatch(_PUBLISH, str(item).strip())
        protocol = (match["protocol"] or "tcp").lower() if match else ""
        if not match or protocol not in PROTOCOLS:
            raise wrong(option, item, "[[HOST_IP:]HOST_PORT:]PORT[/tcp|udp|sctp]")
        ports = _range(match["port"], item, option)
        host_ports = _range(match["host"], item, option) if match["host"] else [0] * len(ports)
        if len(host_ports) != len(ports):
            raise wrong(option, item, f"as many host ports ({len(host_ports)}) as container ports ({len(ports)})")
        host_ip = address(match["ip"], option) if match["ip"] else ANY_ADDRESS
        mappings.update(PortMapping(host_ip, host, port, protocol) for host, port in zip(host_ports, ports))
    taken: dict[tuple[str, int, str], int] = {}
    for host_ip, host, port, protocol in sorted(mappings):
        if host and taken.setdefault((host_ip, host, protocol), port) != port:
            raise wrong(option, f"{host_ip}:{host}/{protocol}", "one container port for each host port")
    return sorted(mappings)


def published(rows: Iterable[Iterable[object]]) -> list[PortMapping]:
    """Return the value of ``publish`` that a record has."""
    return [PortMapping.from_json(row) for row in rows]
