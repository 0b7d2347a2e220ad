# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: ``[[HOST_IP:][HOST_PORT]:]PORT[-PORT][/PROTOCOL]``."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .parsers import address, natural, wrong

_PUBLISH = re.compile(
    r"(?:(?:(?P<ip>\[[^\]]*\]|[^:\[\]]*):)?(?P<host>[0-9-]*):)?(?P<port>[0-9-]+)(?:/(?P<protocol>\w+))?"
)
PROTOCOLS = ("tcp", "udp", "sctp")


def _range(text: str, value: object, option: str) -> range:
    first, dash, last = text.partition("-")
    low, high = natural(first, 65535) or 0, natural(last if dash else first, 65535) or 0
    if not 1 <= low <= high:
        raise wrong(option, value, "ports from 1 to 65535, such as 8080:80, 127.0.0.1:53:53/udp or 8000-8009:80-89")
    return range(low, high + 1)


def expose(value: Any, option: str) -> list[list[Any]]:
    """Ports ``[port, protocol]``, sorted, from ``PORT[-PORT][/PROTOCOL]``."""
    found: set[tuple[int, str]] = set()
    for item in value:
        numbers, slash, protocol = str(item).strip().partition("/")
        protocol = protocol.lower() if slash else "tcp"
        if protocol not in PROTOCOLS:
            raise wrong(option, item, "PORT[-PORT][/tcp|udp|sctp]")
        found.update((port, protocol) for port in _range(numbers, item, option))
    return [list(port) for port in sorted(found)]


def with_exposed(options: Mapping[str, Any], image: Mapping[str, Any]) -> list[list[Any]]:
    """What is published: with publish_all also every port that is exposed, here or by the image, on a free one."""
    published: list[list[Any]] = list(options["publish"])
    if options["publish_all"]:
        taken = {(port, protocol) for _ip, _host, port, protocol in published}
        exposed = options["expose"] + expose(image.get("ExposedPorts") or (), "expose")
        wanted = {tuple(one) for one in exposed} - taken
        published += [["0.0.0.0", 0, port, protocol] for port, protocol in sorted(wanted)]
    return published


def publish(value: Any, option: str) -> list[list[Any]]:
    """Port mappings ``[host_ip, host_port, container_port, protocol]``, one a port, sorted.

    ``host_port`` is 0 where the engine is to choose a free one.
    """
    mappings: set[tuple[str, int, int, str]] = set()
    for item in value:
        found = _PUBLISH.fullmatch(str(item).strip())
        protocol = (found["protocol"] or "tcp").lower() if found else ""
        if not found or protocol not in PROTOCOLS:
            raise wrong(option, item, "[[HOST_IP:]HOST_PORT:]PORT[/tcp|udp|sctp]")
        ports = _range(found["port"], item, option)
        host_ports = _range(found["host"], item, option) if found["host"] else [0] * len(ports)
        if len(host_ports) != len(ports):
            raise wrong(option, item, f"as many host ports ({len(host_ports)}) as container ports ({len(ports)})")
        host_ip = address(found["ip"], option) if found["ip"] else "0.0.0.0"
        mappings.update((host_ip, host, port, protocol) for host, port in zip(host_ports, ports))
    taken: dict[tuple[Any, ...], int] = {}
    for host_ip, host, port, protocol in sorted(mappings):
        if host and taken.setdefault((host_ip, host, protocol), port) != port:
            raise wrong(option, f"{host_ip}:{host}/{protocol}", "one container port for each host port")
    return [list(mapping) for mapping in sorted(mappings)]
