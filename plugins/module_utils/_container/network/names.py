# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names between containers: the hosts file of each names those with which it shares a network, or its namespace.

``<run>/networks/NAME.json`` has the members of a network: containers that own a network namespace, by ID. With each are
its addresses there, its names, and the names of its *guests*, the containers that have joined the namespace. A member
is recorded before any file names it, and forgotten after none does. So whatever a killed process has left, the next one
that changes the network's members completes: it brings the files of all of them in line with the record.

All of it is done under one lock, the last in the order of locks, under which no program is run.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Collection, Iterable, Iterator, Mapping, NamedTuple, Optional

from ..._drivers import hosts_file, process
from ..._drivers.hosts_file import Line, Neighbours
from ..._model.errors import LibpodError, StateCorrupt
from ..._model.failpoints import failpoint
from ..._model.records.config import ContainerConfig
from ..._model.records.namespaces import LinuxNS
from ..._model.records.network import NetworkAttachment
from ..._model.records.process_ref import ProcessRef
from ..._store import records
from ..._store.locks import FileLock
from .attachments import GUESTS, RECORD, attachments
from .shared_namespaces import network_owner, other, owner

if TYPE_CHECKING:
    from ..._store.store import Store
    from ..base import ContainerBase

_LOCK = "+names"  # no container can have this name
# What a network's members can never be called, as the C library and podman use it; nor the host's own name.
_RESERVED = (
    *("localhost", "localhost.localdomain", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"),
    *("host.containers.internal", "host.docker.internal"),
)
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}")
# Which kind of name is the container's where two claim one: its own name, an alias, its host name, or its short ID.
_OWN, _ALIAS, _HOSTNAME, _SHORT_ID = range(4)

Ranked = dict[str, int]


class Guest(NamedTuple):
    """A container in another one's network namespace: its process and its names."""

    process: ProcessRef
    names: Ranked

    def to_json(self) -> dict[str, object]:
        return {"process": list(self.process), "names": self.names}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Guest:
        return cls(ProcessRef.of(*record["process"]), dict(record["names"]))


class Member(NamedTuple):
    """A container on a network, with its ``addresses`` and names there; ``networks`` are all that it is on."""

    name: str
    networks: list[str]
    process: ProcessRef
    addresses: list[str]
    names: Ranked

    def to_json(self) -> dict[str, Any]:
        return {**self._asdict(), "process": list(self.process)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Member:
        return cls(**{**record, "process": ProcessRef.of(*record["process"])})


def write(container: ContainerBase, config: ContainerConfig, own: bytes, life: ProcessRef) -> None:
    """Write the container's hosts file with its ``own`` lines, and name it in those of its neighbours.

    ``life`` is its process. Also for one whose networks or addresses have changed. A neighbour's file that cannot be
    written is completed by the next change.
    """
    host = network_owner(container)
    with _lock(container.store):
        book = _Book(container)
        if host.id == container.id:
            made = _made(container) if config.create_net_ns else []
            book.add(container.id, _members(container, made, life, book.guests(container.id)))
            networks = [one.network for one in made]
        else:
            hosts_file.replace(f"{container.run_dir}/hosts", own, Neighbours(()))
            networks = book.add_guest(host, container.id, Guest(life, _names(container, ())))
        book.save(with_ended=True)
        if host.id == container.id:
            hosts_file.replace(f"{container.run_dir}/hosts", own, book.neighbours(container.id, networks))
        book.spread([host.id], networks)
        book.save()


def forget(container: ContainerBase, networks: Optional[Collection[str]] = None) -> None:
    """Take the container's names out of its neighbours' files: all, or those on some of its ``networks``.

    It is called before its addresses are free for others. Safe to repeat.
    """
    if container.config.namespace_container(LinuxNS.NET):
        try:
            host = network_owner(container)
        except LibpodError:
            return  # the owner and its file are gone
        guests = container.store.run_record(host.id, GUESTS)
        if isinstance(guests, dict) and container.id in guests:
            with _lock(container.store):
                book = _Book(container)
                on = book.drop_guest(host, container.id)
                book.spread([host.id], on)
                book.save()
        return
    if networks is None:
        networks = [one.network for one in _recorded(container)]
    there = [name for name in networks if _is_recorded(container, name) or _is_half_written(container.store, name)]
    if there:
        with _lock(container.store):
            book = _Book(container)
            book.drop(container.id, there)
            book.spread([], there)
            book.save()


def _lock(store: Store) -> FileLock:
    return FileLock(f"{store.parts.run_root}/locks/{_LOCK}.lock", inherited=False)


def _recorded(container: ContainerBase) -> list[NetworkAttachment]:
    try:
        return attachments(container)
    except StateCorrupt:
        return []


def _made(container: ContainerBase) -> list[NetworkAttachment]:
    """Return the container's finished attachments."""
    return [one for one in _recorded(container) if one.result is not None]


def _members(
    container: ContainerBase, made: list[NetworkAttachment], life: ProcessRef, guests: Mapping[str, Guest]
) -> dict[str, Member]:
    """Return the container as a member of each network that it is on."""
    networks = [one.network for one in made]
    found = {}
    for one in made:
        names = _names(container, one.aliases)
        for guest in guests.values():
            names = {**guest.names, **names}
        addresses = [address.ip for address in (*one.facts.ipv4, *one.facts.ipv6)]
        found[one.network] = Member(container.name, networks, life, addresses, names)
    return found


def _names(container: ContainerBase, aliases: Iterable[str]) -> Ranked:
    """Return the names by which others reach a container, each with the rank of its kind."""
    config, host = container.config, container.host.hostname.lower()
    found = {container.id[:12]: _SHORT_ID}
    if owner(container, LinuxNS.UTS).id == container.id and config.options["uts"]["mode"] != "host":
        found[config.hostname(host)] = _HOSTNAME
    found.update(dict.fromkeys(aliases, _ALIAS))
    if config.infra and config.pod:
        from ..._store import pods

        try:
            found[pods.read(container.store, config.pod).name] = _OWN
        except LibpodError:
            pass  # the pod's own tasks report it
    found[container.name] = _OWN
    return {
        name: rank for name, rank in found.items() if _NAME.fullmatch(name) and name.lower() not in (*_RESERVED, host)
    }


def _in_order(names: Ranked) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: (names[name], name)))


def _without(names: Ranked, others: Collection[str]) -> Ranked:
    return {name: rank for name, rank in names.items() if name not in others}


def _path(store: Store, network: str) -> str:
    return f"{store.parts.run_root}/networks/{network}.json"


def _read(store: Store, network: str) -> Optional[dict[str, Any]]:
    try:
        record = records.read(_path(store, network))
    except StateCorrupt:
        return None
    return record if isinstance(record, dict) else None


def _is_recorded(container: ContainerBase, network: str) -> bool:
    members = (_read(container.store, network) or {}).get("members")
    return isinstance(members, dict) and container.id in members


def _is_half_written(store: Store, network: str) -> bool:
    """Return whether a killed process has left a record that it was writing."""
    return os.path.exists(f"{_path(store, network)}.tmp")


class _Book:
    """The members of networks as a process under the lock reads, changes and records them."""

    def __init__(self, container: ContainerBase) -> None:
        self._container = container
        self._store = container.store
        self._boot = container.host.boot_id
        self._networks: dict[str, dict[str, Member]] = {}
        self._ended: dict[str, dict[str, Member]] = {}
        self._guests: dict[str, dict[str, Guest]] = {}
        self._changed: set[str] = set()
        self._changed_guests: set[str] = set()
        self._lines: dict[tuple[str, ...], Neighbours] = {}

    def members(self, network: str) -> dict[str, Member]:
        """Return the members of a network by ID, without those whose process has ended."""
        if network not in self._networks:
            found = self._members(network)
            living = {one: member for one, member in found.items() if process.alive(member.process)}
            self._networks[network] = living
            if len(living) < len(found):
                self._ended[network] = {one: member for one, member in found.items() if one not in living}
                self._changed.add(network)
        return self._networks[network]

    def _members(self, network: str) -> dict[str, Member]:
        record = _read(self._store, network)
        if record is not None and record.get("boot_id") == self._boot:
            try:
                return {one: Member.from_json(member) for one, member in record["members"].items()}
            except (AttributeError, KeyError, TypeError, ValueError):
                pass
        return self._look(network)

    def _look(self, network: str) -> dict[str, Member]:
        """Return the members by the containers' records, where the network has none: at first, or after an update."""
        self._changed.add(network)
        found: dict[str, Member] = {}
        folder = f"{self._store.parts.static_root}/containers"
        for container_id in sorted(os.listdir(folder)):
            if container_id == self._container.id or not os.path.exists(f"{folder}/{container_id}/{RECORD}.json"):
                continue
            try:
                one = other(self._container, container_id)
                made = _made(one)
                if any(attached.network == network for attached in made) and one.state.status.has_process:
                    found[container_id] = _members(one, made, one.state.process, self.guests(container_id))[network]
            except (LibpodError, OSError):
                continue  # the container's own task reports it
        return found

    def guests(self, container_id: str) -> dict[str, Guest]:
        """Return the containers in the network namespace of this one whose process lives."""
        if container_id not in self._guests:
            record = self._store.run_record(container_id, GUESTS)
            guests = record if isinstance(record, dict) else {}
            try:
                found = {one: Guest.from_json(guest) for one, guest in guests.items()}
            except (AttributeError, KeyError, TypeError, ValueError):
                found = {}
            self._guests[container_id] = {one: guest for one, guest in found.items() if process.alive(guest.process)}
        return self._guests[container_id]

    def add(self, container_id: str, members: Mapping[str, Member]) -> None:
        """Have the container be a member of these networks."""
        for network, member in members.items():
            if self.members(network).get(container_id) != member:
                self.members(network)[container_id] = member
                self._changed.add(network)

    def drop(self, container_id: str, networks: Iterable[str]) -> None:
        """Have the container be no member of these networks any more."""
        for network in networks:
            if self.members(network).pop(container_id, None) or _is_half_written(self._store, network):
                self._changed.add(network)

    def add_guest(self, host: ContainerBase, guest_id: str, guest: Guest) -> list[str]:
        """Have a container be the guest of another one; return the networks of that."""
        self.guests(host.id)[guest_id] = guest
        return self._guests_changed(host)

    def drop_guest(self, host: ContainerBase, guest_id: str) -> list[str]:
        """Have a container be no guest any more; return the networks of the one whose guest it was."""
        self.guests(host.id).pop(guest_id, None)
        return self._guests_changed(host)

    def _guests_changed(self, host: ContainerBase) -> list[str]:
        self._changed_guests.add(host.id)
        # One that has ended, or is about to start, is no member.
        made = [one for one in _made(host) if host.id in self.members(one.network)]
        if made:
            self.add(
                host.id, _members(host, made, self.members(made[0].network)[host.id].process, self.guests(host.id))
            )
        return [one.network for one in made]

    def save(self, *, with_ended: bool = False) -> None:
        """Record what has changed; ``with_ended`` keeps those whose process has ended, as files may name them yet."""
        for container_id in self._changed_guests:
            record = {one: guest.to_json() for one, guest in self.guests(container_id).items()}
            if os.path.isdir(self._store.run_dir(container_id)):
                self._store.write_run_record(container_id, GUESTS, record)
        for network in sorted(self._changed):
            ended = self._ended.get(network, {}) if with_ended else {}
            self._save(network, {**ended, **self._networks[network]})
        self._changed_guests.clear()
        self._changed = set(self._ended) if with_ended else set()

    def _save(self, network: str, members: Mapping[str, Member]) -> None:
        path = _path(self._store, network)
        if not members:
            records.remove(path)
            return
        if not os.path.isdir(os.path.dirname(path)):
            failpoint("mkdir networks")
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        record = {"boot_id": self._boot, "members": {one: member.to_json() for one, member in members.items()}}
        records.write(path, record, durable=False, spare=True)

    def spread(self, ids: Iterable[str], networks: Iterable[str]) -> None:
        """Bring the files of these containers and of the networks' members in line."""
        members = {one: member.networks for network in networks for one, member in self.members(network).items()}
        for container_id in {**dict.fromkeys(ids), **members}:
            on = [one for one in members.get(container_id, ()) if container_id in self.members(one)]
            try:
                hosts_file.put(f"{self._store.run_dir(container_id)}/hosts", self.neighbours(container_id, on))
            except OSError:
                continue  # it has no file any more, or no room for it: the next change tries again

    def neighbours(self, container_id: str, networks: Iterable[str]) -> Neighbours:
        """Return what the hosts file of a container on these networks has of others, its guests first."""
        on = tuple(networks)
        guests = self.guests(container_id)
        if guests:
            lines = [Line("127.0.0.1", _in_order(guest.names)) for _one, guest in sorted(guests.items())]
            return Neighbours([*lines, *self._on(on, container_id)])
        if on not in self._lines:
            self._lines[on] = Neighbours(self._on(on))
        return self._lines[on]

    def _on(self, networks: Iterable[str], host_id: str = "") -> Iterator[Line]:
        """Yield the lines of the networks' members; a name is theirs in whose names its kind comes first.

        The guests of ``host_id`` have no lines here.
        """
        inside = {name for guest in self.guests(host_id).values() for name in guest.names} if host_id else set()
        found = [
            member if one != host_id else member._replace(names=_without(member.names, inside))
            for network in networks
            for one, member in sorted(self.members(network).items(), key=lambda item: (item[1].name, item[0]))
        ]
        ranks: Ranked = {}
        for member in found:
            for name, rank in member.names.items():
                ranks[name.lower()] = min(rank, ranks.get(name.lower(), rank))
        for member in found:
            names = _in_order({name: rank for name, rank in member.names.items() if ranks[name.lower()] == rank})
            for address in member.addresses if names else ():
                yield Line(address, names)
