# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a process in a running container with a time limit, keeping the beginning of its output."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from ..._model.failpoints import failpoint
from .. import process as processes
from ..cgroups.manager import read_file
from ..conmon.conmon import read_pid
from ..streams import Sink
from . import exec
from .exec_streams import Streams
from .runtime import OciRuntime


def execute(
    oci: OciRuntime, container_id: str, process: Mapping[str, object], bounds: exec.Bounds, length: int
) -> tuple[Optional[int], bytes]:
    """Run ``process`` (config.md#process) and return its exit code and the first ``length`` bytes of its output.

    A process that exceeds its time is killed with its session, and has None. Errors of the runtime are as in
    ``exec.execute``.
    """
    failpoint("note check")
    with open(bounds.pid_file, "w", encoding="utf-8"):
        pass
    output = bytearray()
    sink = Sink(lambda data: output.extend(data[: length - len(output)]))
    ended = exec.execute(oci, container_id, process, Streams(sink, None), bounds)
    return ended.code, bytes(output) or ended.error.encode()[:length]


def end_left_over(oci: OciRuntime, cgroup_path: str, pid_file: str) -> None:
    """Kill the process of an ``execute`` that was killed itself, if its PID file is there."""
    if not os.path.exists(pid_file):
        return
    processes.kill_with_argument(pid_file, oci.programs)
    pid = read_pid(pid_file)
    # Only a process of the container, for another one may have the PID by now. Where systemd runs in the container, the
    # runtime puts the process below the container's own cgroup.
    lines = (read_file(f"/proc/{pid}/cgroup") or "").splitlines() if pid else []
    if any(f"{line.split(':', 2)[2]}/".startswith(f"{cgroup_path}/") for line in lines):
        processes.kill_descent(pid)
    oci.end_inside(pid_file)
    exec.forget(pid_file)
