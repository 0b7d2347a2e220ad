# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of ``podman run`` and the options that they stand for."""

from __future__ import annotations

from typing import Mapping

from .. import caller
from ..errors import InvalidArgument
from .resolver_options import host_addresses

SHORT = {
    "a": "attach",
    "c": "cpu_shares",
    "d": "detach",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish_all",
    "t": "tty",
    "u": "user",
    "v": "volume",
    "w": "workdir",
}
# Arguments whose names are not their options', and one that has another option's name here.
LONG = {
    "add_host": "etc_hosts",
    "dns_opt": "dns_option",
    "restart": "restart_policy",
    "secret": "secrets",
    "tz": "timezone",
}


def merged(option: str, pair: Mapping[str, object], entries: Mapping[str, object]) -> dict[str, object]:
    """Return a mapping with an argument's entry, over which what is there wins; a host has the addresses of both."""
    if option != "etc_hosts":
        return {**pair, **entries}
    both = {
        name: [*host_addresses(entries[name], option), address] for name, address in pair.items() if name in entries
    }
    return {**pair, **entries, **both}


def pair(what: str, option: str, value: str) -> dict[str, object]:
    """Return the entry of a mapping that an argument's value is; errors name ``what``."""
    if option == "tmpfs":
        target, _colon, words = value.partition(":")
        return {target: words}
    between = ":" if option in ("etc_hosts", "blkio_weight_device") else "="
    key, separator, item = value.rpartition(":") if option == "blkio_weight_device" else value.partition(between)
    if not separator and option == "env":
        return {value: caller.environment[value]} if value in caller.environment else {}
    if not separator and option in ("label", "annotation"):
        return {value: ""}
    if not (separator and key):
        raise InvalidArgument(f"{what} cannot be used: expected NAME{between}VALUE")
    return {key.replace("-", "_") if option == "log_opt" else key: item}
