# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's health: its record, and the process that checks it again and again (``health_check`` is one check).

That process, the runner, is the host's helper in conmon's cgroup, so that it ends with the container. Checks take
turns by a lock on the container's directory in the run root, taken before the container's own, and never under it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, Optional

from ..._model.errors import ContainerStopped, StateCorrupt
from ..._model.options.health import Health
from ..._model.records.status import ContainerStatus
from . import runner

if TYPE_CHECKING:
    from ..._model.records.config import ContainerConfig
    from ..base import ContainerBase

_RECORD = DUTY = "health"


def read(container: ContainerBase) -> Optional[Health]:
    """The health as last recorded, also that of a life that is over; None where there is no record to be read."""
    record = container.store.run_record(container.id, _RECORD)
    try:
        return None if record is None else Health.from_json(record, container.run_dir)
    except StateCorrupt:
        return None


def current(container: ContainerBase) -> Health:
    """The health of the container's present life."""
    state, found = container.state, read(container)
    if found is not None and (found.pid, found.pid_start) == (state.pid, state.pid_start):
        return found
    return Health(state.pid, state.pid_start, now())


def write(container: ContainerBase, health: Health) -> None:
    container.store.write_run_record(container.id, _RECORD, health.to_json())


def now() -> float:
    """Seconds since the boot, which nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# The runner


def begin(container: ContainerBase) -> None:
    """The container has been started (in a batch): its health is open, and checked from now on."""
    state = container.state
    write(container, Health(state.pid, state.pid_start, now()))
    settle(container)


def wants_runner(container: ContainerBase) -> bool:
    """Whether the host's helper should be checking the container."""
    status = container.state.status
    if status not in (ContainerStatus.RUNNING, ContainerStatus.PAUSED) or not container.config.has_health_check:
        return False
    return bool(container.config.resolved["healthcheck_interval"]) and runner.possible(container)


def lacks_runner(container: ContainerBase) -> bool:
    """Whether the helper should be checking the container, and is not there; no program is started."""
    return wants_runner(container) and not runner.lives(container, DUTY)


def settle(container: ContainerBase, *, anew: bool = False) -> None:
    """Have a runner where one is wanted and none where not (in a batch); a new one where ``anew``."""
    if not container.state.status.has_process:
        return
    wanted = wants_runner(container)
    if (anew or not wanted) and runner.end(container, DUTY):
        with turn(container, False) as mine:
            if mine:
                end_left_over(container)
    if wanted:
        runner.begin(container, DUTY)


def changed(container: ContainerBase, earlier: ContainerConfig) -> None:
    """The configuration was another one (in a batch): a runner follows it, and with another command the health is open
    again.
    """
    if not container.state.status.has_process:
        return
    before, after = earlier.health_options, container.config.health_options
    different = [name for name in after if name.startswith("health") and before[name] != after[name]]
    if "healthcheck" in different or "health_startup_cmd" in different:
        health = current(container)
        write(container, Health(health.pid, health.pid_start, health.began))
    settle(container, anew=bool(different))


def pid_file(container: ContainerBase) -> str:
    return f"{container.run_dir}/health.pid"


def end_left_over(container: ContainerBase) -> None:
    from ..._drivers.oci import exec_timeout

    exec_timeout.end_left_over(container.oci, container.cgroup_path, pid_file(container))


@contextmanager
def turn(container: ContainerBase, wait: bool) -> Iterator[bool]:
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


def described(container: ContainerBase) -> dict[str, Any]:
    """``State.Health`` as podman inspect has it, of a container with a check; its last life's where it does not run."""
    health = current(container) if container.state.status.has_process else read(container) or Health(status="")
    return {"Status": health.status, "FailingStreak": health.failing_streak, "Log": list(health.log)}
