# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A size limit of a running container's log that is not the one its conmon was started with.

conmon takes its limit at its start only. A lower one is kept by a runner, which has conmon reopen the log as it does at
its own limit. A higher one needs a new conmon, and so a new container. At the next start conmon takes the limit of the
configuration, and no runner is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..._drivers import process
from ..._drivers.conmon import log
from ..._model.records.process_ref import ProcessRef
from . import runner

if TYPE_CHECKING:
    from ..base import ContainerBase


def reachable(container: ContainerBase, limit: Optional[int]) -> bool:
    """Return whether the log can have this limit in bytes without a new container; no program is started."""
    if not container.state.status.has_process:
        return True
    from ..._drivers.engine import command as engine_command

    own = log.limit(container.state.conmon.pid)
    return own == limit or _is_a_runners(limit, own) and engine_command.stays(container.host.parts)


def order(container: ContainerBase, life: ProcessRef, pid: int) -> Optional[tuple[int, str, str]]:
    """Return what the runner with this PID, for the container's process ``life``, is to do; None to end it.

    It is the limit in bytes, the log's path, and the bundle whose conmon is to reopen the log.
    """
    with container.batch():
        mine = life == container.state.process and _wants_runner(container)
        limit = container.config.options["log_opt"]["max_size"]
        if limit is None or not (mine and runner.is_mine(container, _DUTY.name, pid)):
            return None
        return limit, container.log_path, container.run_dir


def _wants_runner(container: ContainerBase) -> bool:
    state, limit = container.state, container.config.options["log_opt"]["max_size"]
    if limit is None or not state.status.has_process or not process.alive(state.conmon):
        return False
    return _is_a_runners(limit, log.limit(state.conmon.pid)) and runner.possible(container)


def _is_a_runners(limit: Optional[int], own: Optional[int]) -> bool:
    """Return whether this limit, beside conmon's own, takes a runner, and a runner can keep it."""
    return limit is not None and (own is None or limit < own)


_DUTY = runner.Duty("log-limit", _wants_runner)
# A runner keeps the limit that it was started with: it is ended before another one is recorded.
lacks_runner, begin, end = _DUTY.lacks_runner, _DUTY.begin, _DUTY.end
