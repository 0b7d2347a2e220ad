# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a network: addresses, MAC, names, interface; imported only for tasks that have one."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Iterable

from ...errors import InvalidArgument
from ..syntax.parsers import hostname, wrong

if TYPE_CHECKING:
    from ..types import ContainerOptions, NetworkSettings

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_INTERFACE = re.compile(r"[^\s/:\0]+")  # the kernel's dev_valid_name()
LONGEST_INTERFACE = 15  # bytes, IFNAMSIZ without the end


def vlan_link(bridge: str, vlan: int) -> str:
    """Return the name of the link that CNI's bridge plugin gives the gateway of a VLAN."""
    return f"{bridge}.{vlan}"


def address(value: object, option: str) -> str:
    """Return an IPv4 address (``ip6``: IPv6) in its shortest form."""
    version = 6 if option == "ip6" else 4
    try:
        parsed = ipaddress.ip_address(str(value).strip("[]") if version == 6 else str(value))
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != version:
        raise wrong(option, value, f"an IPv{version} address")
    return str(parsed)


def mac(value: object, option: str) -> str:
    """Return a unicast Ethernet address in lower case with colons."""
    text = str(value).lower().replace("-", ":")
    if not _MAC.fullmatch(text) or int(text[:2], 16) & 1:
        raise wrong(option, value, "a unicast MAC address such as 92:d0:c6:0a:29:33")
    return text


def interface(value: str, option: str) -> str:
    """Return a name that a network interface can have."""
    if not _is_interface(value):
        raise wrong(option, value, "a name of up to 15 bytes without blanks, '/' and ':'")
    return value


def _is_interface(value: str) -> bool:
    named = _INTERFACE.fullmatch(value) and value not in (".", "..", "lo")
    return bool(named) and len(value.encode(errors="replace")) <= LONGEST_INTERFACE


def aliases(value: Iterable[object], option: str) -> list[str]:
    """Return host names, sorted, each once."""
    return sorted({hostname(item, option) for item in value})


def settings(text: str, entry: str, option: str) -> NetworkSettings:
    """Return a network's settings from ``ip=…,mac=…,interface_name=…,alias=…``, as podman has them."""
    result: NetworkSettings = {}
    for item in text.split(","):
        key, _equals, value = item.partition("=")
        if key == "ip":
            six = ":" in value
            result.setdefault("ips", []).append(address(value, "ip6" if six else "ip"))
        elif key == "ip6":
            result.setdefault("ips", []).append(address(value, key))
        elif key == "mac":
            result["mac"] = mac(value, option)
        elif key == "alias":
            result["aliases"] = aliases([*result.get("aliases", ()), value], option)
        elif key == "interface_name" and _is_interface(value):
            result["interface"] = value
        else:
            raise wrong(
                option, entry, "ip=, ip6=, mac=, interface_name= and alias= after NETWORK:, separated by commas"
            )
    return result


def check(options: ContainerOptions) -> None:
    """Raise InvalidArgument if an option for a single network is set, and there is not one network of its own."""
    network = options["network"]
    present = [option for option in ("ip", "ip6", "mac_address", "network_aliases") if options[option]]
    if present and (network["mode"] != "cni" or len(network["networks"]) != 1 or network.get("settings")):
        raise InvalidArgument(
            f"{present[0]}: is for a container with a single network of its own: omit it, or write it behind a "
            "network's name, as in network: ['front:ip=10.88.0.5']"
        )
    settings = network.get("settings", {})
    interfaces = [
        settings.get(name, {}).get("interface", f"eth{index}") for index, name in enumerate(network["networks"])
    ]
    for interface in interfaces:
        if interfaces.count(interface) > 1:
            raise InvalidArgument(f"network: interface {interface} is there twice: give each network its own")


def spread_aliases(options: ContainerOptions) -> None:
    """Move ``network_aliases`` to the settings of each network, as podman does, but of one that has no settings."""
    network, further = options["network"], options["network_aliases"]
    if not further or network["mode"] != "cni" or (len(network["networks"]) == 1 and not network.get("settings")):
        return
    settings = {name: one.copy() for name, one in network.get("settings", {}).items()}
    for name in network["networks"]:
        own = settings.setdefault(name, {})
        own["aliases"] = sorted({*own.get("aliases", ()), *further})
    options["network"], options["network_aliases"] = {**network, "settings": settings}, []


def settle(options: ContainerOptions) -> None:
    """Move the settings of a container's single network to podman's options for one.

    Not in a pod, where naming the network is what makes it the container's own.
    """
    network = options["network"]
    requested = network.get("settings", {}).get(network["networks"][0], {}) if len(network["networks"]) == 1 else {}
    fours, sixes = ([one for one in requested.get("ips", ()) if (":" in one) == six] for six in (False, True))
    if not requested or options["pod"] or "interface" in requested or len(fours) > 1 or len(sixes) > 1:
        return
    del network["settings"]
    options["ip"], options["ip6"] = fours[0] if fours else None, sixes[0] if sixes else None
    options["mac_address"], options["network_aliases"] = requested.get("mac"), requested.get("aliases", [])


def spread(options: ContainerOptions) -> ContainerOptions:
    """Return the options with podman's options for a single network in ``network``: the inverse of ``settle``."""
    network = options["network"]
    if options["pod"] or network["mode"] != "cni" or len(network["networks"]) != 1:
        return options
    requested = of_network(options, network["networks"][0])
    if requested:
        network = {**network, "settings": {network["networks"][0]: requested}}
    return {**options, "network": network, "ip": None, "ip6": None, "mac_address": None, "network_aliases": []}


def of_network(options: ContainerOptions, name: str) -> NetworkSettings:
    """Return the settings of the network ``name``, however they were written."""
    settings: NetworkSettings = options["network"].get("settings", {}).get(name, {}).copy()
    if options["ip"] or options["ip6"]:
        settings["ips"] = [ip for ip in (options["ip"], options["ip6"]) if ip]
    if options["mac_address"]:
        settings["mac"] = options["mac_address"]
    if options["network_aliases"]:
        settings["aliases"] = options["network_aliases"]
    return settings
