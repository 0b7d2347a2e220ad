# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine imported once, for tests that run hundreds of modules in forked children."""

from __future__ import annotations

import importlib
from pathlib import Path

from ansible_collections.libpod.engine.plugins import module_utils


def engine() -> None:
    """Import every module and every file of every room; what they import only when used (pyroute2) stays out."""
    rooms = Path(next(iter(module_utils.__path__)))
    for path in sorted([*rooms.parent.glob("modules/*.py"), *rooms.glob("_engine_*.py"), *rooms.glob("_*/**/*.py")]):
        parts = path.relative_to(rooms.parent).with_suffix("").parts
        importlib.import_module(".".join([module_utils.__name__.rpartition(".")[0], *parts]))
