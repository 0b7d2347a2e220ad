# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine imported once, and memory of which a fork copies little, for thousands of modules in forked children."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
from pathlib import Path

from ansible_collections.libpod.engine.plugins import module_utils

_kept: list[bytes] = []


def engine() -> None:
    """Import every module and every file of every room; what they import only when used (pyroute2) stays out."""
    rooms = Path(next(iter(module_utils.__path__)))
    for path in sorted([*rooms.parent.glob("modules/*.py"), *rooms.glob("_engine_*.py"), *rooms.glob("_*/**/*.py")]):
        parts = path.relative_to(rooms.parent).with_suffix("").parts
        importlib.import_module(".".join([module_utils.__name__.rpartition(".")[0], *parts]))


def fill_gaps() -> None:
    """Fill the gaps that imports have left in Python's memory, by the table of its allocator.

    Else a forked child has its first objects there, and copies a page for nearly each of them.
    """
    with tempfile.TemporaryFile() as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(stderr, 2)
        os.close(stderr)
        file.seek(0)
        table = re.findall(r"^ +\d+ +(\d+) +\d+ +\d+ +(\d+)$", file.read().decode(), re.M)
    for size, gaps in table:
        length = int(size) - sys.getsizeof(b"")
        _kept.extend(bytes(length) for _gap in range(int(gaps) if length > 1 else 0))
