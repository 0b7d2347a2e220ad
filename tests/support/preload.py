# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine imported once, for tests that run hundreds of modules in forked children."""

from __future__ import annotations

import importlib
from pathlib import Path

from ansible_collections.libpod.engine import plugins


def engine() -> None:
    """Import every module and every file of every room; what they import only when used (pyroute2) stays out."""
    top = Path(next(iter(plugins.__path__)))
    for path in sorted([*top.glob("modules/*.py"), *top.glob("module_utils/_*/**/*.py")]):
        importlib.import_module(".".join([plugins.__name__, *path.relative_to(top).with_suffix("").parts]))
