# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as it will be: later plans of a batch see what earlier ones will have done."""

from __future__ import annotations

from typing import Iterator, Optional

from .._model.errors import NoSuchContainer
from .._model.records.config import ContainerConfig
from .._model.records.state import ContainerState
from .store import NameRecord, Store


class PlannedStore(Store):
    """Reads like ``store``, and shares its locks; nothing is written through it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.parts)
        self._locks = store._locks
        self._ids: dict[str, str] = {}  # by name, empty once it is removed
        self._configs: dict[str, Optional[ContainerConfig]] = {}
        self._states: dict[str, ContainerState] = {}
        self._unknown: set[str] = set()

    def plan(self, config: ContainerConfig, state: ContainerState, *, new: bool) -> None:
        """Have a container as planned from now on; a ``new`` one has an ID that is not chosen yet."""
        self._ids[config.name] = config.id
        self._configs[config.id] = config
        self._states[config.id] = state
        if new:
            self._unknown.add(config.id)

    def plan_removal(self, name: str) -> None:
        """Have no container of this name from now on."""
        self._configs[self.name_record(name).get("id", "")] = None
        self._ids[name] = ""

    def name_record(self, name: str) -> NameRecord:
        return {"id": self._ids[name]} if name in self._ids else super().name_record(name)

    def names(self) -> Iterator[tuple[str, str]]:
        made = {name: container_id for name, container_id in self._ids.items() if container_id}
        yield from sorted({**dict(super().names()), **made}.items())

    def known(self, container_id: str) -> bool:
        return container_id not in self._unknown

    def config(self, container_id: str) -> ContainerConfig:
        if container_id not in self._configs:
            return super().config(container_id)
        config = self._configs[container_id]
        if config is None:
            raise NoSuchContainer(f"no container has the ID {container_id}")
        return config

    def state(self, container_id: str) -> Optional[ContainerState]:
        return self._states.get(container_id) or super().state(container_id)
