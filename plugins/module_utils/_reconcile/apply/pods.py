# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's plan applied: one applier for each verb, each step done as it was printed."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Callable, Iterable, Mapping, NamedTuple, Optional, cast

from ..._container.container import Container
from ..._container.lifecycle import restart as restart_policy
from ..._model.errors import ContainerRemoved, Internal, NoSuchPod
from ..._model.options.normalise import normalise
from ..._model.options.table import select
from ..._model.records.pod import PodConfig
from ..._model.records.status import ContainerStatus
from ..._runtime import anonymous_volumes
from ..._runtime.pods import Pods, lasting
from .. import dependencies
from ..plan import Plan, Step, Verb
from ..pod_planner import DOWN, DesiredPod, moved

if TYPE_CHECKING:
    from ..._model.id_map import IdMap
    from ..._model.options.types import ContainerOptions, PodOptions

_KILL_SECONDS = 30.0
_MAPS = ("uidmap", "gidmap", "subuidname", "subgidname")


class Task(NamedTuple):
    """A task of libpod_pod whose plan is applied."""

    pods: Pods
    desired: DesiredPod
    plan: Plan


def apply(task: Task, pod: Optional[PodConfig], step: Step) -> Optional[PodConfig]:
    """Apply one step, after those before it, and return the pod, None where it is gone."""
    return APPLIERS[step.verb](task, pod)


def _create(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Create the pod with its infra container; with the options of ``pod``, where the task has none."""
    desired = task.desired
    options = desired.options if pod is None or not desired.by_name else pod.options
    if options is None:
        raise Internal(f"pod {desired.name} is to be made, and the task does not say how")
    return task.pods.create(desired.name, options, desired.infra_name, _maps(task.pods, options))


def _recreate(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Remove the pod with its containers, and create it again."""
    task.pods.remove(_present(task, pod))
    return _create(task, pod)


def _delete(task: Task, pod: Optional[PodConfig]) -> None:
    pod, (pods, desired, _plan) = _present(task, pod), task
    if desired.stop_time is not None:
        _stop_each(pods, pod, desired.stop_time)
    if desired.keep_volumes:
        _each(pods.members(pod.id), anonymous_volumes.keep)
    pods.remove(pod, abandon=desired.abandon)


def _present(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    if pod is None:
        raise NoSuchPod(f"no pod has the name {task.desired.name!r}")
    return pod


def _update(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Change options and mend what is not as recorded.

    Options of the infra container need a new one, in which what ran runs again. Options are recorded first: by that,
    a task after an interruption sees what is still to be done.
    """
    pod, (pods, desired, plan) = _present(task, pod), task
    names = [one.option for one in plan.differences]
    changed = pod._replace(options=cast("PodOptions", {**pod.options, **select(desired.options or {}, names)}))
    again = {one.id for one in pods.members(pod.id) if desired.state not in DOWN and _runs(pods, one)}
    _each([one for one in pods.members(pod.id) if one.peek().state.status is ContainerStatus.UNKNOWN], Container.repair)
    pods.update(changed)
    if pods.outdated(changed):
        pods.request_resume([one for one in pods.members(pod.id) if one.id in again])
        _stop_each(pods, pod)
        try:
            pods.renew_infra(changed, _maps(pods, changed.options), start=bool(again))
        except BaseException:
            pods.update(pod)
            raise
    _start_each(pods, [one for one in pods.members(pod.id) if one.id in again])
    return changed


def _maps(pods: Pods, options: PodOptions) -> dict[str, list[IdMap]]:
    own = cast("ContainerOptions", {**normalise({}), **select(options, _MAPS)})
    return dependencies.id_mappings(pods.runtime, own)


def _runs(pods: Pods, container: Container) -> bool:
    """Return whether it runs, is about to, or did until an interrupted task stopped it."""
    runs = container.peek().state.status.has_process or restart_policy.is_to_come(container)
    return runs or pods.runtime.needs_resume(container)


def _start(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Start what does not run, after what it needs, and again what has lost the namespaces it shares."""
    pod, pods = _present(task, pod), task.pods
    members = pods.members(pod.id)
    up = (ContainerStatus.RUNNING, ContainerStatus.PAUSED)
    if not any(one.peek().state.status in up for one in lasting(members) if not one.config.infra):
        _start_each(pods, [one for one in members if one.config.infra])
        pods.run_init_containers(pod)
    _start_each(pods, lasting(members))
    _each(lasting(pods.members(pod.id)), _together)
    return pod


def _together(container: Container) -> None:
    """Unpause a container that was started, and restart it where it has lost the namespaces that it joins."""
    with container.batch():
        if container.state.status is ContainerStatus.PAUSED:
            container.unpause()
        if container.state.status.has_process and moved(container):
            container.restart()


def _start_each(pods: Pods, members: list[Container]) -> None:
    _each(dependencies.to_start(pods.runtime, members), lambda container: container.ensure_started())


def _stop(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Stop the pod's containers, each before those that it needs."""
    pod = _present(task, pod)
    _stop_each(task.pods, pod, task.desired.stop_time)
    return pod


def _stop_each(pods: Pods, pod: PodConfig, timeout: Optional[int] = None) -> None:
    _each(reversed(pods.members(pod.id)), partial(_stop_one, timeout=timeout))


def _stop_one(container: Container, timeout: Optional[int] = None) -> None:
    with container.batch():
        if container.state.status.has_process or restart_policy.is_to_come(container):
            container.keep_down(timeout)


def _restart(task: Task, pod: Optional[PodConfig]) -> PodConfig:
    """Stop the pod's containers and start them; where that is interrupted, the next task starts those that ran."""
    pod, pods = _present(task, pod), task.pods
    pods.request_resume([one for one in pods.members(pod.id) if _runs(pods, one)])
    _stop_each(pods, pod)
    return _start(task, pod)


def _on_each(work: Callable[[Container], None]) -> Callable[[Task, Optional[PodConfig]], PodConfig]:
    """Return the applier that does the work on each container of a pod, in a batch."""

    def apply_to(container: Container) -> None:
        with container.batch():
            work(container)

    def applier(task: Task, pod: Optional[PodConfig]) -> PodConfig:
        pod = _present(task, pod)
        _each(task.pods.members(pod.id), apply_to)
        return pod

    return applier


def _pause(container: Container) -> None:
    if container.state.status is ContainerStatus.RUNNING:
        container.pause()


def _unpause(container: Container) -> None:
    if container.state.status is ContainerStatus.PAUSED:
        container.unpause()


def _kill(container: Container) -> None:
    """Kill a container and wait for its end under its lock, so that no task sees it running."""
    if container.state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
        _unpause(container)
        container.kill(signal.SIGKILL)
        container.wait(_KILL_SECONDS)
    elif restart_policy.is_to_come(container):
        container.keep_down()


def _each(members: Iterable[Container], work: Callable[[Container], None]) -> None:
    """Do the work on each container, except one that another task has removed since it was listed."""
    for container in members:
        try:
            work(container)
        except ContainerRemoved:
            continue


APPLIERS: Mapping[Verb, Callable[[Task, Optional[PodConfig]], Optional[PodConfig]]] = {
    Verb.CREATE: _create,
    Verb.RECREATE: _recreate,
    Verb.DELETE: _delete,
    Verb.UPDATE: _update,
    Verb.REPAIR: _update,
    Verb.START: _start,
    Verb.STOP: _stop,
    Verb.RESTART: _restart,
    Verb.PAUSE: _on_each(_pause),
    Verb.UNPAUSE: _on_each(_unpause),
    Verb.KILL: _on_each(_kill),
}
