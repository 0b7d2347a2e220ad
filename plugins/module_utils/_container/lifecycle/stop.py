# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop and kill: signal a container's process, and wait for its end."""

from __future__ import annotations

import signal as _signal
from typing import TYPE_CHECKING

from ..._drivers import process
from ..._model import journal
from . import restart

if TYPE_CHECKING:
    from ..base import ContainerBase

# After SIGKILL only the kernel can delay a process's end: in an uninterruptible sleep, or where another process of its
# PID namespace is not reaped.
_KILL_SECONDS = 30.0
_REAP_SECONDS = 1.0


def stop(container: ContainerBase, timeout: int) -> None:
    """End the container's process and clean up; the container is then exited.

    :raises InvalidState: it does not run.
    """
    from .cleanup import cleanup

    end(container, timeout)
    cleanup(container)
    container.event("stop")


def end(container: ContainerBase, timeout: int, *, remember: bool = True) -> None:
    """Send the stop signal, SIGKILL after ``timeout`` seconds, and wait for the end.

    ``remember`` records the stop, so that no restart policy starts the container again.

    :raises InvalidState: it does not run.
    """
    state = container.state
    state.status.check("stop", container.name)
    if remember:
        restart.remember_stop(container)
    process.send_signal(state.process, container.config.stop_signal)
    if not process.wait_end(state.process, timeout):
        end_by_kill(container, _KILL_SECONDS)
    journal.note("stop", container.id, container.name)
    container.sync()


def end_by_kill(container: ContainerBase, seconds: float) -> None:
    """Send SIGKILL and wait up to ``seconds`` for the end."""
    target = container.state.process
    process.send_signal(target, _signal.SIGKILL)
    if not process.wait_end(target, _REAP_SECONDS):
        from ..._drivers.oci import exec_files

        exec_files.end_suspended(container.run_dir)
        process.wait_end(target, seconds)


def kill(container: ContainerBase, number: int) -> None:
    """Send a signal to the container's process.

    :raises ContainerStopped: it does not run.
    """
    state = container.state
    state.status.check("kill", container.name)
    if number in (_signal.SIGKILL, _signal.SIGTERM, container.config.stop_signal):
        restart.remember_stop(container)
    process.send_signal(state.process, number)
    journal.note("kill", container.id, container.name)
    container.event("kill", Signal=number)
