# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions of ``--format``'s templates: Go's, and those that podman and docker add; values as Go prints them."""

from __future__ import annotations

import json
import operator
import re
from typing import Any, Callable


class _NoValue:
    """A key that a map lacks."""


NO_VALUE = _NoValue()


def is_true(value: object) -> bool:
    """Return whether a block's condition is met: all but false, zero and what is empty."""
    return bool(value) and value is not NO_VALUE


def shown(value: object) -> str:
    """Return a value as Go prints it."""
    if value is NO_VALUE:
        return "<no value>"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{shown(one)}" for key, one in sorted(value.items())) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(shown, value)) + "]"
    return str(value)


def as_json(value: object) -> str:
    """Return JSON without blanks, in which everything but printable ASCII is escaped."""
    return json.dumps(None if value is NO_VALUE else value, separators=(",", ":")).replace("\x7f", "\\u007f")


def _index(value: Any, *keys: Any) -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value[key] if key in value else _zero(value)
        elif value is None and isinstance(key, str):  # a map without keys
            value = ""
        else:
            if not 0 <= key < len(value):
                raise IndexError(key)
            value = value[key]
    return value


def _zero(mapping: dict[str, object]) -> object:
    """Return what Go's ``index`` finds for a key that a map lacks: no text, or the zero of its other values' type."""
    kind = type(next(iter(mapping.values()), ""))
    return None if kind is dict else kind()


def _printf(text: str, *values: object) -> str:
    """Return a text with each verb of Go's fmt replaced; widths and flags are Python's too."""
    left = iter(values)

    def one(match: re.Match[str]) -> str:
        if match[2] == "%":
            return "%"
        value: Any = next(left, NO_VALUE)
        if match[2] == "q":
            return json.dumps(shown(value))
        if match[2] in "dxXo":
            return str(f"%{match[1]}{match[2]}" % int(value))
        if match[2] == "f":
            return str(f"%{match[1]}f" % float(value))
        return f"%{match[1]}s" % shown(value)

    return re.sub(r"%([-+ 0]*\d{0,4}(?:\.\d{1,4})?)([vsdqxXof%t])", one, text)


def _slice(value: Any, *ends: int) -> object:
    return value[slice(*(ends if len(ends) > 1 else (*ends, None)))] if ends else value


def _and(*values: object) -> object:
    return next((one for one in values if not is_true(one)), values[-1])


def _or(*values: object) -> object:
    return next((one for one in values if is_true(one)), values[-1])


def _pad(text: object, before: int, after: int) -> str:
    if not 0 <= before + after <= 1000:
        raise ValueError(before + after)
    return " " * before + shown(text) + " " * after


FUNCTIONS: dict[str, Callable[..., object]] = {
    "json": as_json,
    "index": _index,
    "len": len,
    "slice": _slice,
    "print": lambda *values: " ".join(map(shown, values)),
    "println": lambda *values: " ".join(map(shown, values)) + "\n",
    "printf": _printf,
    "join": lambda values, between: between.join(map(shown, values)),
    "split": lambda text, between: text.split(between),
    "upper": lambda text: shown(text).upper(),
    "lower": lambda text: shown(text).lower(),
    "title": lambda text: shown(text).title(),
    "pad": _pad,
    "truncate": lambda text, length: shown(text)[: max(length, 0)],
    "not": lambda value: not is_true(value),
    "and": _and,
    "or": _or,
    "eq": lambda first, *others: any(first == one for one in others),
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
