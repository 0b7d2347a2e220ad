# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that an overlay's upper layers make to the layers below them (the kernel's overlayfs.rst).

Both sides are walked by open directories, so that no link in a layer is followed, and a tree may have any depth.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Container, Iterator, Optional, Sequence

from ..trees.descent import DIRECTORY, Descent, Path

_Changes = list[tuple[str, str]]
_DESCRIPTORS = 256  # for all layers together, but at least one for each


def changes(upper: Sequence[str], lower: Sequence[str], hidden: Container[str] = ()) -> _Changes:
    """Return ``(KIND, PATH)`` of each change, the kind being A, C or D, sorted by path; layers are topmost first.

    ``hidden`` paths are left out, with a change of their directory that only they cause. A change at a path that is too
    long counts as one of the innermost directory whose path is not.

    :raises TreeChanged: a directory was moved while it was read.
    """
    walk = _Walk(len(upper), len(lower), hidden)
    try:
        walk.begin(upper, lower)
        return walk.run()
    finally:
        walk.close()


class _Folder:
    """A directory of the upper layers; ``before`` is the status of its path in the layers below."""

    __slots__ = ("path", "names", "upper", "lower", "here", "before", "place", "differs", "hides")

    def __init__(
        self, path: Path, names: Iterator[str], upper: Sequence[Descent], lower: Sequence[Descent], place: int
    ) -> None:
        self.path = path
        self.names = names
        self.upper = upper  # the layers that have a directory there
        self.lower = lower
        self.here: Optional[os.stat_result] = None
        self.before: Optional[os.stat_result] = None
        self.place = place  # of its own change among all
        self.differs = False  # it gained or lost an entry
        self.hides = False  # it has an entry that is hidden


class _Walk:
    """The directories of the upper layers on the way down, with those of the layers below."""

    def __init__(self, upper: int, lower: int, hidden: Container[str]) -> None:
        held = max(1, _DESCRIPTORS // (lower + upper))
        self._upper = [Descent(held) for _layer in range(upper)]
        self._lower = [Descent(held) for _layer in range(lower)]
        self._hidden = hidden
        self._folders: list[_Folder] = []
        self._changes: list[Optional[tuple[str, str]]] = []

    def close(self) -> None:
        for way in (*self._upper, *self._lower):
            way.close()

    def begin(self, upper: Sequence[str], lower: Sequence[str]) -> None:
        """Enter the top directories of the layers."""
        for way, path in zip((*self._upper, *self._lower), (*upper, *lower)):
            way.enter(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._folders.append(_Folder(Path(""), iter(sorted(_names(self._upper))), self._upper, self._lower, -1))

    def run(self) -> _Changes:
        while True:
            folder = self._folders[-1]
            name = next(folder.names, None)
            if name is not None:
                self._look(folder, name)
            elif len(self._folders) > 1:
                self._leave()
            else:
                return [change for change in self._changes if change]

    def _look(self, folder: _Folder, name: str) -> None:
        path = folder.path.below(name)
        if not path.deep and path.text in self._hidden:
            folder.hides = True
            return
        here = _topmost(folder.upper, name)
        before = _below(folder.lower, name)
        gone = here is None or _whiteout(here)
        folder.differs |= bool(before) == gone
        if here is None or gone:
            if before:
                self._record("D", folder, path)
        elif stat.S_ISDIR(here.st_mode):
            self._enter(folder, name, path, here, before)
        else:
            self._record("C" if before else "A", folder, path)

    def _record(self, kind: str, folder: _Folder, path: Path) -> None:
        if path.deep:
            folder.differs = True
        else:
            self._changes.append((kind, path.text))

    def _enter(
        self, around: _Folder, name: str, path: Path, here: os.stat_result, before: Optional[os.stat_result]
    ) -> None:
        upper, covered = _entered(around.upper, name)
        lower, _opaque_below = _entered(around.lower, name)
        names = _names(upper)
        # An opaque directory hides those below: entries with a name of theirs are new, and all others are gone.
        if covered:
            names.update(_names(lower))
        folder = _Folder(path, iter(sorted(names)), upper, lower, len(self._changes))
        folder.here, folder.before = here, before
        self._folders.append(folder)
        self._changes.append(None)

    def _leave(self) -> None:
        folder = self._folders.pop()
        for way in (*folder.upper, *folder.lower):
            way.leave()
        here, before = folder.here, folder.before
        same = here and before and _same_directory(here, before, ignore_time=folder.hides)
        if folder.differs or not same:
            if folder.path.deep:
                self._folders[-1].differs = True
            else:
                self._changes[folder.place] = ("C" if before else "A", folder.path.text)


def _status(directory: int, name: str) -> Optional[os.stat_result]:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _topmost(ways: Sequence[Descent], name: str) -> Optional[os.stat_result]:
    """Return the status of a name in the topmost layer that has it, which may be a whiteout."""
    return next((status for status in (_status(way.here, name) for way in ways) if status is not None), None)


def _below(lower: Sequence[Descent], name: str) -> Optional[os.stat_result]:
    """Return the status of a name in the layers below, None for a whiteout too."""
    status = _topmost(lower, name)
    return None if status is None or _whiteout(status) else status


def _entered(ways: Sequence[Descent], name: str) -> tuple[list[Descent], bool]:
    """Enter the directory in each layer that has a part of it; return these, and whether it hides the layers below."""
    entered: list[Descent] = []
    for way in ways:
        try:
            way.enter(os.open(name, DIRECTORY, dir_fd=way.here))
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            return entered, True
        entered.append(way)
        if _opaque(way.here):
            return entered, True
    return entered, False


def _names(ways: Sequence[Descent]) -> set[str]:
    return {name for way in ways for name in os.listdir(way.here)}


def _whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _opaque(directory: int) -> bool:
    try:
        return os.getxattr(f"/proc/self/fd/{directory}", "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def _same_directory(here: os.stat_result, before: os.stat_result, *, ignore_time: bool) -> bool:
    """Return whether a directory itself is unchanged: mode, owner and time, whatever changed in it."""
    return (
        stat.S_ISDIR(here.st_mode)
        and (here.st_mode, here.st_uid, here.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
        and (ignore_time or here.st_mtime_ns == before.st_mtime_ns)
    )
