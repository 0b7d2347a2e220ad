# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod's Runtime: finds, makes and removes containers, and repairs what an interrupted run left."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from typing import Iterable, Iterator, Optional

from .._container.container import Container
from .._drivers.effects import effect
from .._drivers.host import Host
from .._model.config import ContainerConfig
from .._model.errors import ContainerRemoved, DependencyExists, LibpodError, NoSuchContainer, StateCorrupt
from .._model.parts import Parts
from .._model.status import ContainerStatus
from .._store.store import NameRecord, Store


class Runtime:
    """The containers under one set of roots. Methods that change a name are called under its lock."""

    def __init__(self, parts: Parts, store: Optional[Store] = None) -> None:
        self.parts = parts
        self.store = store or Store(parts)
        self.host = Host(parts)
        # The published ports of containers that will be gone before anything planned now is done.
        self.freed_ports: tuple[tuple[str, int, int, str], ...] = ()

    def container(self, key: str) -> Container:
        """The container with this name, full ID or unambiguous ID prefix.

        :raises NoSuchContainer: there is none. :raises InvalidArgument: several match.
        """
        container_id = self.store.lookup(key)
        return self.by_id(container_id, "" if container_id.startswith(key) else key)

    def find(self, name: str) -> Container | None:
        """The container with this name, or None."""
        container_id = self.store.name_record(name).get("id")
        return self.by_id(container_id, name) if container_id else None

    def containers(self) -> Iterator[Container]:
        """Every container, by name; one that is removed meanwhile is left out."""
        return self._those(self.store.names())

    def _those(self, names: Iterable[tuple[str, str]]) -> Iterator[Container]:
        for name, container_id in names:
            try:
                yield self.by_id(container_id, name)
            except NoSuchContainer:
                continue

    def by_id(self, container_id: str, name: str = "") -> Container:
        """The container; one of unreadable configuration as far as its ID tells, under ``name``."""
        try:
            return Container(self.store, self.host, self.store.config(container_id))
        except StateCorrupt as error:
            from . import unreadable

            return unreadable.container(self.store, self.host, container_id, name or container_id[:12], str(error))

    def dependents(self, container_id: str) -> list[Container]:
        """The containers that join a namespace of this one, or require it, those that are being made included."""
        # In this order, for one that is being made may be there the next moment.
        names = dict.fromkeys((*self.store.being_made(), *self.store.names()))
        return [other for other in self._those(names) if container_id in other.config.dependencies]

    def dependencies(self, config: ContainerConfig) -> list[Container]:
        """The containers whose namespaces this one joins, and those it requires."""
        found = []
        for container_id in config.dependencies:
            try:
                found.append(self.by_id(container_id))
            except NoSuchContainer:
                continue
        return found

    # Making

    def begin(self, config: ContainerConfig, *, resume: bool = False) -> Container:
        """Write a container's configuration; until ``commit`` it is pending, and ``recover`` undoes it.

        ``resume``: the name's present container runs and is about to be stopped for this one, so it is to run again
        where the new one comes to nothing.
        """
        record = self.store.name_record(config.name)
        wish = {"resume": record.get("id", "")} if resume else {}
        try:
            self.store.write_name(config.name, {**record, **wish, "pending": config.id})
            self.store.write_config(config)
        except BaseException:
            self.undo(config.name)
            raise
        return Container(self.store, self.host, config)

    def prepare_storage(self, container: Container) -> None:
        """Make the container's top layer, so that its image is in use from now on."""
        config = container.config
        container.storage.create(container.id, config.rootfs_image_id, config.id_mappings)
        if config.options["cidfile"]:
            from .._container import id_files

            id_files.write(container)

    def commit(self, container: Container) -> None:
        """Give the name to the pending container, in one rename; an earlier holder is then removed."""
        earlier = self.store.name_record(container.name).get("id", "")
        record = {"id": container.id, "retired": earlier}
        if container.config.pod and not container.config.infra:
            from .._store import pods

            with self.store.lock(container.config.pod):
                # A pod that is removed meanwhile takes no container any more.
                pod = pods.read(self.store, container.config.pod)
                pods.find(self.store, pod.id)
                self.store.write_name(container.name, record)
        else:
            self.store.write_name(container.name, record)
        container.event("create")
        if earlier:
            self.recover(container.name)

    def recover(self, name: str) -> NameRecord:
        """Finish or undo what an interrupted run left under this name; what the name then stands for."""
        record = self.store.name_record(name)
        if record.get("pending"):
            self._purge(record["pending"])
        if record.get("retired"):
            if record.get("id"):
                self._hand_over(record["retired"], record["id"])
            self._purge(record["retired"])
        if record.get("pending") or record.get("retired"):
            record = {key: record.get(key, "") for key in ("id", "resume") if record.get("id")}
            self.store.write_name(name, record)
        elif not record:
            self.store.forget_name(name)
        return record

    def to_resume(self, container: Container) -> bool:
        """Whether it ran until a new container was to take its place, which an interruption prevented."""
        if container.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
            return False
        return self.store.name_record(container.name).get("resume") == container.id

    def wish_resumed(self, container: Container) -> None:
        """It is about to be stopped for a moment only: whoever finds it stopped starts it, until ``resumed``."""
        self.store.write_name(container.name, {**self.store.name_record(container.name), "resume": container.id})

    def bring_back(self, name: str) -> None:
        """After an error, which stays the one reported: what an interrupted run had stopped for another runs again."""
        container = self.find(name)
        if container is None or container.unreadable or not self.to_resume(container.peek()):
            return
        try:
            container.start()
        except (LibpodError, OSError):
            return
        self.resumed(name)

    def resumed(self, name: str) -> None:
        """Its container is as it is wanted: an earlier interruption's wish to have it run again is met, or void."""
        record = self.store.name_record(name)
        if record.get("resume"):
            self.store.write_name(name, {**record, "resume": ""})

    def undo(self, name: str) -> None:
        """``recover`` after an error, which stays the one reported: what cannot be undone now, the next run undoes."""
        try:
            self.recover(name)
        except (LibpodError, OSError):
            pass

    def _hand_over(self, old: str, new: str) -> None:
        """Let those that depend on a re-created container depend on the one in its place."""
        for other in self.dependents(old):
            try:
                with other.batch():
                    other.depend_on(new, instead_of=old, record=True)
            except ContainerRemoved:
                continue

    def follow(self, container: Container) -> bool:
        """Have it depend on what has taken the place of a container it depends on, where whoever made that has not come
        to it yet, or was killed; whether its configuration is another one than was read. Without its name's lock
        nothing is recorded."""
        read, locked = container.config, self.store.lock(container.name).held
        if read.dependencies:
            with container.batch() if locked else nullcontext():
                for old in container.config.dependencies:
                    record = self._record_of(old)
                    if record.get("id") and record.get("retired") == old:
                        container.depend_on(record["id"], instead_of=old, record=locked)
        return container.config != read

    def _record_of(self, container_id: str) -> NameRecord:
        try:
            return self.store.name_record(self.store.config(container_id).name)
        except (NoSuchContainer, StateCorrupt):
            return {}

    # Removing

    def check_removable(self, container: Container) -> None:
        """:raises DependencyExists: other containers join its namespaces; they are named."""
        names = sorted({other.name for other in self.dependents(container.id)})
        if names:
            raise DependencyExists(
                f"container {container.name} cannot be removed: {', '.join(names)} "
                f"{'depends' if len(names) == 1 else 'depend'} on it (shared namespaces or requires): remove "
                f"{'that one' if len(names) == 1 else 'those'} first, or set delete_depend"
            )

    def remove(self, container: Container, *, force: bool = False) -> None:
        """Remove a container and all that is its own on the host; named volumes stay.

        :raises InvalidState: it runs or is paused, and ``force`` is not set.
        :raises DependencyExists: others depend on it.
        """
        container.status().check("force_remove" if force else "remove", container.name)
        self.check_removable(container)
        record = self.store.name_record(container.name)
        self.store.write_name(container.name, {**record, "id": "", "retired": container.id})
        self.recover(container.name)

    def remove_ended(self, name: str, container_id: str) -> bool:
        """Remove an exited container, unless the name is another one's by now, it lives again, or is about to; whether
        it went.

        :raises DependencyExists: others depend on it.
        """
        self.store.prepare()
        with self.store.lock(name) as lock:
            self.recover(name)
            now = self.find(name)
            if now is not None and now.id != container_id:
                return False
            if now is not None:
                # In one piece: nobody starts it in between.
                with now.batch():
                    if not has_ended(now):
                        return False
                    self.remove(now)
            if lock.depth == 1:
                lock.discard()
            return now is not None

    def start_dependency(self, name: str) -> None:
        """Start a container that another one needs; its name's lock is not taken, which is older than the caller's."""
        while True:
            try:
                self.container(name).ensure_started()
                return
            except ContainerRemoved:
                continue  # made anew while its lock was waited for: the name is the new one's, or nobody's

    def _purge(self, container_id: str) -> None:
        """Remove everything that has this ID on the host, however far its making or removal had come."""
        lock = self.store.lock(container_id)
        self.store.prepare()
        with lock:
            container = self._remains(container_id)
            # Without a configuration nothing beyond the directories was begun.
            if container is not None:
                container.sync()
                if container.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
                    _end(container)
                container.cleanup(delete=True)
                if container.config.volumes:
                    from .anonymous_volumes import remove

                    remove(self, container)
                if self.store.name_record(container.name).get("retired") == container.id:
                    container.event("remove")
                    if container.config.options["rmi"]:
                        from . import images

                        images.remove(self, container)
            for directory in (self.store.run_dir(container_id), self.store.static_dir(container_id)):
                effect(f"remove {directory}")
                shutil.rmtree(directory, ignore_errors=not os.path.exists(directory))
            lock.discard()

    def _remains(self, container_id: str) -> Container | None:
        try:
            return self.by_id(container_id)
        except NoSuchContainer:
            return None


def has_ended(container: Container) -> bool:
    """Whether it has run and is down for good: one that goes with its end, or that no policy is to start again."""
    from .._container import restart

    down = container.state.status is ContainerStatus.EXITED
    return down and (container.config.options["rm"] or not restart.is_to_come(container))


def _end(container: Container) -> None:
    """SIGKILL a container's process; cleanup ends the rest."""
    import signal

    from .._drivers import process

    state = container.state
    if state.status is ContainerStatus.PAUSED:
        container.oci.resume(container.id, container.name)
    process.send_signal(state.pid, state.pid_start, signal.SIGKILL)
    process.wait_end(state.pid, state.pid_start, 10.0)
