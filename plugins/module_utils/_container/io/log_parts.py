# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CRI log format: ``TIME stdout|stderr F|P CONTENT``, P for a part of a line that goes on in a later entry.

conmon parts long lines at 8 KiB, wherever in a character that is, so parts are joined as bytes and decoded as lines.
"""

from __future__ import annotations

import re
from typing import IO, Iterator, NamedTuple, Optional

from ..._model.errors import InvalidArgument

_BLOCK = 1 << 20


class Line(NamedTuple):
    """One line: when its first part was written (RFC 3339), ``stdout`` or ``stderr``, and its text."""

    time: str
    stream: str
    text: str


class Entry(NamedTuple):
    """One entry; ``ends`` is whether a newline follows its content."""

    time: str
    stream: str
    ends: bool
    content: bytes


def entry(raw: bytes) -> Optional[Entry]:
    """Return the entry of one line of a log file without its newline; None for anything else."""
    when, stream, kind, content = [*raw.split(b" ", 3), b"", b"", b""][:4]
    if stream not in (b"stdout", b"stderr"):
        return None
    return Entry(when.decode(errors="replace"), stream.decode(), kind == b"F", content)


def seconds(when: str) -> float:
    """Return an RFC 3339 time as seconds since the epoch.

    :raises InvalidArgument: it is not one.
    """
    from datetime import datetime

    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d))?(\.\d+)?(Z|[+-]\d\d:\d\d)?", when)
    try:
        if not match:
            raise ValueError(when)
        day, clock, fraction, zone = match.groups()
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{'+00:00' if zone == 'Z' else zone or ''}")
        return moment.timestamp() + float(fraction or 0)
    except (ValueError, OverflowError) as error:  # also of local times whose UTC is outside of the years 1 to 9999
        raise InvalidArgument(f"{when!r} is no time: expected RFC 3339 such as 2026-01-31T12:00:00Z") from error


class Joiner:
    """Joins the parts of lines, stream by stream."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, list[bytes]]] = {}

    def add(self, part: Entry) -> Iterator[Line]:
        """Yield the line that this part ends, if it does."""
        _when, parts = self._begun.setdefault(part.stream, (part.time, []))
        parts.append(part.content)
        if part.ends:
            yield self._line(part.stream)

    def rest(self) -> Iterator[Line]:
        """Yield the lines that have no end yet, and forget them."""
        for stream in list(self._begun):
            yield self._line(stream)

    def _line(self, stream: str) -> Line:
        when, parts = self._begun.pop(stream)
        return Line(when, stream, b"".join(parts).decode(errors="replace"))


def tail_offset(file: IO[bytes], size: int, tail: int) -> int:
    """Return an offset from which a log of ``size`` bytes has its last ``tail`` lines whole, with few before them.

    Going back, ``tail`` ends of lines are counted; each of their streams then is whole from its next end on.
    """
    ends = 0
    unsure: set[str] = set()
    for offset, part in _backwards(file, size):
        if ends < tail:
            unsure.add(part.stream)
        elif part.ends:
            unsure.discard(part.stream)
        if ends >= tail and not unsure:
            return offset
        ends += part.ends
    return 0


def _backwards(file: IO[bytes], end: int) -> Iterator[tuple[int, Entry]]:
    """Yield each entry before ``end`` with its offset, the last first."""
    size = _BLOCK
    while end > 0:
        start = max(0, end - size)
        file.seek(start)
        data = file.read(end - start)
        # The first entry in the block may begin before it.
        begin = data.find(b"\n", 0, len(data) - 1) + 1 if start else 0
        if start and not begin:
            size *= 2  # one entry is longer than the block
            continue
        for raw in reversed(data[begin:].split(b"\n")):
            end -= len(raw)
            part = entry(raw)
            if part is not None:
                yield end, part
            end -= 1
        end, size = start + begin, _BLOCK
