# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the container ``web`` during a task, and its exit command, run when a test wants it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import Any, Callable, Optional

from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import planner
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.desired import Desired
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.plan import Plan
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from .hosts import Host
from .modules import Result, in_child
from .process import eventually
from .sweep_tasks import without_exit_command

OPTIONS: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"],
    "network": "none",
}
CANCELLED = ["cancelled the restart of web"]


def ended(host: Host, **options: Any) -> str:
    """Make a container whose process was killed before any exit command ran; return its ID."""
    wanted = {"name": "web", **OPTIONS, "state": "started", **options}
    made = host.module("libpod_container", wanted, prepare=without_exit_command)
    assert not made.failed, made
    kill(made["container"]["State"]["Pid"])
    container_id: str = made["container"]["Id"]
    return container_id


def with_slow_exit_command() -> None:
    """For ``prepare``: the exit command that conmon starts takes 30 seconds."""
    command.argv = lambda parts: ["/bin/sh", "-c", "sleep 30"]


def kill(pid: int) -> None:
    victim = process.ref(pid)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not process.alive(victim))


def occupied(port: int) -> socket.socket:
    """Return a server that listens on a port, once the conmon of a killed container has closed it."""

    def bound() -> Optional[socket.socket]:
        with contextlib.suppress(OSError):
            return socket.create_server(("", port))
        return None

    taken: socket.socket = eventually(bound)
    return taken


def status_of(host: Host) -> str:
    (found,) = host.module("libpod_container_info", {"name": "web"})["containers"]
    status: str = found["State"]["ModelStatus"]
    return status


def after_plan(host: Host, task: dict[str, Any], meanwhile: Callable[[Runtime], object]) -> Result:
    """Run the task, with ``meanwhile`` between its plan and the first step."""

    def prepare() -> None:
        make = planner.make

        def made(runtime: Runtime, container: Optional[Container], desired: Desired) -> Plan:
            plan = make(runtime, container, desired)
            planner.make = make
            meanwhile(runtime)
            return plan

        planner.make = made

    return host.module("libpod_container", {"name": "web", **task}, prepare=prepare)


def restarted(runtime: Runtime) -> None:
    runtime.container("web").start()


def crashed(runtime: Runtime) -> None:
    kill(runtime.container("web").pid())


def run_exit_command(host: Host, container_id: str, prepare: Optional[Callable[[], None]] = None) -> Result:
    """Run the exit command as conmon does, with ``prepare`` first in its process."""

    def body() -> None:
        if prepare is not None:
            prepare()
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["exit", container_id]))

    return in_child(body)
