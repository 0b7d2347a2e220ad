# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's containers in its database: read, taken out, and put back as they were taken."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager
from glob import glob
from typing import TYPE_CHECKING, Optional, Union

from ..._model.engine_config import EngineConfig
from ..._model.errors import ContainerExists, InvalidState, MalformedData, shortened
from ..._model.options.syntax.parsers import is_name
from .. import foreign_files
from ..storage.roots import storage_roots
from .container import PodmanContainer

if TYPE_CHECKING:
    from .boltdb_state import BoltState
    from .sqlite_state import SqliteState

    State = Union[BoltState, SqliteState]

_ID = re.compile("[0-9a-f]{64}")
# In the order in which podman reads them; the last one that has a setting decides.
_CONFIGURATION = (
    "/usr/share/containers/containers.conf",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d/*.conf",
)


def path(parts: EngineConfig) -> str:
    """Return the path of podman's database on this store: that of SQLite where there is none.

    podman has BoltDB's as long as there is one and containers.conf(5) says nothing else.

    :raises MalformedData: containers.conf, which decides between two databases, cannot be read.
    """
    root = storage_roots(parts).root
    bolt, sqlite = f"{root}/libpod/bolt_state.db", f"{root}/db.sql"
    if not os.path.lexists(bolt) or os.path.lexists(sqlite) and _configured_backend() == "sqlite":
        return sqlite
    return bolt


def _configured_backend() -> str:
    from ..._model import foreign_toml

    found = ""
    for file in (one for pattern in _CONFIGURATION for one in sorted(glob(pattern))):
        content = foreign_files.read(file, max_bytes=foreign_toml.MAX_BYTES)
        found = foreign_toml.parse(content, file)["engine"]["database_backend"].text(found)
    return found


def _opened(there: str) -> AbstractContextManager[State]:
    """Open a database by its path. :raises LibpodError: it cannot be opened."""
    if there.endswith(".sql"):
        from . import sqlite_state

        return sqlite_state.opened(there)
    from . import boltdb_state

    return boltdb_state.opened(there)


def listed(parts: EngineConfig) -> dict[str, str]:
    """Return the IDs of podman's containers by name; none where podman has no database.

    :raises LibpodError: the database cannot be read.
    """
    there = path(parts)
    if not os.path.lexists(there):
        return {}
    with _opened(there) as state:
        return state.ids()


def has(parts: EngineConfig, container_id: str) -> bool:
    """Return whether podman has a container of this full ID."""
    return container_id in listed(parts).values()


def find(parts: EngineConfig, key: str) -> Optional[PodmanContainer]:
    """Return the container of this name or full ID, None where podman has none.

    :raises LibpodError: the database cannot be read.
    """
    there = path(parts)
    if not os.path.lexists(there):
        return None
    with _opened(there) as state:
        ids = state.ids()
        names = {one: name for name, one in ids.items()}
        container_id = ids.get(key, key)
        return _read(state, container_id, names[container_id]) if container_id in names else None


def _read(state: State, container_id: str, name: str) -> PodmanContainer:
    """Return a container.

    :raises MalformedData: its ID or a name, which become parts of paths, is none of podman's, or a part is missing.
    """
    _check_name(name)
    if not _ID.fullmatch(container_id):
        raise MalformedData(
            f"container {name} of podman's has the ID {ascii(container_id[:80])}: expected 64 hex digits"
        )
    bucket = state.container(container_id)
    if not bucket:
        raise MalformedData(
            f"podman's database has container {name} without its state: see what podman inspect says of it, and remove "
            "it by podman rm --force"
        )
    found = PodmanContainer(container_id, name, bucket, state.namespace(container_id), state.tmp_dir)
    volumes = [one["volumeName"].text() for one in found.config["namedVolumes"]]
    for volume in volumes:
        _check_name(volume)
    return found._replace(volumes={volume: state.volume(volume) for volume in volumes})


def _check_name(name: str) -> None:
    """Check the name of a container or volume, which becomes a part of paths."""
    if not is_name(name):
        raise MalformedData(
            f"podman has the name {ascii(shortened(name, 80))}: expected a letter or digit, then up to 199 letters, "
            "digits, '_', '.' or '-': give its owner another name in podman"
        )


def take(parts: EngineConfig, container: PodmanContainer) -> bool:
    """Take a container out of the database; return whether it was there as it is given.

    One that podman has changed since it was read stays.
    """
    with _opened(path(parts)) as state:
        if state.container(container.id) != container.bucket:
            return False
        state.remove(container)
        state.commit()
        return True


def check_take(parts: EngineConfig, container: PodmanContainer) -> None:
    """Check that a container can be taken out of the database, which stays as it is.

    :raises LibpodError: it cannot.
    """
    with _opened(path(parts)) as state:
        state.remove(container)


def put(parts: EngineConfig, container: PodmanContainer) -> None:
    """Put a container into the database, unless it is there.

    :raises ContainerExists: podman has given its name to another one. :raises InvalidState: a volume's, likewise.
    """
    with _opened(path(parts)) as state:
        if container.id not in state.ids().values():
            _check_free(state, container)
            state.add(container)
            state.commit()


def check_put(parts: EngineConfig, container: PodmanContainer) -> None:
    """Check that a container can be put into the database.

    :raises InvalidState: podman has no database, or another volume of a name. :raises ContainerExists: see ``put``.
    :raises MalformedData: the database is damaged, or lacks a table.
    """
    there = path(parts)
    if not os.path.lexists(there):
        raise InvalidState(
            f"container {container.name} cannot be given back: podman has no database in "
            f"{os.path.dirname(there)}: run podman ps, which makes it, or keep the container here"
        )
    with _opened(there) as state:
        if container.id not in state.ids().values():
            _check_free(state, container)
            state.add(container)


def _check_free(state: State, container: PodmanContainer) -> None:
    """Check that podman has given the names of a container and of its volumes to no others."""
    if state.is_name_taken(container.name):
        raise ContainerExists(
            f"container {container.name} cannot be given back: podman has another container or pod of that name: "
            "rename or remove that one first"
        )
    for name, bucket in container.volumes.items():
        there = state.volume(name)
        if there and there.value(b"config") != bucket.value(b"config"):
            raise InvalidState(
                f"container {container.name} cannot be given back: podman has another volume {name} by now: remove that"
            )
