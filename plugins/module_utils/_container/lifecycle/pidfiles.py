# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the host with the container's ID and the PIDs of its process and of conmon.

A file is removed only where it has this container's value: by now it may be that of the next container.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from ..._drivers import foreign_files
from ..._model.errors import MalformedData
from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..base import ContainerBase


def write(container: ContainerBase) -> None:
    """Write the requested files whose content is known, each by a rename, so that none is ever half written."""
    for option, content in _contents(container).items():
        path = container.config.options[option]
        if not path or not content or _read(path) == content:
            continue
        failpoint(f"write {option}")
        temporary = f"{path}.{container.id[:12]}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(content)
        os.rename(temporary, path)


def remove(container: ContainerBase, *, delete: bool) -> None:
    """Remove the files of a life that has ended; with ``delete`` also the one with the container's ID."""
    for option, content in _contents(container).items():
        path = container.config.options[option]
        if path and (delete or option != "cidfile"):
            temporary = f"{path}.{container.id[:12]}"
            for file, is_own in ((path, content and _read(path) == content), (temporary, os.path.exists(temporary))):
                if is_own:
                    failpoint(f"remove {option}")
                    os.unlink(file)


def _contents(container: ContainerBase) -> dict[Literal["cidfile", "pid_file", "conmon_pidfile"], str]:
    """Return each file's content; the PIDs are those that conmon wrote, for the state loses them at the end."""
    return {
        "cidfile": container.id,
        "pid_file": _read(f"{container.run_dir}/pidfile"),
        "conmon_pidfile": _read(f"{container.run_dir}/conmon.pid"),
    }


def _read(path: str) -> str:
    """Return a file's value; empty for one that is missing, long, or not a regular file."""
    try:
        return foreign_files.read(path, max_bytes=100).decode("ascii", "replace").strip()
    except (OSError, MalformedData):
        return ""
