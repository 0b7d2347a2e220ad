# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's resolvers, as a container in another network namespace can use them (resolv.conf(5)).

A server on the host's loopback answers the host alone. Behind it the servers that it asks itself are looked for, where
systemd-resolved, NetworkManager and dnsmasq keep them.
"""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Iterator, NamedTuple, Optional

from .._model.errors import MalformedData
from .._model.foreign import read_regular

_MAX_BYTES = 1 << 20  # of one file; resolvers use the first three servers
_MAX_FILES = 100  # of dnsmasq's directory
_RESOLVED_STUBS = ("127.0.0.53", "127.0.0.54")
_RESOLVED = "/run/systemd/resolve/resolv.conf"
_NETWORK_MANAGER = ("/run/NetworkManager/no-stub-resolv.conf", "/run/NetworkManager/resolv.conf")
_DNSMASQ, _DNSMASQ_FILE, _DNSMASQ_DIRECTORY = "/run/dnsmasq/resolv.conf", "/etc/dnsmasq.conf", "/etc/dnsmasq.d"
_DNSMASQ_LINE = re.compile(r"\s*(server|resolv-file|no-resolv)\s*(?:=\s*\"?([^\s\"]+))?")


class Resolvers(NamedTuple):
    """What a resolv.conf says: ``servers``, domains to ``search``, and ``options``."""

    servers: list[str]
    search: list[str]
    options: list[str]

    @property
    def reachable(self) -> list[str]:
        """The servers that can be asked from another network namespace."""
        return [server for server in self.servers if _is_reachable(server)]


def parse(text: str) -> Resolvers:
    """Return what the text of a resolv.conf says, as the C library reads it: options add up, the last search counts."""
    found = Resolvers([], [], [])
    for line in text.split("\n"):
        words = list(_before_comment(line.split("\0", 1)[0]))
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            found.servers.append(words[1])
        elif words[0] in ("search", "domain"):
            found.search[:] = words[1:]
        elif words[0] == "options":
            found.options.extend(words[1:])
    return found


def _before_comment(line: str) -> Iterator[str]:
    for word in line.split():
        if word.startswith(("#", ";")):
            return
        yield word


def of_host() -> Resolvers:
    """Return what the host's own resolv.conf says.

    :raises MalformedData: it is not a regular file, or too long. :raises OSError: it cannot be read.
    """
    return parse(_text("/etc/resolv.conf"))


def outside_host(host: Resolvers) -> Resolvers:
    """Return the host's resolvers as another network namespace can use them; no servers where it can reach none."""
    stub = any(server in _RESOLVED_STUBS for server in host.servers)
    if host.reachable and not stub:
        return host._replace(servers=host.reachable)
    for behind in _behind(stub):
        if behind.reachable:
            # The host trusts the local server's word on DNSSEC, and perhaps not the way to those behind it.
            options = behind.options or [one for one in host.options if one != "trust-ad"]
            return Resolvers(behind.reachable, behind.search or host.search, options)
    return host._replace(servers=host.reachable)


def _behind(stub: bool) -> Iterator[Resolvers]:
    """The resolvers that a local server may ask, the likeliest first; ``stub``: it is systemd-resolved's."""
    paths = (_RESOLVED, *_NETWORK_MANAGER) if stub else _NETWORK_MANAGER
    yield from map(_optional, paths)
    yield _dnsmasq()
    if not stub:
        yield _optional(_RESOLVED)


def _dnsmasq() -> Resolvers:
    """The servers that dnsmasq's configuration names for all domains, or that its resolv-file does (dnsmasq(8))."""
    files, servers, asks_files = [_DNSMASQ], [], True
    for path in _dnsmasq_files():
        for line in _optional_text(path).split("\n"):
            option = _DNSMASQ_LINE.match(line)
            if not option:
                continue
            if option[1] == "no-resolv":
                asks_files = False
            elif option[1] == "resolv-file" and (option[2] or "").startswith("/"):
                files.append(option[2])
            elif option[1] == "server":
                servers += _dnsmasq_server(option[2] or "")
    found = [server for path in files[:_MAX_FILES] for server in _optional(path).servers] if asks_files else []
    return Resolvers(found + servers, [], [])  # of a resolv-file dnsmasq takes the servers alone


def _dnsmasq_files() -> list[str]:
    try:
        with os.scandir(_DNSMASQ_DIRECTORY) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(".conf"))
    except OSError:
        names = []
    return [_DNSMASQ_FILE, *(f"{_DNSMASQ_DIRECTORY}/{name}" for name in names[:_MAX_FILES])]


def _dnsmasq_server(value: str) -> list[str]:
    """The address in ``ADDRESS[#PORT][@SOURCE]``; none where it is for some domains, or at a port of its own."""
    address, _at, _source = value.partition("@")
    address, hash_sign, port = address.partition("#")
    return [address] if address and "/" not in address and (not hash_sign or port == "53") else []


def _text(path: str) -> str:
    try:
        return read_regular(path, max_bytes=_MAX_BYTES).decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""


def _optional_text(path: str) -> str:
    try:
        return _text(path)
    except (MalformedData, OSError):
        return ""


def _optional(path: str) -> Resolvers:
    return parse(_optional_text(path))


def _is_reachable(server: str) -> bool:
    """Whether the address is neither the host's loopback nor on a link that only the host has."""
    address = _address(server)
    if isinstance(address, IPv6Address):
        # A scope is an interface of the host's.
        if "%" in server or address.is_link_local:
            return False
        address = address.ipv4_mapped or address
    # The C library takes the unspecified address for this very host.
    return address is not None and not (address.is_loopback or address.is_unspecified)


def _address(word: str) -> Optional[IPv4Address | IPv6Address]:
    """The address that the C library reads in a word, such as 127.0.0.1 in ``127.1``; None where it reads none."""
    try:
        return ip_address(word.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(word))
    except OSError:
        return None
