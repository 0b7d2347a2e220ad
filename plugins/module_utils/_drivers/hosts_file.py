# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts file of a container: the names of others in it, changed in place while the container reads it.

The file is bound over the container's /etc/hosts, so it keeps its inode. Each line on other containers ends with
``NEIGHBOUR`` and is a slot: its bytes are in one block of 1 KiB, as C libraries read them. A line goes by one byte,
which turns it into a comment. A new one is written behind such a byte, which then becomes its first, or at the file's
end. So a reader sees each line as it was or as it is. All other lines, such as a user's, stay as they are.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Iterable, Iterator, NamedTuple, Optional, Sequence

from .._model.failpoints import failpoint
from .._model.records.network import NEIGHBOUR
from . import foreign_files

_BLOCK = 1024  # musl's read(2) of the file; glibc's is a multiple of it
_UNIT = 64  # a slot's length, or a multiple of it
_LONGEST = 500  # bytes of a line: musl reads lines of up to 511
_MAX_BYTES = 8 << 20  # of a file that is still looked after


class Line(NamedTuple):
    """An address and its names."""

    address: str
    names: tuple[str, ...]


class Neighbours:
    """The lines that files are to have, in order; of lines that share a name, the first comes first in a file too."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = [part for line in lines for part in _short(line)]
        self.texts = [_text(line) for line in self.lines]
        self._by_name: dict[str, list[int]] = {}
        for index, line in enumerate(self.lines):
            for name in line.names:
                self._by_name.setdefault(name.lower(), []).append(index)
        self._names = self._by_name.keys()
        self.shared = [indices for indices in self._by_name.values() if len(indices) > 1]

    def without(self, taken: set[str]) -> list[Optional[bytes]]:
        """Return the lines' texts without the names that are ``taken``, None for a line of which none is left."""
        texts: list[Optional[bytes]] = list(self.texts)
        for index in {index for name in taken & self._names for index in self._by_name[name]}:
            line = self.lines[index]
            left = tuple(name for name in line.names if name.lower() not in taken)
            texts[index] = _text(line._replace(names=left)) if left else None
        return texts

    def sharing(self, index: int) -> list[int]:
        """Return the lines that have a name with this one in common, directly or through others, itself included."""
        found, new = {index}, [index]
        while new:
            for name in self.lines[new.pop()].names:
                others = self._by_name[name.lower()]
                if len(others) > 1:
                    more = set(others) - found
                    found |= more
                    new += more
        return sorted(found)


def put(path: str, neighbours: Neighbours) -> None:
    """Have the file at ``path`` name these neighbours and no others.

    :raises OSError: it is not there, or cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size = os.fstat(descriptor).st_size
        if size > _MAX_BYTES:
            return  # the container has filled it itself
        for offset, data in changes(os.pread(descriptor, size, 0), neighbours):
            failpoint("write a name")
            os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)


def replace(path: str, own: bytes, neighbours: Neighbours) -> None:
    """Write the file with ``own`` lines and those of the neighbours."""
    content = bytearray(own)
    for offset, data in changes(own, neighbours):
        content[offset : offset + len(data)] = data
    failpoint(f"write {os.path.basename(path)}")
    foreign_files.overwrite(path, bytes(content))


def changes(content: bytes, neighbours: Neighbours) -> list[tuple[int, bytes]]:
    """Return the writes, as offset and bytes, after which the file with this content names the neighbours."""
    slots = _Slots(content)
    texts = neighbours.without(slots.taken)
    wanted = {text for text in texts if text}
    missing = [index for index, text in enumerate(texts) if text and text not in slots.live]
    missing += [group[0] for group in neighbours.shared if not slots.in_order(texts[index] for index in group)]
    if missing:
        done: set[int] = set()
        for first in missing:
            if first not in done:
                together = neighbours.sharing(first)
                done.update(together)
                slots.place([text for text in (texts[index] for index in together) if text])
    slots.clear(offset for text, offset in slots.live.items() if text not in wanted)
    return slots.writes()


def _short(line: Line) -> Iterator[Line]:
    """Yield the line in parts that C libraries can read."""
    names: list[str] = []
    for name in line.names:
        if names and len(line.address) + 1 + sum(len(one) + 1 for one in (*names, name)) > _LONGEST - len(NEIGHBOUR):
            yield line._replace(names=tuple(names))
            names = []
        names.append(name)
    if names:
        yield line._replace(names=tuple(names))


def _text(line: Line) -> bytes:
    return f"{line.address}\t{' '.join(line.names)}".encode()


class _Slots:
    """The slots of a file: ``live`` ones by text, free ones, and what is to be written; ``taken`` are other names."""

    def __init__(self, content: bytes) -> None:
        self.live: dict[bytes, int] = {}
        self.taken: set[str] = set()
        self._free: dict[int, int] = {}
        self._end = len(content)
        self._appended = bytearray() if content.endswith(b"\n") or not content else bytearray(b"\n")
        self._filled: list[tuple[int, bytes]] = []
        self._cleared: list[int] = []
        offset = 0
        for line in content.split(b"\n"):
            text = _neighbour(line)
            if text is None:
                self._take(line)
            elif not text:
                length = len(line) + 1
                if (
                    line.startswith(b"#")
                    and offset % _UNIT == 0
                    and offset // _BLOCK == (offset + length - 1) // _BLOCK
                    and offset + length <= len(content)
                ):
                    self._free[offset] = length
            elif text in self.live:
                self._cleared.append(offset)
            else:
                self.live[text] = offset
            offset += len(line) + 1

    def _take(self, line: bytes) -> None:
        """Note the names of a line that is not on a neighbour."""
        names = line.partition(b"#")[0].split()[1:]
        self.taken.update(name.decode("utf-8", "replace").lower() for name in names)

    def in_order(self, texts: Iterable[Optional[bytes]]) -> bool:
        """Return whether those of the lines that are in the file follow one another there."""
        offsets = [self.live[text] for text in texts if text in self.live]
        return offsets == sorted(offsets)

    def place(self, texts: Sequence[bytes]) -> None:
        """Have each of these lines, one behind the other."""
        last = -1
        for text in dict.fromkeys(texts):
            offset = self.live.get(text, -1)
            if offset <= last:
                if offset >= 0:
                    self._cleared.append(offset)
                offset = self._fill(text, last)
                self.live[text] = offset
            last = offset

    def _fill(self, text: bytes, after: int) -> int:
        """Write a line into a free slot behind the offset ``after``, or a new one at the end; return its offset."""
        needed = len(text) + 1 + len(NEIGHBOUR) + 1
        offset = min((one for one, length in self._free.items() if one > after and length >= needed), default=-1)
        if offset >= 0:
            self._filled.append((offset, _padded(text, self._free.pop(offset))))
            return offset
        length = _rounded(needed, _UNIT)
        offset = self._end + len(self._appended)
        start = _rounded(offset, _UNIT)
        if 0 < start - offset < len(NEIGHBOUR) + 2:
            start += _UNIT
        if start // _BLOCK != (start + length - 1) // _BLOCK:
            start = _rounded(start, _BLOCK)
        if start > offset:
            self._appended += _padded(b"#", start - offset)
        self._appended += _padded(text, length)
        return start

    def clear(self, offsets: Iterable[int]) -> None:
        """Turn lines into comments."""
        self._cleared += offsets

    def writes(self) -> list[tuple[int, bytes]]:
        """Return all writes: new lines first, each by its first byte last, then the ends of old ones."""
        result = []
        for offset, data in self._filled:
            result += [(offset + 1, data[1:]), (offset, data[:1])]
        if len(self._appended) > 1:
            result.append((self._end, bytes(self._appended)))
        return result + [(offset, b"#") for offset in self._cleared]


def _rounded(number: int, unit: int) -> int:
    """Return the number, rounded up to a multiple of ``unit``."""
    return -(-number // unit) * unit


@lru_cache(4096)
def _neighbour(line: bytes) -> Optional[bytes]:
    """Return what a line says on a neighbour, nothing where that has gone, and None for any other line."""
    if not line.endswith(NEIGHBOUR):
        return None
    text = line[: -len(NEIGHBOUR)].rstrip()
    return b"" if text.startswith(b"#") else text


def _padded(text: bytes, length: int) -> bytes:
    """Return a line of this length that ends with the mark of a neighbour."""
    return text.ljust(length - len(NEIGHBOUR) - 1) + NEIGHBOUR + b"\n"
