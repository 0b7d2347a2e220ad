# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners: processes of the host's helper that go with one life of a container, one a duty.

A runner is in conmon's cgroup, so that cleanup ends it with the container. Which process it is stands in the record
``<duty>-runner`` of the run root; one that was killed is drift, and started again by the next task.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers import process
from ..._model.failpoints import failpoint
from ..._model.records.process_ref import ProcessRef

if TYPE_CHECKING:
    from ..base import ContainerBase


def possible(container: ContainerBase) -> bool:
    """Whether the host keeps the program that a runner is."""
    from ..._drivers.engine import command as engine_command

    return bool(engine_command.argv(container.host.parts))


def lives(container: ContainerBase, duty: str) -> bool:
    """Whether the runner of this duty is there; no program is started."""
    return process.alive(*_recorded(container, duty))


def begin(container: ContainerBase, duty: str) -> None:
    """Have a runner of this duty, where there is none yet (in a batch)."""
    if not lives(container, duty):
        _record(container, duty, _start(container, duty))


def end(container: ContainerBase, duty: str) -> bool:
    """End the runner of this duty (in a batch); whether there was one."""
    pid, started = _recorded(container, duty)
    found = process.alive(pid, started)
    if found:
        # Its session has the child that works for it as well.
        process.kill_session(pid)
    return found


def is_mine(container: ContainerBase, duty: str, runner: int) -> bool:
    """Whether the runner with this PID is the one of this duty (in a batch); it becomes it where there is none."""
    pid, started = _recorded(container, duty)
    if pid == runner:
        return True
    if process.alive(pid, started):
        return False
    from .conmon_cgroup import enter

    # Whoever started it was killed before he could put it there.
    for one in (runner, os.getpid()):
        enter(container, one)
    _record(container, duty, runner)
    return True


def _start(container: ContainerBase, duty: str) -> int:
    import subprocess

    from ..._drivers import host_log
    from ..._drivers.command import refused, tool_environment
    from ..._drivers.engine import command as engine_command
    from .conmon_cgroup import enter

    state, parts = container.state, container.host.parts
    failpoint(f"start {duty} runner")
    # It waits for the container's lock, which is ours, before it does anything.
    argv = [*engine_command.argv(parts), duty, container.id, str(state.pid), str(state.pid_start)]
    try:
        runner = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=tool_environment({**parts.environment(), **host_log.environment()}),
            start_new_session=True,
        )
    except OSError as error:
        refused(error, argv[0], "python3")
    enter(container, runner.pid)
    return runner.pid


def _recorded(container: ContainerBase, duty: str) -> ProcessRef:
    """The process on record, 0 where there is none that can be read."""
    try:
        return ProcessRef.of(*(container.store.run_record(container.id, f"{duty}-runner") or (0, 0)))
    except (TypeError, ValueError):
        return ProcessRef()


def _record(container: ContainerBase, duty: str, pid: int) -> None:
    container.store.write_run_record(container.id, f"{duty}-runner", (pid, process.start_time(pid)))
