# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Artifacts: small named files that are kept with a container as long as it exists."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from ..._model.options.syntax.parsers import name as checked

if TYPE_CHECKING:
    from ..base import ContainerBase


def add(container: ContainerBase, name: str, data: bytes) -> None:
    """Store ``data`` under a name, in place of what was there; by one rename."""
    path = _path(container, name)
    failpoint("mkdir artifacts")
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    # No name begins with a dot.
    temporary = f"{os.path.dirname(path)}/.new"
    failpoint(f"write artifact {name}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    failpoint(f"rename artifact {name}")
    os.rename(temporary, path)


def get(container: ContainerBase, name: str) -> bytes:
    """Return the data stored under a name.

    :raises InvalidArgument: there is none.
    """
    try:
        with open(_path(container, name), "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise _missing(container, name) from error


def remove(container: ContainerBase, name: str) -> None:
    """Remove the artifact of this name.

    :raises InvalidArgument: there is none.
    """
    path = _path(container, name)
    failpoint(f"remove artifact {name}")
    try:
        os.unlink(path)
    except FileNotFoundError as error:
        raise _missing(container, name) from error


def _path(container: ContainerBase, name: str) -> str:
    return f"{container.store.static_dir(container.id)}/artifacts/{checked(name, 'artifact')}"


def _missing(container: ContainerBase, name: str) -> InvalidArgument:
    return InvalidArgument(f"container {container.name} has no artifact {name!r}")
