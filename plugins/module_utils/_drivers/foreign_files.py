# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others write or read too: their bytes, or JSON for ``_model.foreign``; and their replacement in place."""

from __future__ import annotations

import errno
import os
import stat

from .._model.errors import MalformedData
from .._model.foreign import MAX_BYTES, Foreign, parse


def read_json(path: str, origin: str = "", *, max_bytes: int = MAX_BYTES) -> Foreign:
    """Return the JSON value in the regular file at ``path``, which is named in messages where ``origin`` is empty.

    :raises MalformedData: as ``read``, or as ``parse``. :raises OSError: it cannot be read.
    """
    return parse(read(path, origin, max_bytes=max_bytes), origin or path, max_bytes=max_bytes)


def read(path: str, origin: str = "", *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of the regular file at ``path``.

    :raises MalformedData: it is not a regular file, or longer than ``max_bytes``. :raises OSError: it cannot be read.
    """
    with open(open_regular(path, origin), "rb", buffering=0) as file:
        content = bytearray()
        while len(content) <= max_bytes:
            chunk = file.read(min(1 << 20, max_bytes + 1 - len(content)))
            if not chunk:
                return bytes(content)
            content += chunk
    raise MalformedData(f"{origin or path}: longer than the {max_bytes} bytes that are read")


def open_regular(path: str, origin: str = "") -> int:
    """Return a descriptor of the regular file at ``path``, open for reading.

    Nothing waits for the other side of a FIFO.

    :raises MalformedData: it is another kind of file. :raises OSError: it cannot be opened, or is a directory.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):  # Python's open would name it by its descriptor
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        raise MalformedData(f"{origin or path}: not a regular file")
    return descriptor


def overwrite(path: str, content: bytes) -> None:
    """Give the file at ``path`` this text, in place and by one system call, for those who read it meanwhile.

    Over the end of a longer text go empty lines, until the file is cut off there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "wb", buffering=0) as file:
        file.write(content + b"\n" * (os.fstat(descriptor).st_size - len(content)))
        file.truncate(len(content))
