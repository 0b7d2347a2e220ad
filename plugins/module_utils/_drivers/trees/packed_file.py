# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file's bytes, decompressed where gzip, bzip2 or xz has compressed them, for tarfile to read."""

from __future__ import annotations

from typing import IO, cast

from ..._model.errors import MalformedData

_PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "lzma"}
CHUNK = 1 << 20


class PackedFile:
    """A readable file; a subclass bounds what ``read`` returns, which ``seek`` uses too in compressed data."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        head = file.read(8)
        file.seek(0)
        kind = next((kind for magic, kind in _PACKED.items() if head.startswith(magic)), "")
        self._file, self.path, self.packed = _decompressed(file, kind), path, bool(kind)

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to ``size`` bytes. :raises MalformedData: the compressed data is damaged."""
        try:
            return self._file.read(size)
        except Exception as error:
            # Of zlib and lzma; a system call's own has a number.
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise MalformedData(f"{self.path}: its compressed data is damaged: {error}") from error

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek; forward in compressed data by reading it, which may take any time."""
        while self.packed and whence == 0 and (left := offset - self._file.tell()) > 0:
            if not self.read(min(left, CHUNK)):
                return self._file.tell()
        return self._file.seek(offset, whence)


def _decompressed(file: IO[bytes], kind: str) -> IO[bytes]:
    if kind == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.GzipFile(fileobj=file))
    if kind == "bz2":
        import bz2

        return cast("IO[bytes]", bz2.BZ2File(file))
    if kind == "lzma":
        import lzma

        return cast("IO[bytes]", lzma.LZMAFile(file))
    return file
