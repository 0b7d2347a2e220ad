# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a file or a tree between two open directories, following no link, and only what differs.

A file is replaced by one rename, so that a reader or a kill sees the old or the new one.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import NamedTuple, Optional

from .effects import effect

_BLOCK = 1 << 20


class Rules(NamedTuple):
    """``owner`` is everything's, None keeps each one's; ``overwrite`` lets a directory replace another kind and the
    other way round; with ``dry`` nothing is changed; ``temporary`` is a name nothing else uses."""

    owner: Optional[tuple[int, int]]
    overwrite: bool
    dry: bool
    temporary: str


class Place(NamedTuple):
    """A name in an open directory; the descriptor -1 stands for a directory that is not there yet."""

    directory: int
    name: str


def copy(source: Place, target: Place, rules: Rules, path: str = "") -> list[str]:
    """Make ``target`` like ``source`` and return what differed, by paths that begin with ``path``.

    Content, kind, mode, owner and a link's target count, times do not. Devices, FIFOs and sockets are left out.

    :raises OSError: EISDIR or ENOTDIR where the kinds do not fit and ``overwrite`` is not set; else as open(2).
    """
    there = os.stat(source.name, dir_fd=source.directory, follow_symlinks=False)
    here = _status(target)
    path = path or target.name
    if stat.S_ISDIR(there.st_mode):
        return _copy_directory(source, target, there, here, rules, path)
    if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
        return []
    if here is not None and stat.S_ISDIR(here.st_mode):
        _make_way(target, rules, errno.EISDIR, path)
        here = None
    if here is not None and _same(source, target, there, here, rules):
        return []
    if not rules.dry:
        _replace(source, target, there, rules)
    return [path]


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


def _make_way(target: Place, rules: Rules, number: int, path: str) -> None:
    if not rules.overwrite:
        raise OSError(number, f"{os.strerror(number)} at its place, and overwrite is false", path)
    if not rules.dry:
        from . import tree_removal

        effect("remove at the destination")
        if number == errno.EISDIR:
            tree_removal.remove(f"/proc/self/fd/{target.directory}/{target.name}")
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
    effect("write at the destination")
    made = Place(target.directory, rules.temporary)
    try:
        os.unlink(made.name, dir_fd=made.directory)
    except FileNotFoundError:
        pass
    if stat.S_ISLNK(there.st_mode):
        os.symlink(os.readlink(source.name, dir_fd=source.directory), made.name, dir_fd=made.directory)
        os.chown(made.name, *_owner(there, rules), dir_fd=made.directory, follow_symlinks=False)
    else:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(made.name, flags, 0o600, dir_fd=made.directory)
        with open(_open(source), "rb") as reader, open(descriptor, "wb") as writer:
            while block := reader.read(_BLOCK):
                writer.write(block)
            writer.flush()
            os.fchown(descriptor, *_owner(there, rules))
            os.fchmod(descriptor, stat.S_IMODE(there.st_mode))
            os.utime(descriptor, ns=(there.st_atime_ns, there.st_mtime_ns))
    os.rename(made.name, target.name, src_dir_fd=made.directory, dst_dir_fd=target.directory)


def _copy_directory(
    source: Place, target: Place, there: os.stat_result, here: Optional[os.stat_result], rules: Rules, path: str
) -> list[str]:
    if here is not None and not stat.S_ISDIR(here.st_mode):
        _make_way(target, rules, errno.ENOTDIR, path)
        here = None
    differs = here is None or not _alike(there, here, rules)
    changed = [path] if differs else []
    if here is None and not rules.dry:
        effect("mkdir at the destination")
        os.mkdir(target.name, 0o700, dir_fd=target.directory)
    inner = -1 if here is None and rules.dry else _open(target, os.O_RDONLY | os.O_DIRECTORY)
    outer = _open(source, os.O_RDONLY | os.O_DIRECTORY)
    try:
        changed += copy_content(outer, inner, rules, path)
        # Last, so that a copy that was killed is seen as unfinished.
        if differs and not rules.dry:
            effect("change the mode and owner of a directory")
            os.fchown(inner, *_owner(there, rules))
            os.fchmod(inner, stat.S_IMODE(there.st_mode))
    finally:
        for descriptor in (inner, outer):
            if descriptor >= 0:
                os.close(descriptor)
    return changed


def copy_content(source: int, target: int, rules: Rules, path: str) -> list[str]:
    """As ``copy``, for everything in the open directory ``source``; what only ``target`` has stays."""
    changed: list[str] = []
    for name in sorted(os.listdir(source)):
        if name != rules.temporary:
            changed += copy(Place(source, name), Place(target, name), rules, f"{path}/{name}")
    return changed
