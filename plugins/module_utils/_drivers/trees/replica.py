# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a directory tree exactly, in which others may change names meanwhile, into a directory that is ours alone.

Each entry is opened once and examined through that descriptor, so that no link is ever followed. Owners, modes, times,
extended attributes (ACLs and capabilities among them), hard links, holes, devices, FIFOs and sockets are kept.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import Callable, NamedTuple, Optional, Tuple

from ..._model.errors import InvalidArgument, TreeTooLarge
from ..._model.failpoints import failpoint
from . import removal
from .content import UNSUPPORTED
from .descent import DIRECTORY, Descent

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 1 << 26
# Makes of UID and GID of what is copied those that the copy has; None keeps them.
Owners = Optional[Callable[[int, int], Tuple[int, int]]]


def fill(source: int, target: int, temporary: str, seconds: float = 0, owners: Owners = None) -> None:
    """Copy the open directory ``source``, content and attributes, to the open, empty directory ``target``.

    Until it is complete it has a directory ``temporary``, with one more name of each file of several names; that name
    is not copied. ``seconds`` limit the time, 0 does not.

    :raises InvalidArgument: ``target`` is in ``source``. :raises TreeTooLarge: it took longer.
    :raises TreeChanged: a directory was moved while it was copied.
    """
    failpoint("mkdir in the new volume")
    os.mkdir(temporary, 0o700, dir_fd=target)
    walk = _Walk(target, temporary, seconds, owners)
    try:
        status = walk.run(source)
    finally:
        walk.close()
    failpoint("remove in the new volume")
    removal.remove(f"/proc/self/fd/{target}/{temporary}")
    _give_times(target, status)


class _Folder(NamedTuple):
    status: os.stat_result
    names: list[str]  # those not copied yet


class _Walk:
    def __init__(self, target: int, temporary: str, seconds: float, owners: Owners) -> None:
        self._owners = owners
        self._source, self._target = Descent(), Descent()
        self._root, self._temporary = target, temporary
        self._links = os.open(temporary, DIRECTORY, dir_fd=target)
        self._linked: dict[tuple[int, int], str] = {}  # name in ``_links`` of each file of several names
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._folders: list[_Folder] = []

    def run(self, source: int) -> os.stat_result:
        self._enter(os.dup(source), os.dup(self._root))
        top = self._folders[0]
        if self._temporary in top.names:
            top.names.remove(self._temporary)
        while self._folders:
            if self._seconds and time.monotonic() > self._end:
                raise TreeTooLarge(f"it was not finished within {self._seconds:g} seconds")
            names = self._folders[-1].names
            if names:
                self._copy(names.pop())
            else:
                self._leave()
        return top.status

    def close(self) -> None:
        os.close(self._links)
        self._source.close()
        self._target.close()

    def _enter(self, source: int, target: int) -> None:
        self._source.enter(source)
        self._target.enter(target)
        status = os.fstat(source)
        if os.path.samestat(status, os.fstat(self._root)):
            raise InvalidArgument("the copy would lie in what is copied")
        self._folders.append(_Folder(status, os.listdir(source)))

    def _leave(self) -> None:
        """Set a directory's attributes last: new entries change its times, and inherit its default ACL."""
        _give(self._source.here, self._target.here, self._folders.pop().status, self._owners)
        self._source.leave()
        self._target.leave()

    def _copy(self, name: str) -> None:
        try:
            held = os.open(name, _LOOK, dir_fd=self._source.here)
        except FileNotFoundError:
            return  # it is gone since
        try:
            status = os.fstat(held)
            failpoint("copy into the volume")
            if stat.S_ISDIR(status.st_mode):
                os.mkdir(name, 0o700, dir_fd=self._target.here)
                self._enter(_open(held, DIRECTORY), os.open(name, DIRECTORY, dir_fd=self._target.here))
            elif status.st_nlink > 1:
                self._link(held, name, status)
            else:
                _make(held, self._target.here, name, status, self._owners)
        finally:
            os.close(held)

    def _link(self, held: int, name: str, status: os.stat_result) -> None:
        """Copy a file of several names once, to a name in ``_links``, and link to that."""
        key = (status.st_dev, status.st_ino)
        if key not in self._linked:
            first = str(len(self._linked))
            _make(held, self._links, first, status, self._owners)
            self._linked[key] = first
        os.link(self._linked[key], name, src_dir_fd=self._links, dst_dir_fd=self._target.here, follow_symlinks=False)


def _open(held: int, flags: int = os.O_RDONLY) -> int:
    """Open the very file of an O_PATH descriptor."""
    return os.open(f"/proc/self/fd/{held}", (flags | os.O_CLOEXEC) & ~os.O_NOFOLLOW)


def _make(held: int, folder: int, name: str, status: os.stat_result, owners: Owners) -> None:
    """Create a copy of ``held``, which is no directory, as ``name`` in the open directory."""
    if stat.S_ISREG(status.st_mode):
        reader, writer = _open(held), -1
        try:
            writer = os.open(name, _NEW, 0o600, dir_fd=folder)
            _copy_content(reader, writer, status.st_size)
            _give(reader, writer, status, owners)
        finally:
            for descriptor in (reader, writer):
                if descriptor >= 0:
                    os.close(descriptor)
        return
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink("", dir_fd=held), name, dir_fd=folder)
    else:
        os.mknod(name, status.st_mode, status.st_rdev, dir_fd=folder)
    copy = os.open(name, _LOOK, dir_fd=folder)
    try:
        _give(held, copy, status, owners)
    finally:
        os.close(copy)


def _give(source: int, target: int, status: os.stat_result, owners: Owners) -> None:
    """Set owner, mode, attributes and times of the file behind one descriptor to those of another one.

    The owner is first, since a change of it drops capabilities and set-user-ID bits.
    """
    # These paths lead to the held file itself, even to a symbolic link.
    here, there = f"/proc/self/fd/{target}", f"/proc/self/fd/{source}"
    owner = status.st_uid, status.st_gid
    os.chown(here, *(owners(*owner) if owners else owner))
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(here, stat.S_IMODE(status.st_mode))
    for name in _attributes(there):
        try:
            os.setxattr(here, name, os.getxattr(there, name))
        except OSError as error:
            _check(error, name)
    _give_times(target, status)


def _give_times(target: int, status: os.stat_result) -> None:
    os.utime(f"/proc/self/fd/{target}", ns=(status.st_atime_ns, status.st_mtime_ns))


def _attributes(path: str) -> list[str]:
    try:
        # A file's label of SELinux is that of its place, which the directory that it comes into says.
        return [name for name in os.listxattr(path) if name != "security.selinux"]
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        return []


def _check(error: OSError, name: str) -> None:
    """Raise the error of an attribute that is neither unsupported nor a security module's own.

    :raises OSError: the attribute was lost.
    """
    own = name.startswith("security.") and name != "security.capability"
    if not own and error.errno not in (errno.EOPNOTSUPP, errno.ENODATA):
        raise error


def _copy_content(reader: int, writer: int, size: int) -> None:
    """Copy the ``size`` bytes that there were at first, leaving out holes."""
    place = 0
    while place < size:
        try:
            place = os.lseek(reader, place, os.SEEK_DATA)
            end = min(os.lseek(reader, place, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break  # the rest is a hole
            raise
        while place < end:
            copied = _copy_part(reader, writer, place, min(end - place, _BLOCK))
            if not copied:
                return  # it became shorter meanwhile
            place += copied
    os.ftruncate(writer, size)


def _copy_part(reader: int, writer: int, place: int, amount: int) -> int:
    """Copy a part within the kernel, sharing blocks where the file system can."""
    try:
        return os.copy_file_range(reader, writer, amount, place, place)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    os.lseek(writer, place, os.SEEK_SET)
    return os.sendfile(writer, reader, place, amount)
