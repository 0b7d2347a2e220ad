# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that a killed program has left in a directory which is to be removed."""

from __future__ import annotations

import re

from ..._model.failpoints import failpoint
from ..kernel.syscalls import MNT_DETACH, umount
from ..trees import removal


def detach_below(*directories: str) -> bool:
    """Unmount what is mounted on or below the directories, the latest first; return whether anything was."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = [_unescaped(line.split(" ", 5)[4]) for line in file]
    found = [point for point in points if any(f"{point}/".startswith(f"{top}/") for top in directories)]
    for point in reversed(found):
        umount(point, MNT_DETACH)
    return bool(found)


def _unescaped(path: str) -> str:
    """A path of proc_pid_mountinfo(5), in which space, tab, newline and backslash are three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path) if "\\" in path else path


def remove_tree(directory: str) -> None:
    """Remove a directory, after all mounts in it."""
    detach_below(directory)
    failpoint(f"remove {directory}")
    removal.remove(directory)
