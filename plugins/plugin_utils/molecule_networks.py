# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of molecule's platforms: those that the host defines, and CNI files of the scenario for the others."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import Any, Iterable, Mapping, Optional

from .molecule_keys import WrongPlatform, strings

PREFIX = "libpod-molecule"
# Networks of containers/common's usual pool begin at 10.88; /24s from here on are tried.
_POOL = ipaddress.ip_network("10.128.0.0/9")
_MODES = ("bridge", "default", "host", "none", "ns", "private", "slirp4netns", "pasta", "container", "pod")

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")  # CNI's rule; it is a part of a file's name as well

Subnet = ipaddress.IPv4Network


class Networks:
    """The networks of a scenario. ``existing`` are the host's, by name, with their configuration lists."""

    def __init__(
        self, scenario: str, existing: Mapping[str, Mapping[str, Any]], directory: str, taken: Iterable[Subnet] = ()
    ) -> None:
        self.scenario = scenario
        self._directory = directory
        self._own = f"-{scenario}"
        self._existing = {name: config for name, config in existing.items() if not name.endswith(self._own)}
        self._left = {name: config for name, config in existing.items() if name.endswith(self._own)}
        self._taken = [*taken, *(one for config in existing.values() for one in subnets(config))]
        self._wanted: dict[str, dict[str, Any]] = {}

    def want(self, platform: Mapping[str, Any]) -> None:
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

    def _note(self, name: str, ipam: dict[str, Any]) -> None:
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
        """Return the CNI name of a network: the host's as it is, the scenario's with its ID."""
        return f"{network}{self._own}" if network in self._wanted else network

    def option(self, given: Mapping[str, Any]) -> Optional[list[str]]:
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

    def files(self) -> list[dict[str, str]]:
        """Return the CNI files to write: ``path``, ``content``, and the network's name and bridge."""
        made = []
        for name, ipam in self._wanted.items():
            full = self.name(name)
            bridge = f"mol{hashlib.sha256(full.encode()).hexdigest()[:12]}"
            before = next(iter(subnets(self._left[full])), None) if full in self._left else None
            subnet = _subnet(ipam["subnet"], name) if ipam.get("subnet") else before or self._free(full)
            self._taken.append(subnet)
            config = _config(full, bridge, subnet, str(ipam.get("gateway") or subnet[1]))
            path = f"{self._directory}/90-{PREFIX}{self._own}-{name}.conflist"
            made.append({"path": path, "name": full, "bridge": bridge, "content": json.dumps(config, indent=2) + "\n"})
        return made

    def leftovers(self) -> list[dict[str, str]]:
        """Return name and bridge of each network that the scenario has made."""
        bridges = {name: _bridge(config) for name, config in self._left.items()}
        return [{"name": name, "bridge": bridge} for name, bridge in sorted(bridges.items()) if bridge[:3] == "mol"]

    def _free(self, name: str) -> Subnet:
        """Return a /24 that overlaps none in use: the first from a place that the name gives."""
        count = 1 << (24 - _POOL.prefixlen)
        start = int(hashlib.sha256(name.encode()).hexdigest(), 16) % count
        for step in range(count):
            place = int(_POOL.network_address) + ((start + step) % count << 8)
            found = ipaddress.IPv4Network((place, 24))
            if not any(found.overlaps(one) for one in self._taken):
                return found
        raise WrongPlatform(f"network {name}: no /24 of {_POOL} is free: give a subnet")


def subnets(config: Mapping[str, Any]) -> list[Subnet]:
    """Return the IPv4 subnets of a CNI configuration list's host-local addresses."""
    found = []
    for plugin in config.get("plugins") or []:
        ipam = plugin.get("ipam") or {}
        ranges = [part for one in ipam.get("ranges") or [] for part in one] + [ipam]
        for text in (str(part.get("subnet") or "") for part in ranges if isinstance(part, Mapping)):
            try:
                found.append(ipaddress.IPv4Network(text, strict=False))
            except ValueError:
                continue
    return found


def _bridge(config: Mapping[str, Any]) -> str:
    return str(next((plugin.get("bridge") for plugin in config.get("plugins") or [] if plugin.get("bridge")), ""))


def _listed(value: Any, key: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (str, Mapping)):
        return [value]
    raise WrongPlatform(f"{key}: {value!r} cannot be used: expected a list")


def _named(one: Any, key: str) -> str:
    name = one if isinstance(one, str) else one.get("name") if isinstance(one, Mapping) else None
    if not isinstance(name, str) or not name:
        raise WrongPlatform(f"{key}: {one!r} cannot be used: expected a network's name, or a mapping with name")
    return name


def _mode(value: Any, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise WrongPlatform(f"{key}: {value!r} cannot be used: expected a network's name, or such as host")
    return value


def _ipam(one: Any) -> dict[str, Any]:
    if isinstance(one, str):
        return {}
    found = (_listed(one.get("ipam_config"), "ipam_config") or [{}])[0]
    if not isinstance(found, Mapping):
        raise WrongPlatform(f"ipam_config: {found!r} cannot be used: expected a mapping with subnet and gateway")
    return {key: found.get(key) for key in ("subnet", "gateway")}


def _subnet(text: Any, name: str) -> Subnet:
    try:
        found = ipaddress.IPv4Network(str(text))
        if found.prefixlen > 30:
            raise ValueError("it has no address for an instance")
        return found
    except ValueError as error:
        raise WrongPlatform(f"network {name}: subnet {text} cannot be used: expected such as 10.99.0.0/24") from error


def _config(name: str, bridge: str, subnet: Subnet, gateway: str) -> dict[str, Any]:
    """Return the configuration list, the role's with another bridge and subnet."""
    ipam = {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": name,
        "plugins": [
            {
                "type": "bridge",
                "bridge": bridge,
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "capabilities": {"ips": True, "mac": True},
                "ipam": {**ipam, "ranges": [[{"subnet": str(subnet), "gateway": gateway}]]},
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": "firewall"},
        ],
    }
