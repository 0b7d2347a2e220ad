# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that a killed program has left in a directory which is to be removed."""

from __future__ import annotations

from ..._model.failpoints import failpoint
from .. import process
from ..kernel.syscalls import MNT_DETACH, umount
from ..trees import removal


def detach_below(*directories: str) -> bool:
    """Unmount what is mounted on or below the directories, the latest first; return whether anything was."""
    found = [point for point in process.mount_points() if any(f"{point}/".startswith(f"{top}/") for top in directories)]
    for point in reversed(found):
        umount(point, MNT_DETACH)
    return bool(found)


def remove_tree(directory: str) -> None:
    """Remove a directory, after all mounts in it."""
    detach_below(directory)
    failpoint(f"remove {directory}")
    removal.remove(directory)
