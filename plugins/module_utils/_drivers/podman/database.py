# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's containers in its database: read, taken out, and put back as they were taken.

The layout is that of libpod's boltdb_state_internal.go, of podman 4. A container has an entry in each of four
registries and a bucket of its own, with its configuration and state as JSON.
"""

from __future__ import annotations

import base64
import json
import os
import re
from typing import Mapping, NamedTuple, Optional

from ..._model import foreign
from ..._model.engine_config import EngineConfig
from ..._model.errors import ContainerExists, InvalidState, MalformedData, NotImplementedByHost, shortened
from ..._model.foreign import Foreign
from ..._model.options.parsers import is_name
from ..storage.roots import storage_roots
from .bolt import Bucket, Database, opened

_ALL = b"all-ctrs"
_REGISTRIES = (b"id-registry", _ALL)  # from IDs to names
_NAMES, _NAMESPACES, _CONTAINERS = b"name-registry", b"ns-registry", b"ctr"
_VOLUMES, _ALL_VOLUMES, _USERS = b"vol", b"allVolumes", b"vol-dependencies"
_ID = re.compile("[0-9a-f]{64}")
_MAX_DEPTH = 8  # of buckets in a container's


class PodmanContainer(NamedTuple):
    """A container of podman's: its entries in the database, and its named volumes with those of each.

    ``tmp_dir`` is podman's for all of its containers.
    """

    id: str
    name: str
    bucket: Bucket
    namespace: str
    tmp_dir: str
    volumes: Mapping[str, Bucket] = {}

    @property
    def config(self) -> Foreign:
        """Its configuration, libpod's ContainerConfig."""
        return self._json(b"config")

    @property
    def state(self) -> Foreign:
        """Its state, libpod's ContainerState, as of podman's last look."""
        return self._json(b"state")

    def _json(self, key: bytes) -> Foreign:
        return foreign.parse(self.bucket.value(key), f"podman's {key.decode()} of container {self.name}")

    @property
    def netns(self) -> str:
        """The path of its network namespace, empty where podman made none."""
        return self.bucket.value(b"netns").decode(errors="replace")

    @property
    def networks(self) -> dict[str, Foreign]:
        """The networks that it is on, with what was asked of each."""
        found = {}
        for key, value in self.bucket.bucket(b"networks").items():
            name = key.decode(errors="replace")
            origin = f"podman's network {name} of container {self.name}"
            # An earlier podman has the container's ID in the place of the options.
            text = value if isinstance(value, bytes) and value.startswith(b"{") else b"{}"
            found[name] = foreign.parse(text, origin)
        return found

    def volume(self, name: str) -> Foreign:
        """Return the configuration of one of its named volumes."""
        return foreign.parse(self.volumes[name].value(b"config"), f"podman's volume {name}")

    @property
    def exec_sessions(self) -> list[str]:
        """The IDs of the commands that podman exec runs in it."""
        return [key.decode(errors="replace") for key in self.bucket.bucket(b"exec")]

    @property
    def dependents(self) -> list[str]:
        """The names of podman's containers that depend on it."""
        values = self.bucket.bucket(b"dependencies").values()
        return [one.decode(errors="replace") for one in values if isinstance(one, bytes)]

    def with_state(self, state: Mapping[str, object], netns: str) -> PodmanContainer:
        """Return the container with another state and path of its network namespace."""
        bucket = Bucket(self.bucket)
        bucket.sequence = self.bucket.sequence
        bucket[b"state"] = json.dumps(state).encode()
        bucket.pop(b"netns", None)
        if netns:
            bucket[b"netns"] = netns.encode()
        return self._replace(bucket=bucket)

    def to_json(self) -> dict[str, object]:
        volumes = {name: _to_json(one) for name, one in self.volumes.items()}
        return {**self._asdict(), "bucket": _to_json(self.bucket), "volumes": volumes}

    @classmethod
    def from_json(cls, record: object, origin: str) -> PodmanContainer:
        """Read the engine's record of it.

        :raises MalformedData: it is no such record.
        """
        read = Foreign(record, origin)
        texts = {key: read[key].text() for key in ("id", "name", "namespace", "tmp_dir")}
        volumes = {name: _from_json(one, 0) for name, one in read["volumes"].items()}
        return cls(bucket=_from_json(read["bucket"], 0), volumes=volumes, **texts)


def path(parts: EngineConfig) -> str:
    """Return the path of podman's database on this store, whether it is there or not."""
    return f"{storage_roots(parts).root}/libpod/bolt_state.db"


def listed(parts: EngineConfig) -> dict[str, str]:
    """Return the IDs of podman's containers by name; none where podman has no database.

    :raises MalformedData: the database cannot be read. :raises NotImplementedByHost: it is SQLite's.
    """
    if not _exists(parts):
        return {}
    with opened(path(parts)) as there:
        return _names(there.root)


def _exists(parts: EngineConfig) -> bool:
    """Return whether podman has a database.

    :raises NotImplementedByHost: it is SQLite's.
    """
    sqlite = f"{storage_roots(parts).root}/db.sql"
    exists = os.path.exists(path(parts))
    if not exists and os.path.exists(sqlite):
        raise NotImplementedByHost(
            f"podman keeps its containers in {sqlite}, and adoption reads bolt_state.db alone, the database of "
            "podman 4: re-create the containers by tasks, as docs/migrating.md says"
        )
    return exists


def _names(root: Bucket) -> dict[str, str]:
    return {_text(name): _text(key) for key, name in root.bucket(_ALL).items()}


def find(parts: EngineConfig, key: str) -> Optional[PodmanContainer]:
    """Return the container of this name or full ID, None where podman has none.

    :raises MalformedData: the database cannot be read. :raises NotImplementedByHost: it is SQLite's.
    """
    if not _exists(parts):
        return None
    with opened(path(parts)) as there:
        names = _names(there.root)
        container_id = names.get(key, key)
        return _read(there, container_id) if container_id in names.values() else None


def take(parts: EngineConfig, container: PodmanContainer) -> bool:
    """Take a container out of the database; return whether it was there as it is given.

    One that podman has changed since it was read stays.
    """
    with opened(path(parts)) as there:
        root, key = there.root, container.id.encode()
        if root.bucket(_CONTAINERS, key) != container.bucket:
            return False
        for registry in (*_REGISTRIES, _NAMESPACES, _CONTAINERS):
            root.bucket(registry).pop(key, None)
        root.bucket(_NAMES).pop(container.name.encode(), None)
        for name in container.volumes:
            _take_volume(root, name.encode(), key)
        there.commit()
        return True


def put(parts: EngineConfig, container: PodmanContainer) -> None:
    """Put a container into the database, unless it is there.

    :raises ContainerExists: podman has given its name to another one. :raises InvalidState: a volume's, likewise.
    """
    with opened(path(parts)) as there:
        root, key, name = there.root, container.id.encode(), container.name.encode()
        if key in root.bucket(_CONTAINERS):
            return
        _check_free(root, container)
        for registry in _REGISTRIES:
            root.bucket(registry)[key] = name
        root.bucket(_NAMES)[name] = key
        if container.namespace:
            root.bucket(_NAMESPACES)[key] = container.namespace.encode()
        root.bucket(_CONTAINERS)[key] = container.bucket
        for volume, bucket in container.volumes.items():
            _put_volume(root, volume.encode(), bucket, key)
        there.commit()


def check_put(parts: EngineConfig, container: PodmanContainer) -> None:
    """Check that a container can be put into the database.

    :raises InvalidState: podman has no database, or another volume of a name. :raises ContainerExists: see ``put``.
    :raises NotImplementedByHost: its database is SQLite's.
    """
    if not _exists(parts):
        raise InvalidState(
            f"container {container.name} cannot be given back: podman has no database {path(parts)}: run podman ps, "
            "which makes it, or keep the container here"
        )
    with opened(path(parts)) as there:
        if container.id.encode() not in there.root.bucket(_CONTAINERS):
            _check_free(there.root, container)


def _check_free(root: Bucket, container: PodmanContainer) -> None:
    """Check that podman has given the names of a container and of its volumes to no others."""
    if container.name.encode() in root.bucket(_NAMES):
        raise ContainerExists(
            f"container {container.name} cannot be given back: podman has another container or pod of that name: "
            "rename or remove that one first"
        )
    for name, bucket in container.volumes.items():
        there = root.bucket(_VOLUMES).get(name.encode())
        if isinstance(there, Bucket) and there.value(b"config") != bucket.value(b"config"):
            raise InvalidState(
                f"container {container.name} cannot be given back: podman has another volume {name} by now: remove that"
            )


def _take_volume(root: Bucket, name: bytes, container: bytes) -> None:
    """Take a volume out of the database that no other container uses: podman would prune it."""
    users = root.bucket(_VOLUMES, name, _USERS)
    users.pop(container, None)
    if not any(one in root.bucket(_CONTAINERS) for one in users):
        root.bucket(_VOLUMES).pop(name, None)
        root.bucket(_ALL_VOLUMES).pop(name, None)


def _put_volume(root: Bucket, name: bytes, bucket: Bucket, container: bytes) -> None:
    """Put a volume back, unless it is there, with the container as one that uses it."""
    there = root.bucket(_VOLUMES).setdefault(name, Bucket({**bucket, _USERS: Bucket()}))
    root.bucket(_ALL_VOLUMES)[name] = name
    if isinstance(there, Bucket):
        users = there.setdefault(_USERS, Bucket())
        if isinstance(users, Bucket):
            users[container] = container


def has(parts: EngineConfig, container_id: str) -> bool:
    """Return whether podman has a container of this full ID."""
    return container_id in listed(parts).values()


def _read(there: Database, container_id: str) -> Optional[PodmanContainer]:
    """Return a container.

    :raises MalformedData: its ID or a name, which become parts of paths, is none of podman's.
    """
    root, key = there.root, container_id.encode()
    bucket = root.bucket(_CONTAINERS, key)
    if not bucket:
        return None
    name = _checked(_text(root.bucket(_ALL).value(key)))
    if not _ID.fullmatch(container_id):
        raise MalformedData(
            f"container {name} of podman's has the ID {ascii(container_id[:80])}: expected 64 hex digits"
        )
    found = PodmanContainer(
        container_id,
        name,
        bucket,
        _text(root.bucket(_NAMESPACES).value(key)),
        _text(root.bucket(b"runtime-config").value(b"tmp-dir")),
    )
    names = [_checked(one["volumeName"].text()) for one in found.config["namedVolumes"]]
    return found._replace(volumes={name: root.bucket(_VOLUMES, name.encode()) for name in names})


def _checked(name: str) -> str:
    """Return the name of a container or volume, which becomes a part of paths."""
    if not is_name(name):
        raise MalformedData(
            f"podman has the name {ascii(shortened(name, 80))}: expected a letter or digit, then up to 199 letters, "
            "digits, '_', '.' or '-': give its owner another name in podman"
        )
    return name


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _to_json(bucket: Bucket) -> dict[str, object]:
    entries = {
        base64.b64encode(key).decode(): _to_json(one) if isinstance(one, Bucket) else base64.b64encode(one).decode()
        for key, one in bucket.items()
    }
    return {"sequence": bucket.sequence, "entries": entries}


def _from_json(record: Foreign, depth: int) -> Bucket:
    if depth > _MAX_DEPTH:
        raise MalformedData(f"{record.origin}: nested too deeply to be read")
    bucket = Bucket()
    bucket.sequence = record["sequence"].integer()
    for key, one in record["entries"].items():
        value = _from_json(one, depth + 1) if isinstance(one.value, dict) else _decoded(one.text())
        bucket[_decoded(key)] = value
    return bucket


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError as error:
        raise MalformedData(f"the record of a container of podman's has {text[:20]!r}, which is no base64") from error
