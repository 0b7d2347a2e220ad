# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired pod vs actual → steps, applied to the pod's containers; in check mode only told."""

from __future__ import annotations

import signal
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional

from .._container import pod_cgroup
from .._container.container import Container
from .._container.lifecycle import restart
from .._model.engine_config import EngineConfig
from .._model.errors import (
    ContainerExists,
    ContainerRemoved,
    Internal,
    InvalidArgument,
    NoSuchPod,
    RemovalIncomplete,
    note_done,
    warn_of_missing,
)
from .._model.options.table import OPTIONS
from .._model.records.pod import FIXED, INFRA, POD_OPTIONS, PodConfig
from .._model.records.status import ContainerStatus
from .._runtime.inspect_pod import inspect_pod
from .._runtime.pods import Pods, lasting
from .._runtime.runtime import Runtime
from . import dependencies
from .plan import Difference, Plan, Step, Verb, note_effects
from .reconcile import found

STATES = ("created", "killed", "restarted", "absent", "started", "stopped", "paused", "unpaused")
_DOWN = ("stopped", "killed")
_UP = ("Running", "Degraded", "Paused")
# A pod's status after a task, in podman's words; with the state ``created`` it keeps its own.
_AFTER = {"started": "Running", "restarted": "Running", "unpaused": "Running", "paused": "Paused"}
_AFTER.update(stopped="Exited", killed="Exited")
_VERBS = {"stopped": Verb.STOP, "killed": Verb.KILL, "paused": Verb.PAUSE, "unpaused": Verb.UNPAUSE}
_KILL_SECONDS = 30.0
_MAPS = ("uidmap", "gidmap", "subuidname", "subgidname")


class DesiredPod(NamedTuple):
    """One pod as a playbook wants it; ``options`` are normalised (pod.POD_OPTIONS), None where the state needs none.

    ``given``: the task describes the pod; one that is there keeps its own options otherwise. ``missing`` is why
    ``options`` lack those of a file.
    """

    name: str
    state: str = "created"
    options: Optional[Mapping[str, Any]] = None
    given: bool = True
    infra_name: str = ""
    recreate: bool = False
    force_delete: Optional[bool] = None
    missing: Optional[Exception] = None

    @property
    def abandon(self) -> bool:
        """Whether a removal drops the records of what it cannot take away."""
        return self.state == "absent" and self.force_delete is True


class PodOutcome(NamedTuple):
    """What was done, or in check mode would be; ``pod`` is ``{}`` where there is none."""

    plan: Plan
    pod: dict[str, Any]


def reconcile(parts: EngineConfig, desired: DesiredPod, *, check_mode: bool = False) -> PodOutcome:
    """Bring a pod to the desired state, under its name's lock; in check mode only say how.

    :raises LibpodError: in words for the user.
    """
    pods = Pods(Runtime(parts))
    if check_mode:
        pod = _find(pods, desired)
        return PodOutcome(_foretold(pods, pod, desired), inspect_pod(pods, pod) if pod and pod.options else {})
    pods.store.prepare()
    with pods.store.lock(desired.name) as lock:
        pods.recover(desired.name, abandon=desired.abandon)
        pods.runtime.recover(desired.name)
        pod = _find(pods, desired)
        if pod is not None:
            _find_members(pods, pod)
        plan = _checked_plan(pods, pod, desired)
        try:
            from .._model import journal

            journal.clear()
            for step in plan.steps:
                begun = journal.mark()
                pod = _apply(pods, pod, desired, plan, step)
                journal.complete(begun, step.verb, step.subject)
        except RemovalIncomplete as error:
            note_done(error, plan.actions)
            raise
        except Exception as error:
            pods.bring_back(desired.name)
            note_effects(error)
            raise
        finally:
            pods.runtime.warn_incomplete()
        if pod is None:
            lock.discard()
        else:
            pods.resumed(pods.members(pod.id))
    return PodOutcome(plan, inspect_pod(pods, pod) if pod else {})


def _foretold(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    """The plan of check mode; a pod that is not there may be one that an earlier task of the play is to make."""
    if desired.missing and pod is None:
        warn_of_missing(desired.missing)
        desired = desired._replace(missing=None)
    try:
        return _checked_plan(pods, pod, desired)
    except NoSuchPod as error:
        verb = _VERBS.get(desired.state)
        if verb is None:
            raise
        warn_of_missing(error)
        return Plan((Step(verb, desired.name),), (), "absent", _AFTER[desired.state])


def _find_members(pods: Pods, pod: PodConfig) -> None:
    """Finish or undo what was interrupted at the pod's containers; see ``reconcile.found``."""
    for one in pods.members(pod.id):
        with pods.store.lock(one.name):
            found(pods.runtime, one.name)


def _find(pods: Pods, desired: DesiredPod) -> Optional[PodConfig]:
    return pods.find(desired.name, removal=desired.state == "absent", abandon=desired.abandon)


def _checked_plan(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    """The plan, with warnings of what its steps write.

    :raises ConfigMismatch: it has a step, and a newer version made one of the pod's containers.
    """
    if desired.missing:
        raise desired.missing
    plan = _plan(pods, pod, desired)
    if pod is not None and plan.steps and not desired.abandon:
        for one in pods.members(pod.id):
            one.check_version()
    renews = plan.has(Verb.UPDATE) and any(one.option in INFRA for one in plan.differences)
    if plan.has(Verb.START, Verb.RESTART) or renews and plan.status_before in _UP:
        from .preflight.name_resolution import warn_of_pod

        options = desired.options if pod is None or desired.given else pod.options
        if options is not None:
            warn_of_pod(desired.name, options)
    return plan


def _plan(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    if pod is None:
        return _new(pods, desired)
    members = [one.peek() for one in pods.members(pod.id)]
    status = pods.status(pod.id)
    if desired.state == "absent":
        if desired.force_delete is False and any(not one.config.infra for one in members):
            raise InvalidArgument(f"force_delete: pod {pod.name} has containers and this is false: remove them first")
        pods.check_removable(pod)
        return Plan((Step(Verb.DELETE, pod.name),), (), status, "absent")
    differences = _differences(pods, pod, desired)
    fixed = [one.option for one in differences if one.option in FIXED]
    if fixed and not desired.recreate and len(members) > 1:
        raise InvalidArgument(
            f"{fixed[0]}: cannot change while pod {pod.name} has containers: keep it, or set recreate, which "
            "removes them"
        )
    steps = []
    if desired.recreate or fixed:
        pods.check_removable(pod)
        steps, members, status = [Step(Verb.RECREATE, pod.name)], [], "Created"
    elif differences:
        steps = [Step(Verb.UPDATE, pod.name)]
    elif _damaged(pods, pod, members, desired.state):
        steps = [Step(Verb.REPAIR, pod.name)]
    renewed = bool(members and steps) and (any(one.option in INFRA for one in differences) or pods.outdated(pod))
    verb = _verb(pods, members, desired.state, renewed)
    steps += [Step(verb, pod.name)] if verb else []
    return Plan(tuple(steps), tuple(differences), status, _AFTER.get(desired.state, status))


def _damaged(pods: Pods, pod: PodConfig, members: list[Container], state: str) -> bool:
    """Whether the pod is not as it is recorded: somebody changed its limits, or a task was interrupted.

    What an interrupted task had stopped for a moment is to run again, if the state does not say so anyway.
    """
    if pods.outdated(pod) or pod_cgroup.has_drifted(pods.runtime.host.cgroups, pod):
        return True
    if any(one.state.status is ContainerStatus.UNKNOWN for one in members):
        return True
    return state in ("created", "paused", "unpaused") and any(map(pods.runtime.to_resume, members))


def _new(pods: Pods, desired: DesiredPod) -> Plan:
    if desired.state == "absent":
        return Plan()
    if pods.store.name_record(desired.name).get("id"):
        raise ContainerExists(f"the name {desired.name!r} is a container's: give the pod another one")
    if desired.state in (*_DOWN, "paused", "unpaused") or desired.options is None:
        raise NoSuchPod(f"no pod has the name {desired.name!r}: make it with the state created or started")
    starts = [Step(Verb.START, desired.name)] if desired.state in ("started", "restarted") else []
    return Plan((Step(Verb.CREATE, desired.name), *starts), (), "absent", _AFTER.get(desired.state, "Created"))


def _differences(pods: Pods, pod: PodConfig, desired: DesiredPod) -> list[Difference]:
    if desired.options is None or not desired.given:
        return []
    found = [
        Difference(name, pod.options[name], desired.options[name], OPTIONS[name].change if name in OPTIONS else 3)
        for name in POD_OPTIONS
        if pod.options[name] != desired.options[name]
    ]
    if any(one.option == "network" for one in found):
        from .diff.equivalence import same_networks

        # Another order alone would restart every container of the pod, for interfaces of other names.
        if same_networks(pods.runtime, pod.options, desired.options):
            found = [one for one in found if one.option != "network"]
    return found


def _verb(pods: Pods, members: list[Container], state: str, renewed: bool) -> Optional[Verb]:
    """Return the one thing to do to the containers; ``renewed``: their infra container was just re-created."""
    members = lasting(members)
    statuses = {one.state.status.value for one in members} or {"configured"}
    if state == "started":
        needed = statuses != {"running"} or renewed or any(_moved(one) for one in members)
        return Verb.START if needed else None
    if state == "restarted":
        return Verb.RESTART
    to_come = any(restart.is_to_come(one) for one in members)
    needed = {
        "stopped": to_come or bool(statuses & {"running", "paused", "created"}),
        "killed": to_come or bool(statuses & {"running", "paused"}),
        "paused": "running" in statuses or any(map(pods.runtime.to_resume, members)),
        "unpaused": "paused" in statuses,
    }.get(state, False)
    return _VERBS[state] if needed else None


def _moved(container: Container) -> bool:
    from .._container.network.shared_namespaces import moved

    return bool(moved(container))


def _apply(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod, plan: Plan, step: Step) -> Optional[PodConfig]:
    if step.verb in (Verb.CREATE, Verb.RECREATE):
        options = desired.options if pod is None or desired.options and desired.given else pod.options
        if options is None:
            raise Internal(f"pod {desired.name} is to be made, and the task does not say how")
        if pod is not None:
            pods.remove(pod)
        return pods.create(desired.name, options, desired.infra_name, _maps(pods, options))
    if pod is None:
        raise NoSuchPod(f"no pod has the name {desired.name!r}")
    if step.verb is Verb.DELETE:
        pods.remove(pod, abandon=desired.abandon)
        return None
    if step.verb in (Verb.UPDATE, Verb.REPAIR):
        return _update(pods, pod, desired, plan)
    if step.verb is Verb.RESTART:
        pods.wish_resumed([one for one in pods.members(pod.id) if _runs(pods, one)])
    if step.verb in (Verb.STOP, Verb.RESTART):
        _stop(pods, pod)
    if step.verb in (Verb.START, Verb.RESTART):
        _start(pods, pod)
    elif step.verb is not Verb.STOP:
        _each(pods.members(pod.id), lambda container: _move(container, step.verb))
    return pod


def _each(members: Iterable[Container], work: Callable[[Container], None]) -> None:
    """Do it to each container, but for one that was removed since it was listed: its name's lock is not ours."""
    for container in members:
        try:
            work(container)
        except ContainerRemoved:
            continue


def _maps(pods: Pods, options: Mapping[str, Any]) -> dict[str, list[list[int]]]:
    plain = {name: OPTIONS[name].default for name in ("userns", "pod")}
    return dependencies.id_mappings(pods.runtime, {**plain, **{name: options[name] for name in _MAPS}})


def _update(pods: Pods, pod: PodConfig, desired: DesiredPod, plan: Plan) -> PodConfig:
    """Take changed options; those of the infra container need a new one, and what ran runs again in it.

    They are recorded first: whoever comes after an interruption sees by that what is still to be done.
    """
    names = [one.option for one in plan.differences]
    changed = pod._replace(options={**pod.options, **{name: (desired.options or {})[name] for name in names}})
    again = {one.id for one in pods.members(pod.id) if desired.state not in _DOWN and _runs(pods, one)}
    _each([one for one in pods.members(pod.id) if one.peek().state.status is ContainerStatus.UNKNOWN], Container.repair)
    pods.update(changed)
    if pods.outdated(changed):
        pods.wish_resumed([one for one in pods.members(pod.id) if one.id in again])
        _stop(pods, pod)
        try:
            pods.renew_infra(changed, _maps(pods, changed.options), start=bool(again))
        except BaseException:
            pods.update(pod)
            raise
    _start_each(pods, [one for one in pods.members(pod.id) if one.id in again])
    return changed


def _runs(pods: Pods, container: Container) -> bool:
    """Whether it runs, is about to, or did until an interrupted task stopped it for a moment."""
    runs = container.peek().state.status.has_process or restart.is_to_come(container)
    return runs or pods.runtime.to_resume(container)


def _start(pods: Pods, pod: PodConfig) -> None:
    """Start what does not run, after what it needs, and again what has lost the namespaces it shares."""
    members = pods.members(pod.id)
    up = (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    if not any(one.peek().state.status in up for one in lasting(members) if not one.config.infra):
        _start_each(pods, [one for one in members if one.config.infra])
        pods.run_init_containers(pod)
    _start_each(pods, lasting(members))
    _each(lasting(pods.members(pod.id)), _together)


def _together(container: Container) -> None:
    """Have a container that was started run, in the namespaces of those that it joins."""
    with container.batch():
        if container.state.status is ContainerStatus.PAUSED:
            container.unpause()
        if container.state.status.has_process and _moved(container):
            container.restart()


def _start_each(pods: Pods, members: list[Container]) -> None:
    _each(dependencies.to_start(pods.runtime, members), lambda container: container.ensure_started())


def _stop(pods: Pods, pod: PodConfig) -> None:
    _each(reversed(pods.members(pod.id)), _stop_one)


def _stop_one(container: Container) -> None:
    with container.batch():
        if container.state.status.has_process or restart.is_to_come(container):
            container.keep_down()


def _move(container: Container, verb: Verb) -> None:
    with container.batch():
        status = container.state.status
        if verb is Verb.PAUSE and status is ContainerStatus.RUNNING:
            container.pause()
        elif verb is Verb.UNPAUSE and status is ContainerStatus.PAUSED:
            container.unpause()
        elif verb is Verb.KILL and status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
            if status is ContainerStatus.PAUSED:
                container.unpause()
            container.kill(signal.SIGKILL)
            # Still under the lock, lest a task takes for running what is about to end.
            container.wait(_KILL_SECONDS)
        elif verb is Verb.KILL and restart.is_to_come(container):
            container.keep_down()
