# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired pod against the actual one → the plan's steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from .._container import pod_cgroup
from .._container.container import Container
from .._container.lifecycle import restart
from .._model.errors import ContainerExists, InvalidArgument, NoSuchNetwork, NoSuchPod, warn_of_missing
from .._model.options.table import OPTIONS, Change, select
from .._model.records.pod import FIXED, INFRA, POD_OPTIONS, PodConfig
from .._model.records.status import ContainerStatus
from .._runtime.pods import Pods, lasting
from .desired import by_name_only
from .plan import Difference, Plan, Step, Verb

if TYPE_CHECKING:
    from .._model.options.types import PodOptions

STATES = ("created", "killed", "restarted", "absent", "started", "stopped", "paused", "unpaused")
DOWN = ("stopped", "killed")
_UP = ("Running", "Degraded", "Paused")
# A pod's status after a task, as podman names it; with the state ``created`` it keeps its own.
_AFTER = {"started": "Running", "restarted": "Running", "unpaused": "Running", "paused": "Paused"}
_AFTER.update(stopped="Exited", killed="Exited")
_VERBS = {"stopped": Verb.STOP, "killed": Verb.KILL, "paused": Verb.PAUSE, "unpaused": Verb.UNPAUSE}


class DesiredPod(NamedTuple):
    """One pod as a task describes it; ``options`` are normalised (pod.POD_OPTIONS), None where the state needs none.

    ``described``: the task has options of the pod. ``missing`` is why ``options`` lack those of a file. ``expect_plan``
    is the digest of the approved plan, see ``approval``. A removal and a stop give the containers ``stop_time``
    seconds, in place of their own; a removal with ``keep_volumes`` keeps their anonymous volumes.
    """

    name: str
    state: str = "created"
    options: Optional[PodOptions] = None
    described: bool = True
    infra_name: str = ""
    recreate: bool = False
    force_delete: Optional[bool] = None
    expect_plan: str = ""
    missing: Optional[Exception] = None
    stop_time: Optional[int] = None
    keep_volumes: bool = False

    @property
    def by_name(self) -> bool:
        """See ``desired.by_name_only``."""
        return by_name_only(self.state, options=self.options is not None and self.described)

    @property
    def abandon(self) -> bool:
        """Whether a removal drops the records of what it cannot take away."""
        return self.state == "absent" and self.force_delete is True


def predicted(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    """Return the plan of check mode; a pod that is not there may be one that an earlier task of the play is to make."""
    if desired.missing and pod is None:
        warn_of_missing(desired.missing)
        desired = desired._replace(missing=None)
    try:
        return checked(pods, pod, desired)
    except NoSuchNetwork as error:
        if pod is not None:
            raise
        warn_of_missing(error)
        return _approved(pod, desired, make(pods, pod, desired))
    except NoSuchPod as error:
        verb = _VERBS.get(desired.state)
        if verb is None:
            raise
        warn_of_missing(error)
        return _approved(pod, desired, Plan((Step(verb, desired.name),), (), "absent", _AFTER[desired.state]))


def checked(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    """Return the plan, and warn of what its steps write; where it has steps, preflight checks have passed.

    :raises ConfigMismatch: it has a step, and a newer version made one of the pod's containers.
    """
    if desired.missing:
        raise desired.missing
    plan = make(pods, pod, desired)
    if pod is not None and plan.steps and not desired.abandon:
        for one in pods.members(pod.id):
            one.check_version()
    options = desired.options if pod is None or not desired.by_name else pod.options
    if plan.steps and options is not None:
        from .preflight import pod as preflight

        preflight.check(pods, pod, desired.name, desired.infra_name, options, plan)
    if options is not None and (plan.has(Verb.START, Verb.RESTART) or renews(plan) and plan.status_before in _UP):
        from .preflight.name_resolution import warn_of_pod

        warn_of_pod(desired.name, options)
    return _approved(pod, desired, plan)


def renews(plan: Plan) -> bool:
    """Return whether a change of the pod's options needs a new infra container, with which what runs is restarted."""
    return plan.has(Verb.UPDATE) and any(one.option in INFRA for one in plan.differences)


def _approved(pod: Optional[PodConfig], desired: DesiredPod, plan: Plan) -> Plan:
    """Return the plan with its digest.

    :raises PlanDiffers: the task expects another plan.
    """
    if not plan.steps:
        return plan
    from . import approval

    made = plan.has(Verb.CREATE, Verb.RECREATE, Verb.UPDATE)
    plan = approval.digested(plan, pod.id if pod else "", desired.options if made else None)
    approval.check(desired.expect_plan, plan, f"pod {desired.name}")
    return plan


def make(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod) -> Plan:
    """Return the plan for a pod, which is None where the name is free.

    :raises NoSuchPod: it is not there, and the state does not make one. :raises InvalidArgument: it cannot change so.
    """
    if pod is None:
        return _new(pods, desired)
    members = [one.peek() for one in pods.members(pod.id)]
    status = pods.status(pod.id)
    if desired.state == "absent":
        return _absent(pods, pod, desired, members, status)
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


def _absent(pods: Pods, pod: PodConfig, desired: DesiredPod, members: list[Container], status: str) -> Plan:
    if desired.force_delete is False and any(not one.config.infra for one in members):
        raise InvalidArgument(f"force_delete: pod {pod.name} has containers and this is false: remove them first")
    pods.check_removable(pod)
    return Plan((Step(Verb.DELETE, pod.name),), (), status, "absent")


def _damaged(pods: Pods, pod: PodConfig, members: list[Container], state: str) -> bool:
    """Return whether the pod differs from its record: its limits were changed, or a task was interrupted.

    That task may have stopped containers for a moment, which are started again if the state does not do so anyway.
    """
    if pods.outdated(pod) or pod_cgroup.has_drifted(pods.runtime.host.cgroups, pod):
        return True
    if any(one.state.status is ContainerStatus.UNKNOWN for one in members):
        return True
    return state in ("created", "paused", "unpaused") and any(map(pods.runtime.needs_resume, members))


def _new(pods: Pods, desired: DesiredPod) -> Plan:
    if desired.state == "absent":
        return Plan()
    pods.store.check_new_name(desired.name)
    if pods.store.name_record(desired.name).get("id"):
        raise ContainerExists(f"the name {desired.name!r} is a container's: give the pod another one")
    if desired.state in (*DOWN, "paused", "unpaused") or desired.options is None:
        raise NoSuchPod(f"no pod has the name {desired.name!r}: make it with the state created or started")
    starts = [Step(Verb.START, desired.name)] if desired.state in ("started", "restarted") else []
    return Plan((Step(Verb.CREATE, desired.name), *starts), (), "absent", _AFTER.get(desired.state, "Created"))


def _differences(pods: Pods, pod: PodConfig, desired: DesiredPod) -> list[Difference]:
    if desired.by_name or desired.options is None:
        return []
    wanted = select(desired.options, POD_OPTIONS)
    differing = [
        Difference(name, before, wanted[name], OPTIONS[name].change if name in OPTIONS else Change.RECREATE)
        for name, before in select(pod.options, POD_OPTIONS).items()
        if before != wanted[name]
    ]
    if any(one.option == "network" for one in differing):
        from .diff.equivalence import same_networks

        # Another order would restart every container of the pod, only to rename interfaces.
        if same_networks(pods.runtime, pod.options, desired.options):
            differing = [one for one in differing if one.option != "network"]
    return differing


def _verb(pods: Pods, members: list[Container], state: str, renewed: bool) -> Optional[Verb]:
    """Return the one thing to do to the containers; ``renewed``: their infra container was just re-created."""
    members = lasting(members)
    statuses = {one.state.status.value for one in members} or {"configured"}
    if state == "started":
        needed = statuses != {"running"} or renewed or any(moved(one) for one in members)
        return Verb.START if needed else None
    if state == "restarted":
        return Verb.RESTART
    to_come = any(restart.is_to_come(one) for one in members)
    needed = {
        "stopped": to_come or bool(statuses & {"running", "paused", "created"}),
        "killed": to_come or bool(statuses & {"running", "paused"}),
        "paused": "running" in statuses or any(map(pods.runtime.needs_resume, members)),
        "unpaused": "paused" in statuses,
    }.get(state, False)
    return _VERBS[state] if needed else None


def moved(container: Container) -> bool:
    """Return whether a container has lost the namespaces that it joins to new ones of their owners."""
    from .._container.network import shared_namespaces

    return bool(shared_namespaces.moved(container))
