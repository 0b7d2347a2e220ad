# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks removed, with their containers where that is forced."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Collection

from ..._container.container import Container
from ..._drivers.cni.config import Definition
from ..._model.attempts import raise_all
from ..._model.engine_config import EngineConfig
from ..._model.errors import DependencyExists, InvalidState, MalformedData
from ..._runtime.runtime import Runtime
from ..._store import records
from . import files, leftovers, usage
from .files import Files
from .look import Outcome

if TYPE_CHECKING:
    from ..._model.records.defined_network import InspectedDefinition


def remove(
    parts: EngineConfig, name: str, found: Files, *, force: bool, dry: bool, gone: Collection[str] = ()
) -> Outcome:
    """Remove a network and what a killed run has left of one, with ``force`` its containers first.

    In check mode the containers ``gone`` count as removed.

    :raises InvalidState: it is in use. :raises DependencyExists: a container to be removed has dependents that stay.
    """
    runtime, there = Runtime(parts), found.of(name)
    if force and not dry:
        _finish_removals(runtime)
    if not there:
        if not dry and files.unfinished(parts, name):
            with runtime.host.networks.alone():
                files.clear_unfinished(parts, name)
        return Outcome([], {}, {})
    for one in there:
        files.check_removable(one)
    on = [user.container for user in usage.users(runtime, name, found.default) if user.container.name not in gone]
    if on and not force:
        raise InvalidState(_names_users(name, on))
    before, containers = known(there[0]), _removable(runtime, name, on)
    if not dry:
        for container in containers:
            runtime.remove_if(container.name, partial(_is, container.id), force=True)
        with runtime.host.networks.alone():
            _remove_network(runtime, name)
    return Outcome([*(f"deleted container {one.name}" for one in containers), f"deleted {name}"], before, {})


def _remove_network(runtime: Runtime, name: str) -> None:
    """Remove every file of a network, after what it has on the host."""
    found = Files(runtime.parts)
    on = [one.container for one in usage.users(runtime, name, found.default)]
    if on:
        raise InvalidState(_names_users(name, on))
    for one in found.of(name):
        files.check_removable(one)
        leftovers.check_unused(name, one.config)
    for one in found.of(name):
        leftovers.clear(runtime.parts, name, one.config)
        records.remove(one.path)


def _finish_removals(runtime: Runtime) -> None:
    """Finish what a killed run of this task has left of the containers that it removed."""
    from ..prune import remains

    if any(runtime.store.unfinished()):
        errors: list[Exception] = []
        remains(runtime, errors, ())
        raise_all(errors, ())


def known(definition: Definition) -> InspectedDefinition:
    """Return what a file means, as far as it can be understood."""
    try:
        return files.described(definition).inspected()
    except MalformedData:
        return {"name": definition.config["name"]}


def _names_users(name: str, on: list[Container]) -> str:
    return (
        f"network {name} is in use by containers {usage.listed(one.name for one in on)}: remove them, take the network "
        "out of their option network, or set force, which removes them"
    )


def _removable(runtime: Runtime, name: str, on: list[Container]) -> list[Container]:
    """Return containers in an order in which they can be removed, dependents first.

    :raises DependencyExists: one has dependents that are not among them.
    """
    ordered: list[Container] = []
    left = {one.id: one for one in on}
    while left:
        free = [one for one in left.values() if not any(other.id in left for other in runtime.dependents(one.id))]
        for one in free or left.values():
            others = [other for other in runtime.dependents(one.id) if other.id not in {each.id for each in ordered}]
            if others or one.config.infra:
                who = usage.listed(other.name for other in others) or "its pod"
                raise DependencyExists(
                    f"network {name} is in use by container {one.name}, on which {who} depends: remove that first"
                )
            ordered.append(one)
            del left[one.id]
            break
    return ordered


def _is(container_id: str, now: Container) -> bool:
    return now.id == container_id
