# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a file or a tree between two open directories, following no link, and only what differs.

A file is replaced by one rename, so that readers see the old or the new one, also after a kill. A tree may have any
depth.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Iterator, NamedTuple, Optional

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from .descent import Descent, Path

_BLOCK = 1 << 20


class Rules(NamedTuple):
    """The rules of a copy.

    ``owner`` is set on everything, None keeps each owner. With ``overwrite`` a directory may replace another kind, and
    the other way round. With ``dry`` nothing is changed. ``temporary`` is a name that nothing else uses.
    """

    owner: Optional[tuple[int, int]]
    overwrite: bool
    dry: bool
    temporary: str


class Place(NamedTuple):
    """A name in an open directory; the descriptor -1 stands for a directory that does not exist yet."""

    directory: int
    name: str


def copy(source: Place, target: Place, rules: Rules, path: str = "") -> list[str]:
    """Make ``target`` like ``source`` and return the paths that differed, beginning with ``path``.

    Content, kind, mode, owner and a link's target are compared, times are not. Devices, FIFOs and sockets are left out.

    :raises OSError: EISDIR or ENOTDIR where the kinds do not fit and ``overwrite`` is not set; else as open(2).
    :raises InvalidArgument: ``target`` is in the directory ``source``.
    :raises TreeChanged: a directory was moved while it was copied.
    """
    with _Walk(rules, target.directory) as walk:
        walk.copy(source, target, Path(path or target.name))
        return walk.run()


def copy_content(source: int, target: int, rules: Rules, path: str) -> list[str]:
    """Copy everything in the open directory ``source`` as ``copy`` does; what only ``target`` has stays."""
    with _Walk(rules, -1 if os.path.sameopenfile(source, target) else target) as walk:
        walk.enter(os.dup(source), os.dup(target), Path(path))
        return walk.run()


class _Folder(NamedTuple):
    """A directory that is being copied; ``status`` has the mode and owner that the target is still to get."""

    path: Path
    names: Iterator[str]
    absent: bool  # it does not exist at the destination, in a dry run
    status: Optional[os.stat_result]


class _Walk:
    """The directories that are being copied, one in another; the context closes them.

    ``destination``, an open directory or -1, must not be among the copied ones, since the copy goes there.
    """

    def __init__(self, rules: Rules, destination: int) -> None:
        self._rules = rules
        self._destination = os.fstat(destination) if destination >= 0 else None
        self._source = Descent()
        self._target = Descent()
        self._folders: list[_Folder] = []
        self._changed: dict[str, None] = {}  # in order, each path once

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._source.close()
        self._target.close()

    def run(self) -> list[str]:
        """Copy the content of the entered directories; return the paths that differed."""
        while self._folders:
            folder = self._folders[-1]
            name = next(folder.names, None)
            if name is None:
                self._leave()
            elif name != self._rules.temporary:
                target = Place(-1 if folder.absent else self._target.here, name)
                self.copy(Place(self._source.here, name), target, folder.path.below(name))
        return list(self._changed)

    def copy(self, source: Place, target: Place, path: Path) -> None:
        """Copy a file or link; enter a directory."""
        rules = self._rules
        there = os.stat(source.name, dir_fd=source.directory, follow_symlinks=False)
        here = _status(target)
        if stat.S_ISDIR(there.st_mode):
            self._directory(source, target, there, here, path)
            return
        if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
            return
        if here is not None and stat.S_ISDIR(here.st_mode):
            _make_way(target, rules, errno.EISDIR, path)
            here = None
        if here is not None and _same(source, target, there, here, rules):
            return
        if not rules.dry:
            _replace(source, target, there, rules)
        self._changed[path.text] = None

    def _directory(
        self, source: Place, target: Place, there: os.stat_result, here: Optional[os.stat_result], path: Path
    ) -> None:
        rules = self._rules
        if here is not None and not stat.S_ISDIR(here.st_mode):
            _make_way(target, rules, errno.ENOTDIR, path)
            here = None
        differs = here is None or not _alike(there, here, rules)
        if differs:
            self._changed[path.text] = None
        if here is None and not rules.dry:
            failpoint("mkdir at the destination")
            os.mkdir(target.name, 0o700, dir_fd=target.directory)
        inner = -1 if here is None and rules.dry else _open(target, os.O_RDONLY | os.O_DIRECTORY)
        outer = _open(source, os.O_RDONLY | os.O_DIRECTORY)
        self.enter(outer, inner, path, there if differs and not rules.dry else None)

    def enter(self, source: int, target: int, path: Path, status: Optional[os.stat_result] = None) -> None:
        """Take over two open directories, the second -1 for none, and begin with the content of the first."""
        self._source.enter(source)
        if target >= 0:
            self._target.enter(target)
        if self._destination and os.path.samestat(os.fstat(source), self._destination):
            raise InvalidArgument(f"dest: it is in the directory that is copied, and {path.text} would have no end")
        self._folders.append(_Folder(path, iter(sorted(os.listdir(source))), target < 0, status))

    def _leave(self) -> None:
        folder = self._folders.pop()
        # Last, so that a copy that was killed differs.
        if folder.status is not None:
            failpoint("change the mode and owner of a directory")
            os.fchown(self._target.here, *_owner(folder.status, self._rules))
            os.fchmod(self._target.here, stat.S_IMODE(folder.status.st_mode))
        self._source.leave()
        if not folder.absent:
            self._target.leave()


def _status(place: Place) -> Optional[os.stat_result]:
    if place.directory < 0:
        return None
    try:
        return os.stat(place.name, dir_fd=place.directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _owner(there: os.stat_result, rules: Rules) -> tuple[int, int]:
    return rules.owner or (there.st_uid, there.st_gid)


def _alike(there: os.stat_result, here: os.stat_result, rules: Rules) -> bool:
    return there.st_mode == here.st_mode and _owner(there, rules) == (here.st_uid, here.st_gid)


def _make_way(target: Place, rules: Rules, number: int, path: Path) -> None:
    if not rules.overwrite:
        raise OSError(number, f"{os.strerror(number)} at its place, and overwrite is false", path.text)
    if not rules.dry:
        from . import removal

        failpoint("remove at the destination")
        if number == errno.EISDIR:
            removal.remove(f"/proc/self/fd/{target.directory}/{target.name}")
        else:
            os.unlink(target.name, dir_fd=target.directory)


def _same(source: Place, target: Place, there: os.stat_result, here: os.stat_result, rules: Rules) -> bool:
    if not _alike(there, here, rules):
        return False
    if stat.S_ISLNK(there.st_mode):
        return os.readlink(source.name, dir_fd=source.directory) == os.readlink(target.name, dir_fd=target.directory)
    return there.st_size == here.st_size and _same_content(source, target)


def _open(place: Place, flags: int = os.O_RDONLY) -> int:
    return os.open(place.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place.directory)


def _same_content(source: Place, target: Place) -> bool:
    with open(_open(source), "rb") as left, open(_open(target), "rb") as right:
        while True:
            block = left.read(_BLOCK)
            if block != right.read(_BLOCK):
                return False
            if not block:
                return True


def _replace(source: Place, target: Place, there: os.stat_result, rules: Rules) -> None:
    failpoint("write at the destination")
    new = Place(target.directory, rules.temporary)
    try:
        os.unlink(new.name, dir_fd=new.directory)
    except FileNotFoundError:
        pass
    if stat.S_ISLNK(there.st_mode):
        os.symlink(os.readlink(source.name, dir_fd=source.directory), new.name, dir_fd=new.directory)
        os.chown(new.name, *_owner(there, rules), dir_fd=new.directory, follow_symlinks=False)
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(new.name, flags, 0o600, dir_fd=new.directory)
        with open(_open(source), "rb") as reader, open(descriptor, "wb") as writer:
            while block := reader.read(_BLOCK):
                writer.write(block)
            writer.flush()
            os.fchown(descriptor, *_owner(there, rules))
            os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
            os.utime(descriptor, ns=(there.st_atime_ns, there.st_mtime_ns))
    os.rename(new.name, target.name, src_dir_fd=new.directory, dst_dir_fd=target.directory)
