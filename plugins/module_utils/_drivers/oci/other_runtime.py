# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OCI runtime other than runc and crun, such as youki and gVisor's runsc, by the commands of the specification.

Those are create, start, state, kill and delete (runtime.md of the OCI runtime specification). Only for a command in a
container the engine also needs ``exec`` with runc's options. It pauses containers and changes their limits by their
cgroup.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Callable, Sequence

from ..._model import foreign
from ..._model.errors import LibpodError, MalformedData, ToolFailed
from ..._model.options.syntax.parsers import natural
from ..conmon.conmon import read_pid
from . import exec_files
from .runtime import OciRuntime

# What wrappers become, such as nvidia-container-runtime, and what runsc starts, beside the program's own name.
_PROGRAMS = ("runsc", "runsc-sandbox", "runsc-gofer", "youki", "runc", "crun")


class OtherRuntime(OciRuntime):
    """A runtime whose state, pauses and limits are its own: only what the specification says is known of it."""

    by_specification = True

    @property
    def programs(self) -> tuple[str, ...]:
        return (self.name, *_PROGRAMS)

    def start(self, container_id: str, name: str, bundle: str, lives: Callable[[], bool]) -> None:
        """Run the process of a created container, by the command ``start``."""
        self._start(container_id, name)

    def unstarted(self, container_id: str, recorded: bool) -> bool:
        """Return whether the container was created and not started, by the command ``state``.

        It is only run for a container that is ``recorded`` as created. Where it fails, that record holds.
        """
        if not recorded:
            return False
        try:
            output = self._run("state", container_id, doing="cannot ask for the state", changes=False)
            return foreign.parse(output, f"the answer of {self.path}")["status"].text().lower() == "created"
        except (LibpodError, MalformedData):
            return True

    def state_files(self, container_id: str) -> list[str]:
        """Return what the runtime has of a container: entries of its root by the ID.

        youki has a directory ``ID``, runsc files such as ``ID_sandbox:ID.state``.
        """
        try:
            names = os.listdir(self.root)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (name for name in names if name == container_id or name.startswith(f"{container_id}_"))
        return [f"{self.root}/{name}" for name in found]

    def has_state(self, container_id: str) -> bool:
        return bool(self.state_files(container_id))

    def delete(self, container_id: str, *, force: bool = False) -> None:
        """Remove the runtime's state of a container, if there is any.

        Its processes have ended by then. A runtime that finds no container in its own files leaves them, as after a
        kill in the middle of create.
        """
        if not self.state_files(container_id):
            return
        try:
            self._delete("delete", *(["--force"] if force else []), container_id)
        except ToolFailed as error:
            if not force:
                self._delete("delete", "--force", container_id)
            elif self._knows(container_id):
                raise error
        from ..storage.leftover_mounts import remove_tree

        for path in self.state_files(container_id):
            remove_tree(path)

    def _knows(self, container_id: str) -> bool:
        """Return whether the runtime has a state of the container."""
        try:
            self._run("state", container_id, doing="cannot ask for the state", changes=False)
        except ToolFailed:
            return False
        return True

    def exec_options(self, container_id: str, pid_file: str) -> Sequence[str]:
        """Have runsc note the PID that the command has in the sandbox."""
        return ("--internal-pid-file", exec_files.inner(pid_file)) if self._is_runsc(container_id) else ()

    def _is_runsc(self, container_id: str) -> bool:
        return any(name.endswith(".state") for name in self.state_files(container_id))

    def end_inside(self, pid_file: str) -> None:
        """Kill a command that a sandbox has gone on with, and its children there, where its PID is noted.

        The end of the process that stands for it on the host does not end it. ``pid_file`` is in the container's run
        directory, which has the container's ID for a name.
        """
        container_id, first = os.path.basename(os.path.dirname(pid_file)), read_pid(exec_files.inner(pid_file))
        if not first:
            return
        with suppress(ToolFailed):  # it has ended, or the whole sandbox
            table = self._run("ps", container_id, doing="cannot list the processes", changes=False)
            for pid in descent(table, first):
                with suppress(ToolFailed):
                    self._run("kill", "--pid", str(pid), container_id, "KILL", doing="cannot end a command")

    def makes_sandboxes(self) -> bool:
        return self._version()[0] == "runsc"

    def _version(self) -> tuple[str, tuple[int, ...]]:
        """Return the program's own name and version, those of an unknown one where it does not tell them."""
        try:
            return super()._version()
        except ToolFailed:
            return "", (0, 0)

    def sandboxes(self, proc: str, rootfs: str) -> bool:
        """Return whether a container's process is a sandbox: its root directory is not the container's ``rootfs``."""
        try:
            return not os.path.samestat(os.stat(f"{proc}/root"), os.stat(rootfs))
        except OSError:
            return False


def descent(table: str, first: int) -> list[int]:
    """Return a PID, if it is in runsc's table of processes (``UID PID PPID …``), and all that descend from it."""
    rows = (line.split() for line in table.splitlines()[1:])
    parents = {natural(row[1]): natural(row[2]) for row in rows if len(row) > 2}
    found = [first] if first in parents else []
    for one in found:  # it grows meanwhile
        found += [pid for pid, parent in parents.items() if pid is not None and parent == one and pid not in found]
    return found
