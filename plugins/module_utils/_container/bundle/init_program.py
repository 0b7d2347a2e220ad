# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The init program of a container, its PID 1: catatonit, or another that takes ``-- COMMAND``."""

from __future__ import annotations

import os

from ..._model.errors import InvalidArgument, ToolMissing

# Where podman looks (containers.conf(5), init_path and helper_binaries_dir).
_PLACES = (
    "/usr/libexec/podman/catatonit",
    "/usr/local/libexec/podman/catatonit",
    "/usr/lib/podman/catatonit",
    "/usr/local/bin/catatonit",
    "/usr/bin/catatonit",
)


def path(requested: str | None) -> str:
    """Return the requested program, or catatonit.

    :raises InvalidArgument: the requested one does not exist. :raises ToolMissing: catatonit is not installed.
    """
    if requested:
        if not os.access(requested, os.X_OK) or os.path.isdir(requested):
            raise InvalidArgument(
                f"init_path: {requested} is not a program on the host: install it there, or omit init_path"
            )
        return requested
    for place in _PLACES:
        if os.access(place, os.X_OK):
            return place
    raise ToolMissing("catatonit", "catatonit")
