# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small init a container may have as its PID 1: catatonit, or another that takes ``-- COMMAND``."""

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


def path(given: str | None) -> str:
    """The program given, or catatonit.

    :raises InvalidArgument: the one given is not there. :raises ToolMissing: catatonit is not installed.
    """
    if given:
        if not os.access(given, os.X_OK) or os.path.isdir(given):
            raise InvalidArgument(f"init_path: {given} is no program on the host: install it there, or omit init_path")
        return given
    found = next((place for place in _PLACES if os.access(place, os.X_OK)), "")
    if not found:
        raise ToolMissing("catatonit", "catatonit")
    return found
