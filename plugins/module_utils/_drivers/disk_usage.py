# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a directory holds."""

from __future__ import annotations

import os


def directory_size(path: str) -> int:
    """Bytes of all files beneath ``path``, a hard-linked file once, directories for nothing (containers/storage's way).

    What vanishes meanwhile counts as nothing.
    """
    total, folders, linked = 0, [path], set()
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink > 1:
                        if (status.st_dev, status.st_ino) in linked:
                            continue
                        linked.add((status.st_dev, status.st_ino))
                    total += status.st_size
        except (FileNotFoundError, NotADirectoryError):
            continue
    return total
