# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a program on the host: what conmon runs when a container ends, and the operator's command."""

from __future__ import annotations

import os
import sys

from ..._model.engine_config import EngineConfig

_PACKAGE = __name__.rsplit(".", 3)[0]  # __package__ is None while Python 3.9 loads from a zip file
_MAIN = f"{_PACKAGE}._cli.main"
# The package's name in the archive that the action plugin sends, and each run keeps (module_utils/_engine_archive.py).
_ARCHIVED = "libpod_engine"
# As which a plugin on the controller imports the collection's own files (module_utils/_engine_tree.py).
_TREE = "libpod_engine_tree"


def argv(parts: EngineConfig) -> list[str]:
    """Return the command line that starts this very engine, to be followed by a subcommand.

    It is empty where the host does not keep the engine: Ansible removes its own archive after the task.
    """
    archive: str = getattr(sys.modules[__name__].__loader__, "archive", "")
    if _PACKAGE == _TREE and sys.executable:
        return [sys.executable, "-I", os.path.join(sys.modules[_PACKAGE].__path__[0], "_engine_tree.py")]
    if not archive:
        return [sys.executable, "-I", "-m", _MAIN] if sys.executable else []
    folder, name = os.path.split(archive)
    interpreter = _interpreter(folder) if folder == f"{parts.static_root}/engine" else ""
    # The boot script uses this version where it is intact, compiles it for another Python, or uses a later version.
    return [interpreter, "-I", "-X", "utf8", f"{folder}/boot.py", name.partition(".")[0]] if interpreter else []


def _interpreter(folder: str) -> str:
    """Return the interpreter that the operator's command has on record, "" where there is none.

    See module_utils/_engine_setup.py.
    """
    import json

    try:
        with open(f"{folder}/libpod", encoding="utf-8") as file:
            return str(json.loads(file.read(4096).split("\n")[1][1:])["interpreter"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def stays(parts: EngineConfig) -> bool:
    """Return whether the host keeps this engine after a run; in check mode, whether it would."""
    return bool(argv(parts)) or _PACKAGE == _ARCHIVED
