# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's command ``libpod``, run as an operator does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Optional

from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program

from .hosts import Host

Done = subprocess.CompletedProcess[str]


def libpod(host: Host, *args: str, input: str = "", code: int = 0, folder: Optional[Path] = None) -> Done:
    """Run the command in its own process, and assert on its exit code."""
    done = subprocess.run(
        [*self_program.argv(host.parts), *args],
        env={**os.environ, **host.parts.environment()},
        input=input,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == code, done
    return done


def rows(table: str) -> list[list[str]]:
    """Return a table's cells; columns are three blanks apart."""
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in table.splitlines()]
