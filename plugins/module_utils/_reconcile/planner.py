# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired container against the actual one → the plan's steps."""

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
from .desired import HANDOVERS, Desired
from .diff.options import differences, drift, lost_joins, plain
from .plan import NEW_PROCESS, Difference, Plan, Step, Verb, status_after

_PORTS = ("publish", "publish_all", "expose")  # expose publishes nothing without publish_all


def make(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    """Return the plan for a container, which is None where the name is free.

    :raises NoSuchContainer: it is to be started or stopped by name only, and does not exist.
    :raises InvalidState: it is to be removed while it runs, without force.
    """
    if container is not None and not (desired.state == "absent" and desired.abandon):
        container.check_version()
    if desired.state == "absent":
        return _absent(runtime, container, desired)
    if desired.state in HANDOVERS:
        from .adoption import plan as handover

        return handover.make(runtime, container, desired)
    if container is not None and desired.state in ("present", "created") and runtime.needs_resume(container):
        # A task that was killed while it replaced the container had stopped it.
        desired = desired._replace(state="started")
    if container is None:
        plan = _new(runtime, desired)
    elif container.unreadable:
        plan = _replacing_unreadable(runtime, container, desired)
    else:
        plan = _existing(runtime, container, desired)
    return _with_dependencies(runtime, container, desired, plan) if plan.steps else plan


def _existing(runtime: Runtime, container: Container, desired: Desired) -> Plan:
    differing = _as_it_is(container, desired, differences(runtime, container.config, desired))
    recreate = not desired.by_name and (desired.recreate or any(one.change == Change.RECREATE for one in differing))
    status = container.state.status
    if recreate:
        return _recreate(runtime, container, desired, differing)
    if desired.once and _has_succeeded(container):
        desired = desired._replace(state="present")
    # With options that take effect at a start, all options are recorded between stop and start.
    restarts = status is ContainerStatus.RUNNING and any(one.change == Change.RESTART for one in differing)
    drifted = drift(container, desired, differing)
    if any(one.change == Change.RESTART for one in drifted):
        # A restart repairs all drift, also what could not be repaired in place.
        drifted = [one for one in drifted if one.change == Change.RESTART]
    differing += [one for one in drifted if one.change != Change.RESTART]
    steps = [Step(Verb.UPDATE, desired.name)] if differing and not restarts else []
    if desired.state in ("marked", "rewound"):
        transitions = _about_mark(runtime, container, desired)
    else:
        transitions = _transitions(status, desired) + _after_stop(container, desired)
    lost = lost_joins(container) if desired.state == "started" else []
    lost += [one for one in drifted if one.change == Change.RESTART]
    if (lost or restarts) and not any(step.verb is Verb.RESTART for step in transitions):
        restart = Step(Verb.RESTART, desired.name)
        transitions = [restart, *transitions] if restarts or desired.state == "paused" else [*transitions, restart]
    steps += transitions
    differing += lost
    return Plan(tuple(steps), tuple(differing), status.value, status_after(steps, desired.name, status.value))


def _has_succeeded(container: Container) -> bool:
    state = container.state
    return state.status is ContainerStatus.EXITED and state.exit_is_known and state.exit_code == 0


def _as_it_is(container: Container, desired: Desired, differing: list[Difference]) -> list[Difference]:
    """Return the differences, with what it takes to change a container in this state."""
    state = container.state
    if state.status.has_process and any(one.change == Change.LIVE for one in differing) and container.lost_cgroup:
        # The cgroup was removed, and the next start creates it.
        differing = [one._replace(change=Change.RESTART) if one.change == Change.LIVE else one for one in differing]
    if state.status.has_process and any(one.option in _PORTS and one.change == Change.LIVE for one in differing):
        differing = _with_ports(container, desired, differing)
    stays_down = desired.state in ("present", "created") and not (desired.force_restart or state.status.has_process)
    if stays_down and state.finished_time:
        # With rm set, the next task would remove the container, which has ended.
        ends = [one.option == "rm" and one.after and not one.ignored for one in differing]
        why = "it has ended, and would go with that"
        differing = [
            one._replace(change=Change.RECREATE, reason=why) if end else one for one, end in zip(differing, ends)
        ]
    return differing


def _with_ports(container: Container, desired: Desired, differing: list[Difference]) -> list[Difference]:
    """Return the differences, where what holds the ports of a live container may be able to hold no others."""
    from .._container.network import host_ports

    if not container.config.create_net_ns or host_ports.can_change(container):
        return differing
    ports = _PORTS if desired.wanted["publish_all"] else _PORTS[:2]
    return [one._replace(change=Change.RESTART) if one.option in ports else one for one in differing]


def _with_dependencies(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Plan:
    """Return the plan, checked for what it joins, and with the starts of the containers that it depends on."""
    from . import dependencies

    new = container is None or plan.has(Verb.RECREATE)
    changed = plan.has(Verb.UPDATE) or any(not one.drift for one in plan.differences)
    if (new or changed) and desired.options is not None:
        if plain(desired.options):
            return plan
        dependencies.check(runtime, desired.name, desired.options)
        if plan.leaves_running and new:
            dependencies.check_running(runtime, desired.name, desired.options)
        first = [dependencies.container(runtime, option, key) for option, key in dependencies.named(desired.options)]
    else:
        first = runtime.dependencies(container.config) if container else []
    begins = [index for index, step in enumerate(plan.steps) if step.verb in NEW_PROCESS]
    if not begins or not plan.leaves_running:
        return plan
    starts = [
        Step(Verb.START, one.name, one.peek().state.status.value) for one in dependencies.to_start(runtime, first)
    ]
    return plan._replace(steps=(*plan.steps[: begins[0]], *starts, *plan.steps[begins[0] :]))


def _transitions(status: ContainerStatus, desired: Desired) -> list[Step]:
    """Return the steps from this status to the desired state, where the configuration does not differ."""
    name = desired.name
    if status is ContainerStatus.UNKNOWN:
        # What an interrupted operation left is taken down first, for every state.
        return [Step(Verb.REPAIR, name), *_transitions(ContainerStatus.EXITED, desired)]
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


def _about_mark(runtime: Runtime, container: Container, desired: Desired) -> list[Step]:
    """Return the steps of ``marked``, none where no file was changed since the mark, and of ``rewound``.

    :raises InvalidState: the container is not rewindable, or cannot be marked.
    """
    from .._container.lifecycle import rewind

    name, status = desired.name, container.state.status
    repair = [Step(Verb.REPAIR, name)] if status is ContainerStatus.UNKNOWN else []
    paused = status is ContainerStatus.PAUSED
    unpause = [Step(Verb.UNPAUSE, name)] if paused else []
    if desired.state == "rewound":
        rewind.rewindable(container, "rewound")
        return [*repair, *unpause, Step(Verb.REWIND, name)]
    # A task that was killed while it marked the container had stopped it.
    resume = [Step(Verb.START, name)] if runtime.needs_resume(container) else []
    if not rewind.check_mark(container).differs(container.id):
        return [*repair, *resume]
    if not paused:
        status.check("mark", name)
    return [*repair, *unpause, Step(Verb.MARK, name), *([Step(Verb.PAUSE, name)] if paused else resume)]


def _after_stop(container: Container, desired: Desired) -> list[Step]:
    """Return the further steps of ``stopped``: of a container with ``rm``, or whose restart policy would start it."""
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
    """Check that the task may remove a container that runs.

    :raises InvalidState: it runs, and ``force_delete`` is false.
    """
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
    """Return the container and all that depend on it, each after its own dependents."""
    order: list[Container] = []
    for other in runtime.dependents(container.id):
        order += [one for one in _with_dependents(runtime, other) if one.name not in {known.name for known in order}]
    return [*order, container]


def _pull(runtime: Runtime, desired: Desired) -> list[Step]:
    """Return the step that pulls the image, where the store does not have the one to use."""
    if desired.rootfs or not desired.image:
        return []
    from .image_resolution import resolve_image

    image = resolve_image(runtime, desired)
    return [Step(Verb.PULL, image.source, image=image)] if image.pull else []


# By state, the steps of a task that is by name only.
_BY_NAME = {
    "started": (Verb.START,),
    "stopped": (Verb.STOP,),
    "paused": (Verb.START, Verb.PAUSE),
    "marked": (Verb.MARK,),
    "rewound": (Verb.REWIND,),
    "adopted": (Verb.ADOPT,),
    "given_back": (Verb.GIVE_BACK,),
}


def unmade(runtime: Runtime, desired: Desired) -> Plan:
    """Return the plan of check mode for a container that an earlier task of the play may create.

    That is one that does not exist, where the task is by name only or what it needs does not exist either.
    """
    if desired.image:
        with suppress(LibpodError):
            return _new(runtime, desired)
        return _making(desired, [])
    verbs = (Verb.RESTART,) if desired.force_restart else _BY_NAME.get(desired.state, ())
    steps = [Step(verb, desired.name) for verb in verbs]
    return Plan(tuple(steps), (), "absent", status_after(steps, desired.name, "absent"))


def _new(runtime: Runtime, desired: Desired) -> Plan:
    runtime.store.check_new_name(desired.name)
    if any(key.startswith("pod") for key in runtime.store.name_record(desired.name)):
        raise PodExists(f"the name {desired.name!r} is a pod's: give the container another one")
    if desired.unusable:
        raise desired.unusable
    if desired.state == "stopped" and desired.options is not None and desired.options["rm"]:
        return Plan()  # a stop would remove it
    if desired.state in ("marked", "rewound"):
        raise NoSuchContainer(
            f"no container has the name {desired.name!r}: create it with rewindable: true before it is {desired.state}"
        )
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


def _replacing_unreadable(runtime: Runtime, container: Container, desired: Desired) -> Plan:
    """Return the plan to replace a container whose configuration cannot be read.

    :raises StateCorrupt: the task has no image.
    """
    if desired.by_name or not desired.image:
        raise StateCorrupt(
            f"container {container.name}: {container.unreadable}; restore that file, re-create the container by a "
            "task with its image and options, or remove it"
        )
    lost = Difference("configuration", "unreadable", "as described", Change.RECREATE)
    return _recreate(runtime, container, desired, [lost])


def _recreate(runtime: Runtime, container: Container, desired: Desired, differing: list[Difference]) -> Plan:
    """Return the plan to replace a container; the new one runs where the state says so, or the old one ran or would.

    :raises DependencyExists: it is a pod's infra container. :raises ConfigMismatch: a newer version's depends on it.
    """
    from .._container.lifecycle import restart

    _check_not_infra(container)
    for other in runtime.dependents(container.id):
        other.check_version()  # its record could not be changed to depend on the new container
    status = container.state.status
    runs = desired.state in ("started", "paused") or status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    runs = runs or restart.is_to_come(container)
    steps = [*_pull(runtime, desired), Step(Verb.RECREATE, desired.name)]
    if desired.state == "paused":
        steps.append(Step(Verb.PAUSE, desired.name))
    after = "paused" if desired.state == "paused" else "running" if runs else "configured"
    return Plan(tuple(steps), tuple(differing), status.value, after)
