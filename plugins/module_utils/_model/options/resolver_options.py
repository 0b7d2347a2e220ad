# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options for resolv.conf(5) and hosts(5); imported only for tasks that have one."""

from __future__ import annotations

import re
from typing import Collection, Iterable, Mapping

from .parsers import address, string_list, wrong


def addresses(value: Iterable[object], option: str) -> list[str]:
    return [address(item, option) for item in value]


def dns_servers(value: Collection[object], option: str) -> list[str]:
    """Addresses, or ``none`` alone: the container has the image's own resolv.conf."""
    if "none" in value and len(value) > 1:
        raise wrong(option, value, "addresses of servers, or none alone")
    return ["none"] if "none" in value else addresses(value, option)


def domains(value: Iterable[object], option: str) -> list[str]:
    """DNS domains in their order; neither case nor a last dot means anything (RFC 4343, resolv.conf(5))."""
    return [word.rstrip(".").lower() or "." for word in string_list(value, option)]


def hosts(value: Mapping[str, object], option: str) -> dict[str, str]:
    """Host name to address, or to several with commas between them; ``host-gateway`` stands for the gateway's.

    ``a;b`` are two names of one, as podman's. A name that is given twice has the addresses of both.
    """
    found: dict[str, list[str]] = {}
    for key, item in sorted(value.items(), key=lambda pair: str(pair[0])):
        addresses = host_addresses(item, option)
        for one in str(key).split(";"):
            if not re.fullmatch(r"[^\s#]+", one):
                raise wrong(option, key, "a host's name without blanks")
            found[one] = list(dict.fromkeys([*found.get(one, ()), *addresses]))
    return {name: ",".join(addresses) for name, addresses in sorted(found.items())}


def host_addresses(value: object, option: str) -> list[str]:
    """The addresses of a host: a list, or text with commas."""
    items = value if isinstance(value, (list, tuple)) else str("" if value is None else value).split(",")
    words = [str(item).strip() for item in items]
    if not words:
        raise wrong(option, value, "an IPv4 or IPv6 address")
    return [word if word == "host-gateway" else address(word, option) for word in words]
