# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine imported once, for tests that run hundreds of modules in forked children."""

from __future__ import annotations

import ctypes
import gc
import importlib
from pathlib import Path

from ansible_collections.libpod.engine.plugins import module_utils

_HUGE = 1 << 21  # bytes of a huge page
_MADV_COLLAPSE = 25  # of Linux 6.1


def engine() -> None:
    """Import every module and every file of every room; what they import only when used (pyroute2) stays out."""
    rooms = Path(next(iter(module_utils.__path__)))
    for path in sorted([*rooms.parent.glob("modules/*.py"), *rooms.glob("_engine_*.py"), *rooms.glob("_*/**/*.py")]):
        parts = path.relative_to(rooms.parent).with_suffix("").parts
        importlib.import_module(".".join([module_utils.__name__.rpartition(".")[0], *parts]))


def settle() -> None:
    """Make forks of this process cheaper, once it has imported what it needs.

    Garbage collection leaves alone what there is now: in a child it would write to, and so copy, all of that memory.
    The kernel collapses it to huge pages where it can (madvise(2), MADV_COLLAPSE), whose tables are small to copy.
    """
    gc.collect()
    gc.freeze()
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, access, *_numbers = line.split()
        if access == "rw-p" and ("/" not in line):
            begin, end = (int(address, 16) for address in addresses.split("-"))
            begin, end = -(-begin // _HUGE) * _HUGE, end // _HUGE * _HUGE
            if begin < end:
                madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), _MADV_COLLAPSE)
