# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's containers in a database of bbolt, which podman 4 makes.

The layout is that of libpod's boltdb_state_internal.go. A container has an entry in each of four registries and a
bucket of its own, with its configuration and state as JSON.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Iterator

from . import bolt
from .bolt import Bucket
from .container import PodmanContainer

_ALL = b"all-ctrs"
_REGISTRIES = (b"id-registry", _ALL)  # from IDs to names
_NAMES, _NAMESPACES, _CONTAINERS = b"name-registry", b"ns-registry", b"ctr"
_VOLUMES, _ALL_VOLUMES, _USERS = b"vol", b"allVolumes", b"vol-dependencies"


class BoltState:
    """The open database, which a ``commit`` changes as a whole."""

    def __init__(self, database: bolt.Database) -> None:
        self._database, self._root = database, database.root
        self.tmp_dir = _text(self._root.bucket(b"runtime-config").value(b"tmp-dir"))
        self.commit = database.commit

    def ids(self) -> dict[str, str]:
        """Return the IDs of the containers by name."""
        return {_text(name): _text(key) for key, name in self._root.bucket(_ALL).items()}

    def is_name_taken(self, name: str) -> bool:
        """Return whether podman would refuse a container of this name: pods have names of the same registry."""
        return name.encode() in self._root.bucket(_NAMES)

    def container(self, container_id: str) -> Bucket:
        """Return what the database has of a container, empty where it has none."""
        return self._root.bucket(_CONTAINERS, container_id.encode())

    def namespace(self, container_id: str) -> str:
        """Return the container's namespace, which earlier podmans had."""
        return _text(self._root.bucket(_NAMESPACES).value(container_id.encode()))

    def volume(self, name: str) -> Bucket:
        """Return what the database has of a volume, empty where it has none."""
        return self._root.bucket(_VOLUMES, name.encode())

    def remove(self, container: PodmanContainer) -> None:
        """Remove a container, and the volumes that no other one uses, which podman would prune."""
        key = container.id.encode()
        for registry in (*_REGISTRIES, _NAMESPACES, _CONTAINERS):
            self._root.bucket(registry).pop(key, None)
        self._root.bucket(_NAMES).pop(container.name.encode(), None)
        for name in map(str.encode, container.volumes):
            users = self._root.bucket(_VOLUMES, name, _USERS)
            users.pop(key, None)
            if not any(one in self._root.bucket(_CONTAINERS) for one in users):
                self._root.bucket(_VOLUMES).pop(name, None)
                self._root.bucket(_ALL_VOLUMES).pop(name, None)

    def add(self, container: PodmanContainer) -> None:
        """Add a container, and those of its volumes that are missing."""
        root, key, name = self._root, container.id.encode(), container.name.encode()
        for registry in _REGISTRIES:
            root.bucket(registry)[key] = name
        root.bucket(_NAMES)[name] = key
        if container.namespace:
            root.bucket(_NAMESPACES)[key] = container.namespace.encode()
        root.bucket(_CONTAINERS)[key] = container.bucket
        if container.exit_code is not None:
            root.bucket(b"exit-code")[key] = str(container.exit_code).encode()
            root.bucket(b"exit-code-time-stamp")[key] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
        for volume, bucket in container.volumes.items():
            self._add_volume(volume.encode(), bucket, key)

    def _add_volume(self, name: bytes, bucket: Bucket, container: bytes) -> None:
        """Add a volume, unless it is there, with the container as one that uses it."""
        there = self._root.bucket(_VOLUMES).setdefault(name, Bucket({**bucket, _USERS: Bucket()}))
        self._root.bucket(_ALL_VOLUMES)[name] = name
        if isinstance(there, Bucket):
            users = there.setdefault(_USERS, Bucket())
            if isinstance(users, Bucket):
                users[container] = container


@contextmanager
def opened(path: str) -> Iterator[BoltState]:
    """Open the database under its lock. :raises LibpodError: as ``bolt.opened``."""
    with bolt.opened(path) as database:
        yield BoltState(database)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
