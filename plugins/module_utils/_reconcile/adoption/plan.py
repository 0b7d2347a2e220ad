# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan by which a container becomes the engine's or podman's, and the adoption itself."""

from __future__ import annotations

from typing import Optional

from ..._container.container import Container
from ..._container.lifecycle import adoption as lives
from ..._drivers.podman import database, status
from ..._drivers.podman.container import PodmanContainer
from ..._model.errors import ContainerExists, NoSuchContainer, PodExists
from ..._model.records.status import ContainerStatus
from ..._runtime import adoption
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..plan import Plan, Step, Verb
from .configuration import configuration


def make(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    """Return the plan for the state ``adopted`` or ``given_back``, without steps for a container that is in it.

    :raises NoSuchContainer: neither the engine nor podman has it. :raises LibpodError: it cannot be handed over.
    """
    arriving = _arriving(runtime, desired.name) if container is None else None
    if arriving is not None:
        now = arriving.value
    else:
        now = container.state.status.value if container else "absent"
    if desired.state == "given_back":
        if container is not None:
            adoption.check_return(runtime, container)
        elif arriving is None:
            _theirs(runtime, desired.name)
            return Plan()
        return Plan((Step(Verb.GIVE_BACK, desired.name),), (), now, "absent")
    if container is not None:
        _check_same(runtime, container)
    if container is not None or arriving is not None:
        return Plan((), (), now, now)
    runtime.store.check_new_name(desired.name)
    if any(key.startswith("pod") for key in runtime.store.name_record(desired.name)):
        raise PodExists(f"the name {desired.name!r} is a pod's: rename podman's container")
    theirs = _theirs(runtime, desired.name)
    configuration(runtime, theirs)
    return Plan((Step(Verb.ADOPT, desired.name),), (), now, status.of(theirs).value)


def _arriving(runtime: Runtime, name: str) -> Optional[ContainerStatus]:
    """Return the status of a container whose handover check mode finds interrupted, and the next task makes ours."""
    container_id = runtime.store.name_record(name).get("handover")
    container = adoption.coming(runtime, container_id) if container_id else None
    return status.of(lives.read(container).theirs) if container else None


def _check_same(runtime: Runtime, container: Container) -> None:
    """Check that the engine's container of the name is not in the way of one of podman's.

    :raises ContainerExists: podman has another one of the name.
    """
    if container.from_podman:
        return  # whatever podman has by now, also a database that cannot be read
    if container.name in database.listed(runtime.parts):
        raise ContainerExists(
            f"container {container.name} of podman's cannot be adopted: the engine has another one of that name: "
            "rename podman's by podman rename, or remove one of the two"
        )


def adopt(runtime: Runtime, name: str) -> Container:
    """Adopt podman's container of this name, whose lock is held.

    :raises LibpodError: it cannot be adopted.
    """
    theirs = _theirs(runtime, name)
    return adoption.adopt(runtime, theirs, configuration(runtime, theirs))


def _theirs(runtime: Runtime, name: str) -> PodmanContainer:
    found = database.find(runtime.parts, name)
    if found is None or found.name != name:
        raise NoSuchContainer(
            f"no container has the name {name!r}, neither here nor in podman's database "
            f"{database.path(runtime.parts)}: podman ps --all shows podman's containers"
        )
    return found
