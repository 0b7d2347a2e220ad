# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of ``podman run`` as the options they stand for; imported only for tasks that have any."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from .._model.errors import InvalidArgument
from .._model.options.command_line import LONG, SHORT, merged, pair

# Options of the task itself, for which there is no argument.
_NONE = frozenset(
    "name state image rootfs image_strict force_restart recreate recreate_policy expect_plan comparisons force_delete"
    " delete_depend delete_volumes delete_time stop_time restart_time wait wait_timeout wait_for_healthy drift strict"
    " cmd_args executable debug command".split()
)
_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


def understood(params: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, object]:
    """Return the task's arguments with those of ``cmd_args`` as options; ``spec`` is the container's argument spec.

    :raises InvalidArgument: an argument has no option here, lacks its value, or is given as an option too.
    """
    names = {
        alias: option
        for option, one in spec.items()
        if option not in _NONE and "fallback" not in one
        for alias in (option, *one.get("aliases", ()))
    }
    options = dict(params)
    for argument, option, value in _arguments([str(one) for one in params["cmd_args"]], {**names, **LONG}, spec):
        kind = spec[option]["type"]
        if kind == "dict":
            options[option] = merged(
                option, pair(f"cmd_args: the value of {argument}", option, value), options[option] or {}
            )
        elif kind == "list":
            options[option] = [*(options[option] or []), value]
        elif params[option] not in (None, value, spec[option].get("default")):
            raise InvalidArgument(f"cmd_args: {argument} conflicts with the option {option}: set only one of them")
        else:
            options[option] = value
    return options


def _arguments(
    arguments: list[str], names: Mapping[str, str], spec: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any]]:
    """Yield each argument, its option, and its value, which is a boolean or number where the option's is one."""
    rest = iter(arguments)
    for word in rest:
        argument, equals, value = word.partition("=")
        if not word.startswith("--"):
            yield from _short(word, rest, spec)
            continue
        option = names.get(argument[2:].replace("-", "_"))
        if option is None:
            raise InvalidArgument(
                f"cmd_args: {argument} cannot be used: no option here stands for it; omit it, or use the option that "
                "has its effect"
            )
        yield argument, option, _value(argument, spec[option]["type"], value if equals else None, rest)


def _short(word: str, rest: Iterator[str], spec: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """Yield the options of one word such as ``-it`` or ``-p8080:80``."""
    for place, letter in enumerate(word[1:], 2):
        option = SHORT.get(letter)
        if not word.startswith("-") or option is None:
            raise InvalidArgument(f"cmd_args: {word} cannot be used: no option here stands for it: omit it")
        kind = spec[option]["type"]
        if kind == "bool":
            yield f"-{letter}", option, True
            continue
        yield f"-{letter}", option, _value(f"-{letter}", kind, word[place:].lstrip("=") or None, rest)
        return


def _value(argument: str, kind: str, value: Any, rest: Iterator[str]) -> object:
    if kind == "bool":
        if str(value or "true").lower() not in _BOOLEANS:
            raise InvalidArgument(f"cmd_args: {argument}={value} cannot be used: expected true or false")
        return _BOOLEANS[str(value or "true").lower()]
    if value is None:
        value = next(rest, None)
    if value is None:
        raise InvalidArgument(f"cmd_args: {argument} has no value: give it as {argument}=VALUE")
    if kind == "int":
        try:
            return int(value)
        except ValueError as error:
            raise InvalidArgument(f"cmd_args: {argument} {value!r} cannot be used: expected a number") from error
    return value
