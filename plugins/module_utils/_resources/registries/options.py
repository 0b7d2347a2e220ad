# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules and the command of registries' logins have in common: options, their checks, results."""

from __future__ import annotations

from typing import Mapping, Optional

from ..._drivers.registries import auth_paths, registries_conf
from ..._model import caller
from ..._model.errors import InvalidArgument
from ..._model.options.syntax.parsers import wrong
from ..._model.records.image import registry_key

_MAX_PASSWORD = 60000  # bytes of a line that skopeo reads


def key(registry: Optional[str]) -> str:
    """Return what a login is for; by default the first registry of registries.conf's search list, as in podman.

    :raises InvalidArgument: it is no registry, or there is no default.
    """
    if registry is not None:
        return registry_key(registry)
    found = registries_conf.search_registries()
    if not found:
        raise InvalidArgument("registry: is needed, since registries.conf has no unqualified-search-registries")
    return registry_key(found[0], "unqualified-search-registries")


def path(authfile: Optional[str]) -> str:
    """Return the file of the logins."""
    return caller.absolute(authfile) if authfile else auth_paths.default_path()


def checked(username: str, password: str) -> tuple[str, str]:
    """Return user and password, if skopeo and the format of auth files can hold them.

    :raises InvalidArgument: naming the option; a password is not shown.
    """
    if not username or username != username.strip() or ":" in username or not username.isprintable():
        raise wrong("username", username, "a name without a colon, and without space at its ends")
    if not password or "\n" in password or "\r" in password or "\0" in password:
        raise InvalidArgument("password: cannot be used: expected one line of text")
    if len(password.encode()) > _MAX_PASSWORD:
        raise InvalidArgument(f"password: cannot be used: expected at most {_MAX_PASSWORD} bytes")
    return username, password


def shown(key: str, username: str) -> Mapping[str, object]:
    """Return who is logged in, as podman_login_info has it; with an empty user name for no login."""
    return {"registry": key, "username": username, "logged_in": bool(username)}
