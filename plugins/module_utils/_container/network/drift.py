# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift of a live container's network from the record of its attachments, read from /proc alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._model.errors import StateCorrupt
from ..._model.records.network import NetworkAttachment
from .attachments import attachments

if TYPE_CHECKING:
    from ..base import ContainerBase


def findings(container: ContainerBase) -> dict[str, str]:
    """Return what is wrong, by interface or other part, as far as it shows without starting a program."""
    config = container.config
    if not config.own_net_ns:
        return {}
    if not _is_mounted(container):
        return {"namespace": "unmounted"}
    try:
        made = attachments(container)
    except StateCorrupt:
        return {}
    names = config.options["network"]["networks"]
    result = {}
    for one in made:
        # The default network has no name in the option.
        if one.result is None or one.forwarding:
            result[one.interface] = "half made"
        elif one.network not in names and "" not in names:
            result[one.interface] = "left over"
        elif not is_intact(container, one):
            result[one.interface] = "without its link or address"
    if len(made) < len(names):
        result.update((name or "default", "not attached") for name in names if all(one.network != name for one in made))
    # podman forwards the ports on each network.
    if list(dict.fromkeys(port for one in made for port in one.ports)) != list(config.ports):
        result["ports"] = "not all forwarded"
    return result


def is_intact(container: ContainerBase, attachment: NetworkAttachment) -> bool:
    """Return whether the link and its addresses are there, by proc_net(5) of the container's process."""
    links = {line.partition(":")[0].strip() for line in _lines(container, "dev")}
    if attachment.interface not in links:
        return False
    if container.sandboxed:
        return True  # it may have moved the addresses into a network stack of its own
    facts = attachment.facts
    local = {line.split()[-1] for line in _lines(container, "fib_trie") if "|-- " in line}
    if local and not {one.ip for one in facts.ipv4} <= local:
        return False
    if not facts.ipv6:
        return True
    return {_hex(one.ip) for one in facts.ipv6} <= {line.split()[0] for line in _lines(container, "if_inet6")}


def lacks_route(container: ContainerBase, destination: str) -> bool:
    """Return whether the namespace has no route to the network ``ADDRESS/PREFIX``."""
    import ipaddress

    network = ipaddress.ip_network(destination)
    if network.version == 6:
        rows = [line.split() for line in _lines(container, "ipv6_route")]
        there = {(row[0], int(row[1], 16)) for row in rows if row[-1] != "lo"}
        return (network.network_address.packed.hex(), network.prefixlen) not in there
    rows = [line.split() for line in _lines(container, "route")[1:]]
    fields = (f"{int.from_bytes(one.packed, 'little'):08X}" for one in (network.network_address, network.netmask))
    return tuple(fields) not in {(row[1], row[7]) for row in rows}


def _is_mounted(container: ContainerBase) -> bool:
    """Return whether the process's network namespace is mounted where the engine and the plugins expect it."""
    if container.sandboxed:
        return os.path.ismount(container.netns_path)  # it need not join it
    try:
        return os.stat(container.netns_path).st_ino == os.stat(f"{container.proc}/ns/net").st_ino
    except OSError:
        return False


def _hex(ip: str) -> str:
    import socket

    return socket.inet_pton(socket.AF_INET6, ip).hex()


def _lines(container: ContainerBase, name: str) -> list[str]:
    try:
        with open(f"{container.proc}/net/{name}", encoding="utf-8", errors="replace") as file:
            return file.readlines()
    except OSError:
        return []
