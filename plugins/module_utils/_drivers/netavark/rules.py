# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall rules that netavark keeps for a network and its published ports, in iptables or nftables."""

from __future__ import annotations

import ipaddress
import re
from typing import Callable, Iterator, NamedTuple

from ..._model import foreign
from ..._model.errors import ToolFailed, ToolMissing
from ..._model.options.network.ports import PortMapping
from ..._model.records.network import NetworkAttachment, PortRange
from .. import command

Lines = list[str]


class Grammar(NamedTuple):
    """Patterns of the rules in lines that begin with their chain, as the firewall's own program prints them."""

    masquerade: str
    accept: str
    hook: str
    jump: str
    target: str
    dash: str  # between the first and the last of several ports in a row, which one rule hands to the chain
    each: bool  # whether that chain has a rule for each of them


class _Rule(NamedTuple):
    """A rule that forwards ``length`` ports; ``row`` is how the rule names them that hands them to its chain."""

    first: PortMapping
    length: int
    row: str


# As iptables-save(8) prints them; netavark has this driver before 2.0.
IPTABLES = Grammar(
    masquerade="POSTROUTING -s {subnet} .*-j NETAVARK-",
    accept="NETAVARK_FORWARD .*-s {subnet} .*-j ACCEPT",
    hook="{hook} .*-j NETAVARK-HOSTPORT-DNAT$",
    jump=r"NETAVARK-HOSTPORT-DNAT .*-p {protocol} .*--dport {row} .*-j (\S+)$",
    target=r"{chain} (?:-d ([^ /]+)\S* )?-p {protocol} .*--dport {port} -j DNAT --to-destination (\S+)$",
    dash=":",
    each=False,
)
# As nft(8) lists netavark's table, each rule behind its chain's name; netavark has this driver from 1.10 on.
NFTABLES = Grammar(
    masquerade="POSTROUTING ip6? saddr {subnet} jump nv_",
    accept="FORWARD ip6? saddr {subnet} accept",
    hook="{hook} .*jump NETAVARK-HOSTPORT-DNAT$",
    jump=r"NETAVARK-HOSTPORT-DNAT (?:ip6? daddr \S+ )?{protocol} dport {row} jump (\S+)$",
    target=r"{chain} (?:ip6? daddr (\S+) )?{protocol} dport {port} dnat ip6? to (\S+)$",
    dash="-",
    each=True,
)


def complaint(attachment: NetworkAttachment) -> str:
    """Return which rules of an attachment to a bridge are missing, empty where all are there.

    Chains of the other firewall may be left from before an update of netavark. So it is the one with most of the rules.
    """
    if attachment.config["driver"] != "bridge" or attachment.config.get("internal"):
        return ""
    lacking = [*_lacking(attachment, _in_iptables, IPTABLES)]
    if lacking:
        table = _nftables()
        others = [*_lacking(attachment, lambda six: table, NFTABLES)] if table else lacking
        lacking = min(others, lacking, key=len)
    return " and ".join(lacking)


def require_nftables(netavark: str) -> None:
    """Check that netavark uses nftables, and can; versions before 1.10 do not tell, and have iptables.

    :raises ToolMissing: iptables is needed, or nft is not installed.
    """
    output = command.run([netavark, "version"], package="netavark", changes=False)
    driver = foreign.parse(output, "its version")["default_fw_driver"].text() or "iptables"
    needed = {"iptables": ("iptables", "iptables"), "nftables": ("nft", "nftables")}.get(driver)
    if needed and not command.is_installed(needed[0]):
        raise ToolMissing(*needed)


def are_repeated() -> bool:
    """Return whether netavark has a rule of published ports twice in nftables."""
    rules = [line for line in _nftables() if " dport " in line]
    return len(rules) != len(set(rules))


def saved(six: bool) -> str:
    """Return what iptables-save(8) prints for IPv4 or IPv6, nothing where the host lacks it."""
    return _output("ip6tables-save" if six else "iptables-save", package="iptables")


def _lacking(attachment: NetworkAttachment, rules: Callable[[bool], Lines], grammar: Grammar) -> Iterator[str]:
    for six, addresses in ((False, attachment.facts.ipv4), (True, attachment.facts.ipv6)):
        for address in addresses[:1]:
            kind = f"IPv{6 if six else 4}"
            lines = rules(six)
            subnet = ipaddress.ip_interface(f"{address.ip}/{address.prefix_length}").network
            if not _has(lines, grammar.masquerade, subnet=subnet):
                yield f"the {kind} masquerading rules are gone"
            if not _has(lines, grammar.accept, subnet=subnet):
                yield f"the {kind} rules that accept forwarded packets are gone"
            ports = [one for one in attachment.forwarded if one.first.forwards(six)]
            for hook in ("PREROUTING", "OUTPUT") if ports else ():
                if not _has(lines, grammar.hook, hook=hook):
                    yield f"{kind} packets no longer pass the rules of published ports in {hook}"
            for rule in (rule for one in ports for rule in _rules(one, grammar)):
                port = rule.first
                wanted = f"[{address.ip}]:{port.container_port}" if six else f"{address.ip}:{port.container_port}"
                several = r"-\d+(/\d+)?" if rule.length > 1 else ""
                if not re.fullmatch(re.escape(wanted) + several, _target(lines, grammar, rule, six)):
                    mapped = f"{port.host_port}/{port.protocol}"
                    yield f"the {kind} rule of the published port {mapped} is gone, or comes after another one"


def _has(lines: Lines, pattern: str, **values: object) -> bool:
    find = re.compile(pattern.format(**{name: re.escape(str(value)) for name, value in values.items()}))
    return any(map(find.match, lines))


def _rules(ports: PortRange, grammar: Grammar) -> Iterator[_Rule]:
    """Yield the rules by which ports in a row should be forwarded."""
    first, length = ports
    row = f"{first.host_port}{grammar.dash}{first.host_port + length - 1}" if length > 1 else str(first.host_port)
    for more in range(length if grammar.each else 1):
        port = first._replace(host_port=first.host_port + more, container_port=first.container_port + more)
        yield _Rule(port, 1 if grammar.each else length, row)


def _target(lines: Lines, grammar: Grammar, rule: _Rule, six: bool) -> str:
    """Return where the first such rule for these host ports leads, empty where there is none."""
    port = rule.first
    values = {"protocol": port.protocol, "row": rule.row, "port": rule.row if rule.length > 1 else port.host_port}
    find = re.compile(grammar.jump.format(**values))
    for chain in (match[1] for match in map(find.match, lines) if match):
        for match in map(re.compile(grammar.target.format(chain=re.escape(chain), **values)).match, lines):
            if match and match[2].startswith("[") == six and (match[1] or port.host_key[2]) == port.host_key[2]:
                return match[2]
    return ""


def _in_iptables(six: bool) -> Lines:
    return [line[3:] for line in saved(six).splitlines() if line.startswith("-A ")]


def _nftables() -> Lines:
    """Return the rules of netavark's table, each behind its chain's name."""
    lines, chain = [], ""
    for line in map(str.strip, _output("nft", "--stateless", "list", "table", "inet", "netavark").splitlines()):
        if line.startswith("chain "):
            chain = line.split()[1]
        else:
            lines.append(f"{chain} {line}")
    return lines


def _output(*argv: str, package: str = "nftables") -> str:
    """Return what a program prints, nothing where the host lacks it, or the table that it is to show."""
    try:
        return command.run(argv, package=package, changes=False, tool="iptables")
    except (ToolMissing, ToolFailed):
        return ""
