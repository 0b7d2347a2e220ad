# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start: run the process of a created container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._drivers import process
from ..._model import journal
from ..._model.options.table import ID_FILES
from ..._model.records.process_ref import ProcessRef
from ..._model.records.status import ContainerStatus
from ..live_status import timestamp
from ..network import attachments
from . import notify

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..._model.records.state import StateChanges
    from ..base import ContainerBase


# What a start by the user resets: restarts by policy, and their count.
_BEGUN: StateChanges = {
    "stopped_by_user": False,
    "restart_count": 0,
    "restart_delay": 0.0,
    "restart_at": "",
    "restarter": ProcessRef(),
    "error": "",
    "restart_wanted": False,
}


def start(container: ContainerBase, fresh: bool, **kept: Unpack[StateChanges]) -> None:
    """Bring a created, configured or exited container to running, initialising it first where needed.

    ``kept`` are fields of the state that a start by policy does not reset.

    :raises InvalidState: it runs already or is paused.
    """
    status = container.state.status
    status.check("start", container.name)
    if status is not ContainerStatus.CREATED:
        from .init import init

        init(container, fresh)
    # A short-lived command may have ended before the runtime returns.
    began = timestamp()
    _run(container)
    journal.note("start", container.id, container.name)
    if container.state.restarter.pid:
        # Only now: where this start fails, that by policy is still to come.
        from .restart import end_waiting

        end_waiting(container)
    changes: StateChanges = {**_BEGUN, **kept, "status": ContainerStatus.RUNNING, "started_time": began}
    container.save(**changes)
    _begin_life(container, "restart" if kept else "start")


def _run(container: ContainerBase) -> None:
    """Have the OCI runtime start the created process; where it fails, the container is taken down."""
    if container.config.options["log_opt"]["max_size"] and container.log_path:
        from ..io.log_mark import Mark

        container.log_mark = Mark(container.log_path)
    try:
        if any(container.config.options[option] for option in ID_FILES):
            from . import pidfiles

            pidfiles.write(container)
        created = container.state.process
        container.oci.start(container.id, container.name, container.run_dir, lambda: process.alive(created))
    except BaseException:
        from .init import take_down

        take_down(container)
        raise


def _begin_life(container: ContainerBase, event: str) -> None:
    """Announce a container that has been started, and begin what goes with its life."""
    if container.config.options["rm"]:
        from .restart import remember_begin

        remember_begin(container)
    if container.config.create_net_ns:
        attachments.forget(container)
    container.event(event)
    notify.tell(container)
    if container.config.has_health_check:
        from ..runners.health import begin

        begin(container)
    if container.config.options["restart_policy"] == "unless-stopped":
        from .restart import forget_stop

        forget_stop(container)


def start_by_policy(container: ContainerBase) -> None:
    """Start the container as its restart policy wants; the count of such starts stays."""
    state = container.state
    start(container, False, restart_count=state.restart_count, restart_delay=state.restart_delay)
