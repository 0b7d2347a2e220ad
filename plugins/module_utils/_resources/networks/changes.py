# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks made and changed, also under running containers."""

from __future__ import annotations

from typing import Optional

from ..._container.container import Container
from ..._model.attempts import raise_all
from ..._model.engine_config import EngineConfig
from ..._model.errors import ContainerRemoved, InvalidState, LibpodError, NoSuchContainer
from ..._model.options.network.definition import Wanted
from ..._model.records.defined_network import BRIDGE, HOST_LOCAL
from ..._runtime.runtime import Runtime
from . import files, leftovers, usage
from .look import Look, Outcome, look_at, outcome

# Changes for which containers are not re-attached: they do not see labels, and get DNS servers at their next start.
_LIVE = ("labels", "dns")


def make(parts: EngineConfig, given: Wanted, look: Look, dry: bool) -> Optional[Outcome]:
    """Make a new network; return None where another task was faster."""
    if dry:
        look.files.new_path(given.name)
    else:
        with Runtime(parts).host.networks.alone():
            look = look_at(parts, given)
            if look.had is not None:
                return None
            files.write(look.files.new_path(given.name), look.files.form.written(look.wanted, kept=_has_link(look)))
    return outcome(look, [f"created {given.name}"])


def plan(parts: EngineConfig, given: Wanted) -> None:
    """Have a network count as a task would make it."""
    look = look_at(parts, given)
    path = look.definition.path if look.definition else look.files.new_path(given.name)
    before = look.definition.config if look.definition else None
    parts.planned.networks[path] = look.files.form.written(look.wanted, look.had, before, kept=False)


def change(parts: EngineConfig, given: Wanted, look: Look, *, force: bool, recreate: bool, dry: bool) -> Outcome:
    """Change a network that is there; with ``force`` also attach running containers that a killed run has detached.

    :raises InvalidState: containers are attached to it, without ``force``.
    """
    runtime = Runtime(parts)
    if not look.changed and not recreate:
        detached = _detached(runtime, look)
        for one in [] if dry else detached:
            _attach(one)
        return outcome(look, _attached_again(given.name, detached))
    if look.definition and look.definition.single and look.changed:
        raise InvalidState(
            f"network {given.name} cannot be changed in {look.definition.path}, which has one plugin's configuration: "
            "make it a configuration list, in a file whose name ends in .conflist"
        )
    live = set(look.changed) <= set(_LIVE) and not recreate
    attached = [] if live else _attached(runtime, look)
    if force:
        attached = list({one.id: one for one in (*attached, *_detached(runtime, look))}.values())
    elif attached:
        raise InvalidState(_in_use(given.name, look.changed, attached, recreate))
    _check_addresses(runtime, look)
    verb = "recreated" if recreate else "updated"
    if not dry:
        _change(runtime, given, attached, recreate)
    return outcome(look, [f"{verb} {given.name}", *_attached_again(given.name, attached)])


def _has_link(look: Look) -> bool:
    """Return whether the host has the network's bridge already, which is then not removed with it."""
    from ..._drivers.kernel import host_networks

    return look.wanted.driver == BRIDGE and look.wanted.interface in host_networks.links()


def _attached(runtime: Runtime, look: Look) -> list[Container]:
    on = usage.users(runtime, look.wanted.name, look.files.default)
    return [one.container for one in on if one.attachment]


def _in_use(name: str, changed: list[str], attached: list[Container], recreate: bool) -> str:
    fixed = ", ".join(one for one in changed if one not in _LIVE)
    held = "it cannot be re-created" if recreate else f"{fixed} cannot change"
    return (
        f"network {name}: {held} while containers are attached to it "
        f"({usage.listed(one.name for one in attached)}): stop them, or set force, which re-attaches them"
    )


def _check_addresses(runtime: Runtime, look: Look) -> None:
    if "subnets" in look.changed and look.wanted.ipam_driver == HOST_LOCAL:
        on = usage.users(runtime, look.wanted.name, look.files.default)
        usage.check_addresses(look.wanted.name, on, look.wanted.subnets)


def _change(runtime: Runtime, given: Wanted, attached: list[Container], recreate: bool) -> None:
    """Write a network's changes, with the ``attached`` containers detached until that is done."""
    try:
        for one in attached:
            _detach(one, given.name)
        with runtime.host.networks.alone():
            look = look_at(runtime.parts, given)
            if look.had is None or look.definition is None or not (look.changed or recreate):
                return  # another task was faster
            if not set(look.changed) <= set(_LIVE) or recreate:
                still = _attached(runtime, look)
                if still:
                    raise InvalidState(_in_use(given.name, look.changed, still, recreate))
                leftovers.check_unused(given.name, look.definition.config)
                leftovers.clear(runtime.parts, given.name, look.definition.config)
            if look.changed:
                if "dns" in look.changed and look.wanted.dns_enabled and not look.wanted.internal:
                    runtime.host.networks.ask_for_names(given.name, look.wanted.dns)
                config = look.files.form.written(look.wanted, look.had, look.definition.config, kept=_has_link(look))
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


def _detached(runtime: Runtime, look: Look) -> list[Container]:
    """Return running containers that a killed change of the network has left without it."""
    on = usage.users(runtime, look.wanted.name, look.files.default)
    without = [one.container.peek() for one in on if one.attachment is None or one.attachment.result is None]
    return [one for one in without if one.state.status.has_process]


def _attached_again(name: str, containers: list[Container]) -> list[str]:
    return [f"attached {one.name} to {name} again" for one in containers]
