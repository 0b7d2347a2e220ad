# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete tracked connections with the published port that led to them.

A peer of a UDP port keeps its entry, and reaches the container by it, as long as it sends: rules apply to the first
packet alone. The netlink messages are those of ``linux/netfilter/nfnetlink_conntrack.h``, written here since pyroute2
takes 200 ms to import.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from typing import Collection, Iterable, Iterator, NamedTuple

from ..._model.failpoints import failpoint
from ..._model.options.network.ports import PortMapping
from ..._model.records.network import NetworkAttachment

# SCTP associations expire only after days; TCP connections end with the container's address.
PROTOCOLS = {"udp": socket.IPPROTO_UDP, "sctp": socket.IPPROTO_SCTP}
# Of a kernel without ctnetlink, or one that refuses: the entries expire by themselves.
_REFUSALS = (OSError, struct.error)
_SECONDS = 5.0
_TRIES = 3
_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, _DELETE
_REQUEST, _ACK, _DUMP, _DUMP_INTERRUPTED = 0x1, 0x4, 0x300, 0x10
_ERROR, _DONE = 2, 3
_NESTED, _TYPE = 0x8000, 0x3FFF
_TUPLE_ORIG, _TUPLE_REPLY, _ID, _ZONE, _FILTER = 1, 2, 12, 18, 25
_TUPLE_IP, _TUPLE_PROTO = 1, 2
_FILTER_REPLY = 2
_FILTER_SOURCE, _FILTER_PROTOCOL = 1 << 0, 1 << 3


class Forwarding(NamedTuple):
    """A published port, and the container's address behind it."""

    port: PortMapping
    ip: str


def forget_ports(attachment: NetworkAttachment, kept: Collection[PortMapping] = ()) -> None:
    """Delete the kernel's connections to the attachment's published ports, except to ``kept`` ones."""
    facts = attachment.facts
    forget(
        Forwarding(port, address.ip)
        for addresses in (facts.ipv4, facts.ipv6)
        for address in addresses[:1]
        for port in attachment.ports
        if port not in kept and port.forwards(":" in address.ip)
    )


def forget_unforwarded(attachment: NetworkAttachment) -> None:
    """Delete the connections to the attachment's published ports that end at the host itself.

    Their peers have sent before the rules were there. With a new entry, they reach the container.
    """
    ports = [port for port in attachment.ports if port.protocol in PROTOCOLS]
    facts = attachment.facts
    for family, addresses in ((socket.AF_INET, facts.ipv4), (socket.AF_INET6, facts.ipv6)):
        here = [port for port in ports if addresses and port.forwards(family == socket.AF_INET6)]
        for protocol in sorted({port.protocol for port in here}):
            with contextlib.suppress(*_REFUSALS), _netlink() as netlink:
                entries = _entries(netlink, family, PROTOCOLS[protocol], b"")
                _delete(netlink, family, [one for one in entries if any(_ends_here(one, port) for port in here)])


def forget(forwardings: Iterable[Forwarding]) -> None:
    """Delete the connections through these published ports, as far as the kernel allows.

    A connection that is not forwarded, such as one to the container's own address, stays.
    """
    groups: dict[tuple[str, str], list[Forwarding]] = {}
    for one in forwardings:
        if one.port.protocol in PROTOCOLS:
            groups.setdefault((one.port.protocol, one.ip), []).append(one)
    if not groups:
        return
    with contextlib.suppress(*_REFUSALS), _netlink() as netlink:
        for (protocol, ip), wanted in groups.items():
            _forget(netlink, PROTOCOLS[protocol], ip, wanted)


@contextlib.contextmanager
def _netlink() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.settimeout(_SECONDS)
        yield netlink


def _forget(netlink: socket.socket, protocol: int, ip: str, wanted: list[Forwarding]) -> None:
    family = _family(ip)
    address = socket.inet_pton(family, ip)
    entries = _entries(netlink, family, protocol, address)
    _delete(netlink, family, [entry for entry in entries if any(_is_through(entry, one) for one in wanted)])


def _delete(netlink: socket.socket, family: int, matching: list[dict[int, bytes]]) -> None:
    if matching:
        failpoint("forget connections")
    for entry in matching:
        # By its ID, a newer connection of the same peer stays.
        key = b"".join(_attribute(kind, entry[kind]) for kind in (_TUPLE_ORIG, _ZONE, _ID) if kind in entry)
        _send(netlink, _DELETE, _REQUEST | _ACK, family, key)
        for _kind, _flags, body in _answers(netlink, time.monotonic() + _SECONDS):
            _check(body, gone=True)


def _entries(netlink: socket.socket, family: int, protocol: int, address: bytes) -> list[dict[int, bytes]]:
    """Return the entries of a protocol whose replies come from an address, any where it is empty, and perhaps others.

    The kernel filters them from 5.8 on, except by an IPv6 address, with which it returns the wrong ones. An older one
    ignores the filter and returns the whole table.

    :raises OSError: the kernel lacks the subsystem or refuses, or the time is exceeded.
    """
    flags, reply = _FILTER_PROTOCOL, _nest(_TUPLE_PROTO, _attribute(1, bytes([protocol])))
    if family == socket.AF_INET and address:
        flags, reply = flags | _FILTER_SOURCE, _nest(_TUPLE_IP, _attribute(1, address)) + reply
    selection = _nest(_TUPLE_REPLY, reply) + _nest(_FILTER, _attribute(_FILTER_REPLY, struct.pack("=I", flags)))
    deadline = time.monotonic() + _SECONDS
    entries: list[dict[int, bytes]] = []
    for _try in range(_TRIES):
        _send(netlink, _GET, _REQUEST | _DUMP, family, selection)
        complete = True
        for kind, message_flags, body in _answers(netlink, deadline):
            complete = complete and not message_flags & _DUMP_INTERRUPTED
            if kind == _ERROR:
                _check(body)
            elif kind != _DONE:
                entries.append(_attributes(body[4:]))
        if complete:
            break
    return entries


def _is_through(entry: dict[int, bytes], wanted: Forwarding) -> bool:
    """Return whether the connection of an entry goes through a published port."""
    protocol, _source, to, _source_port, to_port = _tuple(entry.get(_TUPLE_ORIG, b""))
    _protocol, ip, _peer, port, _peer_port = _tuple(entry.get(_TUPLE_REPLY, b""))
    kind, host_port, host_ip = wanted.port.host_key
    return (
        (protocol, ip, port, to_port) == (PROTOCOLS[kind], _packed(wanted.ip), wanted.port.container_port, host_port)
        and to != ip
        and (not host_ip or to == _packed(host_ip))
    )


def _ends_here(entry: dict[int, bytes], port: PortMapping) -> bool:
    """Return whether the connection of an entry is to a published port, and ends at an address of the host."""
    protocol, source, to, source_port, to_port = _tuple(entry.get(_TUPLE_ORIG, b""))
    there_and_back = _tuple(entry.get(_TUPLE_REPLY, b"")) == (protocol, to, source, to_port, source_port)
    kind, host_port, host_ip = port.host_key
    wanted = (protocol, to_port) == (PROTOCOLS.get(kind), host_port) and (not host_ip or to == _packed(host_ip))
    return wanted and there_and_back and _is_local(to)


def _is_local(address: bytes) -> bool:
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((socket.inet_ntop(family, address), 0))
        except OSError:
            return False
    return True


def _tuple(data: bytes) -> tuple[int, bytes, bytes, int, int]:
    """Return protocol, source, destination and their ports of one direction."""
    parts = _attributes(data)
    addresses, ports = _attributes(parts.get(_TUPLE_IP, b"")), _attributes(parts.get(_TUPLE_PROTO, b""))
    source, to = (addresses.get(kind) or addresses.get(kind + 2, b"") for kind in (1, 2))
    numbers = [int.from_bytes(ports.get(kind, b""), "big") for kind in (1, 2, 3)]
    return numbers[0], source, to, numbers[1], numbers[2]


def _family(ip: str) -> int:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def _packed(ip: str) -> bytes:
    return socket.inet_pton(_family(ip), ip)


# Messages


def _send(netlink: socket.socket, kind: int, flags: int, family: int, attributes: bytes) -> None:
    body = struct.pack("=BBH", family, 0, 0) + attributes
    netlink.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body)


def _answers(netlink: socket.socket, deadline: float) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, flags and body of each message, up to the end of a dump, an acknowledgement or an error.

    :raises OSError: the deadline has passed.
    """
    while True:
        if time.monotonic() > deadline:
            raise TimeoutError(errno.ETIMEDOUT, "conntrack")
        data = netlink.recv(1 << 16)
        while len(data) >= 16:
            length, kind, flags = struct.unpack_from("=IHH", data)
            yield kind, flags, data[16:length]
            if kind in (_ERROR, _DONE):
                return
            data = data[_aligned(max(length, 16)) :]


def _check(body: bytes, *, gone: bool = False) -> None:
    """Raise the error in a message; where the entry may be ``gone``, ENOENT is none.

    :raises OSError: the kernel answered with one.
    """
    (code,) = struct.unpack_from("=i", body)
    if code and not (gone and code == -errno.ENOENT):
        raise OSError(-code, "conntrack")


def _attributes(data: bytes) -> dict[int, bytes]:
    attributes = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        attributes[kind & _TYPE] = data[4 : max(length, 4)]
        data = data[_aligned(max(length, 4)) :]
    return attributes


def _attribute(kind: int, data: bytes) -> bytes:
    length = 4 + len(data)
    return struct.pack("=HH", length, kind) + data + bytes(_aligned(length) - length)


def _nest(kind: int, data: bytes) -> bytes:
    return _attribute(kind | _NESTED, data)


def _aligned(length: int) -> int:
    return (length + 3) & ~3
