# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar file from anywhere, read with bounded memory and time; what is wrong with it becomes one sentence."""

from __future__ import annotations

import os
import tarfile
import time
from contextlib import contextmanager
from typing import IO, Iterator, Optional, Union, cast

from ..._model.errors import MalformedData, TreeTooLarge
from .. import foreign_files
from .packed_file import CHUNK, PackedFile

_HEADERS = 16 << 20  # bytes that the headers of one member may have
_LONGEST = 4095  # bytes of a path, path_resolution(7)
_LONGEST_NAME = 255  # bytes of each name in it, NAME_MAX
_MAX_ID = (1 << 32) - 2
_KINDS = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.GNUTYPE_SPARSE, tarfile.DIRTYPE}
_KINDS |= {tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE}


@contextmanager
def opened(path: str, seconds: float) -> Iterator[Archive]:
    """Yield the tar file at ``path``, decompressed where gzip, bzip2 or xz has compressed it.

    :raises MalformedData: it is no such file, or damaged. :raises TreeTooLarge: it took longer than ``seconds``.
    :raises OSError: it cannot be read.
    """
    with open(foreign_files.open_regular(path), "rb") as file:
        try:
            stream = _Bounded(file, path, seconds)
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as tar:
                yield Archive(tar, stream, path)
        except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
            raise MalformedData(f"{path} is no tar file that can be read: {error or 'nested headers'}") from error


class Archive:
    """An open tar file; its members are checked one by one, and none is kept."""

    def __init__(self, tar: tarfile.TarFile, stream: _Bounded, path: str) -> None:
        self._tar, self._stream, self._path = tar, stream, path

    def members(self) -> Iterator[tuple[list[str], tarfile.TarInfo]]:
        """Yield each member after the names that lead to it; none for the top directory.

        :raises MalformedData: one leads out of the top directory, or is a device.
        """
        while True:
            self._stream.headers = _HEADERS
            member = self._tar.next()
            vars(self._tar)["members"] = []  # which tarfile would keep
            if member is None:
                self._stream.finish()
                return
            names = self.names(member.name)
            if member.type not in _KINDS:
                raise self.wrong(member.name, "a device, or of another kind than files, directories and links")
            if not (0 <= member.uid <= _MAX_ID and 0 <= member.gid <= _MAX_ID):
                raise self.wrong(member.name, "of a user or group whose number no file can have")
            if not names and not member.isdir():
                raise self.wrong(member.name, "the top directory's name, and no directory")
            yield names, member

    def names(self, path: str) -> list[str]:
        """Return the names of a path in the archive; a slash in front is left out, as by tar(1)."""
        names = [name for name in path.split("/") if name not in ("", ".")]
        if ".." in names or "\0" in path or len(os.fsencode(path)) > _LONGEST:
            raise self.wrong(path, "a path that leads out of the archive, or too long")
        if any(len(os.fsencode(name)) > _LONGEST_NAME for name in names):
            raise self.wrong(path, f"a path with a name of more than {_LONGEST_NAME} bytes")
        return names

    @contextmanager
    def naming(self, member: tarfile.TarInfo) -> Iterator[None]:
        """Have an error of the host name the member that is unpacked, not a descriptor."""
        try:
            yield
        except OSError as error:
            error.filename, error.filename2 = f"{member.name[:200]!r} of {self._path}", None
            raise

    def wrong(self, name: str, why: str) -> MalformedData:
        return MalformedData(f"{self._path} has the member {name[:200]!r}, which is {why}: nothing of it can be used")

    def parts(self, member: tarfile.TarInfo) -> Iterator[tuple[int, bytes]]:
        """Yield the content of a regular file as offsets and blocks, without the holes of a sparse one."""
        self._stream.headers = None
        with cast("IO[bytes]", self._tar.extractfile(member)) as file:
            sparse: Optional[list[tuple[int, int]]] = getattr(member, "sparse", None)
            for start, size in [(0, member.size)] if sparse is None else sparse:
                file.seek(start)
                while size > 0:
                    block = file.read(min(size, CHUNK))
                    if not block:
                        raise MalformedData(f"{self._path} ends in the member {member.name[:200]!r}")
                    yield start, block
                    start += len(block)
                    size -= len(block)


class _Bounded(PackedFile):
    """A file of which no header makes tarfile read much into memory, and none makes it read for too long."""

    def __init__(self, file: IO[bytes], path: str, seconds: float) -> None:
        super().__init__(file, path)
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self.headers: Union[int, None] = None  # bytes that may still be read of a member's headers, None for content

    def read(self, size: int = CHUNK) -> bytes:
        if self._seconds and time.monotonic() > self._end:
            raise TreeTooLarge(f"{self.path} was not read within {self._seconds:g} seconds")
        if self.headers is not None:
            self.headers -= size
            if size < 0 or self.headers < 0:
                raise MalformedData(f"{self.path} is no tar file that can be read: it has headers of too many bytes")
        return super().read(size)

    def finish(self) -> None:
        """Read compressed data to its end, where its checksum is."""
        self.headers = None
        while self.packed and self.read():
            pass

    def seek(self, offset: int, whence: int = 0) -> int:
        """Seek, as ``PackedFile``; what is read for that is no header."""
        headers, self.headers = self.headers, None
        reached = super().seek(offset, whence)
        self.headers = headers
        return reached
