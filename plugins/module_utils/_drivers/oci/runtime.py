# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime's command line: that of runc and crun; ``other_runtime`` has the others."""

from __future__ import annotations

import json
import os
import time
from typing import Callable, Mapping, Optional, Sequence

from ..._model.errors import ToolFailed
from ..._model.failpoints import failpoint
from ..._model.options.syntax.parsers import natural

_EXEC_FIFO = "exec.fifo"  # in the state directory of a container that waits for its start


class OciRuntime:
    """The verbs of an OCI runtime, by container ID, with a state directory of the engine's own.

    ``by_specification``: it has the specification's commands, and what else runc has is not relied on.
    """

    by_specification = False

    def __init__(self, path: str, run_root: str, *, systemd_cgroup: bool = False) -> None:
        self.path = path
        self.name = os.path.basename(path)
        self.root = f"{run_root}/{self.name}"
        self.systemd_cgroup = systemd_cgroup

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the runtime's processes."""
        return (self.name,)

    @property
    def global_arguments(self) -> list[str]:
        return ["--root", self.root] + (["--systemd-cgroup"] if self.systemd_cgroup else [])

    def _run(self, *arguments: str, doing: str, changes: bool = True, input: Optional[str] = None) -> str:
        from ..command import run  # an unchanged container runs no program

        argv = [self.path, *self.global_arguments, *arguments]
        label, tool = arguments[0], "oci_runtime"
        return run(argv, package=self.name, doing=doing, changes=changes, input=input, label=label, tool=tool)

    def start(self, container_id: str, name: str, bundle: str, lives: Callable[[], bool]) -> None:
        """Run the process of a created container, as the command ``start`` does where no hook runs after it.

        ``bundle`` is the directory of its ``config.json``, and ``lives`` whether its process does.
        """
        from .. import limits
        from . import exec_fifo

        if not exec_fifo.suffices(bundle):
            self._start(container_id, name)
            return
        failpoint(f"{self.name} start")
        fifo = f"{self.root}/{container_id}/{_EXEC_FIFO}"
        if not exec_fifo.release(fifo, lives, limits.of("oci_runtime").seconds):
            self._start(container_id, name)

    def _start(self, container_id: str, name: str) -> None:
        self._run("start", container_id, doing=f"cannot start container {name}")

    def delete(self, container_id: str, *, force: bool = False) -> None:
        """Remove the runtime's state of a container, if there is any."""
        folder = f"{self.root}/{container_id}"
        if not os.path.isdir(folder):
            return
        arguments = ("delete", *(["--force"] if force else []), container_id)
        try:
            self._delete(*arguments)
        except ToolFailed as error:
            if "does not exist" not in error.stderr:
                from ..storage.leftover_mounts import detach_below

                # Such as its own program, which a killed runtime had bound there.
                if not detach_below(folder):
                    raise
                self._run(*arguments, doing="cannot delete the OCI container")
        if os.path.isdir(folder):
            from ..storage.leftover_mounts import remove_tree

            remove_tree(folder)

    def _delete(self, *arguments: str) -> None:
        """Run delete, with retries for two seconds where the runtime still sees the killed process run."""
        for wait in (0.1, 0.3, 0.6, 1.0):
            try:
                self._run(*arguments, doing="cannot delete the OCI container")
                return
            except ToolFailed as error:
                if "not stopped" not in error.stderr:
                    raise
            time.sleep(wait)
        self._run(*arguments, doing="cannot delete the OCI container")

    def pause(self, container_id: str, name: str) -> None:
        self._run("pause", container_id, doing=f"cannot pause container {name}")

    def resume(self, container_id: str, name: str) -> None:
        self._run("resume", container_id, doing=f"cannot unpause container {name}")

    def update(self, container_id: str, name: str, resources: Mapping[str, object]) -> None:
        """Set the cgroup limits of a container; ``resources`` is the OCI spec's ``linux.resources``."""
        doing = f"cannot update the limits of container {name}"
        self._run("update", "--resources", "-", container_id, doing=doing, input=json.dumps(resources))

    def subgroup(self, annotations: Mapping[str, str]) -> str:
        """Return the path of a container's own cgroup below its scope, on cgroup v2.

        crun leaves the scope to systemd, and so has one such as ``/container`` (crun(1), run.oci.systemd.subgroup).
        """
        if not (self.systemd_cgroup and self.name.startswith("crun")):
            return ""
        name = annotations.get("run.oci.systemd.subgroup", "container")
        return f"/{name}" if name else ""

    def knows_personality(self) -> bool:
        """Return whether it applies the specification's ``linux.personality``.

        runc does from 1.2 on, and runsc does not.
        """
        name, version = self._version()
        return name != "runsc" and (name != "runc" or version >= (1, 2))

    def knows_idmap(self) -> bool:
        """Return whether it applies a mount's ``uidMappings``, as runc does from 1.2 on and crun from 1.5 on.

        Others leave them out without a word.
        """
        name, version = self._version()
        return version >= {"runc": (1, 2), "crun": (1, 5)}.get(name, version + (1,))

    def _version(self) -> tuple[str, tuple[int, ...]]:
        """Return the program's own name, and the first two numbers of its version."""
        fields = self._run("--version", doing="cannot ask for the version", changes=False).split()
        numbers = "".join(fields[2:3]).split(".")
        return "".join(fields[:1]), tuple(natural(part) or 0 for part in (*numbers, "", "")[:2])

    def unstarted(self, container_id: str, recorded: bool) -> bool:
        """Return whether the container was created and not started, without a fork: its FIFO waits for ``start``.

        ``recorded`` is whether it is recorded so, which is of no use here: the engine may have been killed before it
        could record the start.
        """
        return os.path.exists(f"{self.root}/{container_id}/{_EXEC_FIFO}")

    def start_interrupted(self, container_id: str) -> bool:
        """Return whether a start was interrupted, so that only the process knows whether it goes on."""
        from .exec_fifo import interrupted

        return os.path.exists(interrupted(f"{self.root}/{container_id}/{_EXEC_FIFO}"))

    def has_state(self, container_id: str) -> bool:
        """Return whether the runtime has a state of the container."""
        return os.path.isdir(f"{self.root}/{container_id}")

    def exec_options(self, container_id: str, pid_file: str) -> Sequence[str]:
        """Return further options of a command in the container whose PID goes to ``pid_file``."""
        return ()

    def end_inside(self, pid_file: str) -> None:
        """End what is left of a command in a container, of which ``pid_file`` had the PID, after its process here."""

    def makes_sandboxes(self) -> bool:
        """Return whether containers get a kernel of their own, gVisor's."""
        return False

    def sandboxes(self, proc: str, rootfs: str) -> bool:
        """Return whether a container's process, a directory of /proc, is a sandbox around it: never here."""
        return False
