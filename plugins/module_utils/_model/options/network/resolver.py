# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options for resolv.conf(5) and hosts(5); imported only for tasks that have one."""

from __future__ import annotations

import re
from typing import Collection, Iterable, Mapping

from ..syntax.parsers import address, string_list, wrong


def addresses(value: Iterable[object], option: str) -> list[str]:
    return [address(item, option) for item in value]


def dns_servers(value: Collection[object], option: str) -> list[str]:
    """Return addresses, or ``none`` alone, with which the container has the image's own resolv.conf."""
    if "none" in value and len(value) > 1:
        raise wrong(option, value, "addresses of servers, or none alone")
    return ["none"] if "none" in value else addresses(value, option)


def domains(value: Iterable[object], option: str) -> list[str]:
    """Return DNS domains in their order, without case and last dots (RFC 4343, resolv.conf(5))."""
    return [domain.rstrip(".").lower() or "." for domain in string_list(value, option)]


def hosts(value: Mapping[str, object], option: str) -> dict[str, str]:
    """Return the addresses of each host name, separated by commas; ``host-gateway`` stands for the gateway's.

    ``a;b`` are two names of the same addresses, as in podman. A name that is given twice has the addresses of both.
    """
    by_name: dict[str, list[str]] = {}
    for key, item in sorted(value.items(), key=lambda pair: str(pair[0])):
        addresses = host_addresses(item, option)
        for one in str(key).split(";"):
            if not re.fullmatch(r"[^\s#]+", one):
                raise wrong(option, key, "a host's name without blanks")
            by_name[one] = list(dict.fromkeys([*by_name.get(one, ()), *addresses]))
    return {name: ",".join(addresses) for name, addresses in sorted(by_name.items())}


def host_addresses(value: object, option: str) -> list[str]:
    """Return the addresses of a host, from a list or from text with commas."""
    items = value if isinstance(value, (list, tuple)) else str("" if value is None else value).split(",")
    addresses = [str(item).strip() for item in items]
    if not addresses:
        raise wrong(option, value, "an IPv4 or IPv6 address")
    return [one if one == "host-gateway" else address(one, option) for one in addresses]
