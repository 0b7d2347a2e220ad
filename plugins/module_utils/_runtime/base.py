# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers under one set of roots, found by name, by ID and along their dependencies."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional

from .._container.container import Container
from .._drivers.host import Host
from .._model.engine_config import EngineConfig
from .._model.errors import NoSuchContainer
from .._model.records.config import ContainerConfig
from .._store.store import Store


class RuntimeBase:
    """Finds containers; nothing is changed."""

    def __init__(self, parts: EngineConfig, store: Optional[Store] = None) -> None:
        self.parts = parts
        self.store = store or Store(parts)
        self.host = Host(parts)

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
        """The container; one of unreadable configuration as far as its ID tells, under ``name``.

        A newer version's is none that can be changed; see ``ContainerBase.batch``.
        """
        container = Container.load(self.store, self.host, container_id, name)
        if container.newer:
            from .inspect import inspect

            try:
                inspect(container.peek())  # all that is ever shown of it
            except Exception:  # pylint: disable=broad-exception-caught
                return Container.load(self.store, self.host, container_id, name, plain=True)
        return container

    def dependents(self, container_id: str) -> list[Container]:
        """The containers that join a namespace of this one, or require it, those that are being made included."""
        # In this order, for one that is being made may be there the next moment.
        names = dict.fromkeys((*self.store.being_made(), *self.store.names()))
        return [
            other
            for other in self._those(names)
            if container_id in other.config.dependencies or container_id in other.newer and other.id != container_id
        ]

    def dependencies(self, config: ContainerConfig) -> list[Container]:
        """The containers whose namespaces this one joins, and those it requires."""
        found = []
        for container_id in config.dependencies:
            try:
                found.append(self.by_id(container_id))
            except NoSuchContainer:
                continue
        return found
