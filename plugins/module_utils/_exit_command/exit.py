# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit command: conmon runs it once a container's process has ended and the exit file is written.

The records under the container's lock decide what is still to be done, whichever process runs this. It may be killed,
run twice, or run beside a module.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import Iterator, Optional, Sequence

from .._container.container import Container
from .._container.io import reading
from .._container.lifecycle import restart
from .._drivers import host_log
from .._drivers.cgroups import hierarchy, systemd_units
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, NoSuchContainer
from .._model.records.status import ContainerStatus
from .._reconcile import dependencies
from .._runtime.runtime import Runtime

_unwanted: list[int] = []  # the signals that came at work


def on_exit(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``exit ID``: clean up, then remove the container or start it again, as its options ask."""
    runtime = Runtime(parts)
    # Cleanup ends all processes in conmon's cgroup, in which this one starts.
    hierarchy.leave(runtime.host.cgroups)
    try:
        container = runtime.by_id(arguments[0])
        host_log.about(container.name, container.id)
        delay = _take_down(container)
        if container.config.options["rm"]:
            _remove_after_readers(runtime, container)
            return 0
        while delay is not None and not _unwanted:
            with _ended_by_sigterm():
                time.sleep(delay)
            delay = _start_again(runtime, container)
    except (NoSuchContainer, ContainerRemoved):
        pass
    return 0


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end this process while it waits, and later only once it has nothing half started.

    Programs that it starts have the signal's default action. Who sends it has recorded that the start is unwanted.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, lambda number, _frame: _unwanted.append(number))


def _take_down(container: Container) -> Optional[float]:
    """Clean up after the container's end; return the seconds until its next start, None if there is none."""
    with container.batch():
        if container.state.status is ContainerStatus.CREATED and container.state.restart_at:
            return _start(container)  # the process that was about to start it was killed
        if container.state.status is ContainerStatus.UNKNOWN or container.state.mounted:
            if container.state.status.has_process:
                return None  # it runs again
            try:
                container.cleanup()
                host_log.write("info", f"ended with exit code {container.state.exit_code}, and is cleaned up")
            except Exception as error:  # pylint: disable=broad-exception-caught
                # A removal or the next start tries again to clean up what is left.
                delay = restart.schedule(container, error)
                if delay is None and not container.config.options["rm"]:
                    raise
                host_log.write_error(error, _then(delay))
                return delay
        if container.state.status is not ContainerStatus.EXITED:
            return None
        delay = restart.schedule(container)
        if delay is not None:
            host_log.write("info", f"started again in {delay:g} seconds")
        return delay


def _remove_after_readers(runtime: Runtime, container: Container) -> None:
    """Remove it once it has no reader, unless it runs again, or is about to."""
    looked: list[bool] = []  # whether it was read as it was about to be removed

    def is_read(now: Container) -> bool:
        looked.append(reading.busy(now))
        return looked[-1]

    while not runtime.remove_ended(container.name, container.id, is_read):
        if not (looked and looked.pop()):
            return
        reading.wait_for_all(container)
    host_log.write("info", "removed, for it has ended (rm)")


def _start_again(runtime: Runtime, container: Container) -> Optional[float]:
    """Start it and its dependencies; return the seconds until the next attempt where that fails.

    Nothing is started on a host that goes down: the next boot does it.
    """
    if systemd_units.going_down():
        return None
    with container.batch():
        # Read again: a dependency that was re-created meanwhile has another ID.
        needed = runtime.dependencies(container.config) if restart.is_mine(container) else []
    failed: Optional[Exception] = None
    try:
        for other in dependencies.to_start(runtime, needed):
            runtime.start_dependency(other.name)
    except Exception as error:  # pylint: disable=broad-exception-caught
        failed = error
    with container.batch():
        if not restart.is_mine(container):
            return None
        return _failed(container, failed) if failed else _start(container)


def _start(container: Container) -> Optional[float]:
    """Start it by its policy, in a batch; return the seconds until the next attempt where that fails."""
    try:
        container.start_by_policy()
    except Exception as error:  # pylint: disable=broad-exception-caught
        return _failed(container, error)
    host_log.write("info", f"started again ({container.config.options['restart_policy']})")
    return None


def _failed(container: Container, error: Exception) -> Optional[float]:
    """Record and log a failed start, in a batch; return the seconds until the next attempt, None if there is none."""
    delay = restart.schedule(container, error)
    host_log.write_error(error, _then(delay))
    return delay


def _then(delay: Optional[float]) -> str:
    """Return what follows a failure, for the log."""
    return "; it is not started again" if delay is None else f"; it is started again in {delay:g} seconds"
