# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of iptables that the engine removes in the place of ``teardown`` of netavark 1.4.

netavark starts ``iptables`` twice for each rule, and the kernel waits for a grace period after most removals. The
engine removes all rules in one transaction for each table. It does so where it finds all of them, as this version makes
them (containers/netavark, src/firewall/varktables/types.rs). All else is left to netavark.
"""

from __future__ import annotations

import os
import socket
from typing import NamedTuple, Optional, Sequence

from ..._model import foreign
from ..._model.errors import MalformedData, ToolFailed, ToolMissing, ToolTimedOut
from ..._model.failpoints import failpoint
from ..._model.records.network import NetworkAttachment
from .. import command, limits
from ..cni import nat_rules
from . import config as networks
from . import rules

_VERSION = "1.4."
_NAT, _FILTER = "nat", "filter"
_HASH_LENGTH = 13  # MAX_HASH_SIZE of src/firewall/iptables.rs


class _Rule(NamedTuple):
    """A rule as iptables-save(8) prints it; ``optional`` is one that netavark may have removed for another network."""

    table: str
    line: str
    optional: bool = False


class _Family(NamedTuple):
    """What one program, iptables or ip6tables, has, and may lose."""

    six: bool
    tables: dict[str, list[str]]
    ports: list[_Rule]  # of the container
    network: list[_Rule]  # of the network, which go with its bridge


class Removal:
    """The removal of an attachment's rules after ``teardown``, for which netavark takes the network for internal."""

    def __init__(self, container_id: str, attachment: NetworkAttachment, families: Sequence[_Family]) -> None:
        self._attachment, self._families = attachment, families
        self._doing = f"rules of container {container_id[:12]} on network {attachment.network}"

    @classmethod
    def of(cls, container_id: str, attachment: NetworkAttachment, netavark: str, folder: str) -> Optional[Removal]:
        """Return the removal, None where netavark has to remove the rules itself.

        ``folder`` is where netavark keeps what it has done: newer versions keep the rules' origin there as well.

        :raises ToolTimedOut: netavark does not tell its version.
        """
        config = attachment.config
        addresses = networks.one_each(config, attachment.ips)
        usual = (
            config["driver"] == "bridge"
            and not config.get("internal")
            and bool(config.get("network_interface"))
            and _isolate(attachment) in ("true", "false")
            and len(addresses) == len(networks.subnets(config))
        )
        # firewalld has the network's subnets on record too.
        if not usual or os.path.exists(f"{folder}/firewall") or command.is_installed("firewall-cmd"):
            return None
        families = [_family(container_id, attachment, addresses, six) for six in (False, True)]
        found = [one for one in families if one.network]
        if not found or not all(map(_is_complete, found)) or not _is_known_version(netavark):
            return None
        return cls(container_id, attachment, found)

    @property
    def without_rules(self) -> NetworkAttachment:
        """The attachment for ``teardown``, which removes link, bridge and name as ever, and looks for no rules."""
        config = {**self._attachment.config, "internal": True}
        return self._attachment._replace(config=config, ports=(), ranges=())

    def remove(self, held: Sequence[int]) -> bool:
        """Remove the rules, and those of the network where its bridge has gone with this link; return whether all did.

        ``held`` are locks that the programs inherit.

        :raises ToolTimedOut: a program did not end.
        """
        bridge = str(self._attachment.config["network_interface"])
        complete = bridge not in [name for _index, name in socket.if_nameindex()]
        scripts = [(one.six, _script(one, self._attachment, complete)) for one in self._families]
        failpoint("netavark DEL rules")
        try:
            started = [nat_rules.begin_restore(six, script, held) for six, script in scripts if script]
        except ToolMissing:
            return False
        ended = [command.finish(one, limits.of("iptables"), self._doing) for one in started]
        return all(one.code == 0 for one in ended)


def _isolate(attachment: NetworkAttachment) -> str:
    return str((attachment.config.get("options") or {}).get("isolate", "false"))


def _is_known_version(netavark: str) -> bool:
    try:
        output = command.run([netavark, "version"], package="netavark", changes=False)
        return foreign.parse(output, "its version")["version"].text().startswith(_VERSION)
    except ToolTimedOut:
        raise
    except (ToolFailed, ToolMissing, MalformedData):
        return False


def _family(container_id: str, attachment: NetworkAttachment, addresses: Sequence[str], six: bool) -> _Family:
    """Return the rules of one family as they should be, and what is there; nothing where the network lacks it."""
    config = attachment.config
    there = [
        (str(subnet), ip) for subnet, ip in zip(networks.subnets(config), addresses) if (subnet.version == 6) == six
    ]
    if not there:
        return _Family(six, {}, [], [])
    isolated = _isolate(attachment) == "true"
    bridge = str(config["network_interface"])
    network = [rule for subnet, _ip in there for rule in _of_network(attachment.network, subnet, six)]
    network += _of_isolation(bridge) if isolated else []
    ports = _of_ports(container_id, attachment, *there[0], six)
    return _Family(six, _tables(rules.saved(six)), [*dict.fromkeys(ports)], [*dict.fromkeys(network)])


def _of_network(name: str, subnet: str, six: bool) -> list[_Rule]:
    chain = _chain(name)
    multicast = "ff00::/8" if six else "224.0.0.0/4"
    return [
        _Rule(_NAT, f"-A {chain} -d {subnet} -j ACCEPT"),
        _Rule(_NAT, f"-A {chain} ! -d {multicast} -j MASQUERADE"),
        _Rule(_NAT, f"-A POSTROUTING -s {subnet} -j {chain}"),
        _Rule(_FILTER, f"-A NETAVARK_FORWARD -d {subnet} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
        _Rule(_FILTER, f"-A NETAVARK_FORWARD -s {subnet} -j ACCEPT"),
    ]


def _of_isolation(bridge: str) -> list[_Rule]:
    return [
        _Rule(_FILTER, f"-A NETAVARK_ISOLATION_1 -i {bridge} ! -o {bridge} -j NETAVARK_ISOLATION_2"),
        _Rule(_FILTER, f"-A NETAVARK_ISOLATION_2 -o {bridge} -j DROP"),
        # All isolated networks share it, and the first one that goes takes it along.
        _Rule(_FILTER, "-A FORWARD -j NETAVARK_ISOLATION_1", optional=True),
    ]


def _of_ports(container_id: str, attachment: NetworkAttachment, subnet: str, ip: str, six: bool) -> list[_Rule]:
    chain = _ports_chain(attachment.network)
    comment = f'-m comment --comment "dnat name: {attachment.network} id: {container_id}"'
    bits, local, target = (128, "::1", f"[{ip}]") if six else (32, "127.0.0.1", ip)
    made = []
    for port, length in attachment.forwarded:
        if not port.forwards(six):
            continue
        last = length - 1
        row = f"{port.host_port}:{port.host_port + last}" if last else f"{port.host_port}"
        inside = f"{port.container_port}"
        if last:
            inside += f"-{port.container_port + last}/{port.host_port}"
        match = f"-p {port.protocol} -m {port.protocol} --dport {row}"
        host = f"-d {port.host_ip}/{bits} " if port.host_key[2] else ""
        made += [
            f"-A NETAVARK-HOSTPORT-DNAT {match} {comment} -j {chain}",
            f"-A {chain} -s {subnet} {host}{match} -j NETAVARK-HOSTPORT-SETMARK",
            f"-A {chain} -s {local}/{bits} {host}{match} -j NETAVARK-HOSTPORT-SETMARK",
            f"-A {chain} {host}{match} -j DNAT --to-destination {target}:{inside}",
        ]
    return [_Rule(_NAT, line) for line in made]


def _tables(text: str) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {_NAT: [], _FILTER: []}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line[1:], [])
        elif line.startswith("-A "):
            lines.append(line)
    return tables


def _is_complete(family: _Family) -> bool:
    return all(rule.optional or rule.line in family.tables[rule.table] for rule in (*family.ports, *family.network))


def _script(family: _Family, attachment: NetworkAttachment, complete: bool) -> str:
    """Return the input of iptables-restore; netavark leaves a chain that has other rules, and those of all networks."""
    going = [*family.ports, *(family.network if complete else ())]
    chains = [_chain(attachment.network), *([_ports_chain(attachment.network)] if attachment.forwarded else ())]
    script = []
    for table, lines in family.tables.items():
        left, steps = list(lines), []
        for rule in going:
            if rule.table == table and rule.line in left:
                left.remove(rule.line)
                steps.append(f"-D{rule.line[2:]}")
        if complete and table == _NAT:
            steps += [f"-X {one}" for one in chains if not any(line.startswith(f"-A {one} ") for line in left)]
        if steps:
            script += [f"*{table}", *steps, "COMMIT"]
    return "".join(f"{line}\n" for line in script)


def _chain(network: str) -> str:
    """Return the chain for a network's masquerading: ``create_network_hash`` of src/network/core_utils.rs."""
    from hashlib import sha512

    return f"NETAVARK-{sha512(network.encode()).hexdigest()[:_HASH_LENGTH].upper()}"


def _ports_chain(network: str) -> str:
    return _chain(network).replace("NETAVARK-", "NETAVARK-DN-", 1)
