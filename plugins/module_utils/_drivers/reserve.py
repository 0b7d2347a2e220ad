# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reserved space for records on a full file system, so that containers can be stopped and removed there.

``<root>/reserve`` has files with allocated blocks and inodes. One is written in place and then exchanged with the old
record in one system call. So no other process can take the space in between, and the reserve stays whole wherever this
is killed. A record that is removed replaces a missing file. The two large files are for the image store's records.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from typing import Iterator

from .._model.failpoints import failpoint
from .kernel import syscalls

_FOLDER = "reserve"
_SIZE, _FILES = 4096, 32
_ROOM, _ROOMS = 128 << 10, ("room0", "room1")
# The first to be taken and the last to be given back: where it exists, all small ones do.
LAST = f"{_FOLDER}/{_FILES - 1}"
_FULL = ("no space left on device", "disk quota exceeded")


def full(error: BaseException) -> bool:
    """Return whether the error says that a file system, or a quota on it, is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    message = str(getattr(error, "stderr", "")).lower()
    return any(text in message for text in _FULL)


def keep(root: str) -> None:
    """Fill the reserve under ``root``, as far as the file system has space."""
    failpoint("make reserve")
    with suppress(OSError):  # needed only once the file system is full
        os.makedirs(f"{root}/{_FOLDER}", 0o700, exist_ok=True)
        for number in range(_FILES):
            path = f"{root}/{_FOLDER}/{number}"
            if not os.path.exists(path):
                _make(path, _SIZE)


def keep_rooms(root: str, needed: int) -> None:
    """Grow the two large files under ``root`` to ``needed`` bytes, as far as the file system has space."""
    for name in _ROOMS:
        path = f"{root}/{_FOLDER}/{name}"
        if _allocated(path) < max(needed, _ROOM):
            failpoint("make room")
            with suppress(OSError):
                _make(path, max(2 * needed, _ROOM))


def _make(path: str, size: int) -> None:
    blocks = 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        blocks = os.fstat(descriptor).st_blocks
        os.posix_fallocate(descriptor, 0, size)
    except OSError:
        if not blocks:  # those that it had stay
            os.unlink(path)
        raise
    finally:
        os.close(descriptor)


def replace(path: str, data: bytes, mode: int, root: str = "") -> bool:
    """Replace the record at ``path`` by a reserved file with this content; return False where none is large enough.

    The reserve is that of ``root``, by default the closest above ``path``. The old record becomes a reserved file.
    """
    folder = f"{root}/{_FOLDER}" if root else _above(path)
    for name in _fitting(folder, len(data)):
        failpoint(f"take reserve for {os.path.basename(path)}")
        with suppress(FileNotFoundError, BlockingIOError), _held(f"{folder}/{name}") as descriptor:
            _overwrite(descriptor, data, mode)
            failpoint(f"exchange {os.path.basename(path)}")
            try:
                _exchange(f"{folder}/{name}", path)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    return False
                raise
            return True
    return False


@contextmanager
def _held(path: str) -> Iterator[int]:
    """Open and lock a reserved file.

    :raises BlockingIOError: another process has locked it. :raises FileNotFoundError: another process has taken it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino != os.stat(path).st_ino:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        yield descriptor
    finally:
        os.close(descriptor)


def _exchange(reserved: str, path: str) -> None:
    """Exchange the two files atomically; an old record that does not exist or owns no block is replaced instead."""
    try:
        if _allocated(path) < _SIZE:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        syscalls.rename(reserved, path, syscalls.RENAME_EXCHANGE)
    except OSError:  # such as the first record of its kind
        os.rename(reserved, path)


def take(path: str) -> bool:
    """Move a reserved file to ``path``, unless a file exists there; return whether the reserve had one."""
    folder = _above(path)
    for name in _fitting(folder, 1):
        failpoint(f"take reserve for {os.path.basename(path)}")
        try:
            syscalls.rename(f"{folder}/{name}", path, syscalls.RENAME_NOREPLACE)
        except FileNotFoundError:
            continue
        except FileExistsError:
            pass
        return True
    return False


def give_back(path: str) -> None:
    """Remove a file, or make it a reserved one where one is missing."""
    places = _missing(_above(path))
    with suppress(OSError):
        if places and _allocated(path) >= _SIZE and stat.S_ISREG(os.lstat(path).st_mode):
            _blank(path)
            for one in places:
                with suppress(FileExistsError):
                    syscalls.rename(path, one, syscalls.RENAME_NOREPLACE)
                    return
    os.unlink(path)


def _missing(folder: str) -> list[str]:
    """Return the paths of the missing small files; none while the last of them exists."""
    if not folder or os.path.exists(f"{folder}/{_FILES - 1}"):
        return []
    places = (f"{folder}/{number}" for number in range(_FILES))
    return [place for place in places if not os.path.exists(place)]


def _above(path: str) -> str:
    """Return the reserve in the closest directory above ``path`` that has one, "" where none has."""
    while path not in ("/", ""):
        path = os.path.dirname(path)
        if os.path.isdir(f"{path}/{_FOLDER}"):
            return f"{path}/{_FOLDER}"
    return ""


def _fitting(folder: str, size: int) -> list[str]:
    """Return the reserved files of at least this size: small ones, the last first, or large ones, the smaller first."""
    if not folder:
        return []
    if size > _SIZE:
        rooms = sorted((_allocated(f"{folder}/{name}"), name) for name in _ROOMS)
        return [name for room, name in rooms if room >= size]
    return [str(number) for number in reversed(range(_FILES)) if _allocated(f"{folder}/{number}") >= size]


def _allocated(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except OSError:
        return 0


def _overwrite(descriptor: int, data: bytes, mode: int) -> None:
    os.fchmod(descriptor, mode)
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], done)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _blank(path: str) -> None:
    """Overwrite the content of a file with zeros, since a configuration may have secrets."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        os.pwrite(descriptor, bytes(size), 0)
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
