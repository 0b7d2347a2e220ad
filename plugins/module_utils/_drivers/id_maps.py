# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ID maps of user namespaces: subordinate IDs of a name, and those of a process."""

from __future__ import annotations

import os

from .._model.id_map import IdMap
from .._model.options.namespace_options import subordinate_map


def subordinate(name: str, kind: str, option: str = "") -> list[IdMap]:
    """Return the map of a name's ranges in subuid(5) or subgid(5); ``kind`` is ``uid`` or ``gid``.

    :raises InvalidArgument: it has none; ``option`` is the one that needs it.
    """
    path = f"/etc/sub{kind}"
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    return subordinate_map(text, name, path, option or f"sub{kind}name")


def of_namespace(path: str) -> dict[str, list[IdMap]]:
    """Return the maps of the process whose ``/proc/PID/ns/user`` the path is; empty for any other path."""
    if not path.startswith("/proc/") or not path.endswith("/ns/user"):
        return {}
    maps = {}
    for kind in ("uid", "gid"):
        try:
            with open(f"{os.path.dirname(os.path.dirname(path))}/{kind}_map", encoding="utf-8") as file:
                maps[kind] = [IdMap(*map(int, line.split())) for line in file]
        except FileNotFoundError:
            return {}
    return maps
