# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of ``podman run`` and the options that they stand for."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional

from ... import caller
from ...errors import InvalidArgument
from ..network.resolver import host_addresses

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
    "q": "quiet",
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
_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


_ADVICE = "omit it, or use the option that has its effect"


def arguments(
    words: Iterator[str], names: Mapping[str, str], types: Mapping[str, str], what: str, advice: str = _ADVICE
) -> Iterator[tuple[str, str, object]]:
    """Yield each argument, its option, and its value, which is a boolean or number where the option's is one.

    ``names`` are the options by their long arguments, ``types`` those of the options. A word that is no argument has no
    option. Errors begin with ``what``, and one of an argument that has no option ends with the ``advice``.

    :raises InvalidArgument: an argument has no option, or lacks its value.
    """
    for word in words:
        argument, equals, value = word.partition("=")
        if not word.startswith("--"):
            yield from _short(word, words, types, what, advice) if word.startswith("-") else ((word, "", word),)
            continue
        option = names.get(argument[2:].replace("-", "_"))
        if option is None:
            raise InvalidArgument(f"{what}: {argument} cannot be used: no option here stands for it: {advice}")
        yield argument, option, _value(argument, types[option], value if equals else None, words, what)


def _short(
    word: str, rest: Iterator[str], types: Mapping[str, str], what: str, advice: str
) -> Iterator[tuple[str, str, object]]:
    """Yield the options of one word such as ``-it`` or ``-p8080:80``."""
    for place, letter in enumerate(word[1:], 2):
        option = SHORT.get(letter, "")
        if option not in types:
            raise InvalidArgument(f"{what}: {word} cannot be used: no option here stands for it: {advice}")
        kind = types[option]
        if kind == "bool":
            yield f"-{letter}", option, True
            continue
        yield f"-{letter}", option, _value(f"-{letter}", kind, word[place:].lstrip("=") or None, rest, what)
        return


def _value(argument: str, kind: str, value: Optional[str], rest: Iterator[str], what: str) -> object:
    if kind == "bool":
        if str(value or "true").lower() not in _BOOLEANS:
            raise InvalidArgument(f"{what}: {argument}={value} cannot be used: expected true or false")
        return _BOOLEANS[str(value or "true").lower()]
    if value is None:
        value = next(rest, None)
    if value is None:
        raise InvalidArgument(f"{what}: {argument} has no value: give it as {argument}=VALUE")
    if kind == "int":
        try:
            return int(value)
        except ValueError as error:
            raise InvalidArgument(f"{what}: {argument} {value!r} cannot be used: expected a number") from error
    return value


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
