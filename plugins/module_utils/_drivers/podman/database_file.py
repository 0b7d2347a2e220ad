# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the file of podman's database, of either kind: its limits, and the errors of one that is unusable."""

from __future__ import annotations

from ..._model.errors import InvalidState, MalformedData

LOCK_SECONDS = 10.0
_MAX_BYTES = 64 << 20


def check_size(path: str, size: int) -> None:
    """Check that a database of this size is read.

    :raises MalformedData: it is larger.
    """
    if size > _MAX_BYTES:
        raise MalformedData(f"{path} has {size} bytes, and podman's database has at most {_MAX_BYTES}")


def damaged(path: str, reason: object) -> MalformedData:
    """Return the error of a file that cannot be read as a database."""
    return MalformedData(
        f"{path} is no database of podman's, or is damaged ({reason}): see whether podman ps can read it, and restore "
        "it from a backup where not"
    )


def unusable(path: str, reason: str) -> InvalidState:
    """Return the error of a file that is none of those that podman makes, or that cannot be changed."""
    return InvalidState(
        f"{path}, podman's database, cannot be opened for a change ({reason}): expected a file on a file system that "
        "can be written to, and no link"
    )


def locked(path: str) -> InvalidState:
    """Return the error of a lock that podman does not release."""
    return InvalidState(
        f"{path}, podman's database, has been locked by another program for {LOCK_SECONDS:g} seconds: once the podman "
        "command that does so has ended, run this again"
    )
