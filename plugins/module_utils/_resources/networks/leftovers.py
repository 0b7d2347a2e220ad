# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network leaves on the host besides its file: its bridge, its reservations, and rules that name it."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Mapping

from ..._drivers import command
from ..._drivers.cni import nat_rules
from ..._model.engine_config import DEFAULT_STATIC_ROOT, EngineConfig
from ..._model.errors import InvalidState, ToolFailed, ToolMissing
from ..._model.failpoints import failpoint
from ..._model.options.network.options import LONGEST_INTERFACE, vlan_link
from . import forms

_RESERVATIONS = "/var/lib/cni/networks"
_OWN_FILE = re.compile(r"last_reserved_ip\.\d+|lock")  # of host-local, beside addresses
# The firewall plugin's chains for ingressPolicy, in which it leaves two rules a bridge.
_ISOLATION = "CNI-ISOLATION-STAGE-"


def check_unused(name: str, config: Mapping[str, object]) -> None:
    """Check that nothing is on a network's bridge, as containers of podman and others may be.

    :raises InvalidState: the bridge has ports, which the message names.
    """
    bridge = _own_bridge(config)
    if not bridge:
        return
    from ..._drivers.kernel import netlink

    ports = netlink.bridge_ports(bridge, _gateway(config, bridge))
    if ports:
        raise InvalidState(
            f"network {name}: its bridge {bridge} is in use by {', '.join(ports[:5])}, which none of this engine's "
            "containers has: remove what another engine or a user has put on it first"
        )


def _own_bridge(config: Mapping[str, Any]) -> str:
    """Return the network's bridge where it exists and went with it; empty for one that was there before."""
    from ..._drivers.kernel import host_networks

    form = forms.of(config)
    bridge = form.link(config)
    return bridge if bridge in host_networks.links() and not form.keeps_bridge(config) else ""


def _gateway(config: Mapping[str, Any], bridge: str) -> str:
    """Return the link that has the gateway's address in a VLAN: the bridge plugin's, which it leaves on the host."""
    vlan = config["plugins"][0].get("vlan") if "plugins" in config else 0
    link = vlan_link(bridge, vlan)
    return link if vlan and len(link) <= LONGEST_INTERFACE else ""


def clear(parts: EngineConfig, name: str, config: Mapping[str, object]) -> None:
    """Remove what the network has on the host; no container is on it.

    :raises ToolFailed: rules cannot be removed. :raises ToolMissing: pyroute2 is not installed.
    """
    bridge = _own_bridge(config)
    if bridge:
        from ..._drivers.kernel import netlink

        netlink.remove_bridge(bridge, _gateway(config, bridge))
    if "plugins" in config:  # netavark's rules and leases go with the last container
        _clear_rules(name, forms.of(config).link(config))
        _clear_reservations(parts, name, config)


def _clear_rules(name: str, bridge: str) -> None:
    """Remove the nat rules that containers of the network have left, and those that isolate its bridge."""
    for six in (False, True):
        gone = [one for one in nat_rules.owners(nat_rules.saved(six)) if one.network == name]
        nat_rules.remove(six, [chain for one in gone for chain in one.chains], f"rules of network {name}")
        if bridge:
            _clear_isolation(six, bridge)


def _clear_isolation(six: bool, bridge: str) -> None:
    programs = [f"{'ip6' if six else 'ip'}tables-{verb}" for verb in ("save", "restore")]
    try:
        text = command.run([programs[0], "-t", "filter"], package="iptables", changes=False, tool="iptables")
    except (ToolMissing, ToolFailed):
        return  # the host has no such table, and so no rule
    lines = [line for line in text.splitlines() if line.startswith(f"-A {_ISOLATION}")]
    rules = [f"-D{line[2:]}" for line in lines if re.search(rf" -[io] {re.escape(bridge)}( |$)", line)]
    if rules:
        script = "\n".join(["*filter", *rules, "COMMIT", ""])
        command.run([programs[1], "--noflush", "-w", "10"], package="iptables", input=script, tool="iptables")


def _folder(parts: EngineConfig, name: str, config: Mapping[str, Any]) -> str:
    """Return host-local's directory of a network, empty where there is none."""
    ipam = config["plugins"][0].get("ipam") or {}
    own = _RESERVATIONS if parts.static_root == DEFAULT_STATIC_ROOT else f"{parts.static_root}/cni/networks"
    folder = f"{ipam.get('dataDir') or own}/{name}"
    return folder if os.path.isdir(folder) and not os.path.islink(folder) else ""


def reserved(parts: EngineConfig, name: str, config: Mapping[str, object]) -> bool:
    """Return whether a container, of whatever engine, has an address of the network."""
    if "plugins" not in config:
        from ..._drivers.netavark.leases import Leases

        return Leases(parts.run_root).any(name)
    folder = _folder(parts, name, config)
    return bool(folder) and any(map(_is_address, os.listdir(folder)))


def _clear_reservations(parts: EngineConfig, name: str, config: Mapping[str, object]) -> None:
    """Remove host-local's directory of the network, if it has nothing else in it."""
    folder = _folder(parts, name, config)
    if not folder:
        return
    failpoint(f"remove reservations of {name}")
    for file in sorted(os.listdir(folder)):
        if _OWN_FILE.fullmatch(file) or _is_address(file):
            os.unlink(f"{folder}/{file}")
    if not os.listdir(folder):
        os.rmdir(folder)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
