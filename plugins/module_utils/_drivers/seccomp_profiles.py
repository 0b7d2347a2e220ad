# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seccomp profiles as files keep them: the one that an option names, and the host's own."""

from __future__ import annotations

import os
from typing import Optional

from .._model.errors import InvalidArgument, MalformedData, ToolMissing
from .._model.foreign import Foreign, parse
from . import foreign_files

UNCONFINED = "unconfined"
# The administrator's, then the packaged one (containers-common, seccomp.json(5)).
DEFAULT_PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")
PACKAGE = "golang-github-containers-common (Debian) or containers-common (Red Hat)"


def find(value: str, image: str = "") -> Optional[Foreign]:
    """Return the profile for security_opt's ``seccomp=VALUE``: a path, ``unconfined`` (None) or empty (the default).

    ``image`` is the text of the image's own profile, which is used before the default.

    :raises InvalidArgument: the profile cannot be read. :raises ToolMissing: the default one is not installed.
    """
    if value == UNCONFINED:
        return None
    path = value or ("of the image" if image else _default())
    origin = f"the seccomp profile {path}"
    try:
        return parse(image, origin) if image and not value else foreign_files.read_json(path, origin)
    except OSError as error:
        raise InvalidArgument(f"security_opt: {origin} cannot be read: {error.strerror}") from error
    except MalformedData as error:
        raise InvalidArgument(f"security_opt: {error}") from error


def _default() -> str:
    """Return the path of the host's own profile.

    :raises ToolMissing: its package is not installed.
    """
    for path in DEFAULT_PROFILES:
        if os.path.exists(path):
            return path
    raise ToolMissing(DEFAULT_PROFILES[-1], PACKAGE)
