# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directory trees that no path reaches the end of, as a container can make them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union


def nest(top: Union[str, Path], depth: int, name: str) -> None:
    """Make directories one in another, with a file in each, by descriptors: no path is as long as that."""
    inner = os.open(top, os.O_RDONLY)
    for _level in range(depth):
        os.mkdir(name, dir_fd=inner)
        below = os.open(name, os.O_RDONLY, dir_fd=inner)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=below))
        os.close(inner)
        inner = below
    os.close(inner)


def depth(top: Union[str, Path], name: str) -> int:
    """Return how many directories of this name are one in another, each with the file that ``nest`` made."""
    inner = os.open(top, os.O_RDONLY)
    levels = 0
    while name in os.listdir(inner):
        below = os.open(name, os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = below
        assert os.path.exists(f"/proc/self/fd/{inner}/file"), f"no file in level {levels + 1}"
        levels += 1
    os.close(inner)
    return levels
