# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that a container may not see, or not write (config-linux.md: maskedPaths, readonlyPaths)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._model.options.types import Security
    from .types import ConfinedPaths

_MASKED = (
    "/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug"
    " /proc/scsi /sys/firmware /sys/fs/selinux /sys/dev/block"
).split()
_READ_ONLY = "/proc/asound /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()


def paths(security: Security, privileged: bool) -> ConfinedPaths:
    """Return ``maskedPaths`` and ``readonlyPaths``; a privileged container has only those masked by name."""
    masked = security.get("mask", [])
    unmasked = security.get("unmask", [])
    if privileged or "ALL" in unmasked:
        return {"maskedPaths": masked} if masked else {}
    return {
        "maskedPaths": [path for path in _MASKED if not _matches(path, unmasked)]
        + [path for path in masked if path not in _MASKED],
        "readonlyPaths": [path for path in _READ_ONLY if not _matches(path, unmasked)],
    }


def _matches(path: str, patterns: list[str]) -> bool:
    if not patterns:
        return False
    from fnmatch import fnmatchcase

    return any(fnmatchcase(path, pattern) for pattern in patterns)
