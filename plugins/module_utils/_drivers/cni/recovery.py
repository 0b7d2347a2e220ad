# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a DEL needs after a kill, a reboot or ``ip netns del`` took the result, the link or the namespace away."""

from __future__ import annotations

import os
import re
from typing import Any

from ..._model.errors import LibpodError
from ..._model.records.network import NetworkAttachment
from ..kernel import netlink, netns
from . import nat_rules

# host-local's own, where the network's configuration names none.
_RESERVATIONS = "/var/lib/cni/networks"


def with_result(container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
    """The attachment with the result its ADD would have had, as far as plugins need it to delete.

    The addresses are those host-local keeps reserved for the container, else those the masquerading rules with
    its ID name: the ADD that was killed made the one before the other. Without any there is nothing to delete by.
    """
    if attachment.result is not None:
        return attachment
    addresses = _reserved(container_id, attachment) or _masqueraded(container_id, attachment)
    if not addresses:
        return attachment
    version = str(attachment.config.get("cniVersion", "0.1.0"))
    ips: list[dict[str, Any]] = []
    for ip in addresses:
        six = ":" in ip
        entry = {"address": f"{ip}/{128 if six else 32}", "interface": 0}
        ips.append(entry if version.startswith("1.") else {**entry, "version": "6" if six else "4"})
    interfaces = [{"name": attachment.interface, "sandbox": netns_path}]
    return attachment._replace(result={"cniVersion": version, "interfaces": interfaces, "ips": ips})


def stand_in(path: str, container_id: str, attachment: NetworkAttachment) -> bool:
    """Make a namespace at ``path`` with a link of the attachment's name and addresses, if its rules need one.

    Only where the chain is there: the plugins' teardown fails on a chain that is not. The host's end of a veth pair
    whose other end is about to vanish with its namespace is removed at once.

    :raises ToolMissing: pyroute2 is not installed.
    """
    if not any(plugin.get("ipMasq") for plugin in attachment.config["plugins"]):
        return False
    chain, facts = _chain(container_id, attachment), attachment.facts
    four, six = (any(line.startswith(f":{chain} ") for line in _nat_rules(six)) for six in (False, True))
    addresses = [
        f"{one.ip}/{one.prefix_length}" for one in (*(facts.ipv4 if four else ()), *(facts.ipv6 if six else ()))
    ]
    if not addresses:
        return False
    netns.create(path)
    netlink.add_pair(path, attachment.interface, addresses)
    for interface in (attachment.result or {}).get("interfaces") or []:
        if not interface.get("sandbox") and interface.get("mac"):
            netlink.remove_veth(interface["name"], interface["mac"])
    return True


def masquerades(container_id: str, attachment: NetworkAttachment) -> bool:
    """Whether the rules are there that the bridge and ptp plugins masquerade an attachment's addresses with, if any."""
    if not any(plugin.get("ipMasq") for plugin in attachment.config["plugins"]):
        return True
    facts = attachment.facts
    return {one.ip for one in (*facts.ipv4, *facts.ipv6)} <= set(_masqueraded(container_id, attachment))


def _reserved(container_id: str, attachment: NetworkAttachment) -> list[str]:
    """Addresses host-local reserves for the container: files named after them, with its ID and interface inside."""
    found = []
    for plugin in attachment.config["plugins"]:
        ipam = plugin.get("ipam") or {}
        if ipam.get("type") != "host-local":
            continue
        folder = f"{ipam.get('dataDir') or _RESERVATIONS}/{attachment.network}"
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            try:
                with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:
                    owner = file.read().split()
            except OSError:
                continue
            if owner[:1] == [container_id] and owner[1:] in ([], [attachment.interface]):
                found.append(name)
    return found


def _masqueraded(container_id: str, attachment: NetworkAttachment) -> list[str]:
    """Addresses in the rules that lead to the chain of the container."""
    rule = re.compile(rf"-A POSTROUTING -s ([^ /]+)(?:/\d+)? .*-j {_chain(container_id, attachment)}")
    return [found[1] for six in (False, True) for found in map(rule.fullmatch, _nat_rules(six)) if found]


def _chain(container_id: str, attachment: NetworkAttachment) -> str:
    """The chain the bridge and ptp plugins masquerade in."""
    return nat_rules.Owner(attachment.network, container_id).chains[0]


def _nat_rules(six: bool) -> nat_rules.Lines:
    try:
        return nat_rules.saved(six)
    except LibpodError:
        return []
