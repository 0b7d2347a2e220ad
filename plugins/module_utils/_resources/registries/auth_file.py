# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of registries' credentials, in the format of containers-auth.json(5), which podman and skopeo share."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Mapping, NamedTuple, Optional

from ..._drivers import foreign_files
from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign, parse
from ..._model.records.login import Access, Login
from ..._store import records
from ..._store.locks import FileLock

Entry = Mapping[str, str]
_PRIVATE = 0o600


class AuthFile(NamedTuple):
    """A file's content and mode; of a missing one an empty content and the mode that it would have."""

    data: Foreign
    mode: int = _PRIVATE

    @property
    def private(self) -> bool:
        """Return whether only the owner can read it."""
        return not self.mode & 0o077

    def helper(self, key: str) -> str:
        """Return the credential helper for a registry, empty for none."""
        return self.data["credHelpers"][key].text()

    def helpers(self) -> dict[str, str]:
        """Return the credential helpers by registry."""
        return self.data["credHelpers"].text_map()

    def login(self, key: str) -> Optional[Login]:
        """Return the entry of exactly this key; None where there is none, or one that is no login."""
        return _login(self.data["auths"][key])

    @property
    def entries(self) -> list[str]:
        """Return what there are entries for, those of docker(1) without a content included."""
        return [key for key, _entry in self.data["auths"].items()]

    def found(self, key: str) -> Optional[Login]:
        """Return what a pull from ``key`` would use of the entries: that of the longest path, or of the host alone."""
        paths = [key]
        while "/" in paths[-1]:
            paths.append(paths[-1].rpartition("/")[0])
        known = self.entries
        spelled = [one for one in known if one not in paths and same_host(one, paths[-1])]
        return next(filter(None, (self.login(one) for one in (*paths, *spelled) if one in known)), None)


def read(path: str) -> AuthFile:
    """Return the content of a file.

    :raises MalformedData: it cannot be used. :raises OSError: it cannot be read.
    """
    try:
        mode = os.stat(path).st_mode & 0o777
        data = parse(foreign_files.read(path) or b"{}", path)
    except FileNotFoundError:
        return AuthFile(parse("{}", path))
    except IsADirectoryError as error:
        raise MalformedData(f"{path}: is a directory: expected a file") from error
    data.mapping()
    return AuthFile(data, mode)


def same_host(key: str, host: str) -> bool:
    """Return whether an entry's key is another spelling of a registry, as docker(1) has written URLs."""
    _scheme, colon, rest = key.partition("://")
    named = (rest if colon else key).partition("/")
    return (colon or not named[1]) and _plain(named[0]) == _plain(host)


def _plain(host: str) -> str:
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _login(entry: Foreign) -> Optional[Login]:
    from base64 import b64decode

    if not entry:
        return None
    token = entry["identitytoken"].text()
    try:
        username, colon, password = b64decode(entry["auth"].text(), validate=True).decode().partition(":")
    except ValueError:
        username = colon = password = ""
    return Login(username, password.strip("\0"), token) if colon or token else None


def entry(access: Access) -> dict[str, Optional[Entry]]:
    """Return the change by which a file gets a login."""
    from base64 import b64encode

    auth = b64encode(f"{access.username}:{access.password}".encode()).decode()
    return {access.key: {"auth": auth}}


def update(parts: EngineConfig, path: str, changes: Mapping[str, Optional[Entry]]) -> None:
    """Set a file's entries by their keys, None to remove them, and have it readable to its owner alone; all else stays.

    :raises MalformedData: it cannot be used. :raises OSError: it cannot be written.
    """
    path = os.path.realpath(path)
    # Its name is no container's.
    with FileLock(f"{parts.run_root}/locks/+registries.lock", inherited=False):
        data = read(path).data
        entries = {**data["auths"].mapping(), **changes}
        content = {**data.mapping(), "auths": {key: one for key, one in entries.items() if one is not None}}
        owner = None
        with suppress(FileNotFoundError):
            info = os.stat(path)
            owner = (info.st_uid, info.st_gid)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            failpoint("mkdir of auth file")
            os.makedirs(folder, 0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            # What a killed run has left; in a user's directory, also what the user has put there.
            os.unlink(f"{path}.tmp")
        records.write(path, content, mode=_PRIVATE, owner=owner, indent=1)
