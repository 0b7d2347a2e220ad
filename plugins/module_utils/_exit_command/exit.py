# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when a container's process has ended: conmon runs this once it has written the exit file.

Everything is decided by the records under the container's lock, nothing by who runs this: it may be killed, run twice,
or beside a module, and does what is still to be done.
"""

from __future__ import annotations

import time
from typing import Optional, Sequence

from .._container.container import Container
from .._container.lifecycle import restart
from .._drivers import host_log
from .._drivers.cgroups import hierarchy, systemd_units
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, NoSuchContainer
from .._model.records.status import ContainerStatus
from .._reconcile import dependencies
from .._runtime.runtime import Runtime


def on_exit(parts: EngineConfig, words: Sequence[str]) -> int:
    """``exit ID``: clean up, then remove the container or start it again where its options ask for that."""
    runtime = Runtime(parts)
    # Cleanup ends everything in conmon's cgroup, which is where this begins.
    hierarchy.leave(runtime.host.cgroups)
    try:
        container = runtime.by_id(words[0])
        host_log.about(container.name, container.id)
        delay = _take_down(container)
        if container.config.options["rm"]:
            runtime.remove_ended(container.name, container.id)
            host_log.write("info", "removed, for it has ended (rm)")
            return 0
        while delay is not None:
            time.sleep(delay)
            delay = _start_again(runtime, container)
    except (NoSuchContainer, ContainerRemoved):
        pass
    return 0


def _take_down(container: Container) -> Optional[float]:
    """Clean up after the container's end; seconds until it is to be started again, None where it is not."""
    with container.batch():
        if container.state.status is ContainerStatus.CREATED and container.state.restart_at:
            return _start(container)  # whoever was about to was killed
        if container.state.status is ContainerStatus.UNKNOWN or container.state.mounted:
            if container.state.status.has_process:
                return None  # it lives again
            try:
                container.cleanup()
                host_log.write("info", f"ended with exit code {container.state.exit_code}, and is cleaned up")
            except Exception as error:  # pylint: disable=broad-exception-caught
                # What is left is looked for again by its removal, or by the start that follows.
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


def _start_again(runtime: Runtime, container: Container) -> Optional[float]:
    """Start it, and what it depends on; seconds until the next attempt where that fails.

    A host that goes down ends its containers, and is to start none: the next boot does.
    """
    if systemd_units.going_down():
        return None
    with container.batch():
        # As they are now: one that was re-created meanwhile has another ID.
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
    """Start it as its policy wants (in a batch); seconds until the next attempt where that fails."""
    try:
        container.start_by_policy()
    except Exception as error:  # pylint: disable=broad-exception-caught
        return _failed(container, error)
    host_log.write("info", f"started again ({container.config.options['restart_policy']})")
    return None


def _failed(container: Container, error: Exception) -> Optional[float]:
    """Record and log that a start failed (in a batch); seconds until the next attempt, None where there is none."""
    delay = restart.schedule(container, error)
    host_log.write_error(error, _then(delay))
    return delay


def _then(delay: Optional[float]) -> str:
    """Return what follows, for the log."""
    return "; it is not started again" if delay is None else f"; it is started again in {delay:g} seconds"
