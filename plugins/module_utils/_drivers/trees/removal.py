# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove a directory tree that a container made: of any depth, with any names, any number of entries.

It does not recurse: ``Descent`` keeps the directories on the way down.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Optional

from ..._model.errors import NotRemoved, TreeChanged
from .descent import DIRECTORY, Descent, shown

_BATCH = 10_000  # subdirectories whose names are held for one directory
_TRIES = 10  # scans of a directory that gets new entries while it is emptied
_SHOWN = 3  # remaining paths that the message names; the others are counted
# <linux/fs.h>
_FS_IOC_GETFLAGS = 0x80086601
_FS_IOC_SETFLAGS = 0x40086602
_LOCKED = 0x10 | 0x20  # FS_IMMUTABLE_FL, FS_APPEND_FL


def remove(path: str) -> None:
    """Remove ``path``, if it exists, and all below it that the kernel allows to remove.

    A mount point stays with its content. Flags of chattr(1) that forbid the removal are cleared.

    :raises NotRemoved: something is left; the message names it with the reason, once all else is gone.
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


class _Folder:
    """A directory of the walk; ``waiting`` are subdirectories to enter, ``left`` entries that cannot be removed."""

    __slots__ = ("name", "waiting", "left", "scan", "tries")

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting: list[str] = []
        self.left: set[str] = set()
        self.scan = True  # it may have entries that were not seen yet
        self.tries = 0


class _Walk:
    """The removal of ``name`` in the open directory ``descriptor``, which is the first folder and stays."""

    def __init__(self, descriptor: int, parent: str, name: str) -> None:
        self.left: list[str] = []
        self.amount = 0
        self._way = Descent()
        self._way.enter(descriptor)
        self._folders = [_Folder(parent)]
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
        self._way.close()

    def _enter(self, here: _Folder, name: str) -> None:
        try:
            descriptor = os.open(name, DIRECTORY, dir_fd=self._way.here)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                self._unlink(here, name)
            else:
                self._keep(here, name, error.strerror)
            return
        if _mount_id(descriptor) != self._mount:
            os.close(descriptor)
            self._keep(here, name, "it is a mount point")
            return
        self._folders.append(_Folder(name))
        self._way.enter(descriptor)

    def _scan(self, here: _Folder) -> None:
        """Remove all but the subdirectories while reading, so that a directory of any size takes little memory."""
        here.scan = False
        try:
            with os.scandir(self._way.here) as entries:
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
        """Remove the directory whose entries are gone; return whether the walk can go on."""
        try:
            self._way.parent()
        except TreeChanged as error:
            self._keep(here, "", str(error))
            return False
        if not here.left:
            try:
                self._rmdir(here)
            except FileNotFoundError:
                pass
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and here.tries < _TRIES:
                    here.tries += 1
                    here.scan = True
                    return True
                self._keep(here, "", error.strerror)
        if here.left:
            self._folders[-2].left.add(here.name)
        self._folders.pop()
        self._way.leave()
        return True

    def _rmdir(self, here: _Folder) -> None:
        parent = self._way.parent()
        try:
            os.rmdir(here.name, dir_fd=parent)
        except PermissionError:
            unlocked = _unlock(self._way.here)
            # The directory that the tree is in is not ours.
            if not (len(self._folders) > 2 and _unlock(parent)) and not unlocked:
                raise
            os.rmdir(here.name, dir_fd=parent)

    def _unlink(self, here: _Folder, name: str) -> None:
        try:
            try:
                os.unlink(name, dir_fd=self._way.here)
            except PermissionError:
                self._unlink_locked(here, name)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            here.waiting.append(name)
        except OSError as error:
            self._keep(here, name, error.strerror)

    def _unlink_locked(self, here: _Folder, name: str) -> None:
        """Clear the flags that forbid the removal, and restore those of a file that has another name."""
        if len(self._folders) > 1:
            _unlock(self._way.here)
        file = _open_regular(self._way.here, name)
        flags = 0
        try:
            flags = _unlock(file) if file >= 0 else 0
            os.unlink(name, dir_fd=self._way.here)
        finally:
            if file >= 0:
                if flags and os.fstat(file).st_nlink:
                    _set_flags(file, flags)
                os.close(file)

    def _keep(self, here: _Folder, name: str, reason: Optional[str]) -> None:
        here.left.add(name)
        self.amount += 1
        if len(self.left) < _SHOWN:
            path = shown((*(folder.name for folder in self._folders), *((name,) if name else ())))
            self.left.append(f"{path}: {reason}")


def _mount_id(descriptor: int) -> bytes:
    """Return the ID of a descriptor's mount, since a bind mount may have the same device as the tree around it."""
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
    """Clear the flags of chattr(1) that forbid a removal; return the earlier flags, 0 where none was cleared."""
    import fcntl

    try:
        flags = int.from_bytes(fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, bytes(8))[:4], "little")
        if not flags & _LOCKED:
            return 0
        _set_flags(descriptor, flags & ~_LOCKED)
    except OSError:
        return 0  # the file system has no flags, or the kernel refuses
    return flags


def _set_flags(descriptor: int, flags: int) -> None:
    import fcntl

    fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, flags.to_bytes(8, "little"))
