# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired pod against the actual one → a plan, applied to the pod's containers, or in check mode only printed."""

from __future__ import annotations

from typing import NamedTuple, Optional

from .._model.engine_config import EngineConfig
from .._model.errors import RemovalIncomplete, note_done
from .._model.records.pod import PodConfig
from .._runtime.inspect_pod import inspect_pod
from .._runtime.pods import Pods
from .._runtime.runtime import Runtime
from . import pod_planner
from .plan import Plan, note_effects
from .pod_planner import DesiredPod
from .reconcile import find_synced


class PodOutcome(NamedTuple):
    """What was done, or in check mode would be; ``pod`` is ``{}`` where there is none."""

    plan: Plan
    pod: dict[str, object]


def reconcile(parts: EngineConfig, desired: DesiredPod, *, check_mode: bool = False) -> PodOutcome:
    """Bring a pod to the desired state, under its name's lock; in check mode only plan it.

    :raises LibpodError: with a message for the user.
    """
    pods = Pods(Runtime(parts))
    if check_mode:
        pod = _find(pods, desired)
        plan = pod_planner.predicted(pods, pod, desired)
        return PodOutcome(plan, inspect_pod(pods, pod) if pod and pod.options else {})
    return apply_one(pods, desired)


def apply_one(pods: Pods, desired: DesiredPod) -> PodOutcome:
    """Bring a pod to the desired state, under its name's lock.

    :raises LibpodError: with a message for the user.
    """
    pods.store.prepare()
    with pods.store.lock(desired.name) as lock:
        pods.recover(desired.name, abandon=desired.abandon)
        pods.runtime.recover(desired.name)
        pod = _find(pods, desired)
        if pod is not None:
            _find_members(pods, pod)
        plan = pod_planner.checked(pods, pod, desired)
        try:
            if plan.steps:
                pod = _apply(pods, pod, desired, plan)
        finally:
            pods.runtime.warn_incomplete()
        if pod is None:
            lock.discard()
        else:
            pods.clear_resume(pods.members(pod.id))
    return PodOutcome(plan, inspect_pod(pods, pod) if pod else {})


def _apply(pods: Pods, pod: Optional[PodConfig], desired: DesiredPod, plan: Plan) -> Optional[PodConfig]:
    """Apply the plan's steps and return the pod, None where it is gone; an error says what was done before it."""
    from .._model import journal
    from .apply.pods import Task, apply

    task = Task(pods, desired, plan)
    try:
        journal.clear()
        for step in plan.steps:
            begun = journal.mark()
            pod = apply(task, pod, step)
            journal.complete(begun, [(step.verb, step.subject)])
    except RemovalIncomplete as error:
        note_done(error, plan.actions)
        raise
    except Exception as error:
        pods.resume_after_error(desired.name)
        note_effects(error)
        raise
    return pod


def _find_members(pods: Pods, pod: PodConfig) -> None:
    """Finish or undo what was interrupted at the pod's containers; see ``reconcile.find_synced``."""
    for one in pods.members(pod.id):
        with pods.store.lock(one.name):
            find_synced(pods.runtime, one.name)


def _find(pods: Pods, desired: DesiredPod) -> Optional[PodConfig]:
    return pods.find(desired.name, removal=desired.state == "absent", abandon=desired.abandon)
