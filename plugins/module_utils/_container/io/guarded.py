# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in running containers that do not outlive this process, also where it is killed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._drivers import process as processes
from ..._drivers.engine import command as self_program
from ..._drivers.oci import exec as oci_exec
from ..._drivers.oci import exec_files, exec_guard
from ..._model.errors import ContainerStopped
from .exec import Exec, process_for

if TYPE_CHECKING:
    from typing import ContextManager

    from ..._drivers.oci.exec import Ended
    from ..._drivers.oci.exec_streams import Streams
    from ..base import ContainerBase

_KILLED = 128 + 9  # the exit code of a process that ends with its container
_LAST = 1.0  # seconds


class Guarded:
    """The commands of this process in one container; ``close`` ends their guard once there are no more."""

    def __init__(self, container: ContainerBase) -> None:
        self.container = container
        self._guards: dict[str, exec_guard.Guard] = {}

    def execute(self, wanted: Exec, streams: Streams) -> Ended:
        """Run a command to its end; what it leaves running goes on, unless it exceeds its time and is killed.

        :raises ContainerStopped: the container does not run, or ends during the call.
        :raises InvalidArgument: user or command cannot be used.
        """
        with self.begun(wanted, streams) as one:
            return self.finish(one, wanted)

    def begun(self, wanted: Exec, streams: Streams) -> ContextManager[oci_exec.Begun]:
        """Return a context with the command being started; it is killed where it is not finished.

        :raises ContainerStopped: the container does not run. :raises InvalidArgument: user or command cannot be used.
        """
        container = self.container
        process = process_for(container, wanted)
        folder = container.run_dir
        exec_guard.end_abandoned(container.oci, container.cgroup_top, folder)
        if folder not in self._guards:
            program = [*self_program.argv(container.host.parts), "exec-end", container.id]
            engine = processes.ref(os.getpid())
            arguments = [*program, str(engine.pid), str(engine.start_time)]
            self._guards[folder] = exec_guard.Guard(folder, arguments, container.host.parts.environment())
        pid_file = f"{folder}/{exec_files.new_name('held')}"
        exec_guard.note(pid_file)
        return oci_exec.begun(container.oci, container.id, process, streams, oci_exec.Bounds(pid_file, wanted.timeout))

    def finish(self, one: oci_exec.Begun, wanted: Exec) -> Ended:
        """Follow a command to its end. :raises ContainerStopped: the container does not run, or ends first."""
        container = self.container
        ended = one.finish()
        # The container's first process ends after the others of its PID namespace.
        if ended.code == _KILLED and processes.wait_end(container.state.process, _LAST):
            raise ContainerStopped(f"container {container.name} ended while {wanted.argv[0]} ran in it")
        return ended

    def close(self) -> None:
        """End the guard."""
        while self._guards:
            self._guards.popitem()[1].close()
