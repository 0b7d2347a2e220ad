# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a directory tree of any depth, by open directories and with a constant number of descriptors.

Neither the length of a path nor links matter. A directory that was closed is opened again as ``..``, and compared.
"""

from __future__ import annotations

import errno
import os
from typing import Iterator, NamedTuple, Sequence

from ..._model.errors import TreeChanged

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
HELD = 32  # innermost directories that stay open
LONGEST = 4095  # bytes of a path that a program can use, path_resolution(7)


class _Identity(NamedTuple):
    device: int
    inode: int


class Descent:
    """The directories from the first one entered down to the current one; the innermost ``held`` of them are open."""

    __slots__ = ("_open", "_identities", "_held", "_flags")

    def __init__(self, held: int = HELD, flags: int = DIRECTORY) -> None:
        self._open: list[int] = []  # -1 where it is closed
        self._identities: list[_Identity] = []
        self._held = held
        self._flags = flags

    @property
    def here(self) -> int:
        """The innermost directory's descriptor."""
        return self._open[-1]

    def enter(self, descriptor: int) -> None:
        """Enter an open directory that is in the innermost one, and take it over."""
        self._open.append(descriptor)
        self._identities.append(_identity(descriptor))
        far = len(self._open) - 1 - self._held
        if far >= 0 and self._open[far] >= 0:
            os.close(self._open[far])
            self._open[far] = -1

    def parent(self) -> int:
        """Return the descriptor of the directory that has the innermost one.

        :raises TreeChanged: the innermost one was moved out of it.
        """
        if self._open[-2] < 0:
            self._open[-2] = os.open("..", self._flags, dir_fd=self._open[-1])
            if _identity(self._open[-2]) != self._identities[-2]:
                raise TreeChanged("a directory in it was moved during the walk")
        return self._open[-2]

    def leave(self) -> None:
        """Return to the parent of the innermost directory.

        :raises TreeChanged: as ``parent``.
        """
        if len(self._open) > 1:
            self.parent()
        self._identities.pop()
        os.close(self._open.pop())

    def close(self) -> None:
        """Close all open directories."""
        for descriptor in self._open:
            if descriptor >= 0:
                os.close(descriptor)
        self._open = []


class Path(NamedTuple):
    """A path for results; where it is too long for a program to use, its usable beginning, and ``deep`` is set.

    So a report on a tree has at most one path of limited length for each entry.
    """

    text: str
    deep: bool = False

    def below(self, name: str) -> Path:
        """Return the path of ``name`` in the directory that has this path."""
        if self.deep or len(os.fsencode(name)) + len(self.text) >= LONGEST:
            return self._replace(deep=True)
        return Path(f"{self.text}/{name}")


class Folder(NamedTuple):
    """A directory of a tree: the names that lead to it, the bytes of its path, and its entries but directories."""

    names: list[str]
    length: int
    files: list[os.DirEntry[str]]


def folders(top: str) -> Iterator[Folder]:
    """Yield a directory and all below it, parents first; the files of each are valid until the next one.

    Entries that vanish meanwhile are left out.

    :raises TreeChanged: a directory was moved meanwhile.
    """
    way = Descent()
    names: list[str] = []
    waiting: list[list[str]] = []
    length = 0
    try:
        way.enter(os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        while True:
            files, inner = _entries(way.here)
            waiting.append(inner)
            yield Folder(names, length, files)
            while not (waiting[-1] and entered(way, waiting[-1][-1])):
                if waiting[-1]:
                    waiting[-1].pop()
                    continue
                waiting.pop()
                if not waiting:
                    return
                way.leave()
                length -= len(os.fsencode(names.pop())) + 1
            names.append(waiting[-1].pop())
            length += len(os.fsencode(names[-1])) + 1
    except (FileNotFoundError, NotADirectoryError):
        return
    finally:
        way.close()


def entered(way: Descent, name: str) -> bool:
    """Enter a directory, and return whether it is still there."""
    try:
        way.enter(os.open(name, DIRECTORY, dir_fd=way.here))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        return False
    return True


def _entries(directory: int) -> tuple[list[os.DirEntry[str]], list[str]]:
    files, inner = [], []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.name)
            else:
                files.append(entry)
    return files, inner


def longer_than(top: str, most: int) -> str:
    """Return, for a message, a path below the directory ``top`` that has more than ``most`` bytes; "" for none.

    :raises TreeChanged: a directory was moved meanwhile.
    """
    for folder in folders(top):
        longest = max((len(os.fsencode(entry.name)) + 1 for entry in folder.files), default=0)
        if folder.length + longest > most:
            return shown(["", *folder.names])
    return ""


def shown(parts: Sequence[str]) -> str:
    """Return the path of these names for a message: printable, and cut in the middle where it is long."""
    text = os.fsencode("/".join(parts)).decode("utf-8", "backslashreplace")
    return text if len(text) <= 240 else f"{text[:160]}…{text[-79:]}"


def _identity(descriptor: int) -> _Identity:
    status = os.fstat(descriptor)
    return _Identity(status.st_dev, status.st_ino)
