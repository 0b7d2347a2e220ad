# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one archive: packed on the controller, kept compiled on the target, and imported from there.

Ansible sends a module with every file it imports, reads all of them on the controller and compiles them on
the target at each task. The engine is sent once a version instead: a module that ``load``\\ s a room from
here costs little more than ``ping``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from types import ModuleType

# What the action plugin tells the module: {"static_root", "digest", "archive", "keep"}.
VARIABLE = "LIBPOD_ENGINE"
MISSING = "libpod_engine_missing"
PACKAGE = "libpod_engine"
KEPT = "engine_kept"  # the module that makes of the archive what is kept
_COLLECT_EVERY = 50_000  # objects made and not freed, instead of 700
DEFAULT_STATIC_ROOT = "/var/lib/libpod"  # as in _model.parts, which is in the archive


def load(room: str) -> ModuleType:
    """Import a room such as ``_glue.container``: from the archive that the action plugin names, else from beside here.

    Where the target does not have the archive, the task ends here, and the action plugin sends it.
    """
    # A task is over before the collector's passes over all that was imported would free anything.
    gc.set_threshold(_COLLECT_EVERY)
    told = os.environ.pop(VARIABLE, "")
    if not told:
        return importlib.import_module(f"{__package__}.{room}")
    sys.path.insert(0, _archive(**json.loads(told)))
    return importlib.import_module(f"{PACKAGE}.{room}")


def _archive(static_root: str, digest: str, archive: str, keep: bool) -> str:
    """The path of the compiled archive, which is made from the one that was sent where it is not there."""
    root = static_root or os.environ.get("LIBPOD_STATIC_ROOT") or DEFAULT_STATIC_ROOT
    kept = f"{root}/engine/{digest}.{sys.implementation.cache_tag}.zip"
    if os.path.exists(kept):
        return kept
    if not archive:
        sys.stdout.write(json.dumps({"changed": False, MISSING: True}))
        raise SystemExit(0)
    if not keep:
        return archive
    sys.path.insert(0, archive)
    try:
        importlib.import_module(KEPT).keep(archive, kept)
    except OSError:
        # A read-only or full root is for the engine to report, with what the task wanted of it.
        return archive
    finally:
        sys.path.remove(archive)
    return kept
