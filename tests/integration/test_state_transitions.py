# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation in every status of real containers, compared with the table of state transitions."""

from __future__ import annotations

import os
import signal
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import Exec
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_lines import Wanted
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.commit import Commit
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.copy import Copy
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidState
from ansible_collections.libpod.engine.plugins.module_utils._model.records.namespaces import LinuxNS
from ansible_collections.libpod.engine.plugins.module_utils._model.records.status import TRANSITIONS, ContainerStatus
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "rewindable": True}

# How each operation is called, without changes where the operation supports that.
OPERATIONS: dict[str, Callable[[Runtime, Container], object]] = {
    "init": lambda _runtime, one: one.init(),
    "start": lambda _runtime, one: one.start(),
    "restart": lambda _runtime, one: one.restart(),
    "mark": lambda _runtime, one: one.mark(),
    "rewind": lambda _runtime, one: one.rewind(),
    "stop": lambda _runtime, one: one.stop(),
    "kill": lambda _runtime, one: one.kill(signal.SIGCONT),
    "pause": lambda _runtime, one: one.pause(),
    "unpause": lambda _runtime, one: one.unpause(),
    "exec": lambda _runtime, one: one.exec(Exec(["true"])),
    "attach": lambda _runtime, one: one.attach(b"", 0.01),
    "pid": lambda _runtime, one: one.pid(),
    "namespace_path": lambda _runtime, one: one.namespace_path(LinuxNS.PID),
    "wait": lambda _runtime, one: one.wait(0.01) if not one.status().has_process else None,
    "logs": lambda _runtime, one: one.logs(Wanted()),
    "mount": lambda _runtime, one: one.mount(),
    "unmount": lambda _runtime, one: one.unmount(),
    "export": lambda _runtime, one: one.export("/srv/moves.tar", dry=True),
    "diff": lambda _runtime, one: one.diff(),
    "commit": lambda _runtime, one: one.commit(Commit("moves", dry=True)),
    "copy": lambda _runtime, one: one.copy(Copy("/etc/passwd", "/srv/moves", out=True, dry=True)),
    "update": lambda _runtime, one: one.update(one.config, []),
    "remove": lambda runtime, one: runtime.remove(one),
    "force_remove": lambda runtime, one: runtime.remove(one, force=True),
}


def _bring(container: Container, status: ContainerStatus) -> None:
    """Bring a configured container to the status with the engine; a truncated record makes it unknown."""
    if status is ContainerStatus.CREATED:
        container.init()
    elif status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED, ContainerStatus.EXITED):
        container.start()
        if status is ContainerStatus.PAUSED:
            container.pause()
        if status is ContainerStatus.EXITED:
            container.stop(0)
    elif status is ContainerStatus.UNKNOWN:
        with container.batch():
            container.save()
        with open(f"{container.run_dir}/state.json", "w", encoding="ascii") as file:
            file.write("{")


def _kernel_agrees(container: Container) -> None:
    """Assert that the recorded status is that of the processes: alive, frozen or gone."""
    state = container.state
    alive = bool(state.pid) and os.path.exists(f"/proc/{state.pid}")
    assert alive == state.status.has_process
    if alive:
        frozen = cgroup_files.read("freezer", container.cgroup_path, "freezer.state") == "FROZEN"
        assert frozen == (state.status is ContainerStatus.PAUSED)


def test_every_operation_of_the_table_is_tested() -> None:
    assert set(OPERATIONS) == set(TRANSITIONS)


def _fresh(host: Host, runtime: Runtime, status: ContainerStatus) -> Container:
    """Return a new container ``c`` in this status."""
    if runtime.find("c") is not None:
        assert not host.container("c", state="absent").failed
    made = host.container("c", state="present", **OPTIONS)
    assert not made.failed, made
    container = runtime.container("c")
    _bring(container, status)
    assert container.status() is status
    return container


@pytest.mark.parametrize("status", ContainerStatus)
def test_operation_is_allowed_or_refused_as_the_table_says(host: Host, status: ContainerStatus) -> None:
    runtime = Runtime(host.parts)
    container = _fresh(host, runtime, status)
    for operation, (allowed, after) in TRANSITIONS.items():
        where = f"{operation} of a container that is {status}"
        if runtime.find("c") is None or container.status() is not status:
            container = _fresh(host, runtime, status)
        if status not in allowed:
            with pytest.raises(InvalidState, match=f"cannot .* container c: it is {status}") as refused:
                OPERATIONS[operation](runtime, container)
            assert all(str(one) in str(refused.value) for one in allowed), where
            assert container.status() is status, where
        else:
            OPERATIONS[operation](runtime, container)
            if operation in ("remove", "force_remove"):
                assert runtime.find("c") is None, where
                continue
            # Every operation that writes the state of an unknown container repairs it.
            assert container.status() is (after or status) or status is ContainerStatus.UNKNOWN and not after, where
        if container.state.status is not ContainerStatus.UNKNOWN:
            _kernel_agrees(container)


def test_documented_table_matches_the_engines() -> None:
    path = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "state-transitions.md")
    rows = [
        f"| {operation} | {'any' if len(allowed) == len(ContainerStatus) else ', '.join(sorted(allowed))} "
        f"| {after or 'the same'} |"
        for operation, (allowed, after) in TRANSITIONS.items()
    ]
    with open(path, encoding="utf-8") as file:
        assert [line for line in file.read().splitlines() if line.startswith("| ")][1:] == rows
