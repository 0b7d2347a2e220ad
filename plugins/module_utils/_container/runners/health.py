# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's health: its record, and the runner that checks it periodically (``health_check`` is one check).

Checks take turns by a lock on the container's directory in the run root. It is taken before the container's own lock,
never under it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, Optional

from ..._model.errors import ContainerStopped, StateCorrupt
from ..._model.options.health import Health
from ..._model.records.status import ContainerStatus
from . import runner

if TYPE_CHECKING:
    from ..._model.options.types import InspectedHealth
    from ..._model.records.config import ContainerConfig
    from ..base import ContainerBase

_RECORD = DUTY = "health"


def read(container: ContainerBase) -> Optional[Health]:
    """Return the health as last recorded, also that of a life that has ended; None where no record can be read."""
    record = container.store.run_record(container.id, _RECORD)
    try:
        return None if record is None else Health.from_json(record, container.run_dir)
    except StateCorrupt:
        return None


def current(container: ContainerBase) -> Health:
    """Return the health of the container's present life."""
    state, health = container.state, read(container)
    if health is not None and health.process == state.process:
        return health
    return Health(state.process, now())


def write(container: ContainerBase, health: Health) -> None:
    container.store.write_run_record(container.id, _RECORD, health.to_json())


def now() -> float:
    """Return the seconds since the boot, a clock that cannot be set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# The runner


def begin(container: ContainerBase) -> None:
    """Record that the health of a container just started is open, and start its runner (in a batch)."""
    state = container.state
    write(container, Health(state.process, now()))
    settle(container)


def wants_runner(container: ContainerBase) -> bool:
    """Return whether the container should have a runner that checks it."""
    status = container.state.status
    if status not in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) or not container.config.has_health_check:
        return False
    return bool(container.config.resolved["healthcheck_interval"]) and runner.possible(container)


lacks_runner = runner.Duty(DUTY, wants_runner).lacks_runner


def settle(container: ContainerBase, *, replace: bool = False) -> None:
    """Start a runner where one is wanted, and end it where not (in a batch); ``replace`` one that runs."""
    if not container.state.status.has_process:
        return
    wanted = wants_runner(container)
    if replace or not wanted:
        end(container)
    if wanted:
        runner.begin(container, DUTY)


def end(container: ContainerBase) -> None:
    """End the runner, and a check that it was making (in a batch)."""
    if runner.end(container, DUTY):
        with turn(container, False) as mine:
            if mine:
                end_left_over(container)


def changed(container: ContainerBase, earlier: ContainerConfig) -> None:
    """Adapt the runner to a new configuration (in a batch); with another command the health is open again."""
    if not container.state.status.has_process:
        return
    before, after = earlier.health_checks, container.config.health_checks
    if before.commands != after.commands:
        health = current(container)
        write(container, Health(health.process, health.began))
    settle(container, replace=before != after)


def pid_file(container: ContainerBase) -> str:
    return f"{container.run_dir}/health.pid"


def end_left_over(container: ContainerBase) -> None:
    from ..._drivers.oci import exec_timeout

    exec_timeout.end_left_over(container.oci, container.cgroup_path, pid_file(container))


@contextmanager
def turn(container: ContainerBase, wait: bool) -> Iterator[bool]:
    """Hold the lock of checks and yield whether it is held; without ``wait`` another process may have it."""
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


def described(container: ContainerBase) -> InspectedHealth:
    """Return ``State.Health`` as podman inspect has it; that of the last life where the container does not run."""
    health = current(container) if container.state.status.has_process else read(container) or Health(status="")
    return {"Status": health.status, "FailingStreak": health.failing_streak, "Log": list(health.log)}
