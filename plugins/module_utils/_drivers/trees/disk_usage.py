# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk usage of a directory."""

from __future__ import annotations

import time
from typing import Optional

from ..._model.errors import TreeChanged, TreeTooLarge
from .descent import folders


def directory_size(path: str, until: Optional[float] = None) -> int:
    """Return the bytes of all files below ``path``, as containers/storage counts them.

    A hard-linked file counts once, directories do not count. Files that vanish meanwhile are left out, and where a
    directory is moved meanwhile, so is the rest of the tree.

    :raises TreeTooLarge: it was not gone through by ``until`` (``time.monotonic``).
    """
    total = 0
    linked: set[tuple[int, int]] = set()
    try:
        for folder in folders(path):
            if until is not None and time.monotonic() >= until:
                raise TreeTooLarge(f"{path} was not gone through in the time that there is for it")
            for entry in folder.files:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if status.st_nlink > 1:
                    if (status.st_dev, status.st_ino) in linked:
                        continue
                    linked.add((status.st_dev, status.st_ino))
                total += status.st_size
    except TreeChanged:
        pass
    return total
