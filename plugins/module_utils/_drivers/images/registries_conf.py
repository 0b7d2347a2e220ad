# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of registries.conf(5) that logins need, without tomllib, for which an unchanged task has no time."""

from __future__ import annotations

import os
import re

from .. import foreign_files

AUTH_FILES = "containers-auth.json"  # the name of auth files among the credential helpers
_MAX_BYTES = 1 << 20


def credential_helpers() -> list[str]:
    """Return where credentials are looked for and stored, in order: names of helpers, and ``AUTH_FILES``."""
    return _listed("credential-helpers") or [AUTH_FILES]


def search_registries() -> list[str]:
    """Return the registries that a name without one is looked for at."""
    return _listed("unqualified-search-registries")


def _listed(key: str) -> list[str]:
    """Return a list of strings of the file, or the last one of its drop-ins that has it.

    :raises MalformedData, OSError: a file cannot be read.
    """
    found: list[str] = []
    for path in _files():
        text = re.sub(r"(?m)^\s*#.*$", "", foreign_files.read(path, max_bytes=_MAX_BYTES).decode(errors="replace"))
        values = re.search(rf"(?m)^[ \t]*[\"']?{key}[\"']?\s*=\s*\[([^\]]*)\]", text)
        found = (re.findall(r"""["']([^"'\n]+)["']""", values[1]) if values else []) or found
    return found


def _files() -> list[str]:
    homes = (f"{os.environ.get('HOME', '/root')}/.config/containers", "/etc/containers")
    files = [f"{home}/registries.conf" for home in homes if os.path.exists(f"{home}/registries.conf")][:1]
    for home in reversed(homes):
        folder = f"{home}/registries.conf.d"
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        files += [f"{folder}/{name}" for name in names if name.endswith(".conf")]
    return files
