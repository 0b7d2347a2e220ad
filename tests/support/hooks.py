# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hook by which a container is started by the OCI runtime's command ``start``, and not by the engine itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def after_start(folder: Path, *command: str) -> dict[str, Any]:
    """Write a hook of the stage poststart, and return the option that has it run, by default ``true``."""
    hook = {"path": "/bin/true"} if not command else {"path": command[0], "args": list(command)}
    one = {"version": "1.0.0", "hook": hook, "when": {"always": True}, "stages": ["poststart"]}
    (folder / "hooks").mkdir()
    (folder / "hooks" / "one.json").write_text(json.dumps(one), encoding="ascii")
    return {"hooks_dir": [str(folder / "hooks")]}
