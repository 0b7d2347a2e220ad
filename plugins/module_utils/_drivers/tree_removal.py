# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a directory tree that a container made: of any depth, with any names, any number of entries.

The walk goes by open directories and names in them, so that no link and no length of a path matters. It recurses
nowhere, and holds a constant number of descriptors: an ancestor it has closed is opened again as ``..``, and compared.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple, Optional

from .._model.errors import NotRemoved

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HELD = 32  # descriptors of the innermost directories of the walk
_BATCH = 10_000  # subdirectories whose names are held for one directory
_TRIES = 10  # looks at a directory that gets new entries while it is emptied
_SHOWN = 3  # what is left is named so often in the message, then counted
# <linux/fs.h>
_FS_IOC_GETFLAGS = 0x80086601
_FS_IOC_SETFLAGS = 0x40086602
_LOCKED = 0x10 | 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL


def remove(path: str) -> None:
    """Remove ``path`` and all below it, as much as the kernel lets go; it is no error that nothing is there.

    A mount point is left with all in it. Flags of chattr(1) that forbid the removal are cleared.

    :raises NotRemoved: something is left; it says what and why, once all else is gone.
    """
    parent, name = os.path.split(path.rstrip("/"))
    try:
        descriptor = os.open(parent or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    walk = _Walk(descriptor, parent, name)
    try:
        walk.run()
    finally:
        walk.close()
    if walk.left:
        more = f"; {walk.amount - len(walk.left)} more" if walk.amount > len(walk.left) else ""
        raise NotRemoved(f"{'; '.join(walk.left)}{more}")


class _Identity(NamedTuple):
    device: int
    inode: int


class _Folder:
    """An open directory of the walk; ``waiting`` are subdirectories to enter, ``left`` what could not be removed."""

    __slots__ = ("name", "descriptor", "identity", "waiting", "left", "scan", "tries")

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor  # -1 while closed
        self.identity = _identity(descriptor)
        self.waiting: list[str] = []
        self.left: set[str] = set()
        self.scan = True  # there may be entries that the walk has not seen
        self.tries = 0


class _Walk:
    """The removal of ``name`` in the open directory ``descriptor``; the first folder is that one, which stays."""

    def __init__(self, descriptor: int, parent: str, name: str) -> None:
        self.left: list[str] = []
        self.amount = 0
        self._folders = [_Folder(parent, descriptor)]
        self._folders[0].scan = False
        self._folders[0].waiting.append(name)
        self._mount = _mount_id(descriptor)

    def run(self) -> None:
        while True:
            here = self._folders[-1]
            if here.waiting:
                self._enter(here, here.waiting.pop())
            elif here.scan:
                self._scan(here)
            elif len(self._folders) == 1 or not self._leave(here):
                return

    def close(self) -> None:
        for folder in self._folders:
            if folder.descriptor >= 0:
                os.close(folder.descriptor)

    def _enter(self, here: _Folder, name: str) -> None:
        try:
            found = os.open(name, _DIRECTORY, dir_fd=here.descriptor)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                self._unlink(here, name)
            else:
                self._keep(here, name, error.strerror)
            return
        if _mount_id(found) != self._mount:
            os.close(found)
            self._keep(here, name, "it is a mount point")
            return
        self._folders.append(_Folder(name, found))
        if len(self._folders) > _HELD + 1:
            far = self._folders[-_HELD - 1]
            if far is not self._folders[0]:
                os.close(far.descriptor)
                far.descriptor = -1

    def _scan(self, here: _Folder) -> None:
        """Remove all but the subdirectories; streaming, so that a directory of any size takes no memory."""
        here.scan = False
        try:
            with os.scandir(here.descriptor) as entries:
                for entry in entries:
                    if entry.name in here.left:
                        continue
                    if not entry.is_dir(follow_symlinks=False):
                        self._unlink(here, entry.name)
                        continue
                    here.waiting.append(entry.name)
                    if len(here.waiting) >= _BATCH:
                        here.scan = True
                        return
        except OSError as error:
            self._keep(here, "", error.strerror)

    def _leave(self, here: _Folder) -> bool:
        """Remove the directory whose entries are gone; whether the walk can go on."""
        parent = self._folders[-2]
        if parent.descriptor < 0:
            parent.descriptor = os.open("..", _DIRECTORY, dir_fd=here.descriptor)
            if _identity(parent.descriptor) != parent.identity:
                self._keep(here, "", "it was moved while it was being removed")
                return False
        if not here.left:
            try:
                self._rmdir(parent, here)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and here.tries < _TRIES:
                    here.tries += 1
                    here.scan = True
                    return True
                self._keep(here, "", error.strerror)
        if here.left:
            parent.left.add(here.name)
        os.close(self._folders.pop().descriptor)
        return True

    def _rmdir(self, parent: _Folder, here: _Folder) -> None:
        try:
            os.rmdir(here.name, dir_fd=parent.descriptor)
        except PermissionError:
            unlocked = _unlock(here.descriptor)
            if not self._unlock_folder(parent) and not unlocked:
                raise
            os.rmdir(here.name, dir_fd=parent.descriptor)

    def _unlink(self, here: _Folder, name: str) -> None:
        try:
            try:
                os.unlink(name, dir_fd=here.descriptor)
            except PermissionError:
                self._unlink_locked(here, name)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            here.waiting.append(name)
        except OSError as error:
            self._keep(here, name, error.strerror)

    def _unlink_locked(self, here: _Folder, name: str) -> None:
        """Clear the flags that forbid it; a file that lives on under another name gets its own back."""
        self._unlock_folder(here)
        file = _open_regular(here.descriptor, name)
        flags = 0
        try:
            flags = _unlock(file) if file >= 0 else 0
            os.unlink(name, dir_fd=here.descriptor)
        finally:
            if file >= 0:
                if flags and os.fstat(file).st_nlink:
                    _set_flags(file, flags)
                os.close(file)

    def _unlock_folder(self, folder: _Folder) -> bool:
        # The directory that the tree is in is not ours.
        return folder is not self._folders[0] and bool(_unlock(folder.descriptor))

    def _keep(self, here: _Folder, name: str, reason: Optional[str]) -> None:
        here.left.add(name)
        self.amount += 1
        if len(self.left) < _SHOWN:
            path = "/".join((*(folder.name for folder in self._folders), *((name,) if name else ())))
            self.left.append(f"{_printable(path)}: {reason}")


def _identity(descriptor: int) -> _Identity:
    status = os.fstat(descriptor)
    return _Identity(status.st_dev, status.st_ino)


def _mount_id(descriptor: int) -> bytes:
    """Return the ID of the mount a descriptor is on: a bind mount has the device of the tree around it."""
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as file:
        return file.read().partition(b"mnt_id:")[2].split()[0]


def _open_regular(directory: int, name: str) -> int:
    """Return an open regular file, -1 for anything else: a device is never opened."""
    held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(held).st_mode):
            return -1
        return os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(held)


def _unlock(descriptor: int) -> int:
    """Clear what chattr(1) has set against a removal; return the flags as they were, 0 where nothing was cleared."""
    import fcntl

    try:
        flags = int.from_bytes(fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, bytes(8))[:4], "little")
        if not flags & _LOCKED:
            return 0
        _set_flags(descriptor, flags & ~_LOCKED)
    except OSError:
        return 0  # the file system has none, or the kernel does not let us
    return flags


def _set_flags(descriptor: int, flags: int) -> None:
    import fcntl

    fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, flags.to_bytes(8, "little"))


def _printable(path: str) -> str:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    return shown if len(shown) <= 240 else f"{shown[:160]}…{shown[-79:]}"
