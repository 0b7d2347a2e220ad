# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks made, changed and removed: their files, and what they leave on the host."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Optional

from ..._container.container import Container
from ..._drivers.cni.config import Definition
from ..._model.engine_config import EngineConfig
from ..._model.errors import (
    ContainerRemoved,
    DependencyExists,
    InvalidState,
    LibpodError,
    MalformedData,
    NoSuchContainer,
    raise_all,
    warn,
)
from ..._model.options.network_definition import Wanted
from ..._model.records.defined_network import BRIDGE, HOST_LOCAL, DefinedNetwork
from ..._runtime.runtime import Runtime
from . import conflist, files, leftovers, usage
from .desired import Surroundings, desired
from .files import Files

# What containers need not be attached anew for: labels are nothing to them, servers come with their next start.
_LIVE = ("labels", "dns")


class Outcome(NamedTuple):
    """What was done, or in check mode would be, and the network before and after, empty where there is none."""

    actions: list[str]
    before: dict[str, Any]
    after: dict[str, Any]


class _Look(NamedTuple):
    """The networks at one moment, and what a task wants of one of them; ``had`` is what is there of it."""

    files: Files
    definition: Optional[Definition]
    had: Optional[DefinedNetwork]
    wanted: DefinedNetwork

    @property
    def changed(self) -> list[str]:
        if self.had is None:
            return []
        return [one for one in DefinedNetwork._fields if getattr(self.had, one) != getattr(self.wanted, one)]


def _look(parts: EngineConfig, given: Wanted) -> _Look:
    found = Files(parts)
    there = found.of(given.name)
    had = files.described(there[0]) if there else None
    if len(there) > 1:
        hidden = ", ".join(os.path.basename(one.path) for one in there[1:])
        warn(
            f"network {given.name} is defined by more than one file: {os.path.basename(there[0].path)} counts, as it "
            f"comes first, and {hidden} {'does' if len(there) == 2 else 'do'} not"
        )
    has_dnsname = any(os.access(f"{folder}/dnsname", os.X_OK) for folder in parts.cni_plugin_dirs)
    wanted = desired(given, had, Surroundings(found.others(given.name), has_dnsname))
    return _Look(found, there[0] if there else None, had, wanted)


def present(parts: EngineConfig, given: Wanted, *, force: bool, recreate: bool, dry: bool) -> Outcome:
    """Have a network be as a task describes it; ``force`` attaches running containers anew where that is needed.

    :raises InvalidState: it is in use, and cannot be changed while it is; or a subnet is taken.
    """
    look = _look(parts, given)
    if look.had is not None and not look.changed and not recreate:
        detached = _detached(Runtime(parts), look) if force else []
        for one in [] if dry else detached:
            _attach(one)
        return _outcome(look, _attached_again(given.name, detached))
    if look.had is None or look.definition is None:
        made = _make(parts, given, look, dry)
        return made or present(parts, given, force=force, recreate=False, dry=dry)
    if look.definition.single and look.changed:
        raise InvalidState(
            f"network {given.name} cannot be changed in {look.definition.path}, which has one plugin's configuration: "
            "make it a configuration list, in a file whose name ends in .conflist"
        )
    runtime = Runtime(parts)
    live = set(look.changed) <= set(_LIVE) and not recreate
    attached = [] if live else _attached(runtime, look)
    if force:
        # One that a killed run has detached is attached again, too.
        attached = list({one.id: one for one in (*attached, *_detached(runtime, look))}.values())
    elif attached:
        raise InvalidState(_in_use(given.name, look.changed, attached))
    _check_addresses(runtime, look)
    verb = "recreated" if recreate else "updated"
    actions = [f"{verb} {given.name}", *_attached_again(given.name, attached)]
    if not dry:
        _change(runtime, given, attached, recreate)
    return _outcome(look, actions)


def _make(parts: EngineConfig, given: Wanted, look: _Look, dry: bool) -> Optional[Outcome]:
    """Make a new network; return None where another task has made it meanwhile."""
    if dry:
        look.files.new_path(given.name)
    else:
        with Runtime(parts).host.cni.alone():
            look = _look(parts, given)
            if look.had is not None:
                return None
            files.write(look.files.new_path(given.name), conflist.written(look.wanted, kept=_has_link(look)))
    return _outcome(look, [f"created {given.name}"])


def _outcome(look: _Look, actions: list[str]) -> Outcome:
    return Outcome(actions, look.had.inspected() if look.had else {}, look.wanted.inspected())


def _has_link(look: _Look) -> bool:
    """Return whether the host has the network's bridge already, which is then not removed with it."""
    from ..._drivers.kernel import host_networks

    return look.wanted.driver == BRIDGE and look.wanted.interface in host_networks.links()


def _attached(runtime: Runtime, look: _Look) -> list[Container]:
    on = usage.users(runtime, look.wanted.name, look.files.default)
    return [one.container for one in on if one.attachment]


def _in_use(name: str, changed: list[str], attached: list[Container]) -> str:
    what = ", ".join(changed) or "it"
    return (
        f"network {name}: {what} cannot change while containers are attached to it "
        f"({usage.listed(one.name for one in attached)}): stop them, or set force, which attaches them anew"
    )


def _check_addresses(runtime: Runtime, look: _Look) -> None:
    if "subnets" in look.changed and look.wanted.ipam_driver == HOST_LOCAL:
        on = usage.users(runtime, look.wanted.name, look.files.default)
        usage.check_addresses(look.wanted.name, on, look.wanted.subnets)


def _change(runtime: Runtime, given: Wanted, attached: list[Container], recreate: bool) -> None:
    """Write a network's changes; the ``attached`` containers are off it meanwhile."""
    try:
        for one in attached:
            _detach(one, given.name)
        with runtime.host.cni.alone():
            look = _look(runtime.parts, given)
            if look.had is None or look.definition is None or not (look.changed or recreate):
                return  # another task was faster
            if not set(look.changed) <= set(_LIVE) or recreate:
                still = _attached(runtime, look)
                if still:
                    raise InvalidState(_in_use(given.name, look.changed, still))
                leftovers.check_unused(given.name, look.definition.config)
                leftovers.clear(runtime.parts, given.name, look.definition.config)
            if look.changed:
                config = conflist.written(look.wanted, look.had, look.definition.config, kept=_has_link(look))
                files.write(look.definition.path, config)
    finally:
        errors: list[Exception] = []
        for one in attached:
            try:
                _attach(one)
            except (LibpodError, OSError) as error:
                errors.append(error)
        raise_all(errors, ())


def _detach(container: Container, name: str) -> None:
    from ..._container.live import network

    try:
        with container.batch():
            network.disconnect(container, name)
    except ContainerRemoved:
        pass


def _attach(container: Container) -> None:
    """Attach a container to the networks that it has and is not attached to, if its process lives."""
    try:
        with container.batch():
            container.update(container.config, ["network"])
    except (ContainerRemoved, NoSuchContainer):
        pass


def _detached(runtime: Runtime, look: _Look) -> list[Container]:
    """Return running containers that a killed change of the network has left without it."""
    on = usage.users(runtime, look.wanted.name, look.files.default)
    without = [one.container.peek() for one in on if one.attachment is None or one.attachment.result is None]
    return [one for one in without if one.state.status.has_process]


def _attached_again(name: str, containers: list[Container]) -> list[str]:
    return [f"attached {one.name} to {name} again" for one in containers]


def absent(parts: EngineConfig, name: str, *, force: bool, dry: bool) -> Outcome:
    """Have no network of this name; ``force`` removes its containers first.

    :raises InvalidState: it is in use. :raises DependencyExists: a container to be removed has dependents that stay.
    """
    found = Files(parts)
    there = found.of(name)
    runtime = Runtime(parts)
    if force and not dry:
        _finish_removals(runtime)
    if not there:
        if not dry and files.unfinished(parts, name):
            with runtime.host.cni.alone():
                files.clear_unfinished(parts, name)
        return Outcome([], {}, {})
    on = [one.container for one in usage.users(runtime, name, found.default)]
    if on and not force:
        raise InvalidState(_names_users(name, on))
    before = _known(there[0])
    actions = [f"deleted container {one.name}" for one in _removable(runtime, name, on)]
    if not dry:
        for container in _removable(runtime, name, on):
            _remove(runtime, container)
        with runtime.host.cni.alone():
            found = Files(parts)
            there = found.of(name)
            on = [one.container for one in usage.users(runtime, name, found.default)]
            if on:
                raise InvalidState(_names_users(name, on))
            for one in there:
                leftovers.check_unused(name, one.config)
            for one in there:
                leftovers.clear(parts, name, one.config)
                files.remove(one)
    return Outcome([*actions, f"deleted {name}"], before, {})


def _finish_removals(runtime: Runtime) -> None:
    """Finish what a killed run of this task has left of the containers that it removed."""
    from ..prune import remains

    if any(runtime.store.unfinished()):
        errors: list[Exception] = []
        remains(runtime, errors, ())
        raise_all(errors, ())


def _known(definition: Definition) -> dict[str, Any]:
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


def _remove(runtime: Runtime, container: Container) -> None:
    runtime.store.prepare()
    with runtime.store.lock(container.name) as lock:
        runtime.recover(container.name)
        now = runtime.find(container.name)
        if now is not None and now.id == container.id:
            runtime.remove(now, force=True)
            lock.discard()
