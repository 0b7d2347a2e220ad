# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers under one set of roots, found by name, by ID and along their dependencies."""

from __future__ import annotations

from contextlib import suppress
from typing import Callable, Iterable, Iterator, Mapping, Optional

from .._container.container import Container
from .._drivers.host import Host
from .._model.engine_config import EngineConfig
from .._model.errors import ConfigMismatch, LibpodError, NoSuchContainer, StateCorrupt
from .._model.records.config import ContainerConfig
from .._store.store import Store


class RuntimeBase:
    """Finds containers, and changes nothing."""

    def __init__(self, parts: EngineConfig, store: Optional[Store] = None) -> None:
        self.parts = parts
        self.store = store or Store(parts)
        self.host = Host(parts)

    def container(self, key: str) -> Container:
        """Return the container with this name, full ID or unambiguous ID prefix.

        :raises NoSuchContainer: there is none. :raises InvalidArgument: several match.
        """
        container_id = self.store.lookup(key)
        return self.by_id(container_id, "" if container_id.startswith(key) else key)

    def find(self, name: str) -> Container | None:
        """Return the container with this name, or None."""
        container_id = self.store.name_record(name).get("id")
        return self.by_id(container_id, name) if container_id else None

    def has_name(self, container: Container) -> bool:
        """Return whether a name leads to the container, also another one than when it was read."""
        name, before = container.name, ""
        while name != before:
            if self.store.name_record(name).get("id") == container.id:
                return True
            before = name
            with suppress(NoSuchContainer, StateCorrupt, ConfigMismatch):
                name = self.store.config(container.id).name
        return False

    def containers(self) -> Iterator[Container]:
        """Yield every container in the order of names, without those removed meanwhile."""
        return self._those([*self.store.names()])  # first, which is faster than name and container in turn

    def containers_and_new(self) -> Iterator[Container]:
        """Yield every container, and those being created."""
        # In this order: one that is being created may be complete a moment later.
        return self._those(dict.fromkeys((*self.store.being_made(), *self.store.names())))

    def interrupted(self, has: Callable[[Mapping[str, str]], bool]) -> Iterator[str]:
        """Yield the names without a container whose creation or removal was interrupted, by its labels."""
        there = {name for name, _container_id in self.store.names()}
        for name, container_id in self.store.unfinished():
            if name not in there:
                with suppress(LibpodError):  # it is gone, or cannot be read
                    config = self.store.config(container_id)
                    if has(config.labels) and not config.infra:
                        yield name

    def _those(self, names: Iterable[tuple[str, str]]) -> Iterator[Container]:
        for name, container_id in names:
            try:
                yield self.by_id(container_id, name)
            except NoSuchContainer:
                continue

    def by_id(self, container_id: str, name: str = "") -> Container:
        """Return the container; where its configuration cannot be read, what its ID and ``name`` tell.

        A container of a newer version cannot be changed; see ``ContainerBase.batch``.
        """
        container = Container.load(self.store, self.host, container_id, name)
        if container.newer:
            from .inspect import inspect

            try:
                inspect(container.peek())  # the most that is read of it
            except Exception:  # pylint: disable=broad-exception-caught
                return Container.load(self.store, self.host, container_id, name, plain=True)
        return container

    def dependents(self, container_id: str) -> list[Container]:
        """Return the containers that join a namespace of this one or require it, including those being created."""
        return [
            other
            for other in self.containers_and_new()
            if container_id in other.config.dependencies or container_id in other.newer and other.id != container_id
        ]

    def dependencies(self, config: ContainerConfig) -> list[Container]:
        """Return the containers whose namespaces this one joins, and those it requires."""
        containers = []
        for container_id in config.dependencies:
            try:
                containers.append(self.by_id(container_id))
            except NoSuchContainer:
                continue
        return containers
