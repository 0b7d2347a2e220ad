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
import shlex
import sys
from types import ModuleType

# What the action plugin tells the module: {"static_root", "digest", "archive", "keep"}.
VARIABLE = "LIBPOD_ENGINE"
MISSING = "libpod_engine_missing"
PACKAGE = "libpod_engine"
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
    try:
        _keep(archive, kept)
    except OSError:
        # A read-only or full root is for the engine to report, with what the task wanted of it.
        return archive
    return kept


def _keep(archive: str, kept: str) -> None:
    """Put a copy with compiled code under the static root, in one rename."""
    import zipfile

    os.makedirs(os.path.dirname(kept), 0o700, exist_ok=True)
    os.chmod(os.path.dirname(os.path.dirname(kept)), 0o700)
    temporary = f"{kept}.{os.getpid()}"
    try:
        with zipfile.ZipFile(archive) as sent, zipfile.ZipFile(temporary, "w") as made:
            for name in sent.namelist():
                # Without the sources: each import of the archive reads the list of all that is in it.
                made.writestr(f"{name}c", _compiled(sent.read(name), name))
        os.chmod(temporary, 0o600)
        os.rename(temporary, kept)
        _write_launcher(kept, temporary)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _write_launcher(kept: str, temporary: str) -> None:
    """``<static_root>/engine/libpod``: the operator's command, by this archive."""
    folder = os.path.dirname(kept)
    words = " ".join(map(shlex.quote, (sys.executable, "-I", kept)))
    root = shlex.quote(os.path.dirname(folder))
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nLIBPOD_STATIC_ROOT={root} exec {words} "$@"\n')
    os.chmod(temporary, 0o700)
    os.rename(temporary, f"{folder}/libpod")


def _compiled(source: bytes, name: str) -> bytes:
    """A .pyc without docstrings, never checked against its source (PEP 552): the archive's name vouches for it."""
    import importlib.util
    import marshal

    code = compile(source, f"{PACKAGE}/{name}", "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
