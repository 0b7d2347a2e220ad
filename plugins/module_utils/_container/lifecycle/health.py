# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's health: a check of it, what follows from its result, and the process that checks again and again.

That process, the runner, is the host's helper in conmon's cgroup, so that it ends with the container. Checks take
turns by a lock on the container's directory in the run root, taken before the container's own, and never under it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional

from ..._drivers import process
from ..._model.errors import ContainerRemoved, ContainerStopped, InvalidArgument, InvalidState, StateCorrupt
from ..._model.options.health import OUTPUT_LENGTH, TIMED_OUT, Health, Result, argv
from ..._model.records.status import ContainerStatus
from ..live_status import timestamp
from . import runner

if TYPE_CHECKING:
    from ..._model.records.config import ContainerConfig
    from ..container import Container

_RECORD = _DUTY = "health"


def read(container: Container) -> Optional[Health]:
    """The health as last recorded, also that of a life that is over; None where there is no record to be read."""
    record = container.store.run_record(container.id, _RECORD)
    try:
        return None if record is None else Health.from_json(record, container.run_dir)
    except StateCorrupt:
        return None


def current(container: Container) -> Health:
    """The health of the container's present life."""
    state, found = container.state, read(container)
    if found is not None and (found.pid, found.pid_start) == (state.pid, state.pid_start):
        return found
    return Health(state.pid, state.pid_start, _now())


def _write(container: Container, health: Health) -> None:
    container.store.write_run_record(container.id, _RECORD, health.to_json())


def _now() -> float:
    """Seconds since the boot, which nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# The runner


def begin(container: Container) -> None:
    """The container has been started (in a batch): its health is open, and checked from now on."""
    state = container.state
    _write(container, Health(state.pid, state.pid_start, _now()))
    settle(container)


def wants_runner(container: Container) -> bool:
    """Whether the host's helper should be checking the container."""
    status = container.state.status
    if status not in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) or not container.config.has_health_check:
        return False
    return bool(container.config.resolved["healthcheck_interval"]) and runner.possible(container)


def lacks_runner(container: Container) -> bool:
    """Whether the helper should be checking the container, and is not there; no program is started."""
    return wants_runner(container) and not runner.lives(container, _DUTY)


def settle(container: Container, *, anew: bool = False) -> None:
    """Have a runner where one is wanted and none where not (in a batch); a new one where ``anew``."""
    if not container.state.status.has_process:
        return
    wanted = wants_runner(container)
    if (anew or not wanted) and runner.end(container, _DUTY):
        with _turn(container, False) as mine:
            if mine:
                _end_left_over(container)
    if wanted:
        runner.begin(container, _DUTY)


def changed(container: Container, earlier: ContainerConfig) -> None:
    """The configuration was another one (in a batch): a runner follows it, and with another command the health is open
    again.
    """
    if not container.state.status.has_process:
        return
    before, now = earlier.health_options, container.config.health_options
    different = [name for name in now if name.startswith("health") and before[name] != now[name]]
    if "healthcheck" in different or "health_startup_cmd" in different:
        health = current(container)
        _write(container, Health(health.pid, health.pid_start, health.began))
    settle(container, anew=bool(different))


def tick(container: Container, life: tuple[int, int], pid: int) -> Optional[float]:
    """The part of the runner with this PID: check if it is time; seconds until the next time, None where it may end.

    ``life`` are PID and start time of the container's process that it is for.
    """
    with container.batch():
        mine = life == (container.state.pid, container.state.pid_start) and wants_runner(container)
        if not (mine and runner.is_mine(container, _DUTY, pid)):
            return None
        options, health = container.config.health_options, current(container)
        interval = float(options["healthcheck_interval"] / 1e9)
        if container.state.status is not ContainerStatus.RUNNING:
            return interval
    if health.due(options) <= _now():
        try:
            health = check(container)
        except InvalidState:
            return interval
    return max(0.0, health.due(options) - _now())


# A check


def check(container: Container, *, counts: bool = True, wait: bool = True) -> Health:
    """Check the container's health now, record the result, and do what the options say of a container that fails.

    Without ``counts`` a failure is no more than that; without ``wait`` it is not for us to check while another does.

    :raises ContainerStopped: the container does not run, or ends meanwhile. :raises InvalidState: another one checks.
    :raises InvalidArgument: it has no health check.
    """
    with _turn(container, wait) as mine:
        if not mine:
            raise InvalidState(f"the health of container {container.name} is being checked by another process")
        with container.batch():
            if not container.config.has_health_check:
                raise InvalidArgument(f"container {container.name} has no health check: give it the option healthcheck")
            container.state.status.check("exec", container.name)
            _end_left_over(container)
            options = container.config.health_options
            name, _interval, timeout = current(container).current(options)
            life = (container.state.pid, container.state.pid_start)
            words = _process(container, options, name)
        try:
            result = _run(container, words, options[timeout] / 1e9)
        except FileNotFoundError as error:
            if os.path.isdir(container.run_dir):
                raise
            raise ContainerStopped(f"container {container.name} was removed while its health was checked") from error
        with container.batch():
            state = container.state
            if life != (state.pid, state.pid_start):
                raise ContainerStopped(f"container {container.name} ended while its health was checked")
            health = current(container)
            same = container.config.health_options[name] == options[name]
            if state.status is ContainerStatus.RUNNING and same and (counts or not result.exit_code):
                health = _record(container, health, result)
        return health


def _record(container: Container, before: Health, result: Result) -> Health:
    from ..._drivers import host_log

    health, action = before.after(result, container.config.health_options, _now())
    _write(container, health)
    if health.status != before.status:
        container.event("health_status", HealthStatus=health.status)
        level = "warn" if health.status == "unhealthy" else "info"
        host_log.write(level, f"health is {health.status}, it was {before.status}")
    host_log.write("debug", f"health check ended with exit code {result.exit_code}")
    if container.state.restart_wanted and action != "restart":
        container.save(restart_wanted=False)  # whoever wanted it was killed before he could end the container
    _act(container, action)
    return health


def _act(container: Container, action: str) -> None:
    """What a failing check does to its container; the helper that conmon then starts does the rest."""
    from ..._drivers import host_log
    from . import stop

    state, seconds = container.state, container.config.stop_timeout
    if action != "none":
        host_log.write("warn", f"its health checks fail: {action} (healthcheck_failure_action)")
    if action == "kill":
        process.send_signal(state.pid, state.pid_start, signal.SIGKILL)
    elif action == "stop":
        stop.end(container, seconds)
    elif action == "restart":
        from ..._drivers.engine import command as engine_command

        container.save(restart_wanted=True)
        stop.end(container, seconds, remember=False)
        if not engine_command.argv(container.host.parts):
            from .restart import start

            container.cleanup()
            start(container)


def _process(container: Container, options: Mapping[str, Any], name: str) -> dict[str, Any]:
    from ..io.exec import Exec, process_for

    return process_for(container, Exec(argv(options, name, container.config.image_config.get("Shell"))))


def _run(container: Container, words: Mapping[str, Any], seconds: float) -> Result:
    from ..._drivers.oci import exec, exec_timeout

    began = timestamp()
    bounds = exec.Bounds(_pid_file(container), seconds)
    code, output = exec_timeout.execute(container.oci, container.id, words, bounds, OUTPUT_LENGTH)
    text = output.decode(errors="replace")
    if code is None:
        code, text = TIMED_OUT, f"Health check exceeded timeout ({seconds:g}s): {text}"[:OUTPUT_LENGTH]
    return Result(began, timestamp(), code, text)


def _pid_file(container: Container) -> str:
    return f"{container.run_dir}/health.pid"


def _end_left_over(container: Container) -> None:
    from ..._drivers.oci import exec_timeout

    exec_timeout.end_left_over(container.oci, container.cgroup_path, _pid_file(container))


@contextmanager
def _turn(container: Container, wait: bool) -> Iterator[bool]:
    """Hold the lock of those who check; whether it is held, which without ``wait`` it is not where another has it."""
    try:
        descriptor = os.open(container.run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise ContainerStopped(f"container {container.name} has not run since the last boot") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except BlockingIOError:
            held = False
        yield held
    finally:
        os.close(descriptor)


# To be waited for


def probe(container: Container) -> None:
    """Check for one who waits: a success is recorded, a failure only where no runner does so and one is due."""
    health = current(container.peek())
    alone = not runner.lives(container, _DUTY)
    try:
        check(container, counts=alone and health.due(container.config.health_options) <= _now(), wait=False)
    except (InvalidState, ContainerRemoved):
        pass


def described(container: Container) -> dict[str, Any]:
    """``State.Health`` as podman inspect has it, of a container with a check; its last life's where it does not run."""
    health = current(container) if container.state.status.has_process else read(container) or Health(status="")
    return {"Status": health.status, "FailingStreak": health.failing_streak, "Log": list(health.log)}
