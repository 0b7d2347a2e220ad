# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconcile one container: bring it to the desired state, or return the plan for that."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import (
    InvalidArgument,
    LibpodError,
    RecreateRefused,
    RemovalIncomplete,
    may_come,
    note_done,
    warn,
    warn_of_missing,
)
from .._model.records.status import ContainerStatus
from .._runtime.inspect import inspect
from .._runtime.runtime import Runtime, has_ended
from . import planner
from .desired import BY_NAME, Desired
from .plan import NEW_PROCESS, Plan, Verb, note_effects

if TYPE_CHECKING:
    from .._container.io.log_mark import Mark
    from .._container.io.logs import Output
    from .._runtime.types import Shown


class Outcome(NamedTuple):
    """What was done, or in check mode would be; ``container`` is None where there is none.

    ``output`` is that of a container that was started with ``detach: false``, and ``exit_code`` that of one whose end
    the task waited for.
    """

    plan: Plan
    container: Optional[Shown]
    output: Optional[Output] = None
    exit_code: Optional[int] = None

    @property
    def changed(self) -> bool:
        """Whether the plan has steps."""
        return bool(self.plan.steps)

    @property
    def container_id(self) -> str:
        """The ID of the container, empty where there is none."""
        return self.container["Id"] if self.container else ""


def check_root() -> None:
    """Check that this process is root's.

    :raises InvalidArgument: this is not root's process.
    """
    if os.geteuid() != 0:
        raise InvalidArgument(
            f"the engine needs root, and runs as user ID {os.geteuid()}: set become: true, or run on the containers' "
            "host in place of localhost in an execution environment"
        )


def reconcile(parts: EngineConfig, desired: Desired, *, check_mode: bool = False) -> Outcome:
    """Bring the container to the desired state, under its name's lock; in check mode only plan it.

    :raises LibpodError: with a message for the user. What had begun is undone, now or by the next task.
    """
    check_root()
    runtime = Runtime(parts)
    if check_mode:
        container = find_synced(runtime, desired.name)
        desired = for_container(runtime, container, desired)
        plan = predicted_plan(runtime, container, desired)
        return Outcome(plan, inspect(container) if container else None)
    return apply_one(runtime, desired)


def apply_one(runtime: Runtime, desired: Desired, shown: Callable[[Container], Shown] = inspect) -> Outcome:
    """Bring the container to the desired state, under its name's lock; ``shown`` inspects it for the result.

    :raises LibpodError: with a message for the user. What had begun is undone, now or by the next task.
    """
    runtime.store.prepare()
    output, code = None, None
    with runtime.store.lock(desired.name) as lock:
        container = find_synced(runtime, desired.name)
        try:
            container, desired, plan = _planned(runtime, container, desired)
            log = _log_end(container, desired, plan)
            if plan.steps:
                from .apply.containers import apply

                container = apply(runtime, container, desired, plan)
        except Exception as error:
            runtime.resume_after_error(desired.name)
            note_effects(error)
            raise
        finally:
            runtime.warn_incomplete()
        runtime.clear_resume(desired.name)
        held = ExitStack()
        if container is not None and container.config.options["rm"] and waits(desired):
            from .._container.io import reading

            held.enter_context(reading.hold(container))
        if container is None:
            lock.discard()
    if container is not None and waits(desired):
        with held:
            output, code = _wait(container, desired, plan, log)
        container = after_end(runtime, container)
    if container is not None and (plan.steps or waits(desired)):
        container.peek()
    return Outcome(plan, shown(container) if container else None, output, code)


def _planned(
    runtime: Runtime, container: Optional[Container], task: Desired
) -> tuple[Optional[Container], Desired, Plan]:
    """Return the container, the desired one and the plan, made again where a dependency was re-created."""
    while True:
        try:
            desired = for_container(runtime, container, task)
            plan = checked_plan(runtime, container, desired)
        except LibpodError:
            if container is None or not runtime.follow(container):
                raise
        else:
            if not plan.steps or container is None or not runtime.follow(container):
                return container, desired, plan
        container = find_synced(runtime, task.name)


def waits(desired: Desired) -> bool:
    """Return whether the task waits for something, also where it changes nothing."""
    return desired.state in ("started", "rewound") and (desired.wait != "started" or not desired.detach)


def _wait(
    container: Container, desired: Desired, plan: Plan, log: Optional[Mark]
) -> tuple[Optional[Output], Optional[int]]:
    """Wait as the task says; return the output where it is attached, and the exit code where the container ended.

    :raises Unhealthy: it does not become healthy. :raises NotBooted: it does not boot.
    :raises InvalidState: it does not end in time.
    """
    try:
        return _awaited(container, desired, plan, log)
    except LibpodError as error:
        note_done(error, plan.actions)
        raise


def _awaited(
    container: Container, desired: Desired, plan: Plan, log: Optional[Mark]
) -> tuple[Optional[Output], Optional[int]]:
    from .._runtime import waiting

    if desired.wait == "healthy":
        waiting.healthy(container, desired.wait_timeout)
    if desired.wait == "booted":
        waiting.booted(container, desired.wait_timeout)
    if not desired.detach:
        from .._container.io.logs import follow_to_end, show_to_end

        if desired.show is not None:
            output = show_to_end(container, log, desired.show)
            return output, output.exit_code
        output = follow_to_end(container, log)
        output = output._replace(
            stdout=output.stdout if "stdout" in desired.attach else "",
            stderr=output.stderr if "stderr" in desired.attach else "",
        )
        return output, output.exit_code
    if desired.wait == "exited":
        return None, container.wait(waiting.seconds_left(desired.wait_timeout))
    return None, None


def after_end(runtime: Runtime, container: Container) -> Optional[Container]:
    """Remove a container with ``rm`` whose end has been read; return the container where it stays."""
    if not container.config.options["rm"]:
        return container
    with runtime.store.lock(container.name) as lock:
        now = find_synced(runtime, container.name)
        if now is None and lock.depth == 1:
            lock.discard()
    return now if now is not None and now.id == container.id else None


def find_synced(runtime: Runtime, name: str) -> Optional[Container]:
    """Return the container of this name, synced; None also for one with ``rm`` that has ended.

    Under the name's lock, an interrupted task is first finished or undone. What a container has left that ended without
    its exit command, or whose stop was interrupted, is then cleaned up: mounts, network and cgroups.
    """
    locked = runtime.store.lock(name).held
    record = runtime.recover(name) if locked else runtime.store.name_record(name)
    if not record.get("id"):
        return None
    container = runtime.by_id(record["id"], name)
    if container.newer:
        return container.peek()
    runtime.follow(container)
    ended = (container.status() if locked else container.peek().state.status) is ContainerStatus.EXITED
    if container.config.options["rm"] and has_ended(container) and not runtime.dependents(container.id):
        if locked:
            try:
                runtime.remove_ended(name, container.id)
            except RemovalIncomplete as error:
                warn(str(error))
        return None
    if ended and locked and container.state.mounted:
        container.repair()
    if locked and container.state.stopped_by_user and container.state.status is ContainerStatus.RUNNING:
        from .._container.lifecycle.restart import forget_unfinished_stop

        with container.batch():
            forget_unfinished_stop(container)
    return container


def for_container(runtime: Runtime, container: Optional[Container], desired: Desired) -> Desired:
    """Return what the task desires of this container: with its comparisons, or with its options to re-create it."""
    if desired.options is not None and any(one["type"] == "image" for one in desired.options["mount"]):
        from .image_resolution import with_mounted

        desired = with_mounted(runtime, desired, desired.options)
    if container is None or container.unreadable:
        return desired
    if desired.recreate and desired.options is None and desired.state not in BY_NAME:
        # By name only: the new container gets the old one's options.
        return desired._replace(options=container.config.options)
    if not desired.comparisons:
        return desired
    from .diff import comparisons

    return comparisons.apply(runtime, container.config, desired)


def checked_plan(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    """Return the plan; where it has steps, preflight checks have passed."""
    if desired.missing:
        raise desired.missing
    plan = planner.make(runtime, container, desired)
    if plan.has(Verb.RECREATE) and desired.recreate_policy == "never":
        raise RecreateRefused(desired.name, plan.to_json())
    if desired.wait in ("healthy", "booted"):
        from .preflight import wait

        wait.check(runtime, container, desired)
    if plan.has(*NEW_PROCESS, Verb.UPDATE) or (plan.steps and not desired.by_name):
        _check_host(runtime, container, desired, plan)
    if plan.steps:
        _warn_of_names(runtime, desired, plan)
    return _approved(runtime, container, desired, plan)


def _check_host(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> None:
    """Check what a plan needs of the host before its first effect."""
    from .preflight import host

    if plan.has(*NEW_PROCESS, Verb.UPDATE):
        host.check_tools(runtime, desired)
    begins = plan.has(Verb.START, Verb.RESTART, Verb.REWIND, subject=desired.name)
    kept = container if begins and container is not None and not container.unreadable else None
    if kept is not None and not plan.has(Verb.RECREATE, subject=desired.name):
        host.check_root_filesystem(runtime, kept)
    if desired.by_name:
        if kept is not None:
            host.check_recorded(runtime, kept)
    elif desired.options is not None:
        made = plan.has(Verb.CREATE, Verb.RECREATE)
        host.check(runtime, container, desired, new=made)
        if made and plan.leaves_running and not plan.has(Verb.PULL):
            from .preflight import image

            image.check(runtime, container, desired)


def _approved(runtime: Runtime, container: Optional[Container], desired: Desired, plan: Plan) -> Plan:
    """Return the plan with its digest; see ``approval.checked``."""
    if not plan.steps:
        return plan
    from . import approval

    return approval.checked(runtime, container, desired, plan)


def _warn_of_names(runtime: Runtime, desired: Desired, plan: Plan) -> None:
    if plan.leaves_running:
        from .preflight import name_resolution

        name_resolution.warn_of(runtime, desired, plan)


def predicted_plan(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
    """Return ``checked_plan`` for check mode, where what earlier tasks of the play would create may be missing.

    For an existing container, it fails as the run does.
    """
    if desired.missing and container is None:
        warn_of_missing(desired.missing)
        desired = desired._replace(missing=None)
    try:
        return checked_plan(runtime, container, desired)
    except Exception as error:
        if container is not None or not may_come(error):
            raise
        plan = planner.unmade(runtime, desired)
        warn_of_missing(error)
        _warn_of_names(runtime, desired, plan)
        return _approved(runtime, container, desired, plan)


def _log_end(container: Optional[Container], desired: Desired, plan: Plan) -> Optional[Mark]:
    """Return where the output that the task returns begins in a container's log, None where it returns none."""
    if container is None or desired.detach:
        return None
    from .._container.io.log_mark import Mark

    runs = plan.status_before in ("running", "paused")
    goes_on = runs and not plan.has(Verb.START, Verb.RESTART, Verb.REWIND, Verb.RECREATE)
    return Mark(container.log_path, container.state.started_time if goes_on else "")
