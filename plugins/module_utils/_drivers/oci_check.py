# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process in a running container that has only so much time, and whose output may be of any length."""

from __future__ import annotations

import os
import select
import subprocess
import time
from typing import Any, Mapping, NamedTuple, Optional

from . import process as processes
from .cgroups import read_file
from .conmon import failure_code, read_pid, runtime_words
from .effects import effect
from .oci import OciRuntime
from .oci_exec import command, surroundings


class Bounds(NamedTuple):
    """``seconds`` a process may take, ``length`` of its output that is kept, and where its PID is noted meanwhile."""

    seconds: float
    length: int
    pid_file: str


def execute(
    oci: OciRuntime, container_id: str, process: Mapping[str, Any], bounds: Bounds
) -> tuple[Optional[int], bytes]:
    """Run ``process`` (config.md#process): its exit code and the beginning of its output, None for one out of time.

    That one is killed with all of its session; what the runtime refuses ends as in ``oci_exec.execute``.
    """
    effect("note check")
    with open(bounds.pid_file, "w", encoding="ascii"):
        pass
    with command(oci, container_id, process, "--pid-file", bounds.pid_file) as (argv, kept):
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=kept,
            **surroundings(process),
        )
        with child:
            ended, output = _follow(child, bounds)
            if not ended:
                processes.kill_session(read_pid(bounds.pid_file))
                child.kill()
        words = runtime_words(f"/proc/self/fd/{kept[1]}") if ended and child.returncode else ""
    forget(bounds.pid_file)
    if words:
        return failure_code(words), (output or words.encode())[: bounds.length]
    return child.returncode if ended else None, output


def _follow(child: subprocess.Popen[bytes], bounds: Bounds) -> tuple[bool, bytes]:
    """Read until the runtime has ended; whether it has in time, and the beginning of the output."""
    output, pipe = b"", child.stdout.fileno() if child.stdout else -1
    deadline = time.monotonic() + bounds.seconds
    descriptor = os.pidfd_open(child.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(pipe, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0:
            # poll(2) takes its milliseconds as an int: a day at a time.
            ready = {found for found, _event in poll.poll(min(left, 86400) * 1000 + 1)}
            if pipe in ready:
                data = os.read(pipe, 1 << 16)
                output = (output + data)[: bounds.length]
                if not data:
                    poll.unregister(pipe)
            if descriptor in ready:
                return True, output
        return False, output
    finally:
        os.close(descriptor)


def forget(pid_file: str) -> None:
    """Nothing runs any more that the file told of."""
    effect("forget check")
    try:
        os.unlink(pid_file)
    except FileNotFoundError:
        pass


def end_left_over(oci: OciRuntime, cgroup_path: str, pid_file: str) -> None:
    """End the process of an ``execute`` that was killed itself; nothing is looked for where none was."""
    if not os.path.exists(pid_file):
        return
    processes.kill_with_argument(pid_file, (oci.name,))
    pid = read_pid(pid_file)
    # The container's own, not another one that has the PID by now.
    # Where systemd runs in the container, the runtime puts what it executes below the container's own cgroup.
    lines = (read_file(f"/proc/{pid}/cgroup") or "").splitlines() if pid else []
    if any(f"{line.split(':', 2)[2]}/".startswith(f"{cgroup_path}/") for line in lines):
        processes.kill_session(pid)
    forget(pid_file)
