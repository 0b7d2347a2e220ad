# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exec, and the removal of rules that portmap left and of tracked connections, for the kill sweep to interrupt."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket

from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import Exec
from ansible_collections.libpod.engine.plugins.module_utils._container.io.guarded import Guarded
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import exec_files, exec_guard
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.exec_streams import Streams
from ansible_collections.libpod.engine.plugins.module_utils._drivers.streams import Sink
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from .failing_iptables import PORTMAP_LOOKS, failing
from .hosts import Host
from .modules import Result
from .networks import tracked
from .process import eventually
from .sweep import Check, Operation, Task
from .sweep_tasks import (
    ABSENT,
    RUNNING,
    Options,
    does,
    fails,
    inspected,
    is_stopped,
    module,
    processes,
    program,
    runs,
    started,
)

# Exec

TERMINAL = {"name": "web", "argv": ["true"], "tty": True}
OVERDUE = {"name": "web", "argv": ["sleep", "1112"], "timeout": "1s"}


def _left_no_exec(host: Host) -> None:
    """Assert that the container still runs, and that its ended commands have no file."""
    one = runs(host, RUNNING)
    files = [name for name in os.listdir(f"{host.parts.run_root}/containers/{one['Id']}") if "exec" in name]
    assert not files, files


def _end_overdue(host: Host) -> None:
    """End the command that a killed task leaves running."""
    for pid in host.cgroups.processes():
        # Another process may exit before it is read.
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            if file.read() == "sleep\0001112\0":
                os.kill(pid, signal.SIGKILL)
    eventually(lambda: "sleep 1112" not in processes(host))
    _left_no_exec(host)


# A command with children in its session and in another one, whose engine process and guard were killed.
FAMILY = ["sh", "-c", "setsid sh -c 'sleep 1115 & exec sleep 1113' & sleep 1114 & exec sleep 1112"]
_left = list[str]()  # the arguments by which its guard would have it ended


def _leave_command(host: Host) -> None:
    container = Runtime(host.parts).container("web")
    worker = os.fork()
    if not worker:
        try:
            exec_guard.Guard.__init__ = lambda *_arguments: None  # type: ignore[method-assign]
            Guarded(container).execute(Exec(FAMILY), Streams(Sink(len), Sink(len)))
        finally:
            os._exit(1)
    eventually(lambda: processes(host) == [f"sleep {seconds}" for seconds in (1000, 1112, 1113, 1114, 1115)])
    eventually(lambda: all(os.stat(path).st_size for _engine, path in exec_files.held(container.run_dir)))
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    ((engine, _path),) = exec_files.held(container.run_dir)
    _left[:] = [container.id, str(engine.pid), str(engine.start_time)]


def _end_command(host: Host, kill_at: str) -> Result:
    return program("exec-end", *_left, check=_left_no_exec).run(host, kill_at)


# Rules and connections

RESOLVING: Options = {**RUNNING, "network": "bridge", "publish": ["8053:53/udp"]}
MOVED: Options = {**RESOLVING, "publish": ["8054:53/udp"]}
SERVING: Options = {**RUNNING, "network": "bridge", "publish": ["8080:80"]}


def _nat(host: Host) -> str:
    return host.run("iptables-save", "-t", "nat")


def _tracked() -> list[str]:
    """Return the connections through the port that the kernel tracks."""
    return [line for line in tracked() if "dport=8053 " in line and "src=10.87." in line]


def _connect(_host: Host) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.sendto(b"?", ("198.51.100.1", 8053))
    assert _tracked()


def _without_portmap(name: str, options: Options, check: Check) -> Task:
    """Return the task on a host where portmap's DEL leaves its rules."""

    def run(host: Host, kill_at: str) -> Result:
        with failing(iptables=PORTMAP_LOOKS):
            return host.module(name, dict(options), kill_at=kill_at)

    return Task(run, check)


def _is_closed(host: Host) -> None:
    is_stopped(host)
    assert "CNI-DN-" not in _nat(host) and not _tracked()


def _is_moved(host: Host) -> None:
    assert inspected(host)["State"]["Status"] == "running"
    assert re.findall(r"--dport (\d+) -j DNAT", _nat(host)) == ["8054"] and not _tracked()


def _leave_rules(host: Host) -> None:
    """Remove the container ``old`` by force where its rules cannot be removed."""
    assert not host.module("libpod_container", {**SERVING, "name": "old"}).failed
    with failing(iptables=PORTMAP_LOOKS, iptables_restore="*"):
        assert not host.module("libpod_container", {"name": "old", "state": "absent", "force_delete": True}).failed
    assert "CNI-DN-" in _nat(host)


def _is_free(host: Host) -> None:
    assert "CNI-DN-" not in _nat(host)


PRUNED = module("libpod_prune", {"container": True}, _is_free)

LEFT = "iptables-restore|forget connections"
OPERATIONS = {
    "exec with a terminal": Operation(
        [started(RUNNING)],
        module("libpod_container_exec", TERMINAL, _left_no_exec, settles=False),
        ABSENT,
        removed="forget exec socket",
    ),
    "exec that takes too long": Operation(
        [started(RUNNING)],
        fails(module("libpod_container_exec", OVERDUE, _end_overdue), "CommandTimedOut"),
        ABSENT,
        only="end (exec|runtime)",
    ),
    "end of a killed task's command": Operation(
        [started(RUNNING), does(_leave_command)],
        Task(_end_command, _left_no_exec),
        ABSENT,
        removed="forget exec",
        others=1,  # a process that ends by itself between the look and its signal gets none
    ),
    "stop with left rules and connections": Operation(
        [started(RESOLVING), does(_connect)],
        _without_portmap("libpod_container", {"name": "web", "state": "stopped"}, _is_closed),
        ABSENT,
        only=LEFT,
        removed="forget",
    ),
    "moved port with left rules and connections": Operation(
        [started(RESOLVING), does(_connect)],
        _without_portmap("libpod_container", MOVED, _is_moved),
        ABSENT,
        only=LEFT,
        removed="restore",
    ),
    "drift by rules of a removed container": Operation(
        [ABSENT, does(_leave_rules), started(SERVING)],
        module("libpod_container", {**SERVING, "drift": "full"}, lambda host: runs(host, SERVING)),
        ABSENT,
        only=LEFT,
    ),
    "prune of rules": Operation([does(_leave_rules)], PRUNED, PRUNED, only=LEFT),
}
# Removal has nothing of its own to undo: the rules are another container's, and the terminal's exec has the same files.
# What a killed operation on images leaves is removed by the next one.
FINISHED_ONLY = (
    *("exec that takes too long", "drift by rules of a removed container", "prune of rules"),
    *("save", "load", "import"),
)
