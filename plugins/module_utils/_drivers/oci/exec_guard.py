# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ends the commands that an engine process runs in a container where that process is killed: its guard.

The guard is a shell that reads from a pipe of which the engine process has the other end. The end of file means that
the process has ended, however it did. If it has left ``held`` files, the shell becomes the engine's program, which ends
these commands; else it ends.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import Mapping, Sequence

from ..._model.failpoints import failpoint
from ..._model.records.process_ref import ProcessRef
from .. import process as processes
from ..command import refused, tool_environment
from . import exec_files
from .exec_timeout import end_left_over
from .runtime import OciRuntime

_SHELL = "/bin/sh"
# The pattern is expanded once the pipe has ended.
_SCRIPT = 'read -r line; for file in "$0"*.held; do [ ! -e "$file" ] || exec "$@"; done'
_STARTING = 10.0  # seconds that an OCI runtime has to start the process that is then ended
_LOOK = 0.05  # seconds between two looks for it


class Guard:
    """The guard of this process's commands in the container that has the run directory ``folder``."""

    def __init__(self, folder: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; ``command`` is then to end what this process leaves.

        :raises ToolMissing: there is no shell. :raises HostExhausted: no process or descriptor is left for it.
        """
        prefix = f"{folder}/{exec_files.held_by(processes.ref(os.getpid()))}"
        reader, self._writer = os.pipe()
        failpoint("start guard")
        try:
            self._shell = subprocess.Popen(
                [_SHELL, "-c", _SCRIPT, prefix, *command],
                stdin=reader,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**tool_environment(), **environment},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._writer)
            refused(error, _SHELL, "dash")
        finally:
            os.close(reader)

    def close(self) -> None:
        """End it, where this process has no more commands to run."""
        os.close(self._writer)
        self._shell.wait()


def note(pid_file: str) -> None:
    """Create a ``held`` file, empty until the runtime writes the PID there."""
    failpoint("note exec")
    os.close(os.open(pid_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def end_abandoned(oci: OciRuntime, cgroup_path: str, folder: str) -> None:
    """End the commands of killed engine processes, whose guards were killed too."""
    for engine, path in list(exec_files.held(folder)):
        if not processes.alive(engine):
            _end(oci, cgroup_path, path)


def end_commands(oci: OciRuntime, cgroup_path: str, folder: str, engine: ProcessRef) -> None:
    """End the commands of this engine process, which is about to end or has ended."""
    processes.wait_end(engine, _STARTING)
    for other, path in list(exec_files.held(folder)):
        if other == engine:
            _end(oci, cgroup_path, path)


def _end(oci: OciRuntime, cgroup_path: str, pid_file: str) -> None:
    """Wait for a runtime that is still at work, so that the PID is known of what it starts, and end that."""
    deadline = time.monotonic() + _STARTING
    # A runtime that is about to replace the killed process's image has no command line of its own yet.
    clean = 0
    while clean < 2 and time.monotonic() < deadline:
        clean = 0 if list(processes.with_argument(pid_file, oci.programs)) else clean + 1
        time.sleep(_LOOK)
    end_left_over(oci, cgroup_path, pid_file)
