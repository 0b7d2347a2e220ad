# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for records on a file system that is full, so that containers can be stopped and removed there.

``<root>/reserve`` has files that own their blocks and inodes. One becomes a record by being written in place and
renamed, so that no other process can take the room in between; what it replaces takes its place in the reserve.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from .._drivers.effects import effect

_FOLDER = "reserve"
_SIZE = 4096
_FILES = 8
# The first to be taken: where it is there, all are.
LAST = f"{_FOLDER}/{_FILES - 1}"


def full(error: BaseException) -> bool:
    """Return whether the error says that a file system, or a quota on it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def keep(root: str) -> None:
    """Fill the reserve under ``root``, as far as there is room."""
    effect("make reserve")
    with suppress(OSError):  # without it all works as long as there is room
        os.makedirs(f"{root}/{_FOLDER}", 0o700, exist_ok=True)
        for number in range(_FILES):
            path = f"{root}/{_FOLDER}/{number}"
            if not os.path.exists(path):
                _make(path)


def _make(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _SIZE)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def write(path: str, temporary: str, data: bytes, mode: int) -> bool:
    """Write ``data`` for the record at ``path`` to ``temporary``, in the room of a reserved file; False without one."""
    folder = _above(path)
    numbers = [] if len(data) > _SIZE else sorted(_numbers(folder), reverse=True)
    for number in numbers:
        with suppress(FileNotFoundError):
            os.rename(f"{folder}/{number}", temporary)
            _overwrite(temporary, data, mode)
            with suppress(OSError):  # the first record of its kind, say
                os.link(path, f"{folder}/{number}")
            return True
    return False


def release(path: str) -> bool:
    """Give up the reserve of the root that ``path`` is under, for what others have to write; whether it had any."""
    folder = _above(path)
    numbers = _numbers(folder)
    for number in numbers:
        with suppress(FileNotFoundError):
            os.unlink(f"{folder}/{number}")
    return bool(numbers)


def _above(path: str) -> str:
    """The reserve's folder in the closest directory above ``path`` that has one."""
    while path not in ("/", ""):
        path = os.path.dirname(path)
        if os.path.isdir(f"{path}/{_FOLDER}"):
            return f"{path}/{_FOLDER}"
    return ""


def _numbers(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if name.isdigit()] if folder else []


def _overwrite(path: str, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, mode)
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
