# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's data on disk: names, configurations, states and network attachments.

``<static>/names/NAME.json`` says which container has a name (``id``), which one is being made for it
(``pending``), and which one it replaced (``retired``). It also says which ones were removed in part (``left``,
separated by blanks), and which one to start again if the pending one fails (``resume``). A container exists when a
name's ``id`` is its own. Of one that is being ``renamed``, both names' records say so, with the names (``from``,
``to``): it is that of the name that its configuration has.
``<static>/containers/ID/`` and ``<run>/containers/ID/`` hold the rest.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Iterator, NamedTuple, Optional

from .._model.engine_config import EngineConfig
from .._model.errors import EmptyID, InvalidArgument, NoSuchContainer, StateCorrupt, warn
from .._model.failpoints import failpoint
from .._model.options.syntax.parsers import is_name
from .._model.records.config import SCHEMA as CONFIG_SCHEMA
from .._model.records.config import ContainerConfig
from .._model.records.state import SCHEMA as STATE_SCHEMA
from .._model.records.state import ContainerState
from .._model.records.status import ContainerStatus
from . import records
from .locks import FileLock

NameRecord = dict[str, str]
# The last file of the reserve: where it exists, the reserve is complete (reserve.LAST).
_RESERVE = "reserve/31"
_ID_LENGTH = 64


def _check_root(path: str, option: str) -> None:
    try:
        info = os.stat(path)
    except OSError:
        return  # it does not exist yet, or the operation that uses it reports the error
    if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
        raise InvalidArgument(
            f"{option}: {path} is another user's, or others can write to it: expected a directory that only root "
            "can change; look at what it contains, then set its owner and mode"
        )


class _LastConfig(NamedTuple):
    """The configuration that was read last, with its path and the version of that file."""

    path: str
    version: tuple[int, int]
    config: ContainerConfig


class Store:
    """Reads and writes the records under the two roots; holds no policy."""

    def __init__(self, parts: EngineConfig) -> None:
        """Open the store.

        :raises InvalidArgument: users other than root can write to a root, and so forge its records.
        """
        for option in ("static_root", "run_root"):
            _check_root(getattr(parts, option), option)
        self.parts = parts
        self._names = f"{parts.static_root}/names"
        self._locks: dict[str, FileLock] = {}
        self._last_config: Optional[_LastConfig] = None

    def prepare(self) -> None:
        """Create the roots' directories, accessible to root alone."""
        for path in (
            self.parts.static_root,
            self._names,
            f"{self.parts.static_root}/containers",
            self.parts.run_root,
            f"{self.parts.run_root}/containers",
            f"{self.parts.run_root}/locks",
        ):
            if not os.path.isdir(path):
                failpoint(f"mkdir {path}")
                os.makedirs(path, 0o700, exist_ok=True)
        for root in (self.parts.static_root, self.parts.run_root):
            if not os.path.exists(f"{root}/{_RESERVE}"):
                from .._drivers.reserve import keep, keep_rooms

                keep(root)
                if root == self.parts.static_root:
                    keep_rooms(root, 0)

    def static_dir(self, container_id: str) -> str:
        return f"{self.parts.static_root}/containers/{container_id}"

    def run_dir(self, container_id: str) -> str:
        return f"{self.parts.run_root}/containers/{container_id}"

    def lock(self, name: str) -> FileLock:
        """Return the lock of a container's name or ID; the same object for the same name."""
        return self._locks.setdefault(name, FileLock(f"{self.parts.run_root}/locks/{name}.lock"))

    # Names

    def name_record(self, name: str) -> NameRecord:
        """Return the record of a name: ``id``, ``pending``, ``retired``, ``left``, ``resume``; empty for a free one.

        During a rename, ``id`` is empty where the container does not have this name.
        """
        path = f"{self._names}/{name}.json"
        try:
            record = records.read(path)
            if record is None:
                return {}
            if not isinstance(record, dict) or not {str}.issuperset(map(type, record.values())):
                raise StateCorrupt(f"{path} cannot be read: expected an object of strings")
        except StateCorrupt as error:
            return self._from_configurations(name, error)
        if record.get("renamed"):
            record["id"] = self._renamed_to(name, record)
        return record

    def _renamed_to(self, name: str, record: NameRecord) -> str:
        """Return the ID of the container that is being renamed if its configuration has this name, else nothing."""
        try:
            config = records.read(f"{self.static_dir(record['renamed'])}/config.json")
        except StateCorrupt:
            return record.get("id", "")
        return record["renamed"] if isinstance(config, dict) and config.get("name") == name else ""

    def _from_configurations(self, name: str, damage: StateCorrupt) -> NameRecord:
        """Return the record of a name whose file is damaged, from the one configuration that has the name.

        The next change of the name repairs the file.

        :raises StateCorrupt: no configuration has the name, or more than one.
        """
        ids = []
        for container_id in os.listdir(f"{self.parts.static_root}/containers"):
            try:
                config = records.read(f"{self.static_dir(container_id)}/config.json")
            except StateCorrupt:
                continue
            if isinstance(config, dict) and config.get("name") == name:
                ids.append(container_id)
        if len(ids) != 1:
            raise StateCorrupt(
                f"{damage}; {len(ids)} containers under {self.parts.static_root}/containers have this name: restore "
                'the file, as {"id": "ID"} with the ID of the right one, or remove it'
            ) from damage
        return {"id": ids[0]}

    def check_new_name(self, name: str) -> None:
        """Check that no container or pod has the name as its ID: it would share that one's lock.

        :raises InvalidArgument: one has.
        """
        folders = (f"{self.parts.static_root}/{kind}/{name}" for kind in ("containers", "pods"))
        if len(name) == _ID_LENGTH and any(map(os.path.isdir, folders)):
            raise InvalidArgument(f"the name {name!r} is the ID of another container or pod: choose another name")

    def write_name(self, name: str, record: NameRecord) -> None:
        path = f"{self._names}/{name}.json"
        if any(record.values()):
            # A creation that has no room for its name has none for the container either.
            spare = not record.get("pending")
            records.write(path, {key: value for key, value in record.items() if value}, spare=spare)
        else:
            self.drop(path)
            records.sync_directory(self._names)

    def drop(self, path: str) -> None:
        """Remove a record of the static root, or give its file to a reserve that is incomplete."""
        if not os.path.exists(f"{self.parts.static_root}/{_RESERVE}"):
            from .._drivers.reserve import give_back

            with suppress(FileNotFoundError):
                failpoint(f"give back {os.path.basename(path)}")
                give_back(path)
        records.remove(path)

    def forget_name(self, name: str) -> None:
        """Remove what an interrupted write of the name's first record has left."""
        path = f"{self._names}/{name}.json"
        if os.path.exists(f"{path}.tmp"):
            records.remove(path)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield every container as (name, ID), once, sorted by name, except one that has just been renamed."""
        seen, moving = set[str](), False
        for name, record in self._records():
            # A container may go from a name that is still to be read to one that has been read, or the other way.
            moving = moving or not record or "renamed" in record
            if record.get("id") and record["id"] not in seen:
                seen.add(record["id"])
                yield name, record["id"]
        if moving:
            yield from (one for one in self._named("id") if one[1] not in seen)

    def being_made(self) -> Iterator[tuple[str, str]]:
        """Return every container that another process is creating now, likewise; not those that were interrupted."""
        return (one for one in self._named("pending") if self.lock(one[0]).busy)

    def pods(self) -> Iterator[tuple[str, str]]:
        """Return every pod as (name, ID), sorted by name."""
        return self._named("pod")

    def unfinished(self) -> Iterator[tuple[str, str]]:
        """Yield every container whose creation or removal is in progress, was interrupted or is incomplete."""
        for key in ("pending", "retired", "left"):
            for name, ids in self._named(key):
                yield from ((name, container_id) for container_id in ids.split())

    def unfinished_pods(self) -> list[tuple[str, str]]:
        """Return every such pod as (name, ID)."""
        return [pod for key in ("pod_pending", "pod_retired") for pod in self._named(key)]

    def forgotten(self) -> list[str]:
        """Return the IDs of directories without name and configuration, which a removal had to leave."""
        # Directories first: a container's name is written before its directory, and removed after it.
        directories = _listed(f"{self.parts.static_root}/containers")
        known = {container_id for _name, container_id in (*self.names(), *self.unfinished())}
        return sorted(
            one for one in directories if one not in known and not os.path.exists(f"{self.static_dir(one)}/config.json")
        )

    def _named(self, key: str) -> Iterator[tuple[str, str]]:
        return ((name, record[key]) for name, record in self._records() if record.get(key))

    def _records(self) -> Iterator[tuple[str, NameRecord]]:
        """Yield every name with its record, which is empty if the name has just been removed."""
        for file in sorted(_listed(self._names)):
            name, _dot, kind = file.rpartition(".")
            if kind == "json":
                try:
                    record = self.name_record(name)
                except StateCorrupt:
                    continue  # a task for that name reports it
                yield name, record

    def lookup(self, key: str) -> str:
        """Return the ID of the container with this name, full ID or unambiguous ID prefix.

        :raises EmptyID: ``key`` is empty.
        :raises NoSuchContainer: there is none.
        :raises InvalidArgument: several IDs begin with it.
        """
        if not key:
            raise EmptyID("a container's name or ID is empty")
        if is_name(key):
            container_id = self.name_record(key).get("id")
            if container_id:
                return container_id
        candidates = [(name, container_id) for name, container_id in self.names() if container_id.startswith(key)]
        matches = {container_id: name for name, container_id in candidates if self.known(container_id)}
        if len(matches) > 1:
            listed = ", ".join(f"{name} ({container_id[:12]})" for container_id, name in sorted(matches.items()))
            raise InvalidArgument(f"the ID prefix {key!r} matches {len(matches)} containers: {listed}: give more of it")
        for container_id in matches:
            return container_id
        raise NoSuchContainer(f"no container has the name or ID {key!r}")

    def known(self, container_id: str) -> bool:
        """Return whether a container can be looked up by this ID or a prefix of it."""
        return True

    # Configurations

    def write_config(self, config: ContainerConfig) -> None:
        """Write or replace a container's configuration, in one atomic rename."""
        self._last_config = None
        directory = self.static_dir(config.id)
        if not os.path.isdir(directory):
            failpoint(f"mkdir {directory}")
            os.makedirs(directory, 0o700, exist_ok=True)
        records.write(f"{directory}/config.json", config.to_json(), mode=0o400, schema=CONFIG_SCHEMA)

    def config(self, container_id: str) -> ContainerConfig:
        """Return a container's configuration.

        :raises NoSuchContainer: it has none. :raises StateCorrupt: it cannot be read.
        :raises ConfigMismatch: a newer version of the engine wrote it.
        """
        path = f"{self.static_dir(container_id)}/config.json"
        # The last one is often read again once its lock is held; each write makes a file with another inode.
        if self._last_config and self._last_config.path == path:
            with suppress(FileNotFoundError):
                status = os.stat(path)
                if (status.st_ino, status.st_ctime_ns) == self._last_config.version:
                    return self._last_config.config
        read = records.read_sealed(path, CONFIG_SCHEMA)
        if read is None:
            raise NoSuchContainer(f"no container has the ID {container_id}")
        config = ContainerConfig.from_json(read.record, path, sealed=read.sealed)
        self._last_config = _LastConfig(path, read.version, config)
        return config

    def config_text(self, container_id: str) -> str:
        """Return the configuration as it is on disk, empty where there is no such file."""
        try:
            return records.content(f"{self.static_dir(container_id)}/config.json").decode(errors="replace")
        except (FileNotFoundError, StateCorrupt):
            return ""

    # States

    def state(self, container_id: str) -> Optional[ContainerState]:
        """Return the state last recorded: None where there is none, UNKNOWN with a warning where it cannot be read."""
        path = f"{self.run_dir(container_id)}/state.json"
        try:
            read = records.read_sealed(path, STATE_SCHEMA, rare=True)
            return None if read is None else ContainerState.from_json(read.record, path, sealed=read.sealed)
        except StateCorrupt as error:
            warn(f"{error}: the container's status is unknown; a change of the container ends it and replaces the file")
            return ContainerState(status=ContainerStatus.UNKNOWN)

    def write_state(self, container_id: str, state: ContainerState) -> None:
        directory = self.run_dir(container_id)
        if not os.path.isdir(directory):
            failpoint(f"mkdir {directory}")
            os.makedirs(directory, 0o700, exist_ok=True)
        records.write(f"{directory}/state.json", state.to_json(), durable=False, spare=True, schema=STATE_SCHEMA)

    def unproved_update(self, name: str) -> str:
        """Return the path of the record on an update of the container that has begun (``auto_update``)."""
        return f"{self.parts.static_root}/auto-update/{name}.json"

    # Records of one life of a container, such as its health

    def run_record(self, container_id: str, kind: str) -> object:
        """Return the record ``kind`` beside the state, None where there is none or it cannot be read."""
        try:
            return records.read(f"{self.run_dir(container_id)}/{kind}.json", rare=True)
        except StateCorrupt:
            return None

    def write_run_record(self, container_id: str, kind: str, record: object) -> None:
        records.write(f"{self.run_dir(container_id)}/{kind}.json", record, durable=False)

    def remove_run_record(self, container_id: str, kind: str) -> None:
        records.remove(f"{self.run_dir(container_id)}/{kind}.json")

    # Side records of a container, such as its network attachments and its last exit

    def side_record(self, container_id: str, kind: str) -> object:
        """Return the record ``kind`` beside the configuration, None where there is none or it cannot be read."""
        try:
            return records.read(f"{self.static_dir(container_id)}/{kind}.json", rare=True)
        except StateCorrupt:
            return None

    def write_side_record(self, container_id: str, kind: str, record: object, *, spare: bool = True) -> None:
        """Write it; ``spare``: as for ``records.write``."""
        records.write(f"{self.static_dir(container_id)}/{kind}.json", record, durable=False, spare=spare)

    def remove_side_record(self, container_id: str, kind: str) -> None:
        records.remove(f"{self.static_dir(container_id)}/{kind}.json")


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
