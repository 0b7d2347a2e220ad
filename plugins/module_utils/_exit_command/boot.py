# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of containers after a boot, as their restart policies ask, and their stop at a shutdown."""

from __future__ import annotations

import signal
import sys
import time
from typing import Sequence

from .._container.container import Container
from .._container.lifecycle import restart
from .._drivers import host_log, process
from .._drivers.cgroups import systemd_units
from .._model.engine_config import EngineConfig
from .._model.errors import sentence
from .._model.records.status import ContainerStatus
from .._reconcile.desired import Desired
from .._reconcile.reconcile import reconcile
from .._runtime.runtime import Runtime, has_ended

_RUN = (ContainerStatus.RUNNING, ContainerStatus.PAUSED)


def boot(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``boot``: start containers of the policies ``always`` and ``unless-stopped``, after their dependencies.

    A container with ``rm`` that ended with the host is removed. Return 1 where one failed.
    """
    failed, runtime = 0, Runtime(parts)
    for container in runtime.containers():
        host_log.about(container.name, container.id)
        try:
            _boot(runtime, container.peek())
        except Exception as error:  # pylint: disable=broad-exception-caught
            failed = _report(container, error)
    host_log.about()
    return failed


def _boot(runtime: Runtime, container: Container) -> None:
    if container.config.options["rm"] and has_ended(container) and not runtime.dependents(container.id):
        runtime.remove_ended(container.name, container.id)
        host_log.write("info", "removed, for it ended with the host (rm)")
    elif container.state.status not in _RUN and restart.starts_at_boot(
        container, resumes=runtime.needs_resume(container)
    ):
        reconcile(runtime.parts, Desired(container.name))
        host_log.write("info", f"started at boot ({container.config.options['restart_policy']})")


def halt(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """``halt``: at a shutdown, stop all containers for which systemd has no scopes, at the same time.

    systemd itself would stop them last, and wait 90 seconds for one that ignores SIGTERM.
    """
    if not systemd_units.going_down():
        return 0
    began, running, failed = time.monotonic(), [], 0
    for container in Runtime(parts).containers():
        try:
            state, config = container.peek().state, container.config
            if config.cgroup_manager == "cgroupfs" and state.status is ContainerStatus.RUNNING:
                process.send_signal(state.process, config.stop_signal)
                running.append((config.stop_timeout, state.process, container))
        except Exception as error:  # pylint: disable=broad-exception-caught
            failed = _report(container, error)
    for timeout, life, container in sorted(running, key=lambda one: one[:2]):
        host_log.about(container.name, container.id)
        if process.wait_end(life, max(0.0, timeout + began - time.monotonic())):
            host_log.write("info", "ended with the host")
        else:
            host_log.write("warn", f"did not end within {timeout} seconds of its stop signal: killed")
            process.send_signal(life, signal.SIGKILL)
    return failed


def _report(container: Container, error: Exception) -> int:
    """Report why a container was not started or stopped; the others are. Return the exit code of the whole."""
    host_log.about(container.name, container.id)
    host_log.write_error(error)
    sys.stderr.write(f"libpod: container {container.name}: {sentence(error)}\n")
    return 1
