# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that outlive the killed engine: the next run waits for them or ends them, and then succeeds.

A wrapper blocks each program midway; the engine is killed; the next run proceeds as far as it can; then the program
is released.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.container_layers import ContainerLayers
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hooks import after_start
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import PATIENCE

WEB: dict[str, Any] = {
    "name": "web",
    "image": "localhost/busybox:latest",
    "command": ["sleep", "1000"],
    "stop_signal": "KILL",
    "publish": ["8080:80"],
}
ABSENT = {"name": "web", "state": "absent"}
WRAPPER = """#!/bin/sh
case " $* $CNI_COMMAND " in
*" {verb} "*) if [ -p /srv/gate ]; then echo $$ >> /srv/reached; read -r _ < /srv/gate; fi ;;
esac
exec {program} "$@"
"""
STORE, RUNTIME, PLUGINS = "/usr/bin/containers-storage", "/usr/sbin/runc", "/usr/lib/cni"
SURVIVORS = [
    (STORE, "create-container"),
    (STORE, "mount"),
    (STORE, "delete-container"),
    (RUNTIME, "create"),
    (RUNTIME, "start"),
    (RUNTIME, "delete"),
    (f"{PLUGINS}/bridge", "ADD"),
    (f"{PLUGINS}/portmap", "ADD"),
    (f"{PLUGINS}/bridge", "DEL"),
]


def _leave_layers_to_the_tool() -> None:
    ContainerLayers.usable = lambda self: False  # type: ignore[method-assign]


class Gate:
    """A wrapper of ``program`` that blocks it at ``verb`` until released; ``options`` select the wrapper."""

    def __init__(self, program: str, verb: str) -> None:
        self.options: dict[str, Any] = {}
        self.prepare: Callable[[], None] = _leave_layers_to_the_tool if program == STORE else lambda: None
        if program.startswith(PLUGINS):
            self.options["cni_plugin_dirs"] = ["/srv/tools", PLUGINS]
        elif program == RUNTIME:
            self.options["oci_runtime"] = "/srv/tools/runc"
        os.mkdir("/srv/tools")
        if verb == "start":  # a program for the sake of hooks alone
            self.options.update(after_start(Path("/srv/tools")))
        os.mkfifo("/srv/gate")
        path = f"/srv/tools/{os.path.basename(program)}"
        with open(path, "w", encoding="ascii") as file:
            file.write(WRAPPER.format(verb=verb, program=program))
        os.chmod(path, 0o755)
        if program == STORE:
            # The engine searches here first.
            kernel.mount("/srv/tools", "/usr/local/sbin", flags=kernel.MS_BIND)

    def reached(self) -> int:
        """Return how many processes have reached the gate."""
        try:
            with open("/srv/reached", encoding="ascii") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def let_through(self) -> None:
        """Release the processes at the gate."""
        with contextlib.suppress(OSError):
            gate = os.open("/srv/gate", os.O_WRONLY | os.O_NONBLOCK)
            os.write(gate, b"go\n")
            os.close(gate)

    def remove(self) -> None:
        if os.path.exists("/usr/local/sbin/containers-storage"):
            kernel.umount("/usr/local/sbin")
        shutil.rmtree("/srv/tools")
        for path in ("/srv/gate", "/srv/reached"):
            if os.path.exists(path):
                os.unlink(path)


def _let_all_through(gate: Gate, over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60 * PATIENCE
    while not over():
        assert time.monotonic() < deadline
        gate.let_through()
        time.sleep(0.002)


def _fork(work: Callable[[], Result]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(1 if work().failed else 0)
        finally:
            os._exit(2)
    return pid


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60 * PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def _killed_at_gate(host: Host, gate: Gate, options: dict[str, Any]) -> None:
    """Run the task until its program is blocked at the gate, and kill it from outside."""

    def tell() -> None:
        gate.prepare()
        with open("/srv/pid.tmp", "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        os.rename("/srv/pid.tmp", "/srv/pid")

    waiting = _fork(lambda: host.module("libpod_container", options, prepare=tell))
    _until(lambda: gate.reached() == 1)
    with open("/srv/pid", encoding="ascii") as file:
        os.kill(int(file.read()), signal.SIGKILL)
    os.waitpid(waiting, 0)
    os.unlink("/srv/pid")


def _waits_for_a_lock(host: Host) -> bool:
    """Return whether a process waits in flock(2); proc_locks(5) does not show it where a dead process took the lock."""
    for pid in host.cgroups.processes():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/wchan", "rb") as file:
            if file.read() == b"locks_lock_inode_wait":
                return True
    return False


def _ok(host: Host, gate: Gate, options: dict[str, Any]) -> Result:
    result = host.module("libpod_container", options, prepare=gate.prepare)
    assert not result.failed, result
    return result


@pytest.mark.parametrize("survivor", SURVIVORS, ids=" ".join)
@pytest.mark.parametrize("following", ["absent", "started"])
def test_next_run_succeeds_while_a_program_is_still_running(
    host: Host, survivor: tuple[str, str], following: str
) -> None:
    gate = Gate(*survivor)
    started, absent = {**WEB, **gate.options}, {**ABSENT, **gate.options}
    takes_down = survivor[1] in ("delete-container", "delete", "DEL")
    if takes_down:
        _ok(host, gate, started)
    _killed_at_gate(host, gate, absent if takes_down else started)

    next_run = _fork(lambda: _ok(host, gate, absent if following == "absent" else started))
    ended: list[int] = []

    def over() -> bool:
        if not ended:
            pid, status = os.waitpid(next_run, os.WNOHANG)
            ended.extend([status] if pid else [])
        return bool(ended)

    _until(lambda: over() or gate.reached() > 1 or _waits_for_a_lock(host))
    _let_all_through(gate, over)
    assert ended == [0]
    if following == "started":
        (one,) = host.module("libpod_container_info")["containers"]
        assert one["State"]["Status"] == "running"
        assert not _ok(host, gate, started).changed
        os.unlink("/srv/gate")
        _ok(host, gate, absent)
    gate.remove()
    host.expect_clean()
