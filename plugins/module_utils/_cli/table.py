# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output of the operator's commands: a table for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
import time
from typing import Iterable, Sequence

from .._model import caller
from .._model.errors import InvalidArgument, printable

# On a terminal: SGR attributes (console_codes(4)) of the headings, and of a status that an operator should see.
_BOLD, _RED = "\x1b[1m{}\x1b[0m", "\x1b[31m{}\x1b[0m"
_BAD = re.compile(r"Exited \((?!0\))|Restarting|Unknown|Dead|Degraded|.*\(unhealthy\)")
_USERS = 40  # characters of containers' names that a table shows


def write_json(value: object, indent: int | None = 2) -> None:
    """Write JSON in which everything but printable ASCII is escaped."""
    # DEL is the one control character that json.dumps does not escape.
    sys.stdout.write(json.dumps(value, indent=indent).replace("\x7f", "\\u007f") + "\n")
    sys.stdout.flush()


def write_line(text: str, prefix: str = "") -> None:
    """Write a line, after a prefix of the engine's, without control characters, which would move the cursor."""
    sys.stdout.write(prefix + printable(text, "") + "\n")
    sys.stdout.flush()


def write_text(text: str) -> None:
    """Write text whose values are printable, and end its last line."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def write_table(headings: Sequence[str], rows: Sequence[Sequence[object]], *, headed: bool = True) -> None:
    """Write columns as wide as their widest cell, with three blanks between them; ``headed``: the headings too.

    On a terminal the headings are bold, and the status of what failed is red.
    """
    cells = [*([list(headings)] if headed else []), *([str(cell) for cell in row] for row in rows)]
    columns = max(map(len, cells), default=0)
    widths = [max(len(row[column]) for row in cells if column < len(row)) for column in range(columns)]
    widths[-1:] = [0]  # no blanks at the end
    coloured = _coloured()
    status = headings.index("STATUS") if coloured and "STATUS" in headings else -1
    for number, row in enumerate(cells):
        padded = [printable(cell.ljust(width), "") for cell, width in zip(row, widths)]
        if coloured and headed and number == 0:
            padded = [_BOLD.format(cell) for cell in padded]
        elif 0 <= status < len(row) and _BAD.match(row[status]):
            padded[status] = _RED.format(padded[status])
        write_text("   ".join(padded).rstrip(" "))


def _coloured() -> bool:
    """Return whether standard output is a terminal, and the caller has not set NO_COLOR (no-color.org)."""
    environment = caller.environment
    return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"


def users(names: Iterable[str]) -> str:
    """Return a cell with the names of containers that use something."""
    return shortened(", ".join(names), _USERS)


def shortened(text: str, length: int, *, end: bool = False) -> str:
    """Return at most ``length`` characters of a text, its last ones with ``end``, and an ellipsis for the rest."""
    if len(text) <= length:
        return text
    return f"…{text[1 - length :]}" if end else f"{text[: length - 1]}…"


def size(count: int | None) -> str:
    """Return bytes in powers of ten, as podman and docker print them, or ``--`` for an unknown number."""
    if count is None:
        return "--"
    amount, units = float(count), ["B", "kB", "MB", "GB", "TB", "PB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.4g}{units[0]}"


def since(when: str) -> str:
    """Return how long ago a recorded time is, as ``ago`` does; empty where a record has no time, as a damaged one."""
    from .._container.io.log_parts import seconds

    try:
        return ago(time.time() - seconds(when))
    except InvalidArgument:
        return ""


def age(when: str) -> str:
    """Return ``since`` with the word behind it."""
    return f"{text} ago" if (text := since(when)) else ""


def ago(seconds: float) -> str:
    """Return a duration in its largest unit, such as ``3 hours``."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count != 1 else ''}"
    count = max(int(seconds), 0)
    return f"{count} second{'s' if count != 1 else ''}"
