# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of molecule's platforms: those that the host defines, and the scenario's own for the others."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Collection, Mapping, Optional

from ._molecule_keys import WrongPlatform, strings

_MODES = ("bridge", "default", "host", "none", "ns", "private", "slirp4netns", "pasta", "container", "pod")

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")  # CNI's rule; it is a part of a file's name as well


def suffix(scenario: str) -> str:
    """Return the end of the names of a scenario's own networks."""
    return f"-{scenario}"


class Networks:
    """The networks of a scenario. ``existing`` are the names of the host's, of the backend that new containers have."""

    def __init__(self, scenario: str, existing: Collection[str]) -> None:
        self._own = suffix(scenario)
        self._existing = {name for name in existing if not name.endswith(self._own)}
        self._wanted: dict[str, dict[str, object]] = {}

    def want(self, platform: Mapping[str, object]) -> None:
        """Note the networks of a platform that are to be made.

        :raises WrongPlatform: a network is described in a way that cannot be used.
        """
        for one in _listed(platform.get("docker_networks"), "docker_networks"):
            self._note(_named(one, "docker_networks"), _ipam(one))
        for one in _listed(platform.get("networks"), "networks"):
            self._note(_named(one, "networks"), {})
        for key in ("network", "network_mode"):
            for value in _listed(platform.get(key), key):
                name = _mode(value, key).partition(":")[0]
                if name not in _MODES:
                    self._note(name, {"subnet": platform.get("subnet")} if platform.get("subnet") else {})

    def _note(self, name: str, ipam: dict[str, object]) -> None:
        if name not in self._existing:
            if not _NAME.fullmatch(name):
                raise WrongPlatform(
                    f"network {name!r:.80} cannot be made: expected a name of letters, digits, _, . and -"
                )
            wanted = self._wanted.setdefault(name, {})
            for key, value in ipam.items():
                if value and wanted.setdefault(key, value) != value:
                    raise WrongPlatform(f"network {name}: {key} is {wanted[key]} and {value}: give one")

    def name(self, network: str) -> str:
        """Return the name of a network on the host: the host's as it is, the scenario's with its ID."""
        return f"{network}{self._own}" if network in self._wanted else network

    def option(self, given: Mapping[str, object]) -> Optional[list[str]]:
        """Return the option ``network`` of libpod_container, None where nothing is given."""
        found = [self._attachment(one) for one in _listed(given.get("networks"), "networks")]
        for key in ("network", "network_mode"):
            for value in _listed(given.get(key), key):
                first, colon, rest = _mode(value, key).partition(":")
                if first != "default" and not (first == "bridge" and found):
                    found.append(f"{self.name(first)}{colon}{rest}")
        return list(dict.fromkeys(found)) or None

    def _attachment(self, one: Any) -> str:
        name = _named(one, "networks")
        if isinstance(one, str):
            return self.name(name)
        unknown = set(one) - {"name", "aliases", "ipv4_address", "ipv6_address", "mac_address"}
        if unknown:
            raise WrongPlatform(
                f"networks: {name}: {', '.join(sorted(map(str, unknown)))} cannot be used: expected name, aliases, "
                "ipv4_address, ipv6_address or mac_address; what is to be made belongs into docker_networks"
            )
        words = {"ipv4_address": "ip", "ipv6_address": "ip6", "mac_address": "mac"}
        settings = [f"{word}={one[key]}" for key, word in words.items() if one.get(key)]
        settings += [f"alias={alias}" for alias in strings(one.get("aliases") or [], f"networks: {name}: aliases")]
        return f"{self.name(name)}:{','.join(settings)}" if settings else self.name(name)

    def own(self) -> list[dict[str, str]]:
        """Return the networks to make: ``name``, and ``subnet`` and ``gateway`` where they are given."""
        return [{"name": self.name(name), **_addresses(name, ipam)} for name, ipam in self._wanted.items()]


def _listed(value: object, key: str) -> list[object]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (str, Mapping)):
        return [value]
    raise WrongPlatform(f"{key}: {value!r} cannot be used: expected a list")


def _named(one: object, key: str) -> str:
    name = one if isinstance(one, str) else one.get("name") if isinstance(one, Mapping) else None
    if not isinstance(name, str) or not name:
        raise WrongPlatform(f"{key}: {one!r} cannot be used: expected a network's name, or a mapping with name")
    return name


def _mode(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise WrongPlatform(f"{key}: {value!r} cannot be used: expected a network's name, or such as host")
    return value


def _ipam(one: Any) -> dict[str, object]:
    if isinstance(one, str):
        return {}
    found = (_listed(one.get("ipam_config"), "ipam_config") or [{}])[0]
    if not isinstance(found, Mapping):
        raise WrongPlatform(f"ipam_config: {found!r} cannot be used: expected a mapping with subnet and gateway")
    return {key: found.get(key) for key in ("subnet", "gateway")}


def _addresses(name: str, ipam: Mapping[str, object]) -> dict[str, str]:
    """Return the given subnet and gateway of the network ``name``."""
    found = {key: str(value) for key, value in ipam.items() if value}
    if not found:
        return {}
    subnet = found.get("subnet")
    if subnet is None:
        raise WrongPlatform(f"network {name}: gateway {found['gateway']} cannot be used: expected a subnet beside it")
    expected, value = "such as 10.99.0.0/24", f"subnet {subnet}"
    try:
        network = ipaddress.ip_network(subnet)
        if network.max_prefixlen - network.prefixlen < 2:
            raise ValueError("it has no address for an instance")
        if "gateway" in found:
            expected, value = f"an address of {network}", f"gateway {found['gateway']}"
            if ipaddress.ip_address(found["gateway"]) not in network:
                raise ValueError("it is not in the subnet")
    except ValueError as error:
        raise WrongPlatform(f"network {name}: {value} cannot be used: expected {expected}") from error
    return found
