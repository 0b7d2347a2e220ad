# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several tasks at once, each in a process of its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any, Callable, Sequence

from .hosts import Host
from .modules import Result
from .process import PATIENCE


def _begun(work: Callable[[], Result], gate: tuple[int, int]) -> tuple[int, int]:
    """Fork a child that does the work once the pipe ``gate`` is closed; return its PID and its result's descriptor."""
    result = os.memfd_create("result")
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate[1])
            os.read(gate[0], 1)
            done = work()
            os.write(result, json.dumps([done, done.exit_code, done.stderr]).encode())
        finally:
            os._exit(0)
    return pid, result


def _ended(pid: int, descriptor: int) -> Result:
    os.waitpid(pid, 0)
    with open(descriptor, "rb") as file:
        file.seek(0)
        said, exit_code, stderr = json.load(file)
    result = Result(said)
    result.exit_code, result.stderr = exit_code, stderr
    return result


def _module(host: Host, options: dict[str, Any]) -> Callable[[], Result]:
    """libpod_container with these options, libpod_container_info where there are none."""
    return lambda: host.module("libpod_container" if options else "libpod_container_info", options)


def run_concurrently(
    host: Host, tasks: Sequence[dict[str, Any] | Callable[[], Result]], waits_for: str = ""
) -> list[Result]:
    """Run all tasks at once: modules by their options, or other work.

    ``waits_for`` names a container whose lock is held until all of them wait for it.
    """
    gate = os.pipe()
    running = [_begun(task if callable(task) else _module(host, task), gate) for task in tasks]
    with contextlib.ExitStack() as held:
        if waits_for:
            locks = f"{host.parts.run_root}/locks"
            os.makedirs(locks, exist_ok=True)
            file = held.enter_context(open(f"{locks}/{waits_for}.lock", "w", encoding="ascii"))
            fcntl.flock(file, fcntl.LOCK_EX)
        os.close(gate[1])
        if waits_for:
            _until(lambda: _waiting(os.fstat(file.fileno())) == len(tasks))
    os.close(gate[0])
    return [_ended(pid, descriptor) for pid, descriptor in running]


def _waiting(file: os.stat_result) -> int:
    """Return how many processes wait for the lock on a file (proc_locks(5)).

    Test hosts that run side by side have files of the same inode, on other devices.
    """
    identity = f" {os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino} "
    with open("/proc/locks", encoding="ascii") as lines:
        return sum(identity in line and "->" in line for line in lines)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60 * PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
