# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a plugin's ADD, checked against the CNI specifications 0.2.0 to 1.1.0."""

from __future__ import annotations

import socket

from ..._model import foreign
from ..._model.foreign import Foreign
from ..._model.options.syntax.parsers import natural


def parse(output: str, origin: str) -> dict[str, object]:
    """Return the result that a plugin printed, including members that no specification has.

    :raises MalformedData: a member, which it names, is wrong.
    """
    return checked(foreign.parse(output, origin))


def checked(result: Foreign) -> dict[str, object]:
    """Return a result with all its members, once it is known to be one.

    :raises MalformedData: a member, which it names, is wrong.
    """
    if not result:
        result.fail("an object, as a result is")
    result["cniVersion"].text()
    interfaces = list(result["interfaces"])
    for one in interfaces:
        one["name"].text(required=True)
        one["mac"].text()
        one["sandbox"].text()
    for one in result["ips"]:
        _network(one["address"])
        _address(one["gateway"])
        if one["interface"]:
            one["interface"].integer(low=0, high=len(interfaces) - 1 if interfaces else 0)
    for family in ("ip4", "ip6"):  # 0.2.0
        if result[family]:
            _network(result[family]["ip"])
            _address(result[family]["gateway"])
            _routes(result[family]["routes"])
    _routes(result["routes"])
    dns = result["dns"]
    dns["domain"].text()
    for part in ("nameservers", "search", "options"):
        dns[part].texts()
    return dict(result.mapping())


def _routes(routes: Foreign) -> None:
    for one in routes:
        _network(one["dst"])
        _address(one["gw"])


def _network(value: Foreign) -> None:
    ip, _slash, length = value.text(required=True).partition("/")
    bits = 128 if ":" in ip else 32
    if not _is_address(ip) or natural(length, bits) is None:
        value.fail("an IP address with a prefix length, such as 10.88.0.5/16")


def _address(value: Foreign) -> None:
    if value.text() and not _is_address(value.text()):
        value.fail("an IP address")


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except OSError:
        return False
    return True
