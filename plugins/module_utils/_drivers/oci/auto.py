# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime of new containers where ``oci_runtime`` names none."""

from __future__ import annotations

import os

from ..._model.engine_config import EngineConfig, PlanningConfig
from ..._model.errors import ToolFailed, ToolMissing, ToolTimedOut, warn
from ..._model.failpoints import failpoint
from ..cgroups.manager import CgroupHost
from ..engine.hardened import TOOL_PATH

_BYTES = 200  # of the record


def choose(host: CgroupHost, parts: EngineConfig) -> str:
    """Return ``crun`` where it is installed and works on this host, else ``runc``.

    crun refuses a hybrid host: cgroup v1's controllers with a cgroup v2 mount beside them. A crun that does not start,
    as for want of a library, is passed over with a warning where runc is installed.
    """
    crun = _installed("crun")
    if not crun or host.kind == "hybrid":
        return "runc"
    return "crun" if not _installed("runc") or _starts(crun, parts) else "runc"


def _installed(name: str) -> str:
    paths = (f"{folder}/{name}" for folder in TOOL_PATH.split(":"))
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def _starts(crun: str, parts: EngineConfig) -> bool:
    """Return whether crun starts, which the run root remembers until the next boot or until the program is replaced."""
    status, record = os.stat(crun), f"{parts.run_root}/crun-starts"
    shown = f"{crun} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
    try:
        with open(record, encoding="utf-8", errors="replace") as file:
            if file.read(_BYTES) == shown:
                return True
    except OSError:
        pass
    from ..command import run

    try:
        # --version would make a directory for its containers.
        run([crun, "--help"], package="crun", doing="it shows no help", changes=False, tool="oci_runtime")
    except (OSError, ToolFailed, ToolMissing, ToolTimedOut) as error:
        warn(f"oci_runtime: auto takes runc, since crun does not start on this host: {error}")
        return False
    if os.path.isdir(parts.run_root) and not isinstance(parts, PlanningConfig):
        _remember(record, shown)
    return True


def _remember(record: str, shown: str) -> None:
    failpoint("remember that crun starts")
    draft = f"{record}.new"  # one for all processes, so that failures and kills leave no more than that
    try:
        with open(draft, "w", encoding="utf-8") as file:
            file.write(shown)
        os.rename(draft, record)
    except OSError:
        pass  # on a full file system, say: the next container asks again
