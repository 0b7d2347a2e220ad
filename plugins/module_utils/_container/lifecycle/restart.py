# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart policies: whether and when the exit command starts an ended container again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Optional

from ..._drivers import process
from ..._model.options import restart_policy
from ..._model.records.process_ref import ProcessRef
from ..._model.records.status import ContainerStatus
from ..live_status import timestamp

if TYPE_CHECKING:
    from ..base import ContainerBase

_STOPPED = "stopped"
_BEGUN = "begun"


def schedule(container: ContainerBase, error: Optional[Exception] = None) -> Optional[float]:
    """Record (in a batch) that this process will start the container, and return in how many seconds.

    None where the policy or a stop by the user forbids it, or another process already waits. ``error`` is why the last
    attempt failed.
    """
    state = container.state
    waiting = state.restart_at and process.alive(state.restarter)
    if waiting and state.restarter.pid != os.getpid():
        return None
    delay = _delay(container, bool(error))
    if delay is None:
        cancel(container)
        return None
    container.save(
        restart_at=timestamp(time.time() + delay),
        restart_delay=delay,
        restart_count=state.restart_count + 1,
        restarter=process.ref(os.getpid()),
        error=str(error or ""),
    )
    return delay


def _delay(container: ContainerBase, failed: bool = False, *, counted: int = 0) -> Optional[float]:
    """Return the seconds until its policy starts it; ``counted`` of the starts on record are still to come."""
    state = container.state
    if state.stopped_by_user:
        return None
    policy = "always" if state.restart_wanted else container.config.options["restart_policy"]
    ended = restart_policy.Ended(state.exit_code, state.ran, state.restart_count - counted, state.restart_delay, failed)
    return restart_policy.delay(policy, ended)


def is_to_come(container: ContainerBase) -> bool:
    """Return whether a container without a process is to be started again, by a waiting process or the exit command."""
    state = container.state
    ended = state.status in (ContainerStatus.EXITED, ContainerStatus.UNKNOWN) and bool(state.finished_time)
    return bool(state.restart_at) or ended and _delay(container) is not None


def is_mine(container: ContainerBase) -> bool:
    """Return whether this very process is still to start the container (in a batch)."""
    state = container.state
    return not state.status.has_process and bool(state.restart_at) and state.restarter.pid == os.getpid()


def cancel(container: ContainerBase) -> None:
    """Cancel a scheduled start (in a batch), and end the process that waits for it."""
    state = container.state
    if state.restart_at:
        end_waiting(container)
        container.save(restart_at="", restarter=ProcessRef())


def reconsider(container: ContainerBase) -> None:
    """Cancel a scheduled start that the policy of a new configuration does not want (in a batch)."""
    state = container.state
    if state.restart_at and _delay(container, bool(state.error), counted=1) is None:
        cancel(container)


def give_up(container: ContainerBase) -> None:
    """Keep the container down, as if the user had stopped it (in a batch)."""
    remember_stop(container)
    cancel(container)


def end_waiting(container: ContainerBase) -> None:
    """End the process that waits to start the container, unless it is this one; it may be starting a dependency first.

    SIGTERM ends the wait alone (``_exit_command/exit.py``). SIGKILL would leave the dependency half started.
    """
    import signal

    state = container.state
    if state.restarter.pid and state.restarter.pid != os.getpid():
        process.send_signal(state.restarter, signal.SIGTERM)


def remember_stop(container: ContainerBase) -> None:
    """Record a stop by the user: neither its end nor, with ``unless-stopped``, a reboot starts the container again."""
    container.save(stopped_by_user=True)
    not_at_boot(container)


def not_at_boot(container: ContainerBase) -> None:
    """Record that a boot does not start it: to ``unless-stopped``, a container never started is a stopped one."""
    if container.config.options["restart_policy"] == "unless-stopped":
        container.store.write_side_record(container.id, _STOPPED, True)


def was_stopped(container: ContainerBase) -> bool:
    """Return whether the user has stopped the container, as far as that is still on record after a reboot."""
    return container.state.stopped_by_user or bool(container.store.side_record(container.id, _STOPPED))


def forget_stop(container: ContainerBase) -> None:
    """Forget an earlier stop by the user: the container is started."""
    if container.store.side_record(container.id, _STOPPED):
        container.store.remove_side_record(container.id, _STOPPED)


def remember_begin(container: ContainerBase) -> None:
    """Record for after a reboot that a container has run which is removed at its end: a crash records no end."""
    if not has_begun(container):
        container.store.write_side_record(container.id, _BEGUN, True)


def has_begun(container: ContainerBase) -> bool:
    """Return whether a container that is removed at its end has ever run."""
    return bool(container.exits or container.store.side_record(container.id, _BEGUN))


def forget_unfinished_stop(container: ContainerBase) -> None:
    """Undo the record of a stop that was interrupted before its signal (in a batch): the policy counts again."""
    container.save(stopped_by_user=False)
    forget_stop(container)


def starts_at_boot(container: ContainerBase, *, resumes: bool = False) -> bool:
    """Return whether a boot of the host starts the container; ``resumes``: it was stopped for a moment only."""
    policy = container.config.options["restart_policy"]
    stopped = container.store.side_record(container.id, _STOPPED)
    return policy == "always" or policy == "unless-stopped" and (resumes or not stopped)
