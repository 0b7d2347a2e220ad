# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a program on the host: what conmon runs when a container ends, and the operator's command."""

from __future__ import annotations

import os
import sys

from ..._model.engine_config import EngineConfig

_PACKAGE = __package__.rsplit(".", 2)[0]
_MAIN = f"{_PACKAGE}._cli.main"
# The package's name in the archive that the action plugin sends, and each run keeps (module_utils/engine_archive.py).
_ARCHIVED = "libpod_engine"


def argv(parts: EngineConfig) -> list[str]:
    """The words that start this very engine, to be followed by a subcommand; empty where it is not kept on the host.

    Of an archive that Ansible removes after its task nothing later could be started.
    """
    archive: str = getattr(sys.modules[__name__].__loader__, "archive", "")
    if not archive:
        return [sys.executable, "-I", "-m", _MAIN] if sys.executable else []
    folder, name = os.path.split(archive)
    interpreter = _interpreter(folder) if folder == f"{parts.static_root}/engine" else ""
    # The boot script takes what is whole of this version, makes what another Python needs, or takes a later version.
    return [interpreter, "-I", "-X", "utf8", f"{folder}/boot.py", name.partition(".")[0]] if interpreter else []


def _interpreter(folder: str) -> str:
    """The one on record in the operator's command (module_utils/engine_setup.py); empty where it is not kept."""
    import json

    try:
        with open(f"{folder}/libpod", encoding="utf-8") as file:
            return str(json.loads(file.read(4096).split("\n")[1][1:])["interpreter"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def stays(parts: EngineConfig) -> bool:
    """Whether the host keeps this engine once a run is through: in check mode nothing is kept, but foretold."""
    return bool(argv(parts)) or _PACKAGE == _ARCHIVED
