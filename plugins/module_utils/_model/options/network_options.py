# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task asks of a network: addresses, MAC, names, interface; imported only for tasks that do."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Iterable

from ..errors import InvalidArgument
from .parsers import hostname, wrong

if TYPE_CHECKING:
    from .types import ContainerOptions, NetworkSettings

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_INTERFACE = re.compile(r"[^\s/:]{1,15}")  # the kernel's dev_valid_name()


def address(value: object, option: str) -> str:
    """An IPv4 address (``ip6``: IPv6) in its shortest form."""
    version = 6 if option == "ip6" else 4
    try:
        found = ipaddress.ip_address(str(value).strip("[]") if version == 6 else str(value))
    except ValueError:
        found = None
    if found is None or found.version != version:
        raise wrong(option, value, f"an IPv{version} address")
    return str(found)


def mac(value: object, option: str) -> str:
    """A unicast Ethernet address in lower case with colons."""
    text = str(value).lower().replace("-", ":")
    if not _MAC.fullmatch(text) or int(text[:2], 16) & 1:
        raise wrong(option, value, "a unicast MAC address such as 92:d0:c6:0a:29:33")
    return text


def aliases(value: Iterable[object], option: str) -> list[str]:
    """Host names, sorted, each once."""
    return sorted({hostname(item, option) for item in value})


def settings(text: str, word: str, option: str) -> NetworkSettings:
    """What stands after a network's name in ``network``: ``ip=…,mac=…,interface_name=…,alias=…`` as podman has it."""
    asked: NetworkSettings = {}
    for item in text.split(","):
        key, _equals, value = item.partition("=")
        if key == "ip":
            six = ":" in value
            asked.setdefault("ips", []).append(address(value, "ip6" if six else "ip"))
        elif key == "ip6":
            asked.setdefault("ips", []).append(address(value, key))
        elif key == "mac":
            asked["mac"] = mac(value, option)
        elif key == "alias":
            asked["aliases"] = aliases([*asked.get("aliases", ()), value], option)
        elif key == "interface_name" and _INTERFACE.fullmatch(value) and value not in (".", "..", "lo"):
            asked["interface"] = value
        else:
            raise wrong(option, word, "ip=, ip6=, mac=, interface_name= and alias= after NETWORK:, separated by commas")
    return asked


def check(meant: ContainerOptions) -> None:
    """:raises InvalidArgument: an option for a single network, and it is not the only one, or not the container's."""
    network = meant["network"]
    given = [option for option in ("ip", "ip6", "mac_address", "network_aliases") if meant[option]]
    if given and (network["mode"] != "cni" or len(network["networks"]) != 1 or network.get("settings")):
        raise InvalidArgument(
            f"{given[0]}: is for a container with a single network of its own: omit it, or write it behind a network's "
            "name, as in network: ['front:ip=10.88.0.5']"
        )
    settings = network.get("settings", {})
    interfaces = [
        settings.get(name, {}).get("interface", f"eth{index}") for index, name in enumerate(network["networks"])
    ]
    for interface in interfaces:
        if interfaces.count(interface) > 1:
            raise InvalidArgument(f"network: interface {interface} is there twice: give each network its own")


def settle(meant: ContainerOptions) -> None:
    """Give what is asked of a container's single network the spelling of podman's options for one.

    Not in a pod, where naming the network is what makes it the container's own.
    """
    network = meant["network"]
    asked = network.get("settings", {}).get(network["networks"][0], {}) if len(network["networks"]) == 1 else {}
    fours, sixes = ([one for one in asked.get("ips", ()) if (":" in one) == six] for six in (False, True))
    if not asked or meant["pod"] or "interface" in asked or len(fours) > 1 or len(sixes) > 1:
        return
    del network["settings"]
    meant["ip"], meant["ip6"] = fours[0] if fours else None, sixes[0] if sixes else None
    meant["mac_address"], meant["network_aliases"] = asked.get("mac"), asked.get("aliases", [])


def spread(options: ContainerOptions) -> ContainerOptions:
    """The options, podman's for a single network being in ``network``, as those of several are: what settle undoes."""
    network = options["network"]
    if options["pod"] or network["mode"] != "cni" or len(network["networks"]) != 1:
        return options
    requested = of_network(options, network["networks"][0])
    if requested:
        network = {**network, "settings": {network["networks"][0]: requested}}
    return {**options, "network": network, "ip": None, "ip6": None, "mac_address": None, "network_aliases": []}


def of_network(options: ContainerOptions, name: str) -> NetworkSettings:
    """Return the settings of the network ``name``, however they were written."""
    asked: NetworkSettings = options["network"].get("settings", {}).get(name, {}).copy()
    if options["ip"] or options["ip6"]:
        asked["ips"] = [ip for ip in (options["ip"], options["ip6"]) if ip]
    if options["mac_address"]:
        asked["mac"] = options["mac_address"]
    if options["network_aliases"]:
        asked["aliases"] = options["network_aliases"]
    return asked
