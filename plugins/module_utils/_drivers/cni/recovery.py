# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What DEL needs after a kill, a reboot or ``ip netns del`` has removed the result, the link or the namespace."""

from __future__ import annotations

import os
import re

from ..._model.errors import LibpodError
from ..._model.records.network import NetworkAttachment
from ..kernel import netlink, netns
from . import nat_rules

# The default directory of host-local.
_RESERVATIONS = "/var/lib/cni/networks"


def with_result(container_id: str, netns_path: str, attachment: NetworkAttachment) -> NetworkAttachment:
    """Return the attachment with the result that its ADD would have had, as far as DEL needs it.

    The addresses are those that host-local has reserved for the container, else those of the masquerading rules with
    its ID: ADD makes the reservation first. Without any, the attachment stays without a result.
    """
    if attachment.result is not None:
        return attachment
    addresses = _reserved(container_id, attachment) or _masqueraded(container_id, attachment)
    if not addresses:
        return attachment
    version = str(attachment.config.get("cniVersion", "0.1.0"))
    ips: list[dict[str, object]] = []
    for ip in addresses:
        six = ":" in ip
        entry = {"address": f"{ip}/{128 if six else 32}", "interface": 0}
        ips.append(entry if version.startswith("1.") else {**entry, "version": "6" if six else "4"})
    interfaces = [{"name": attachment.interface, "sandbox": netns_path}]
    return attachment._replace(result={"cniVersion": version, "interfaces": interfaces, "ips": ips})


def stand_in(path: str, container_id: str, attachment: NetworkAttachment) -> bool:
    """Make a namespace at ``path`` with a link of the attachment's name and addresses, if its rules need one.

    It is made only where the chain exists: the plugins' teardown fails on a missing chain. The host's end of a veth
    pair whose other end is about to vanish with its namespace is removed at once.

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
    """Return whether the masquerading rules of the bridge and ptp plugins are complete, where the network has any."""
    backends = [one.get("ipMasqBackend") for one in attachment.config["plugins"] if one.get("ipMasq")]
    if not {None, "iptables"}.intersection(backends):
        return True  # what newer plugins keep in nftables' own tables is theirs to check
    facts = attachment.facts
    return {one.ip for one in (*facts.ipv4, *facts.ipv6)} <= set(_masqueraded(container_id, attachment))


def _reserved(container_id: str, attachment: NetworkAttachment) -> list[str]:
    """Return the addresses that host-local has reserved: files named after them, with container ID and interface."""
    addresses = []
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
                addresses.append(name)
    return addresses


def _masqueraded(container_id: str, attachment: NetworkAttachment) -> list[str]:
    """Return the addresses in the rules that lead to the chain of the container."""
    rule = re.compile(rf"-A POSTROUTING -s ([^ /]+)(?:/\d+)? .*-j {_chain(container_id, attachment)}")
    return [match[1] for six in (False, True) for match in map(rule.fullmatch, _nat_rules(six)) if match]


def _chain(container_id: str, attachment: NetworkAttachment) -> str:
    """Return the chain in which the bridge and ptp plugins masquerade."""
    return nat_rules.Owner(attachment.network, container_id).chains[0]


def _nat_rules(six: bool) -> nat_rules.Lines:
    try:
        return nat_rules.saved(six)
    except LibpodError:
        return []
