# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's containers in a database of SQLite, which podman 5 makes.

The layout is that of libpod's sqlite_state_internal.go. Configuration and state are JSON in a row of two tables, which
refer to each other and to those of IDs and volumes. SQLite makes a transaction atomic: what a kill leaves of one is
undone by whichever engine opens the database next.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Iterator, Optional, Union
from urllib.parse import quote

from ..._model import foreign
from ..._model.errors import MalformedData, NotImplementedByHost
from ..._model.failpoints import failpoint
from .bolt import Bucket
from .container import PodmanContainer
from .database_file import LOCK_SECONDS, check_size, damaged, locked, unusable

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = 1
# As podman has it, and with a rollback journal's removal on the disk too: else a power failure could undo a commit.
_SETTINGS = ("foreign_keys = ON", "synchronous = EXTRA", "trusted_schema = OFF", "cell_size_check = ON")
_OF_CONTAINER = (
    "ContainerExecSession WHERE ContainerID",
    "ContainerVolume WHERE ContainerID",
    "ContainerDependency WHERE ID",
    "ContainerState WHERE ID",
    "ContainerConfig WHERE ID",
    "IDNamespace WHERE ID",
)


class SqliteState:
    """The open database in a transaction, which ends with ``commit`` or without effect."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        """Read what holds for all containers.

        :raises NotImplementedByHost: the schema is of another version.
        """
        self._connection, self._path = connection, path
        rows = self._rows("SELECT CAST(SchemaVersion AS TEXT), TmpDir FROM DBConfig")
        version, self.tmp_dir = map(_text, rows[0]) if rows else (str(_SCHEMA), "")
        if version != str(_SCHEMA):
            raise NotImplementedByHost(
                f"{path}, podman's database, has version {version} of its tables, and adoption knows {_SCHEMA}: "
                "re-create the containers by tasks, as docs/migrating.md says"
            )

    def commit(self) -> None:
        """Make what was removed and added durable, as a whole."""
        failpoint("commit podman's database")
        self._connection.execute("COMMIT")

    def ids(self) -> dict[str, str]:
        """Return the IDs of the containers by name."""
        return {_text(name): _text(key) for name, key in self._rows("SELECT Name, ID FROM ContainerConfig")}

    def is_name_taken(self, name: str) -> bool:
        """Return whether podman would refuse a container of this name."""
        return name in self.ids()

    def container(self, container_id: str) -> Bucket:
        """Return what the database has of a container, empty where it has none."""
        rows = self._rows("SELECT c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s USING (ID)", container_id)
        bucket = Bucket()
        for config, state in rows:
            origin = f"{self._path}: container {container_id}"
            networks = foreign.parse(config, origin)["newNetworks"].items()
            bucket[b"config"], bucket[b"state"] = config, state
            bucket[b"networks"] = Bucket({name.encode(): json.dumps(one.value).encode() for name, one in networks})
            netns = foreign.parse(state, origin)["netns"].text()
            if netns:
                bucket[b"netns"] = netns.encode()
            users = "SELECT c.ID, c.Name FROM ContainerDependency d JOIN ContainerConfig c USING (ID)"
            sessions = "SELECT ID, ContainerID FROM ContainerExecSession"
            bucket[b"dependencies"] = Bucket(self._rows(users, container_id, "DependencyID"))
            bucket[b"exec"] = Bucket(self._rows(sessions, container_id, "ContainerID"))
        return bucket

    def namespace(self, _container_id: str) -> str:
        """Return nothing: podman had no namespaces any more when it began with SQLite."""
        return ""

    def volume(self, name: str) -> Bucket:
        """Return what the database has of a volume, empty where it has none."""
        rows = self._rows("SELECT c.JSON, s.JSON FROM VolumeConfig c JOIN VolumeState s USING (Name)", name, "Name")
        return Bucket(zip((b"config", b"state"), rows[0])) if rows else Bucket()

    def remove(self, container: PodmanContainer) -> None:
        """Remove a container, and the volumes that no other one uses, which podman would prune."""
        for rows in _OF_CONTAINER:
            self._connection.execute(f"DELETE FROM {rows} = ?", (container.id,))
        for name in container.volumes:
            if not self._rows("SELECT ContainerID, VolumeName FROM ContainerVolume", name, "VolumeName"):
                for table in ("VolumeConfig", "VolumeState"):
                    self._connection.execute(f"DELETE FROM {table} WHERE Name = ?", (name,))

    def add(self, container: PodmanContainer) -> None:
        """Add a container, and those of its volumes that are missing."""
        key, bucket = container.id, container.bucket
        networks = {name: one.value for name, one in container.networks.items()}
        config = _with(bucket.value(b"config"), "newNetworks", networks)
        state = _with(bucket.value(b"state"), "netns", container.netns)
        status, exit_code = container.state["state"].integer(), container.exit_code
        self._insert("IDNamespace", ID=key)
        self._insert("ContainerConfig", ID=key, Name=container.name, JSON=config)
        self._insert("ContainerState", ID=key, State=status, ExitCode=exit_code or 0, JSON=state)
        if exit_code is not None:
            self._connection.execute("DELETE FROM ContainerExitCode WHERE ID = ?", (key,))
            self._insert("ContainerExitCode", ID=key, Timestamp=int(time.time()), ExitCode=exit_code)
        for name, volume in container.volumes.items():
            if not self.volume(name):
                self._insert("VolumeConfig", Name=name, JSON=volume.value(b"config"))
                self._insert("VolumeState", Name=name, JSON=volume.value(b"state") or b"{}")
            self._insert("ContainerVolume", ContainerID=key, VolumeName=name)

    def _insert(self, table: str, **row: Union[str, bytes, int]) -> None:
        values = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})", tuple(row.values()))

    def _rows(self, select: str, key: Optional[str] = None, column: str = "ID") -> list[tuple[bytes, bytes]]:
        """Return rows of two texts, all of them or those whose column has the key."""
        where, keys = ("", ()) if key is None else (f" WHERE {column} = ?", (key,))
        rows: list[tuple[bytes, bytes]] = self._connection.execute(select + where, keys).fetchall()
        if not all(isinstance(value, bytes) for row in rows for value in row):
            raise MalformedData(f"{self._path}, podman's database, has a number or nothing where texts are expected")
        return rows


@contextmanager
def opened(path: str) -> Iterator[SqliteState]:
    """Open the database for a transaction, for which it waits while podman has one.

    :raises FileNotFoundError: there is none. :raises MalformedData: it cannot be read.
    :raises InvalidState: it cannot be written, or podman's transaction does not end in time.
    :raises NotImplementedByHost: this Python has no SQLite.
    """
    try:
        import sqlite3
    except ImportError as error:
        raise NotImplementedByHost(
            f"podman's database {path} is read by Python's module sqlite3, which {sys.executable} lacks ({error}): "
            "install it, or have ansible_python_interpreter name a Python that has it"
        ) from error
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode):
        raise unusable(path, "it is no regular file")
    if not os.access(path, os.W_OK):  # SQLite would read it
        raise unusable(path, "it is read-only")
    check_size(path, info.st_size)
    try:
        uri = f"file:{quote(path)}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS, isolation_level=None)) as connection:
            connection.text_factory = bytes
            for setting in _SETTINGS:
                connection.execute(f"PRAGMA {setting}")
            connection.execute("BEGIN IMMEDIATE")
            yield SqliteState(connection, path)
    except sqlite3.Error as error:
        raise _explained(path, str(error)) from error


def _explained(path: str, reason: str) -> Exception:
    """Return the error for what SQLite says; earlier Pythons have only its message."""
    if "locked" in reason:
        return locked(path)
    if "readonly" in reason or "unable to open" in reason:
        return unusable(path, reason)
    if "full" in reason or "I/O" in reason:
        number = errno.ENOSPC if "full" in reason else errno.EIO
        return OSError(number, os.strerror(number), path)
    return damaged(path, reason)


def _with(text: bytes, key: str, value: object) -> bytes:
    """Return the JSON with a value, unless it has that: BoltDB keeps networks and network namespace beside it."""
    record = json.loads(text)
    return text if record.get(key) == value or not value else json.dumps({**record, key: value}).encode()


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
