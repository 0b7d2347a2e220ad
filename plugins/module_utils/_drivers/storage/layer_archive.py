# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tar file of an overlay layer, as image-spec layer.md has it: the members that containers-storage(1) writes.

The layer is walked by open directories, in the order of the names' bytes, and no link in it is followed. Owners are
numbers alone, times whole seconds, and of the extended attributes there are those that an image's layer keeps.
"""

from __future__ import annotations

import errno
import os
import stat
import tarfile
from typing import IO, Iterator, Optional, Sequence

from ..._model.errors import InvalidArgument, NotImplementedByHost
from ..._model.failpoints import failpoint
from ..kernel.userns import Maps
from ..trees.descent import DIRECTORY, Descent, shown
from .roots import Layers

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}
# A container that is not paused has removed a file, or put a link, a file in place of a link, or a socket there.
_REPLACED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ENXIO)
_CHUNK = 1 << 20
# Revisions of capabilities(7): the namespaced one ends with the host's ID of the container's root user.
_OF_A_NAMESPACE, _OF_THE_HOST = b"\x03", b"\x02"
_OVERFLOW = 65534
_SECOND = 1_000_000_000


def write(layers: Layers, path: str, maps: Maps) -> None:
    """Write the changes in ``layers.upper`` to a new tar file; ``maps`` are the container's, {} for the host's IDs.

    :raises NotImplementedByHost: the layer has parts that only overlayfs puts together.
    :raises InvalidArgument: a file cannot be a member. :raises TreeChanged: a directory was moved meanwhile.
    """
    failpoint("write a layer's diff")
    try:
        with open(path, "wb") as file:
            _Archive(file, layers.lower, maps).write(layers.upper)
            file.write(bytes(2 * tarfile.BLOCKSIZE))
    except OSError as error:
        error.filename = error.filename or path  # errors of write(2) have no file name
        raise


class _Archive:
    """A tar file that is written, and the place in the layer of what is written next."""

    def __init__(self, file: IO[bytes], lower: Sequence[str], maps: Maps) -> None:
        self._file = file
        self._lower = lower
        self._maps = maps
        self._first: dict[int, str] = {}  # the path of the first link to each inode
        self._way = Descent()
        self._folders: list[str] = []

    def write(self, top: str) -> None:
        """Write all below the directory ``top``, each directory before what is in it."""
        waiting: list[Iterator[str]] = []
        try:
            self._way.enter(os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            waiting.append(self._names())
            while waiting:
                name = next(waiting[-1], None)
                if name is None:
                    waiting.pop()
                    self._leave()
                elif self._add(name):
                    waiting.append(self._names())
        finally:
            self._way.close()

    def _names(self) -> Iterator[str]:
        return iter(sorted(os.listdir(self._way.here), key=os.fsencode))

    def _leave(self) -> None:
        if self._folders:
            self._folders.pop()
            self._way.leave()

    def _add(self, name: str) -> bool:
        """Write the entry of the innermost directory; return whether it is a directory, which is entered."""
        try:
            status = os.stat(name, dir_fd=self._way.here, follow_symlinks=False)
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                self._add_whiteout(name, status)
                return False
            if name.startswith(_WHITEOUT):
                where = shown(["", *self._folders, name])
                raise InvalidArgument(f"{where} cannot be in an image, where its name would be a deletion: rename it")
            if stat.S_ISDIR(status.st_mode):
                return self._add_directory(name)
            if stat.S_ISREG(status.st_mode):
                self._add_file(name)
            elif not stat.S_ISSOCK(status.st_mode):
                self._add_other(name, status)
        except OSError as error:
            if error.errno not in _REPLACED or error.filename != name:
                raise
        return False

    def _path(self, *names: str) -> str:
        return "/".join((*self._folders, *names))

    def _member(self, path: str, status: os.stat_result) -> tarfile.TarInfo:
        member = tarfile.TarInfo(path)
        member.type = _TYPES[stat.S_IFMT(status.st_mode)]
        member.mode = stat.S_IMODE(status.st_mode)
        member.mtime = status.st_mtime_ns // _SECOND
        member.uid, member.gid = self._id("uid", status.st_uid), self._id("gid", status.st_gid)
        return member

    def _id(self, kind: str, number: int) -> int:
        """Return the container's ID for one of the host; without one, what the container sees (user_namespaces(7))."""
        for one in self._maps.get(kind, ()):
            if one.outside <= number < one.outside + one.length:
                return one.inside + number - one.outside
        return _OVERFLOW if self._maps else number

    def _add_whiteout(self, name: str, status: os.stat_result) -> None:
        member = tarfile.TarInfo(self._path(_WHITEOUT + name))
        # The kernel's, which belong to no ID of the container.
        member.uid, member.gid = (0, 0) if self._maps else (status.st_uid, status.st_gid)
        member.mode, member.mtime = stat.S_IMODE(status.st_mode), status.st_mtime_ns // _SECOND
        self._write(member)

    def _add_directory(self, name: str) -> bool:
        folder = os.open(name, DIRECTORY, dir_fd=self._way.here)
        self._way.enter(folder)
        self._folders.append(name)
        status = os.fstat(folder)
        member = self._member(self._path(), status)
        opaque = self._add_attributes(member, folder)
        self._write(member)
        # The kernel makes each new directory in a merged one opaque, whether or not it hides one.
        if opaque and self._is_below():
            mark = tarfile.TarInfo(self._path(_OPAQUE))
            mark.mode, mark.uid, mark.gid = member.mode & 0o777, member.uid, member.gid
            self._write(mark)
        return True

    def _add_file(self, name: str) -> None:
        descriptor = os.open(name, _FILE, dir_fd=self._way.here)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return
            member = self._member(self._path(name), status)
            self._add_attributes(member, descriptor)
            if not self._is_link(member, status):
                member.size = status.st_size
            self._write(member)
            if member.size:
                self._copy(descriptor, member.size)
        finally:
            os.close(descriptor)

    def _add_other(self, name: str, status: os.stat_result) -> None:
        member = self._member(self._path(name), status)
        if member.issym():
            member.linkname = os.readlink(name, dir_fd=self._way.here)
        elif member.isdev() and not member.isfifo():
            member.devmajor, member.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
        self._is_link(member, status)
        self._write(member)

    def _is_link(self, member: tarfile.TarInfo, status: os.stat_result) -> bool:
        """Make it a link to the inode's first path, where there is one already; return whether it is."""
        first = self._first.setdefault(status.st_ino, member.name) if status.st_nlink > 1 else member.name
        if first != member.name:
            member.type, member.linkname = tarfile.LNKTYPE, first
        return first != member.name

    def _add_attributes(self, member: tarfile.TarInfo, descriptor: int) -> bool:
        """Take over the extended attributes that a layer keeps; return whether the one of an opaque directory is set.

        :raises NotImplementedByHost: it has its content or its name from elsewhere in the layers below.
        """
        headers, opaque = dict[str, str](), False
        for key in os.listxattr(descriptor):
            if key in ("trusted.overlay.redirect", "trusted.overlay.metacopy"):
                raise NotImplementedByHost(
                    f"the layer has /{member.name} with the attribute {key}: only containers-storage can write it to "
                    "an image: install that, or turn redirect_dir and metacopy of the kernel's module overlay off, "
                    "and re-create the container"
                )
            if key == "trusted.overlay.opaque":
                opaque = _attribute(descriptor, key) == b"y"
            elif key == "security.capability" or key.startswith("user."):
                if "=" in key or key.encode(errors="replace") != os.fsencode(key):
                    raise InvalidArgument(
                        f"/{member.name} cannot be in an image with its attribute {key!r}: a tar file has no "
                        "attributes with = or bytes other than UTF-8 in their names: remove it"
                    )
                value = _attribute(descriptor, key)
                if value is None:
                    continue
                if key == "security.capability" and value[3:4] == _OF_A_NAMESPACE:
                    value = value[:3] + _OF_THE_HOST + value[4:20]
                headers[f"SCHILY.xattr.{key}"] = os.fsdecode(value)
        member.pax_headers = dict(sorted(headers.items()))
        return opaque

    def _is_below(self) -> bool:
        """Return whether the innermost directory hides anything of the layers below."""
        return bool(next((found for found in map(self._look, self._lower) if found is not None), False))

    def _look(self, layer: str) -> Optional[bool]:
        """Return whether a layer has something at the innermost directory's path, None where that is for the next."""
        here = layer
        for name in self._folders:
            here = f"{here}/{name}"
            try:
                status = os.lstat(here)
            except FileNotFoundError:
                return None
            if not stat.S_ISDIR(status.st_mode):
                return not (stat.S_ISCHR(status.st_mode) and status.st_rdev == 0)
        return True

    def _write(self, member: tarfile.TarInfo) -> None:
        self._file.write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))

    def _copy(self, descriptor: int, size: int) -> None:
        """Write ``size`` bytes of a file, zeros in place of what it has lost meanwhile, to the end of a block."""
        left = size
        while left and (data := os.read(descriptor, min(left, _CHUNK))):
            self._file.write(data)
            left -= len(data)
        padding = left + -size % tarfile.BLOCKSIZE
        while padding:
            padding -= self._file.write(bytes(min(padding, _CHUNK)))


def _attribute(descriptor: int, key: str) -> Optional[bytes]:
    """Return the value of an extended attribute, None where a process of the container has just removed it."""
    try:
        return os.getxattr(descriptor, key)
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
        return None
