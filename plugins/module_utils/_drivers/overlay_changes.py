# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an overlay's upper directory changes of the layers below it (the kernel's overlayfs.rst).

Both sides are walked by open directories, so that no link in a layer is followed.
"""

from __future__ import annotations

import os
import stat
from typing import Container, Optional, Sequence

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_Changes = list[tuple[str, str]]


def changes(upper: str, lower: Sequence[str], hidden: Container[str] = ()) -> _Changes:
    """(A, C or D, path) of each change, sorted by path, a directory before what is in it; ``lower`` topmost first.

    What is ``hidden`` is left out, with a directory's change that nothing but it accounts for.
    """
    directories = [os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in (upper, *lower)]
    try:
        found = _walk(directories[0], directories[1:], "", hidden)[0]
    finally:
        _close(directories)
    return sorted(found, key=lambda change: change[1].split("/"))


def _close(directories: Sequence[int]) -> None:
    for descriptor in directories:
        os.close(descriptor)


def _walk(upper: int, lower: Sequence[int], path: str, hidden: Container[str]) -> tuple[_Changes, bool]:
    """The changes in one directory, and whether there is something hidden in it."""
    found: _Changes = []
    hides = False
    for name in os.listdir(upper):
        whole = f"{path}/{name}"
        if whole in hidden:
            hides = True
            continue
        here = os.stat(name, dir_fd=upper, follow_symlinks=False)
        before = _below(lower, name)
        if _whiteout(here):
            found += [("D", whole)] if before else []
            continue
        inside, inside_hides = _enter(upper, lower, name, whole, hidden) if stat.S_ISDIR(here.st_mode) else ([], False)
        if before is None:
            found.append(("A", whole))
        elif _entries_differ(inside, whole) or not _same_directory(here, before, ignore_time=inside_hides):
            found.append(("C", whole))
        found += inside
    return found, hides


def _enter(upper: int, lower: Sequence[int], name: str, path: str, hidden: Container[str]) -> tuple[_Changes, bool]:
    opened = [os.open(name, _DIRECTORY, dir_fd=upper)]
    try:
        opaque = _opaque(opened[0])
        for directory in lower:
            status = _status(directory, name)
            if status is None:
                continue
            if not stat.S_ISDIR(status.st_mode):
                break
            opened.append(os.open(name, _DIRECTORY, dir_fd=directory))
            if _opaque(opened[-1]):
                break
        # An opaque directory hides those below: what it has of theirs was written anew.
        found, hides = _walk(opened[0], opened[1:], path, hidden)
        if opaque:
            kept = set(os.listdir(opened[0]))
            gone = {each for directory in opened[1:] for each in os.listdir(directory)} - kept
            found += [("D", f"{path}/{each}") for each in gone if _below(opened[1:], each)]
        return found, hides
    finally:
        _close(opened)


def _entries_differ(inside: _Changes, path: str) -> bool:
    """Whether the directory gained or lost an entry of its own."""
    depth = path.count("/") + 1
    return any(kind != "C" and below.count("/") == depth for kind, below in inside)


def _status(directory: int, name: str) -> Optional[os.stat_result]:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _below(lower: Sequence[int], name: str) -> Optional[os.stat_result]:
    """What the layers below show under the name: the topmost layer that has it decides."""
    for directory in lower:
        status = _status(directory, name)
        if status is not None:
            return None if _whiteout(status) else status
    return None


def _whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _opaque(directory: int) -> bool:
    try:
        return os.getxattr(f"/proc/self/fd/{directory}", "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def _same_directory(here: os.stat_result, before: os.stat_result, *, ignore_time: bool) -> bool:
    """A directory stands in the upper layer also for what is in it; its own change is one of mode, owner or time."""
    return (
        stat.S_ISDIR(here.st_mode)
        and (here.st_mode, here.st_uid, here.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
        and (ignore_time or here.st_mtime_ns == before.st_mtime_ns)
    )
