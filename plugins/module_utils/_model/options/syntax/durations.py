# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations in the grammar of Go's time.ParseDuration: the one reader of every option and command-line flag.

An option takes a plain number too, of seconds; Go itself takes no number without a unit but 0.
"""

from __future__ import annotations

import re
from typing import Optional

from .parsers import natural, wrong

EXPECTED = "a duration such as 1m30s or 500ms, or a number of seconds"
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = rf"(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))({'|'.join(_UNITS)})"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
LEAST, MOST = -(1 << 63), (1 << 63) - 1  # a Go duration is a signed 64-bit number of nanoseconds
_LONGEST_TEXT = 100  # characters


def parse(text: str) -> Optional[int]:
    """Return the nanoseconds of a duration with units, such as ``-1h15m30.5s``; None for other text."""
    negative, rest = text[:1] == "-", text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total = end = 0
    for part in re.finditer(_PART, rest) if len(text) <= _LONGEST_TEXT else ():
        if part.start() != end:
            return None
        whole, fraction, fraction_alone, unit = part.groups()
        total += int(whole or 0) * _UNITS[unit] + _fraction(fraction or fraction_alone or "", _UNITS[unit])
        end = part.end()
    total = -total if negative else total
    return total if 0 < end == len(rest) and LEAST <= total <= MOST else None


def _fraction(digits: str, unit: int) -> int:
    # As Go: a float times the digits that a 64-bit number holds. 0.3333333333333333333h are 20 minutes, and no less.
    digits = digits[:19] if int(digits[:19] or 0) <= -LEAST else digits[:18]
    return int(float(digits or 0) * (unit / 10.0 ** len(digits)))


def nanoseconds(value: object, option: str, expected: str = EXPECTED, least: int = 0, most: int = MOST) -> int:
    """Return the nanoseconds of a duration, or of a plain number of seconds, within the bounds.

    :raises InvalidArgument: it is neither, or out of bounds.
    """
    text = f"{value:.9f}" if isinstance(value, float) else str(value).strip()
    number = parse(f"{text}s" if re.fullmatch(_NUMBER, text) else text)
    if number is None or not least <= number <= most:
        raise wrong(option, value, expected)
    return number


def seconds(value: object, option: str, expected: str = EXPECTED, least: int = 0, most: int = MOST) -> float:
    """Return ``nanoseconds`` as seconds."""
    return nanoseconds(value, option, expected, least, most) / 1e9


def whole_seconds(value: object, option: str) -> int:
    """Return the seconds of a duration or plain number, which are whole and not negative."""
    number = natural(str(value).strip())
    if number is not None:
        return number
    expected = "whole seconds, 0 or more, such as 90, 90s or 1m30s"
    whole, rest = divmod(nanoseconds(value, option, expected), 10**9)
    if rest:
        raise wrong(option, value, expected)
    return whole
