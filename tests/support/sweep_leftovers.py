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

from .failing_iptables import PORTMAP_LOOKS, failing
from .hosts import Host
from .modules import Result
from .networks import tracked
from .process import eventually
from .sweep import Check, Operation, Task
from .sweep_tasks import ABSENT, RUNNING, Options, does, fails, inspected, is_stopped, module, processes, runs, started

# Exec

TERMINAL = {"name": "web", "argv": ["true"], "tty": True}
OVERDUE = {"name": "web", "argv": ["sleep", "1112"], "timeout": "1s"}


def _left_no_exec(host: Host) -> None:
    """The container still runs, and its ended commands have no file."""
    one = runs(host, RUNNING)
    files = [name for name in os.listdir(f"{host.parts.run_root}/containers/{one['Id']}") if "exec" in name]
    assert not files, files


def _end_overdue(host: Host) -> None:
    """A killed task leaves its command running."""
    for pid in host.cgroups.processes():
        # Another process may exit before it is read.
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            if file.read() == "sleep\0001112\0":
                os.kill(pid, signal.SIGKILL)
    eventually(lambda: "sleep 1112" not in processes(host))
    _left_no_exec(host)


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
