# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's roots and parts among a plugin's options."""

from __future__ import annotations

import os
from typing import Callable

# Those of doc_fragments/connection.py; the engine's own default is taken for what is not set.
ROOTS = ("static_root", "run_root", "storage_root", "storage_run_root")
NAMES = (*ROOTS, "storage_driver", "oci_runtime", "conmon_path", "cgroup_manager", "tool_timeouts")


def parts(option: Callable[[str], object]) -> dict[str, str]:
    """Return what is set of them, as arguments of ``EngineConfig``; ``option`` is a plugin's ``get_option``."""
    given = {name: str(value) for name in NAMES if (value := option(name))}
    return {name: _path(value) if name in ROOTS else value for name, value in given.items()}


def _path(value: str) -> str:
    return os.path.normpath("/" + os.path.expanduser(os.path.expandvars(value)).lstrip("/"))
