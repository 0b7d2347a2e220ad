# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON records on disk, each replaced by one atomic rename."""

from __future__ import annotations

import json
import os
import stat
import zlib
from typing import NamedTuple, Optional

from .._model.errors import StateCorrupt
from .._model.failpoints import failpoint

_SEAL = ',"crc":"%08x"}'
_SEAL_BYTES = len(_SEAL % 0)
_DECODER = json.JSONDecoder()


def write(
    path: str,
    record: object,
    *,
    durable: bool = True,
    mode: int = 0o600,
    spare: bool = False,
    indent: Optional[int] = None,
    owner: Optional[tuple[int, int]] = None,
    schema: Optional[int] = None,
) -> None:
    """Replace the record at ``path``; if ``durable``, it survives a power cut once this returns.

    With ``spare``, a full file system takes the record into the reserve, which is kept for stops and removals. With
    ``indent``, people can read it. ``owner`` is the user and group that get it, by default the engine's. With
    ``schema``, a checksum of the shapes that it has, it ends with one that says so (see ``read_sealed``).
    """
    failpoint(f"write {os.path.basename(path)}")
    temporary = f"{path}.tmp"
    text = json.dumps(record, separators=(",", ":")) if indent is None else json.dumps(record, indent=indent) + "\n"
    if schema is not None:
        text = text[:-1] + _SEAL % zlib.crc32(text[:-1].encode(), schema)
    try:
        _write(temporary, text, durable, mode, owner)
    except OSError as error:
        error.filename = error.filename or path  # errors of write(2) have no file name
        if not spare:
            raise
        from .._drivers.reserve import full, replace

        if not (full(error) and replace(path, text.encode(), mode)):
            raise
    else:
        failpoint(f"rename {os.path.basename(path)}")
        os.rename(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path))


def _write(path: str, text: str, durable: bool, mode: int, owner: Optional[tuple[int, int]]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            if owner:
                os.fchown(descriptor, *owner)
            file.write(text)
            if durable:
                file.flush()
                os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise


def read(path: str, *, rare: bool = False) -> object:
    """Return the record at ``path``, or None where there is none.

    The absence of a ``rare`` one costs a system call, and no exception.

    :raises StateCorrupt: it is no regular file, or not JSON, or ``null``, which is no record.
    """
    if rare and not os.access(path, os.F_OK):
        return None
    try:
        return _parsed(_held(path)[0], path)
    except FileNotFoundError:
        return None


class Sealed(NamedTuple):
    """A record; ``sealed`` is whether an engine with the same schema wrote it, whose shape needs no check.

    ``version`` is another one for each write: the inode and the time of its last change, in nanoseconds.
    """

    record: object
    sealed: bool
    version: tuple[int, int]


def read_sealed(path: str, schema: int, *, rare: bool = False) -> Optional[Sealed]:
    """Return the record at ``path``, or None where there is none; ``rare`` is as for ``read``.

    :raises StateCorrupt: as ``read`` does.
    """
    if rare and not os.access(path, os.F_OK):
        return None
    try:
        text, status = _held(path)
    except FileNotFoundError:
        return None
    seal = _SEAL % zlib.crc32(memoryview(text)[:-_SEAL_BYTES], schema)
    return Sealed(_parsed(text, path), text[-_SEAL_BYTES:] == seal.encode(), (status.st_ino, status.st_ctime_ns))


def _parsed(text: bytes, path: str) -> object:
    try:
        decoded = text.decode()
        # json.loads knows white space, and what is wrong; it costs more.
        record, end = _DECODER.raw_decode(decoded) if decoded[:1] == "{" else (None, -1)
        if end != len(decoded):
            record = json.loads(decoded)
    except (ValueError, RecursionError) as error:
        raise StateCorrupt(f"{path} cannot be read: {error}") from error
    if record is None:
        raise StateCorrupt(f"{path} cannot be read: it holds null, and no record")
    return record


def content(path: str) -> bytes:
    """Return what the file at ``path`` holds; a FIFO is not waited for.

    :raises FileNotFoundError: there is none. :raises StateCorrupt: it is no regular file.
    """
    return _held(path)[0]


def _held(path: str) -> tuple[bytes, os.stat_result]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StateCorrupt(f"{path} cannot be read: it is not a regular file")
        held = os.read(descriptor, status.st_size + 1)
        if len(held) > status.st_size:  # it has become larger, or its file system tells no sizes
            while part := os.read(descriptor, 1 << 20):
                held += part
        return held, status
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a record, if it exists."""
    failpoint(f"remove {os.path.basename(path)}")
    for name in (path, f"{path}.tmp"):
        try:
            os.unlink(name)
        except FileNotFoundError:
            pass


def sync_directory(path: str) -> None:
    """Make renames and removals in a directory survive a power cut (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
