# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners: processes of the engine beside one life of a container, one for each duty (health, log limit).

A runner is in conmon's cgroup, so that cleanup ends it with the container. Its PID and start time are in the record
``<duty>-runner`` of the run root. A runner that was killed is drift, and the next task starts it again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, NamedTuple

from ..._drivers import process
from ..._model.failpoints import failpoint
from ..._model.records.process_ref import ProcessRef

if TYPE_CHECKING:
    from ..base import ContainerBase


class Duty(NamedTuple):
    """A duty, and whether a container should have a runner of it."""

    name: str
    wanted: Callable[[ContainerBase], bool]

    def lacks_runner(self, container: ContainerBase) -> bool:
        """Return whether the container should have a runner and has none; no program is started."""
        return self.wanted(container) and not lives(container, self.name)

    def begin(self, container: ContainerBase) -> None:
        """Start a runner where one is wanted (in a batch)."""
        if self.wanted(container):
            begin(container, self.name)

    def end(self, container: ContainerBase) -> None:
        """End the runner (in a batch)."""
        end(container, self.name)


def possible(container: ContainerBase) -> bool:
    """Return whether the host keeps the engine as a program, which a runner needs."""
    from ..._drivers.engine import command as engine_command

    return bool(engine_command.argv(container.host.parts))


def lives(container: ContainerBase, duty: str) -> bool:
    """Return whether the runner of this duty is alive; no program is started."""
    return process.alive(_recorded(container, duty))


def begin(container: ContainerBase, duty: str) -> None:
    """Start a runner of this duty unless there is one (in a batch)."""
    if not lives(container, duty):
        _record(container, duty, _start(container, duty))


def end(container: ContainerBase, duty: str) -> bool:
    """End the runner of this duty (in a batch); return whether there was one."""
    recorded = _recorded(container, duty)
    if not process.alive(recorded):
        return False
    # Its child is in the same session.
    process.kill_session(recorded.pid)
    # One whose end takes its time, as in a frozen cgroup, is no runner any more: another may be started at once.
    container.store.remove_run_record(container.id, _record_of(duty))
    return True


def is_mine(container: ContainerBase, duty: str, runner: int) -> bool:
    """Return whether the runner with this PID is that of this duty (in a batch); record it where there is none."""
    recorded = _recorded(container, duty)
    if recorded == process.ref(runner):
        return True
    if process.alive(recorded):
        return False
    from ..lifecycle.conmon_cgroup import enter

    # The process that started it was killed before it could move it there.
    for one in (runner, os.getpid()):
        enter(container, one)
    _record(container, duty, runner)
    return True


def _start(container: ContainerBase, duty: str) -> int:
    import subprocess

    from ..._drivers import host_log
    from ..._drivers.command import refused, tool_environment
    from ..._drivers.engine import command as engine_command
    from ..lifecycle.conmon_cgroup import enter

    life, parts = container.state.process, container.host.parts
    failpoint(f"start {duty} runner")
    # It first waits for the container's lock, which this process holds.
    argv = [*engine_command.argv(parts), duty, container.id, str(life.pid), str(life.start_time)]
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
    """Return the process on record; an empty reference where no record can be read."""
    record = container.store.run_record(container.id, _record_of(duty))
    try:
        return ProcessRef.of(*record) if isinstance(record, list) else ProcessRef()
    except (TypeError, ValueError):
        return ProcessRef()


def _record(container: ContainerBase, duty: str, pid: int) -> None:
    container.store.write_run_record(container.id, _record_of(duty), process.ref(pid))


def _record_of(duty: str) -> str:
    return f"{duty}-runner"
