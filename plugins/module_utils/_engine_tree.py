# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as the collection's own files, for plugins on the controller; as a program it is the ``libpod`` command.

Ansible's importer compiles each file in each process, which takes 50 ms for a task's worker. As a package of another
name the same files are imported by Python itself, which keeps what it compiled.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from types import ModuleType

PACKAGE = "libpod_engine_tree"
_ROOMS = os.path.dirname(os.path.abspath(__file__))


def load(*names: str) -> list[ModuleType]:
    """Import modules such as ``_runtime.base``."""
    if PACKAGE not in sys.modules:
        package = sys.modules[PACKAGE] = ModuleType(PACKAGE)
        package.__path__ = [_ROOMS]
    written, collected = not sys.dont_write_bytecode, gc.isenabled()
    # A cache of root's in a user's collection would be in the way of a later installation.
    sys.dont_write_bytecode = not (written and os.stat(_ROOMS).st_uid == os.geteuid())
    gc.disable()
    try:
        return [importlib.import_module(f"{PACKAGE}.{name}") for name in names]
    finally:
        sys.dont_write_bytecode = not written
        if collected:
            gc.enable()


if __name__ == "__main__":
    raise SystemExit(load("_cli.main")[0].main())
