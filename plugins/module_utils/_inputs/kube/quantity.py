# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes quantities, such as ``250m``, ``1.5Gi`` and ``1e3``, exactly."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from ..._model.foreign import Foreign
from ..fields import scalar

_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
    r"(?:(?P<suffix>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]{1,2}))?"
)
_SUFFIXES = {
    **{suffix: Fraction(1000) ** power for power, suffix in enumerate(("n", "u", "m", "", "k", *"MGTPE"), -3)},
    **{f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}
_LONGEST = 40  # characters


def quantity(node: Foreign) -> Fraction:
    """Return the value of a quantity, which is not negative."""
    text = scalar(node)
    found = _GRAMMAR.fullmatch(text) if len(text) <= _LONGEST else None
    value = Fraction(-1)
    if found:
        number, suffix, exponent = found.group("number", "suffix", "exponent")
        value = Fraction(number) * _SUFFIXES[suffix or ""] * Fraction(10) ** int(exponent or 0)
    if value < 0:
        node.fail("a quantity of 0 or more, such as 250m or 1.5Gi")
    return value


def size(node: Foreign) -> str:
    """Return a number of bytes; a fraction counts as one."""
    return str(math.ceil(quantity(node)))


def cpus(node: Foreign) -> str:
    """Return a number of CPUs in decimal digits; a thousandth is the least part of one."""
    whole, rest = divmod(math.ceil(quantity(node) * 1000), 1000)
    return f"{whole}.{rest:03}".rstrip("0").rstrip(".")
