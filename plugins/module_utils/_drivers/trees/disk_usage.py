# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a directory holds."""

from __future__ import annotations

from ..._model.errors import TreeChanged
from .descent import folders


def directory_size(path: str) -> int:
    """Bytes of all files beneath ``path``, a hard-linked file once, directories for nothing (containers/storage's way).

    What vanishes meanwhile counts as nothing, and where a directory is moved meanwhile, the rest of the tree too.
    """
    total = 0
    linked: set[tuple[int, int]] = set()
    try:
        for found in folders(path):
            for entry in found.files:
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
