# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the host that tell other programs of the container: its ID, its process, its conmon.

One is taken away only where it tells of this very container: the next one may have it by now.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData
from ..._model.failpoints import failpoint
from ..._model.options.table import ID_FILES

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions
    from ..base import ContainerBase


def check(options: ContainerOptions) -> None:
    """:raises InvalidArgument: such a file, or a log of its own, has no directory to be in, or is no regular file."""
    for option, path in (*((option, options[option]) for option in ID_FILES), ("log_opt", options["log_opt"]["path"])):
        if path and (not os.path.isdir(os.path.dirname(path)) or os.path.exists(path) and not os.path.isfile(path)):
            raise InvalidArgument(
                f"{option}: {path} cannot be written: expected a regular file in a directory that is there"
            )


def write(container: ContainerBase) -> None:
    """Write those that are asked for and whose content is known, by a rename: nobody reads half of one."""
    for option, content in _contents(container).items():
        path = container.config.options[option]
        if not path or not content or _read(path) == content:
            continue
        failpoint(f"write {option}")
        temporary = f"{path}.{container.id[:12]}"
        with open(temporary, "w", encoding="ascii") as file:
            file.write(content)
        os.rename(temporary, path)


def remove(container: ContainerBase, *, delete: bool) -> None:
    """Remove those of a life that is over; with ``delete`` the one of the container's ID too."""
    for option, content in _contents(container).items():
        path = container.config.options[option]
        if path and (delete or option != "cidfile"):
            temporary = f"{path}.{container.id[:12]}"
            for found, ours in ((path, content and _read(path) == content), (temporary, os.path.exists(temporary))):
                if ours:
                    failpoint(f"remove {option}")
                    os.unlink(found)


def _contents(container: ContainerBase) -> dict[Literal["cidfile", "pid_file", "conmon_pidfile"], str]:
    """The PIDs are those that conmon wrote down for this life, which the state forgets with its end."""
    return {
        "cidfile": container.id,
        "pid_file": _read(f"{container.run_dir}/pidfile"),
        "conmon_pidfile": _read(f"{container.run_dir}/conmon.pid"),
    }


def _read(path: str) -> str:
    """Return what a file has to say; nothing for one that is missing, long, or no regular file."""
    try:
        return foreign_files.read(path, max_bytes=100).decode("ascii", "replace").strip()
    except (OSError, MalformedData):
        return ""
