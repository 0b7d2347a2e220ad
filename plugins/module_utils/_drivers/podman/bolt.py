# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bbolt database, read as a whole and changed by one commit, under the lock that bbolt itself takes.

A file is pages of one size. Pages 0 and 1 are metas: the valid one with the higher transaction ID names the root
bucket. A bucket is a B+ tree of branch and leaf pages, or a single leaf in the value of its parent (inline). A commit
writes the new tree to pages that the present one does not use, syncs them, and then writes the other meta. So a kill at
any instruction leaves the old tree or the new one. The new meta names no list of free pages; bbolt then finds them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from contextlib import contextmanager
from typing import Iterator, Optional, Sequence, Union

from ..._model.failpoints import failpoint
from .database_file import LOCK_SECONDS, check_size, damaged, locked, unusable

_MAX_DEPTH = 64  # of pages and buckets together
_UNUSABLE = (errno.EROFS, errno.ELOOP, errno.EISDIR)
_MAGIC, _VERSION = 0xED0CDAED, 2
_BRANCH, _LEAF, _META = 0x01, 0x02, 0x04
_BUCKET = 0x01  # a leaf element's flag
_NO_FREELIST = 0xFFFFFFFFFFFFFFFF
_PAGE = struct.Struct("<QHHI")  # id, flags, count, overflow
_META_BODY = struct.Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, sequence, freelist, pages, txid
_BRANCH_ELEMENT = struct.Struct("<IIQ")  # position from the element, key's length, page
_LEAF_ELEMENT = struct.Struct("<IIII")  # flags, position from the element, lengths of key and value
_ROOT = struct.Struct("<QQ")  # page (0: inline), sequence
_MAX_COUNT = 0xFFFF


class Bucket(dict[bytes, Union[bytes, "Bucket"]]):
    """Keys and their values, some of which are buckets, and the sequence number that bbolt keeps with it."""

    sequence = 0

    def bucket(self, *keys: bytes) -> Bucket:
        """Return the bucket at a path of keys; an empty one that is not part of the tree where there is none."""
        found: object = self
        for key in keys:
            found = found.get(key) if isinstance(found, Bucket) else None
        return found if isinstance(found, Bucket) else Bucket()

    def value(self, key: bytes) -> bytes:
        """Return a value, empty where there is none or a bucket."""
        found = self.get(key)
        return found if isinstance(found, bytes) else b""


class Database:
    """An open database; ``root`` is its content, which a ``commit`` writes as it then is."""

    def __init__(self, descriptor: int, path: str) -> None:
        """Read it.

        :raises MalformedData: it is no such database, or is damaged.
        """
        self._descriptor, self._path = descriptor, path
        size = os.fstat(descriptor).st_size
        check_size(path, size)
        self._data = os.pread(descriptor, size, 0)
        try:
            self._read_meta()
            reader = _Reader(self._data, self._page_size, self._pages)
            if self._freelist != _NO_FREELIST:  # of the present meta, until the next one is there
                reader.take(self._freelist)
            self.root = reader.bucket(self._root, self._sequence, 0)
        except (struct.error, ValueError, IndexError) as error:
            raise damaged(path, error) from error
        self._used = reader.used

    def _read_meta(self) -> None:
        size = _page_size(self._data)
        metas = [meta for meta in (_meta(self._data, size * number) for number in (0, 1)) if meta]
        if not metas:
            raise ValueError("neither meta page is valid")
        meta = max(metas, key=lambda one: one[-1])
        _magic, _version, self._page_size, _flags, self._root, self._sequence = meta[:6]
        self._freelist, self._pages, self._txid = meta[6:]
        if self._page_size != size or self._pages * size > len(self._data):
            raise ValueError("it is shorter than its meta page says")

    def commit(self) -> None:
        """Write the content to the file, durably and as a whole."""
        writer = _Writer(self._page_size, self._pages, self._used)
        root = writer.bucket(self.root)
        failpoint("write podman's database")
        for number, page in sorted(writer.written.items()):
            _write(self._descriptor, page, number * self._page_size)
        os.fsync(self._descriptor)
        txid = self._txid + 1
        body = _META_BODY.pack(
            *(_MAGIC, _VERSION, self._page_size, 0, root, self.root.sequence, _NO_FREELIST, writer.pages, txid)
        )
        meta = _PAGE.pack(txid % 2, _META, 0, 0) + body + struct.pack("<Q", _checksum(body))
        failpoint("commit podman's database")
        _write(self._descriptor, meta, txid % 2 * self._page_size)
        os.fsync(self._descriptor)


@contextmanager
def opened(path: str) -> Iterator[Database]:
    """Open a database under its lock, which podman holds only for the moment of an operation.

    :raises FileNotFoundError: there is none. :raises InvalidState: its lock is not free in time.
    :raises MalformedData: it cannot be read. :raises InvalidState: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno not in _UNUSABLE:
            raise
        raise unusable(path, os.strerror(error.errno)) from error
    try:
        _lock(descriptor, path)
        yield Database(descriptor, path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: str) -> None:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise locked(path) from None
            time.sleep(0.005)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written


def _checksum(data: bytes) -> int:
    """Return FNV-1a of 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _page_size(data: bytes) -> int:
    """Return the size of a page: that of meta 0, else the one at whose end meta 1 is valid."""
    sizes = [1 << power for power in range(9, 17)]
    found = [size for size in sizes for meta in (_meta(data, 0), _meta(data, size)) if meta and meta[2] == size]
    if not found:
        raise ValueError("neither meta page is valid")
    return found[0]


def _meta(data: bytes, offset: int) -> Optional[tuple[int, ...]]:
    """Return the fields of the meta page at an offset, None where it is not valid."""
    start = offset + _PAGE.size
    body = data[start : start + _META_BODY.size]
    checksum = data[start + _META_BODY.size : start + _META_BODY.size + 8]
    if len(checksum) < 8 or struct.unpack("<Q", checksum)[0] != _checksum(body):
        return None
    fields: tuple[int, ...] = _META_BODY.unpack(body)
    return fields if fields[:2] == (_MAGIC, _VERSION) else None


class _Reader:
    """Reads the trees; ``used`` are the pages that it has met, each once."""

    def __init__(self, data: bytes, page_size: int, pages: int) -> None:
        self._data, self._page_size, self._pages = data, page_size, pages
        self.used: set[int] = set()

    def bucket(self, root: int, sequence: int, depth: int) -> Bucket:
        """Return a bucket by its root page."""
        bucket = Bucket()
        bucket.sequence = sequence
        self._page(root, bucket, depth)
        return bucket

    def take(self, number: int) -> bytes:
        """Return a page with those that it overflows into; they are then used."""
        if not 2 <= number < self._pages:
            raise ValueError(f"page {number} is out of place")
        start = number * self._page_size
        overflow = _PAGE.unpack_from(self._data, start)[3]
        span = range(number, number + 1 + overflow)
        if span[-1] >= self._pages or not self.used.isdisjoint(span):
            raise ValueError(f"page {number} is used twice")
        self.used.update(span)
        return self._data[start : start + len(span) * self._page_size]

    def _page(self, number: int, bucket: Bucket, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ValueError("its pages are nested too deep")
        self._elements(self.take(number), bucket, depth)

    def _elements(self, page: bytes, bucket: Bucket, depth: int) -> None:
        _number, flags, count, _overflow = _PAGE.unpack_from(page)
        if flags == _BRANCH:
            for index in range(count):
                self._page(_BRANCH_ELEMENT.unpack_from(page, _PAGE.size + 16 * index)[2], bucket, depth + 1)
            return
        if flags != _LEAF:
            raise ValueError("a page is neither branch nor leaf")
        room = len(page)
        for index in range(count):
            offset = _PAGE.size + 16 * index
            kind, position, key_length, value_length = _LEAF_ELEMENT.unpack_from(page, offset)
            room -= key_length + value_length
            start = offset + position
            key, value = page[start : start + key_length], page[start + key_length :][:value_length]
            if not key or len(key) < key_length or len(value) < value_length or room < 0:
                raise ValueError("an element is cut off, or overlaps others")
            bucket[key] = self._inner(value, depth + 1) if kind == _BUCKET else value

    def _inner(self, value: bytes, depth: int) -> Bucket:
        root, sequence = _ROOT.unpack_from(value)
        if root:
            return self.bucket(root, sequence, depth)
        if depth > _MAX_DEPTH:
            raise ValueError("buckets are nested too deep")
        bucket = Bucket()
        bucket.sequence = sequence
        self._elements(value[_ROOT.size :], bucket, depth)
        return bucket


_Element = tuple[int, bytes, bytes]  # flags, key, value


class _Writer:
    """Lays a tree out in pages outside ``used``; ``written`` has their bytes, and ``pages`` counts the file's."""

    def __init__(self, page_size: int, pages: int, used: set[int]) -> None:
        self._page_size, self.pages = page_size, pages
        self._free = sorted(set(range(2, pages)) - used, reverse=True)
        self.written: dict[int, bytes] = {}

    def bucket(self, bucket: Bucket) -> int:
        """Return the root page of a bucket, which is laid out with all in it."""
        elements = [self._element(key, value) for key, value in sorted(bucket.items())]
        parts = self._split([(len(key) + len(value)) for _flags, key, value in elements])
        level = [
            (elements[part.start][1] if elements else b"", self._put(_leaf(elements[part.start : part.stop])))
            for part in parts
        ]
        while len(level) > 1:
            parts = self._split([len(key) for key, _page in level])
            level = [(level[part.start][0], self._put(_branch(level[part.start : part.stop]))) for part in parts]
        return level[0][1]

    def _element(self, key: bytes, value: bytes | Bucket) -> _Element:
        if isinstance(value, bytes):
            return 0, key, value
        if not any(isinstance(one, Bucket) for one in value.values()):
            page = _leaf([(0, name, one) for name, one in sorted(value.items()) if isinstance(one, bytes)])
            if len(page) <= self._page_size // 4:
                return _BUCKET, key, _ROOT.pack(0, value.sequence) + page
        return _BUCKET, key, _ROOT.pack(self.bucket(value), value.sequence)

    def _split(self, lengths: Sequence[int]) -> list[range]:
        """Return the ranges of elements that share a page, by the lengths of their keys and values."""
        parts, start, size = [], 0, _PAGE.size
        for index, length in enumerate(lengths):
            # A branch needs two elements to be one.
            if index - start >= 2 and (size + 16 + length > self._page_size or index - start == _MAX_COUNT - 1):
                parts.append(range(start, index))
                start, size = index, _PAGE.size
            size += 16 + length
        return [*parts, range(start, len(lengths))]

    def _put(self, page: bytes) -> int:
        """Return the number of the page that has these bytes; longer ones take several in a row."""
        count = -(-len(page) // self._page_size)
        if count == 1 and self._free:
            number = self._free.pop()
        else:
            number, self.pages = self.pages, self.pages + count
        _number, flags, elements, _overflow = _PAGE.unpack_from(page)
        header = _PAGE.pack(number, flags, elements, count - 1)
        self.written[number] = (header + page[_PAGE.size :]).ljust(count * self._page_size, b"\0")
        return number


def _leaf(elements: Sequence[_Element]) -> bytes:
    page, data = bytearray(_PAGE.pack(0, _LEAF, len(elements), 0)), bytearray()
    for index, (flags, key, value) in enumerate(elements):
        position = 16 * (len(elements) - index) + len(data)
        page += _LEAF_ELEMENT.pack(flags, position, len(key), len(value))
        data += key + value
    return bytes(page + data)


def _branch(children: Sequence[tuple[bytes, int]]) -> bytes:
    page, data = bytearray(_PAGE.pack(0, _BRANCH, len(children), 0)), bytearray()
    for index, (key, number) in enumerate(children):
        page += _BRANCH_ELEMENT.pack(16 * (len(children) - index) + len(data), len(key), number)
        data += key
    return bytes(page + data)
