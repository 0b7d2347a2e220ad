# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's resolvers, as a container in another network namespace can use them (resolv.conf(5)).

A server on the host's loopback answers the host alone. The servers that it asks itself are taken instead, from the
files of systemd-resolved, NetworkManager and dnsmasq.
"""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Iterator, NamedTuple, Optional

from .._model.errors import MalformedData
from . import foreign_files

_MAX_BYTES = 1 << 20  # of one file; resolvers use the first three servers
_MAX_FILES = 100  # of dnsmasq's directory
_RESOLVED_STUBS = ("127.0.0.53", "127.0.0.54")
_RESOLVED = "/run/systemd/resolve/resolv.conf"
_NETWORK_MANAGER = ("/run/NetworkManager/no-stub-resolv.conf", "/run/NetworkManager/resolv.conf")
_DNSMASQ, _DNSMASQ_FILE, _DNSMASQ_DIRECTORY = "/run/dnsmasq/resolv.conf", "/etc/dnsmasq.conf", "/etc/dnsmasq.d"
_DNSMASQ_LINE = re.compile(r"\s*(server|resolv-file|no-resolv)\s*(?:=\s*\"?([^\s\"]+))?")


class Resolvers(NamedTuple):
    """The content of a resolv.conf: ``servers``, domains to ``search``, and ``options``."""

    servers: list[str]
    search: list[str]
    options: list[str]

    @property
    def reachable(self) -> list[str]:
        """The servers that are reachable from another network namespace."""
        return [server for server in self.servers if _is_reachable(server)]


def parse(text: str) -> Resolvers:
    """Parse a resolv.conf as the C library does: options add up, the last search counts."""
    resolvers = Resolvers([], [], [])
    for line in text.split("\n"):
        fields = list(_before_comment(line.split("\0", 1)[0]))
        if len(fields) < 2:
            continue
        if fields[0] == "nameserver":
            resolvers.servers.append(fields[1])
        elif fields[0] in ("search", "domain"):
            resolvers.search[:] = fields[1:]
        elif fields[0] == "options":
            resolvers.options.extend(fields[1:])
    return resolvers


def _before_comment(line: str) -> Iterator[str]:
    for field in line.split():
        if field.startswith(("#", ";")):
            return
        yield field


def of_host() -> Resolvers:
    """Return the resolvers of the host's own resolv.conf.

    :raises MalformedData: it is not a regular file, or too long. :raises OSError: it cannot be read.
    """
    return parse(_text("/etc/resolv.conf"))


def outside_host(host: Resolvers) -> Resolvers:
    """Return the host's resolvers as another network namespace can use them, without servers where it reaches none."""
    stub = any(server in _RESOLVED_STUBS for server in host.servers)
    if host.reachable and not stub:
        return host._replace(servers=host.reachable)
    for behind in _behind(stub):
        if behind.reachable:
            # The host trusts the local server on DNSSEC, and perhaps not the path to those behind it.
            options = behind.options or [one for one in host.options if one != "trust-ad"]
            return Resolvers(behind.reachable, behind.search or host.search, options)
    return host._replace(servers=host.reachable)


def _behind(stub: bool) -> Iterator[Resolvers]:
    """Yield the resolvers that a local server may ask, the likeliest first; ``stub``: it is systemd-resolved."""
    paths = (_RESOLVED, *_NETWORK_MANAGER) if stub else _NETWORK_MANAGER
    yield from map(_optional, paths)
    yield _dnsmasq()
    if not stub:
        yield _optional(_RESOLVED)


def _dnsmasq() -> Resolvers:
    """Return the servers that dnsmasq's configuration or its resolv-file names for all domains (dnsmasq(8))."""
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
    listed = [server for path in files[:_MAX_FILES] for server in _optional(path).servers] if asks_files else []
    return Resolvers(listed + servers, [], [])  # of a resolv-file dnsmasq takes the servers alone


def _dnsmasq_files() -> list[str]:
    try:
        with os.scandir(_DNSMASQ_DIRECTORY) as entries:
            names = sorted(entry.name for entry in entries if entry.name.endswith(".conf"))
    except OSError:
        names = []
    return [_DNSMASQ_FILE, *(f"{_DNSMASQ_DIRECTORY}/{name}" for name in names[:_MAX_FILES])]


def _dnsmasq_server(value: str) -> list[str]:
    """Return the address in ``ADDRESS[#PORT][@SOURCE]``; none where it is for some domains, or has another port."""
    address, _at, _source = value.partition("@")
    address, hash_sign, port = address.partition("#")
    return [address] if address and "/" not in address and (not hash_sign or port == "53") else []


def _text(path: str) -> str:
    try:
        return foreign_files.read(path, max_bytes=_MAX_BYTES).decode("utf-8", "surrogateescape")
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
    """Return whether the address is neither the host's loopback nor on a link that only the host has."""
    address = _address(server)
    if isinstance(address, IPv6Address):
        # A scope is an interface of the host's.
        if "%" in server or address.is_link_local:
            return False
        address = address.ipv4_mapped or address
    # The C library takes the unspecified address for this host.
    return address is not None and not (address.is_loopback or address.is_unspecified)


def _address(text: str) -> Optional[IPv4Address | IPv6Address]:
    """Return the address as the C library parses it, such as 127.0.0.1 from ``127.1``; None where it is none."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None
