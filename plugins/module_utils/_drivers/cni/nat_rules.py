# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that CNI plugins keep for containers in the nat tables of IPv4 and IPv6, as iptables-save(8) prints them.

The programs are found in the plugins' own PATH, and so use the same backend, nft or legacy. portmap's rules lead from
``PREROUTING`` and ``OUTPUT`` to ``CNI-HOSTPORT-DNAT``, from there by protocol and host ports to the container's
``CNI-DN-…``, and by port and host address to the container. Of two rules for a port, the first one counts.
"""

from __future__ import annotations

import re
import socket
from typing import Collection, Iterator, NamedTuple, Sequence

from ..._model import shared_locks
from ..._model.errors import ToolFailed, ToolMissing
from ..._model.options.network.ports import ANY_ADDRESS, PortMapping
from ..._model.options.syntax.parsers import natural
from ..._model.records.network import NetworkAttachment
from .. import command, limits

PORTMAP = "portmap"
_PORTS = "CNI-HOSTPORT-DNAT"
# The comment of the bridge and ptp plugins' masquerading rules, and of portmap's.
_OWNER = re.compile(r'--comment "(?:dnat )?name: \\"([^"\\]+)\\" id: \\"([^"\\]+)\\""')
# Messages of the programs where the kernel has no such table.
_NO_TABLE = ("Table does not exist", "generation id: Invalid argument", "Protocol not supported")
# Options of iptables-restore(8): keep the other rules, and seconds for the lock of the legacy backend.
ADD_TO_TABLE = ("--noflush", "-w", "10")
_MOST_PORT = 65535


class Owner(NamedTuple):
    """The container and network of a rule, by its comment."""

    network: str
    container_id: str

    @property
    def chains(self) -> tuple[str, str]:
        """The chains for its masquerading and its published ports: FormatChainName of containernetworking/plugins."""
        from hashlib import sha512

        name = sha512(f"{self.network}{self.container_id}".encode()).hexdigest()
        return f"CNI-{name[:24]}", f"CNI-DN-{name[:21]}"


class Forward(NamedTuple):
    """One published port in one table, and the container's address that it leads to."""

    owner: Owner
    port: PortMapping
    ip: str


Lines = list[str]


def forwarded(attachment: NetworkAttachment) -> bool:
    """Return whether portmap keeps rules for the attachment's published ports."""
    return bool(attachment.ports) and any(
        plugin["type"] == PORTMAP
        for plugin in attachment.config.get("plugins", ())  # netavark's networks have none
    )


def program(verb: str, six: bool) -> str:
    """Return the program of IPv4 or IPv6 that does ``save`` or ``restore``."""
    return f"{'ip6' if six else 'ip'}tables-{verb}"


def saved(six: bool, doing: str = "") -> Lines:
    """Return the lines of the nat table of IPv4 or IPv6; none where the host lacks the table or the program.

    :raises ToolFailed: the table cannot be read.
    """
    argv = [program("save", six), "-t", "nat"]
    try:
        text = command.run(argv, package="iptables", changes=False, doing=doing, tool="iptables")
    except ToolMissing:
        return []
    except ToolFailed as error:
        if any(message in error.stderr for message in _NO_TABLE):
            return []
        raise
    return text.splitlines()


def begin_restore(six: bool, script: str, locks: Sequence[int]) -> command.Started:
    """Start the program that changes the tables of IPv4 or IPv6 as a script says, for ``command.finish``.

    It inherits ``locks``, and those of the task.

    :raises ToolMissing: the host lacks it.
    """
    return command.start(
        [program("restore", six), *ADD_TO_TABLE],
        package="iptables",
        env=command.tool_environment({}),
        limit=limits.of("iptables"),
        input=script,
        pass_fds=(*shared_locks.descriptors, *locks),
    )


def remove(six: bool, chains: Collection[str], doing: str = "") -> set[str]:
    """Remove those of these chains that exist in one table, and the rules that lead to them, in one transaction.

    Return the chains that existed.

    :raises ToolFailed: a chain remains, or the table cannot be read.
    """
    lines = saved(six, doing)
    there, script = _declared(lines, chains), _removal(lines, chains)
    if not script:
        return set()
    try:
        command.run(
            [program("restore", six), *ADD_TO_TABLE],
            package="iptables",
            input="\n".join(["*nat", *script, "COMMIT", ""]),
            doing=doing,
            tool="iptables",
        )
    except ToolFailed:
        if _removal(saved(six, doing), chains):  # otherwise another process has removed them
            raise
    return set(there)


def masquerading(six: bool, container_id: str, attachment: NetworkAttachment) -> str:
    """Return the input of iptables-restore that makes the rules which masquerade the attachment's addresses.

    They are those of ``ip.SetupIPMasq`` of containernetworking/plugins: packets to the own network and multicast stay.
    """
    chain = Owner(attachment.network, container_id).chains[0]
    name = attachment.network.replace("\\", "\\\\").replace('"', '\\"')
    comment = rf'-m comment --comment "name: \"{name}\" id: \"{container_id}\""'
    addresses = attachment.facts.ipv6 if six else attachment.facts.ipv4
    multicast, bits = ("ff00::/8", 128) if six else ("224.0.0.0/4", 32)
    return "\n".join(
        [
            "*nat",
            f":{chain} - [0:0]",
            *(f"-A {chain} -d {one.ip}/{one.prefix_length} {comment} -j ACCEPT" for one in addresses),
            f"-A {chain} ! -d {multicast} {comment} -j MASQUERADE",
            *(f"-A POSTROUTING -s {one.ip}/{bits} {comment} -j {chain}" for one in addresses),
            "COMMIT\n",
        ]
    )


def _declared(lines: Lines, chains: Collection[str]) -> list[str]:
    return [line[1:].split(" ")[0] for line in lines if line.startswith(":") and line[1:].split(" ")[0] in chains]


def _removal(lines: Lines, chains: Collection[str]) -> Lines:
    there = _declared(lines, chains)
    jumps = [f"-D{line[2:]}" for line in lines if line.startswith("-A ") and _option(line, "-j") in chains]
    # A chain that is declared is emptied.
    return [*(f":{chain} - [0:0]" for chain in there), *jumps, *(f"-X {chain}" for chain in there)]


def owners(lines: Lines) -> list[Owner]:
    """Return the owners of all rules, each once."""
    return list(dict.fromkeys(Owner(match[1], match[2]) for match in map(_OWNER.search, lines) if match))


def lacking(container_id: str, attachment: NetworkAttachment) -> str:
    """Return which of portmap's rules for the attachment is missing; empty where all are there.

    :raises ToolFailed: the rules cannot be read.
    """
    owner = Owner(attachment.network, container_id)
    for six, address in _first_addresses(attachment):
        table = saved(six)
        kind = f"IPv{6 if six else 4}"
        for hook in ("PREROUTING", "OUTPUT"):
            if not any(line.startswith(f"-A {hook} ") and _option(line, "-j") == _PORTS for line in table):
                return f"{kind} packets no longer pass the rules of published ports in {hook}"
        there = {one.port.host_key: (one.ip, one.port.container_port) for one in _forwards(table) if one.owner == owner}
        marked = [line for line in table if line.startswith(f"-A {owner.chains[1]} ") and _option(line, "-j") != "DNAT"]
        for mapping in _forwarded_ports(attachment, six):
            port, protocol = mapping.host_port, mapping.protocol
            if there.get(mapping.host_key) != (address, mapping.container_port):
                return f"the {kind} rule of the published port {port}/{protocol} is gone"
            marks = [one for one in marked if (_option(one, "-p"), _option(one, "--dport")) == (protocol, str(port))]
            if _snat(attachment) and len(marks) < (1 if six else 2):
                return f"the {kind} rules that masquerade the published port {port}/{protocol} are gone"
    return ""


def captured(container_id: str, attachment: NetworkAttachment) -> Iterator[Forward]:
    """Yield the published ports of others whose rules come first and take a port of the attachment.

    :raises ToolFailed: the rules cannot be read.
    """
    for six, _address in _first_addresses(attachment):
        mine = {port.host_key for port in _forwarded_ports(attachment, six)}
        for one in _forwards(saved(six)):
            *port, host_ip = one.port.host_key
            own_ips = {ip for *own, ip in mine if own == port}
            if one.owner == Owner(attachment.network, container_id):
                mine.discard(one.port.host_key)
            elif "" in own_ips or host_ip in own_ips or own_ips and not host_ip:
                yield one


def _forwards(lines: Lines) -> Iterator[Forward]:
    """Yield each published port, in the order in which the kernel matches."""
    targets: dict[str, list[tuple[PortMapping, str]]] = {}
    for line in lines:
        if line.startswith("-A CNI-DN-") and _option(line, "-j") == "DNAT":
            port = natural(_option(line, "--dport"), _MOST_PORT)
            ip, _colon, container_port = _option(line, "--to-destination").rpartition(":")
            leads_to = natural(container_port, _MOST_PORT)
            if port is not None and leads_to is not None:
                host_ip = _option(line, "-d").partition("/")[0] or ANY_ADDRESS
                mapping = PortMapping(host_ip, port, leads_to, _option(line, "-p"))
                targets.setdefault(_option(line, "-A"), []).append((mapping, ip.strip("[]")))
    for line in lines:
        owner = _OWNER.search(line)
        if owner and line.startswith(f"-A {_PORTS} "):
            ports = set(re.split("[,:]", _option(line, "--dports")))
            for mapping, ip in targets.get(_option(line, "-j"), ()):
                if mapping.protocol == _option(line, "-p") and str(mapping.host_port) in ports:
                    yield Forward(Owner(owner[1], owner[2]), mapping, ip)


def _first_addresses(attachment: NetworkAttachment) -> Iterator[tuple[bool, str]]:
    """Yield the address of each family that portmap forwards to: the first one."""
    facts = attachment.facts
    for six, addresses in ((False, facts.ipv4), (True, facts.ipv6)):
        if addresses:
            yield six, socket.inet_ntop(*_packed(addresses[0].ip))


def _forwarded_ports(attachment: NetworkAttachment, six: bool) -> list[PortMapping]:
    return [port for port in attachment.ports if port.forwards(six)]


def _snat(attachment: NetworkAttachment) -> bool:
    """Return whether portmap has packets of the container itself and of the host's 127.0.0.1 masqueraded."""
    (plugin,) = [one for one in attachment.config["plugins"] if one["type"] == PORTMAP][:1]
    return plugin.get("snat", True) is not False and not plugin.get("masqAll")


def _packed(ip: str) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return family, socket.inet_pton(family, ip)


def _option(line: str, name: str) -> str:
    """Return the value of an option of a rule, empty where it has none."""
    match = re.search(rf"(?:^| ){name} (\S+)", line)
    return match[1] if match else ""
