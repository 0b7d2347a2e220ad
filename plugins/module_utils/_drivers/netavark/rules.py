# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall rules that netavark keeps for a network and its published ports, in iptables or nftables."""

from __future__ import annotations

import re
from typing import Iterator

from ..._model.errors import ToolFailed, ToolMissing
from ..._model.options.ports import PortMapping
from ..._model.records.network import NetworkAttachment
from .. import command

_PORTS = "NETAVARK-HOSTPORT-DNAT"


def complaint(attachment: NetworkAttachment) -> str:
    """Return which rule of an attachment to a bridge is missing, empty where all are there.

    :raises ToolFailed: the rules cannot be read.
    """
    if attachment.config["driver"] != "bridge" or attachment.config.get("internal"):
        return ""
    lacking = list(_lacking(attachment))
    return " and ".join(lacking)


def _lacking(attachment: NetworkAttachment) -> Iterator[str]:
    nft = None
    for six, addresses in ((False, attachment.facts.ipv4), (True, attachment.facts.ipv6)):
        ports = [port for port in attachment.ports if port.forwards(six)]
        if not addresses:
            continue
        kind, ip = f"IPv{6 if six else 4}", addresses[0].ip
        lines = _saved("ip6tables-save" if six else "iptables-save")
        if any("NETAVARK" in line for line in lines):
            yield from _in_iptables(kind, f"{ip}/{addresses[0].prefix_length}", lines)
            gone = [port for port in ports if not _leads_to(lines, port, f"[{ip}]" if six else ip)]
        else:
            nft = _ruleset() if nft is None else nft
            if not re.search(r"\bmasquerade\b", nft):
                yield f"the {kind} rules of network {attachment.network} are gone"
                continue
            gone = [port for port in ports if not _in_nftables(nft, port, f"[{ip}]" if six else ip)]
        for port in gone:
            mapped = f"{port.host_port}/{port.protocol}"
            yield f"the {kind} rule of the published port {mapped} is gone, or comes after another one"


def _in_iptables(kind: str, address: str, lines: list[str]) -> Iterator[str]:
    """Yield what is missing of the rules of a network, given a container's address there."""
    import ipaddress

    subnet = ipaddress.ip_interface(address).network
    if not any(line.startswith(f"-A POSTROUTING -s {subnet} ") and "-j NETAVARK-" in line for line in lines):
        yield f"the {kind} masquerading rules are gone"
    if not any(line.startswith("-A NETAVARK_FORWARD ") and f"-s {subnet} " in line for line in lines):
        yield f"the {kind} rules that accept forwarded packets are gone"
    for hook in ("PREROUTING", "OUTPUT"):
        if any(_PORTS in line for line in lines) and not any(
            line.startswith(f"-A {hook} ") and line.endswith(f"-j {_PORTS}") for line in lines
        ):
            yield f"{kind} packets no longer pass the rules of published ports in {hook}"


def _leads_to(lines: list[str], port: PortMapping, ip: str) -> bool:
    """Return whether the first iptables rule for a host port leads to the container."""
    wanted = rf"-p {port.protocol} .*--dport {port.host_port} "
    address = port.host_key[2]
    jumps = [re.search(rf"-A {_PORTS} .*{wanted}.*-j (\S+)$", line) for line in lines]
    for chain in (match[1] for match in jumps if match):
        for line in lines:
            target = re.search(rf"-A {re.escape(chain)} .*{wanted}-j DNAT --to-destination (\S+)$", line)
            match = target and re.search(r" -d ([^ /]+)", line)
            if target and (not match or match[1] == address):
                return target[1] == f"{ip}:{port.container_port}"
    return False


def _in_nftables(text: str, port: PortMapping, ip: str) -> bool:
    wanted = rf"{port.protocol} dport {port.host_port} .*dnat ip6? to {re.escape(ip)}:{port.container_port}\b"
    return re.search(wanted, text) is not None


def _saved(program: str) -> list[str]:
    try:
        return command.run([program], package="iptables", changes=False, tool="iptables").splitlines()
    except (ToolMissing, ToolFailed):
        return []  # the host has no such table


def _ruleset() -> str:
    argv = ["nft", "--stateless", "list", "table", "inet", "netavark"]
    try:
        return command.run(argv, package="nftables", changes=False, tool="iptables")
    except (ToolMissing, ToolFailed):
        return ""  # there is no such table
