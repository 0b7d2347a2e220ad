# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unmount what a killed program has left mounted in a directory that is to be removed."""

from __future__ import annotations

from ..._model.failpoints import failpoint
from .. import process
from ..kernel.syscalls import MNT_DETACH, umount
from ..trees import removal


def detach_below(*directories: str) -> bool:
    """Unmount all mounts on or below the directories, the latest first; return whether there were any."""
    points = [one for one in process.mount_points() if any(f"{one}/".startswith(f"{top}/") for top in directories)]
    for point in reversed(points):
        umount(point, MNT_DETACH)
    return bool(points)


def remove_tree(directory: str) -> None:
    """Unmount everything in a directory and remove it."""
    detach_below(directory)
    failpoint(f"remove {directory}")
    removal.remove(directory)
