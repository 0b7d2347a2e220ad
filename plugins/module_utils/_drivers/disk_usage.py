# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a directory holds."""

from __future__ import annotations

import os

from .._model.errors import TreeChanged
from .descent import DIRECTORY, Descent


def directory_size(path: str) -> int:
    """Bytes of all files beneath ``path``, a hard-linked file once, directories for nothing (containers/storage's way).

    What vanishes meanwhile counts as nothing, and where a directory is moved meanwhile, the rest of the tree too.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    linked: set[tuple[int, int]] = set()
    way = Descent()
    way.enter(top)
    try:
        total, names = _files(top, linked)
        waiting = [names]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                way.leave()
                continue
            try:
                way.enter(os.open(waiting[-1].pop(), DIRECTORY, dir_fd=way.here))
            except (FileNotFoundError, NotADirectoryError):
                continue
            size, names = _files(way.here, linked)
            total += size
            waiting.append(names)
    except TreeChanged:
        pass
    finally:
        way.close()
    return total


def _files(directory: int, linked: set[tuple[int, int]]) -> tuple[int, list[str]]:
    """Return the bytes of the files in an open directory, and the names of its subdirectories."""
    total, folders = 0, []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in linked:
                    continue
                linked.add((status.st_dev, status.st_ino))
            total += status.st_size
    return total, folders
