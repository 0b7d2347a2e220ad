# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine imported once, for tests that run hundreds of modules in forked children."""

from __future__ import annotations

import importlib
import os

from ansible_collections.libpod.engine.plugins import module_utils


def engine() -> None:
    """Import every file of every room; what they import only when used (pyroute2) stays out."""
    top = next(iter(module_utils.__path__))
    for room in (one for one in os.listdir(top) if one.startswith("_") and not one.startswith("__")):
        for file in os.listdir(f"{top}/{room}"):
            if file.endswith(".py"):
                importlib.import_module(f"{module_utils.__name__}.{room}.{file[:-3]}")
