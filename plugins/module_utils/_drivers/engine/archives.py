# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove the engine's archives of earlier versions that no process of the engine and no conmon uses.

Archives of Ansible's own files are removed likewise, except the newest; only a process that has locked one needs it.
"""

from __future__ import annotations

import fcntl
import os
import re

from ..._model.failpoints import failpoint
from ..._model.records.process_ref import from_text

_NAME = re.compile(r"(?:ansible-)?([0-9a-f]{32})(\.[\w-]+)?\.zip(\.\d+)?|(boot\.py|libpod)\.\d+")


def remove_unused(folder: str, *, dry: bool = False) -> list[str]:
    """Remove the unused files in ``<static_root>/engine``, unless ``dry``, and return their names.

    A process of the engine holds a shared lock on its archive; a conmon has the version in its command line. A conmon
    that is started meanwhile starts the version of the operator's command.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        names = [name for name in sorted(os.listdir(folder)) if _NAME.fullmatch(name)]
        with open(f"{folder}/libpod", encoding="utf-8") as file:
            used = file.read()
        if names:
            used += _command_lines()
        kept = [name for name in names if name.startswith("ansible-") and name.endswith(".zip")]
        used += max(kept, key=lambda name: (os.lstat(f"{folder}/{name}").st_ctime_ns, name), default="")
        return [name for name in names if not _is_used(name, used) and _remove(f"{folder}/{name}", dry)]
    except OSError:
        return []  # another process is storing a version
    finally:
        os.close(lock)


def _is_used(name: str, used: str) -> bool:
    """Return whether the file's version is in ``used``; a temporary file's name has the PID of its writer."""
    match = _NAME.fullmatch(name)
    writer = re.search(r"\.(\d+)$", name)
    if writer:
        return os.path.exists(f"/proc/{from_text(writer[1]) or 'none'}")
    return bool(match and match[1] in used)


def _command_lines() -> str:
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                lines.append(file.read())
        except OSError:
            continue
    return "\n".join(lines)


def _remove(path: str, dry: bool) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not dry:
            failpoint("remove engine archive")
            os.unlink(path)
        return True
    except OSError:
        return False  # a process of the engine uses it
    finally:
        os.close(descriptor)
