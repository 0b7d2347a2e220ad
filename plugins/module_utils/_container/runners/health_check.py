# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a container's health, and do what its options say of a container that fails."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Mapping, Optional

from ..._drivers import host_log, process
from ..._drivers.engine import command as engine_command
from ..._drivers.oci import exec, exec_timeout
from ..._model.errors import ContainerRemoved, ContainerStopped, InvalidArgument, InvalidState
from ..._model.options.health import OUTPUT_LENGTH, TIMED_OUT, Health, HealthCheck, Result
from ..._model.records.process_ref import ProcessRef
from ..._model.records.status import ContainerStatus
from ..io.exec import Exec, process_for
from ..lifecycle import stop
from ..live_status import timestamp
from . import health as monitor
from . import runner

if TYPE_CHECKING:
    from ..base import ContainerBase


def check(container: ContainerBase, *, counts: bool = True, wait: bool = True) -> Health:
    """Check the container's health now, record the result, and do what the options say of a container that fails.

    Without ``counts`` a failure is not recorded. Without ``wait``, a check by another process is an error.

    :raises ContainerStopped: the container does not run, or ends. :raises InvalidState: another one checks.
    :raises InvalidArgument: it has no health check.
    """
    with monitor.turn(container, wait) as mine:
        if not mine:
            raise InvalidState(f"the health of container {container.name} is being checked by another process")
        with container.batch():
            if not container.config.has_health_check:
                raise InvalidArgument(f"container {container.name} has no health check: give it the option healthcheck")
            container.state.status.check("exec", container.name)
            monitor.end_left_over(container)
            due = monitor.current(container).current(container.config.health_checks)
            life = container.state.process
            spec = _process(container, due)
        try:
            result = _run(container, spec, due.timeout / 1e9)
        except FileNotFoundError as error:
            if os.path.isdir(container.run_dir):
                raise
            raise ContainerStopped(f"container {container.name} was removed while its health was checked") from error
        with container.batch():
            state = container.state
            # The other processes of its PID namespace end before it does, and the check with them.
            if life != state.process or result.exit_code and process.ending(life):
                raise ContainerStopped(f"container {container.name} ended while its health was checked")
            health = monitor.current(container)
            same = health.current(container.config.health_checks).command == due.command
            if state.status is ContainerStatus.RUNNING and same and (counts or not result.exit_code):
                health = _record(container, health, result)
        return health


def _record(container: ContainerBase, before: Health, result: Result) -> Health:
    health, action = before.after(result, container.config.health_checks, monitor.now())
    monitor.write(container, health)
    if health.status != before.status:
        container.event("health_status", HealthStatus=health.status)
        level = "warn" if health.status == "unhealthy" else "info"
        host_log.write(level, f"health is {health.status}, it was {before.status}")
    host_log.write("debug", f"health check ended with exit code {result.exit_code}")
    if container.state.restart_wanted and action != "restart":
        container.save(restart_wanted=False)  # the process that set it was killed before it ended the container
    _act(container, action)
    return health


def _act(container: ContainerBase, action: str) -> None:
    """Kill, stop or restart a container whose checks fail; the exit command does the rest."""
    state, seconds = container.state, container.config.stop_timeout
    if action != "none":
        host_log.write("warn", f"its health checks fail: {action} (healthcheck_failure_action)")
    if action == "kill":
        process.send_signal(state.process, signal.SIGKILL)
    elif action == "stop":
        stop.end(container, seconds)
    elif action == "restart":
        container.save(restart_wanted=True)
        stop.end(container, seconds, remember=False)
        if not engine_command.argv(container.host.parts):
            from ..lifecycle.cleanup import cleanup
            from ..lifecycle.start import start_by_policy

            cleanup(container)
            start_by_policy(container)


def _process(container: ContainerBase, check: HealthCheck) -> dict[str, object]:
    return process_for(container, Exec(check.argv(container.config.image_config.get("Shell"))))


def _run(container: ContainerBase, spec: Mapping[str, object], seconds: float) -> Result:
    began = timestamp()
    bounds = exec.Bounds(monitor.pid_file(container), seconds)
    code, output = exec_timeout.execute(container.oci, container.id, spec, bounds, OUTPUT_LENGTH)
    text = output.decode(errors="replace")
    if code is None:
        code, text = TIMED_OUT, f"Health check exceeded timeout ({seconds:g}s): {text}"[:OUTPUT_LENGTH]
    return Result(began, timestamp(), code, text)


def tick(container: ContainerBase, life: ProcessRef, pid: int) -> Optional[float]:
    """Check if it is due, for the runner with this PID; return the seconds until the next check, None to end it.

    ``life`` is the container's process that the runner is for.
    """
    with container.batch():
        mine = life == container.state.process and monitor.wants_runner(container)
        if not (mine and runner.is_mine(container, monitor.DUTY, pid)):
            return None
        checks, health = container.config.health_checks, monitor.current(container)
        interval = checks.regular.interval / 1e9
        if container.state.status is not ContainerStatus.RUNNING:
            return interval
    if health.due(checks) <= monitor.now():
        try:
            health = check(container)
        except InvalidState:
            return interval
    return max(0.0, health.due(checks) - monitor.now())


def probe(container: ContainerBase) -> None:
    """Check for a waiting task: a success is recorded, a failure only where it is due and no runner does so."""
    health = monitor.current(container.peek())
    alone = not runner.lives(container, monitor.DUTY)
    try:
        check(container, counts=alone and health.due(container.config.health_checks) <= monitor.now(), wait=False)
    except (InvalidState, ContainerRemoved):
        pass
