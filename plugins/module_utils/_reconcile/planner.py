# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wanted state and actual status → the plan's steps."""

from __future__ import annotations

from contextlib import suppress
from typing import Optional

from .._container.container import Container
from .._model.errors import (
    DependencyExists,
    InvalidArgument,
    InvalidState,
    LibpodError,
    NoSuchContainer,
    PodExists,
    StateCorrupt,
)
from .._model.options.table import Change
from .._model.records.status import ContainerStatus
from .._runtime.runtime import Runtime
from .desired import Desired
from .diff.options import differences, drift, lost_joins, plain
from .plan import Difference, Plan, Step, Verb, status_after

_BEGIN = (Verb.START, Verb.RESTART, Verb.CREATE, Verb.RECREATE)


def make(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    """The plan for a container, which is None where the name is free.

    :raises NoSuchContainer: it is to be started or stopped by its name alone, and is not there.
    :raises InvalidState: it is to be removed while it runs, without force.
    """
    if container is not None and not (desired.state == "absent" and desired.abandon):
        container.check_version()
    if desired.state == "absent":
        return _absent(runtime, container, desired)
    if container is not None and desired.state in ("present", "created") and runtime.to_resume(container):
        # A run that was to replace it has stopped it, and was killed: it is not to stay so.
        desired = desired._replace(state="started")
    if container is None:
        plan = _new(runtime, desired)
    elif container.unreadable:
        plan = _anew(runtime, container, desired)
    else:
        plan = _existing(runtime, container, desired)
    return _with_dependencies(runtime, container, desired, plan) if plan.steps else plan


def _existing(runtime: Runtime, container: Container, desired: Desired) -> Plan:
    found = _as_it_is(container, desired, differences(runtime, container.config, desired))
    recreate = not desired.by_name and (desired.recreate or any(one.change == Change.RECREATE for one in found))
    status = container.state.status
    if recreate:
        return _recreate(runtime, container, desired, found)
    # What a running container takes at a start is recorded while it is down, with all else that differs.
    restarts = status is ContainerStatus.RUNNING and any(one.change == Change.RESTART for one in found)
    drifted = drift(container, desired, found)
    if any(one.change == Change.RESTART for one in drifted):
        # A restart makes all of it anew; without conmon, say, some of it could not be mended alone.
        drifted = [one for one in drifted if one.change == Change.RESTART]
    found += [one for one in drifted if one.change != Change.RESTART]
    steps = [Step(Verb.UPDATE, desired.name)] if found and not restarts else []
    moves = _moves(status, desired) + _after_stop(container, desired)
    moved = lost_joins(container) if desired.state == "started" else []
    moved += [one for one in drifted if one.change == Change.RESTART]
    if (moved or restarts) and not any(step.verb is Verb.RESTART for step in moves):
        restart = Step(Verb.RESTART, desired.name)
        moves = [restart, *moves] if restarts or desired.state == "paused" else [*moves, restart]
    steps += moves
    found += moved
    return Plan(tuple(steps), tuple(found), status.value, status_after(steps, desired.name, status.value))


def _as_it_is(container: Container, desired: Desired, found: list[Difference]) -> list[Difference]:
    """The differences, with what it takes to change a container that is in this state."""
    state = container.state
    if state.status.has_process and any(one.change == Change.LIVE for one in found) and container.lost_cgroup:
        # Nothing can be set in a cgroup that is not there, which the next start makes.
        found = [one._replace(change=Change.RESTART) if one.change == Change.LIVE else one for one in found]
    stays_down = desired.state in ("present", "created") and not (desired.force_restart or state.status.has_process)
    if stays_down and state.finished_time:
        # One that goes with its end would be gone at the next look.
        ends = [one.option == "rm" and one.after and not one.ignored for one in found]
        why = "it has ended, and would go with that"
        found = [one._replace(change=Change.RECREATE, reason=why) if go else one for one, go in zip(found, ends)]
    return found


def _with_dependencies(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Plan:
    """The plan, checked for what it joins, and with those started first that the container needs."""
    from . import dependencies

    anew = container is None or plan.has(Verb.RECREATE)
    changed = plan.has(Verb.UPDATE) or any(not one.drift for one in plan.differences)
    if (anew or changed) and desired.options is not None:
        if plain(desired.options):
            return plan
        dependencies.check(runtime, desired.name, desired.options)
        if plan.status_after in ("running", "paused") and anew:
            dependencies.check_running(runtime, desired.name, desired.options)
        first = [dependencies.container(runtime, option, key) for option, key in dependencies.named(desired.options)]
    else:
        first = runtime.dependencies(container.config) if container else []
    begins = [index for index, step in enumerate(plan.steps) if step.verb in _BEGIN]
    if not begins or plan.status_after not in ("running", "paused"):
        return plan
    starts = [
        Step(Verb.START, one.name, one.peek().state.status.value) for one in dependencies.to_start(runtime, first)
    ]
    return plan._replace(steps=(*plan.steps[: begins[0]], *starts, *plan.steps[begins[0] :]))


def _moves(status: ContainerStatus, desired: Desired) -> list[Step]:
    """The steps from this status to the wanted state, the configuration being right."""
    name = desired.name
    if status is ContainerStatus.UNKNOWN:
        # What an interrupted operation left is taken down, whatever is wanted next.
        return [Step(Verb.REPAIR, name), *_moves(ContainerStatus.EXITED, desired)]
    start, paused = Step(Verb.START, name), status is ContainerStatus.PAUSED
    running = status is ContainerStatus.RUNNING
    if desired.state == "stopped":
        return [*([Step(Verb.UNPAUSE, name)] if paused else []), Step(Verb.STOP, name)] if running or paused else []
    if desired.force_restart and desired.state in ("started", "present"):
        if running or paused:
            return [*([Step(Verb.UNPAUSE, name)] if paused else []), Step(Verb.RESTART, name)]
        return [start]
    if desired.state == "started":
        return [] if running else [Step(Verb.UNPAUSE, name)] if paused else [start]
    if desired.state == "paused":
        return [] if paused else [Step(Verb.PAUSE, name)] if running else [start, Step(Verb.PAUSE, name)]
    return []


def _after_stop(container: Container, desired: Desired) -> list[Step]:
    """What else ``stopped`` means for a container that its restart policy would start, or that goes with its end."""
    if desired.state != "stopped":
        return []
    if container.state.status.has_process and container.config.options["rm"]:
        return [Step(Verb.DELETE, desired.name)]
    from .._container.lifecycle import restart

    return [Step(Verb.CANCEL, desired.name)] if restart.is_to_come(container) else []


def _absent(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    if container is None:
        left = runtime.store.name_record(desired.name).get("left")
        return Plan((Step(Verb.DELETE, desired.name),), (), "removing") if left else Plan()
    _check_not_infra(container)
    check_force(container, desired)
    status = container.state.status
    order = _with_dependents(runtime, container) if desired.delete_depend else [container]
    for one in order if not desired.abandon else ():
        one.check_version()
    if not desired.delete_depend:
        runtime.check_removable(container)
    steps = tuple(Step(Verb.DELETE, one.name, one.state.status.value) for one in order)
    if container.config.options["rmi"] if desired.rmi is None else desired.rmi:
        from .._runtime import images

        steps += tuple(Step(Verb.RMI, image, "present") for image in images.unused(runtime, container, order))
    return Plan(steps, (), status.value, "absent")


def check_force(container: Container, desired: Desired) -> None:
    """:raises InvalidState: it runs, and the task removes it only where it does not."""
    status = container.state.status
    if status.has_process and desired.force_delete is False:
        raise InvalidState(
            f"container {desired.name} is {status} and force_delete is false: stop it first, or set force_delete"
        )


def _check_not_infra(container: Container) -> None:
    if container.config.infra:
        raise DependencyExists(
            f"container {container.name} holds the namespaces of a pod, and is made and removed with it: use libpod_pod"
        )


def _with_dependents(runtime: Runtime, container: Container) -> list[Container]:
    """The container and all that depend on it, each after its own dependents."""
    order: list[Container] = []
    for other in runtime.dependents(container.id):
        order += [one for one in _with_dependents(runtime, other) if one.name not in {known.name for known in order}]
    return [*order, container]


def _pull(runtime: Runtime, desired: Desired) -> list[Step]:
    """The step that gets the image, where the one in the store is not the one to use."""
    if desired.rootfs or not desired.image:
        return []
    from .image_resolution import resolve_image

    image = resolve_image(runtime, desired)
    return [Step(Verb.PULL, desired.image, image=image)] if image.pull else []


# Wanted state to the steps of a task that names a container alone.
_BY_NAME = {"started": (Verb.START,), "stopped": (Verb.STOP,), "paused": (Verb.START, Verb.PAUSE)}


def unmade(runtime: Runtime, desired: Desired) -> Plan:
    """The plan of check mode for a container that is not there, where what it needs is not there either, or where the
    task names it alone: an earlier task of the play may be to make it.
    """
    if desired.image:
        with suppress(LibpodError):
            return _new(runtime, desired)
        return _making(desired, [])
    verbs = (Verb.RESTART,) if desired.force_restart else _BY_NAME.get(desired.state, ())
    steps = [Step(verb, desired.name) for verb in verbs]
    return Plan(tuple(steps), (), "absent", status_after(steps, desired.name, "absent"))


def _new(runtime: Runtime, desired: Desired) -> Plan:
    if any(key.startswith("pod") for key in runtime.store.name_record(desired.name)):
        raise PodExists(f"the name {desired.name!r} is a pod's: give the container another one")
    if desired.unusable:
        raise desired.unusable
    if desired.state == "stopped" and desired.options is not None and desired.options["rm"]:
        return Plan()  # as its stop would leave it
    if not desired.image:
        if desired.options is None or desired.state == "stopped":
            raise NoSuchContainer(f"no container has the name {desired.name!r}, and without an image none can be made")
        raise InvalidArgument(f"image: is needed to make container {desired.name}, which does not exist yet")
    return _making(desired, _pull(runtime, desired))


def _making(desired: Desired, pull: list[Step]) -> Plan:
    steps = [*pull, Step(Verb.CREATE, desired.name)]
    if desired.state in ("started", "paused"):
        steps.append(Step(Verb.START, desired.name))
    if desired.state == "paused":
        steps.append(Step(Verb.PAUSE, desired.name))
    return Plan(tuple(steps), (), "absent", status_after(steps, desired.name, "absent"))


def _anew(runtime: Runtime, container: Container, desired: Desired) -> Plan:
    """A new container in the place of one whose configuration cannot be read.

    :raises StateCorrupt: the task does not say of what image.
    """
    if desired.by_name or not desired.image:
        raise StateCorrupt(
            f"container {container.name}: {container.unreadable}; restore that file, re-create the container by a "
            "task with its image and options, or remove it"
        )
    lost = Difference("configuration", "unreadable", "as described", Change.RECREATE)
    return _recreate(runtime, container, desired, [lost])


def _recreate(runtime: Runtime, container: Container, desired: Desired, found: list[Difference]) -> Plan:
    """A new container in the old one's place; it runs where that is wanted, or where the old one ran or was about to.

    :raises DependencyExists: it is a pod's infra container. :raises ConfigMismatch: a newer version's depends on it.
    """
    from .._container.lifecycle import restart

    _check_not_infra(container)
    for other in runtime.dependents(container.id):
        other.check_version()  # it could not follow
    status = container.state.status
    runs = desired.state in ("started", "paused") or status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    runs = runs or restart.is_to_come(container)
    steps = [*_pull(runtime, desired), Step(Verb.RECREATE, desired.name)]
    if desired.state == "paused":
        steps.append(Step(Verb.PAUSE, desired.name))
    after = "paused" if desired.state == "paused" else "running" if runs else "configured"
    return Plan(tuple(steps), tuple(found), status.value, after)
