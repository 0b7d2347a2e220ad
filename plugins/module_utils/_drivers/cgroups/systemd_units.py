# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's transient units, through its D-Bus API: conmon's scopes, the slices of pods (org.freedesktop.systemd1(5)).

A unit's cgroup is systemd's: a limit that is only written there lasts until systemd puts its own in force.
"""

from __future__ import annotations

import os
import time
from typing import Mapping, Sequence

from ..._model.cgroup_limits import LIMITS, Property
from ..._model.errors import LibpodError, ToolFailed
from ..command import run
from .manager import CgroupHost, read_file, systemd_runs, write_file


def enter_scope(host: CgroupHost, path: str, slice_name: str, pid: int, timeout: float = 10.0) -> None:
    """Move a process into the scope whose cgroup is ``path``, which systemd creates in the slice where it is missing.

    systemd removes it when its last process has ended.

    :raises ToolFailed: systemd refuses. :raises LibpodError: it has not done so after ``timeout`` seconds.
    """
    scope = os.path.basename(path)
    deadline = time.monotonic() + timeout
    while not _inside(path, pid):
        if not _moved(host, path, pid):
            try:
                properties = ["PIDs", "au", "1", str(pid), "Slice", "s", slice_name, *_COLLECTED]
                _start(scope, properties, 3, f"moving process {pid} into {scope}")
            except ToolFailed as error:
                # That of an earlier run goes when systemd has seen that it is empty.
                if "already" not in error.stderr or time.monotonic() > deadline:
                    raise
        # The call returns when the job is queued, not when it is done.
        if time.monotonic() > deadline:
            raise LibpodError(f"systemd has not moved process {pid} into {scope} within {timeout:g} seconds")
        for _attempt in range(50):
            if _inside(path, pid):
                return
            time.sleep(0.002)


_COLLECTED = ["CollectMode", "s", "inactive-or-failed"]


def _inside(path: str, pid: int) -> bool:
    return any(line.endswith(path) for line in (read_file(f"/proc/{pid}/cgroup") or "").splitlines())


def _moved(host: CgroupHost, path: str, pid: int) -> bool:
    """Move the process into the cgroup of an existing scope; return whether it is there."""
    file = f"{host.hierarchies[0]}{path}/cgroup.procs"
    if not read_file(file):
        return False
    try:
        write_file(file, str(pid))
    except OSError:
        return False  # it ended at this moment
    return True


def limit_slice(name: str, wanted: Mapping[str, object]) -> None:
    """Put the ``wanted`` limits (by option name, None for none) in force for a slice, created where it is missing.

    :raises ToolFailed: systemd refuses.
    """
    properties = _properties(wanted)
    count, arguments = len(properties), [argument for one in properties for argument in one]
    try:
        _start(name, arguments, count, f"making {name}")
    except ToolFailed as error:
        if "already" not in error.stderr:
            raise
        _call(["SetUnitProperties", "sba(sv)", name, "true", str(count), *arguments], f"setting the limits of {name}")


def _properties(wanted: Mapping[str, object]) -> list[list[str]]:
    properties = (row.systemd for row in LIMITS.values() if isinstance(row.systemd, Property))
    return [[one.name, one.signature, *one.format(wanted)] for one in properties]


def stop(name: str) -> None:
    """Have systemd stop a unit with all its processes, if it knows the unit."""
    try:
        _call(["StopUnit", "ss", name, "replace"], f"stopping {name}")
    except ToolFailed as error:
        if "not loaded" not in error.stderr:
            raise


def going_down() -> bool:
    """Return whether systemd is PID 1 and the host shuts down or reboots; it costs a fork."""
    if not systemd_runs():
        return False
    state = ["org.freedesktop.systemd1.Manager", "SystemState"]
    argv = ["busctl", "get-property", "--system", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", *state]
    try:
        return '"stopping"' in run(argv, package="systemd", changes=False)
    except LibpodError:
        return False


def _start(name: str, properties: Sequence[str], count: int, doing: str) -> None:
    # The 0 after the properties stands for no auxiliary units.
    arguments = ["StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", str(count), *properties, "0"]
    _call(arguments, doing)


def _call(arguments: Sequence[str], doing: str) -> None:
    manager = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
    run(["busctl", "call", "--system", *manager, *arguments], package="systemd", doing=doing, label=arguments[0])
