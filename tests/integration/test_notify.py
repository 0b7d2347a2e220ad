# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sdnotify, cgroups and attach: what a container's caller receives, and which processes stay in its cgroup."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def _cgroups(pid: str) -> str:
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        return file.read()


def test_starter_receives_sd_notify(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("/srv/manager.sock")
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", "/srv/manager.sock")
        made = host.container("c", **BASE)
        process = Process(made)
        assert manager.recv(4096) == f"MAINPID={process.status['PPid']}".encode()
        assert process.environ["NOTIFY_SOCKET"] == "/run/notify/notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inside:
            inside.connect(process.path("root/run/notify/notify.sock"))
            inside.send(b"READY=1\n")
        assert manager.recv(4096).strip() == b"READY=1"
        assert host.container("c", **BASE)["actions"] == []
        recreated = host.container("c", **BASE, sdnotify="conmon")
        process = Process(recreated)
        assert manager.recv(4096) == f"MAINPID={process.status['PPid']}\nREADY=1".encode()
        assert "NOTIFY_SOCKET" not in process.environ and "/run/notify" not in process.mounts
        last = host.container("c", **BASE, sdnotify="ignore")
        assert "NOTIFY_SOCKET" not in Process(last).environ
        manager.setblocking(False)
        with pytest.raises(BlockingIOError):
            manager.recv(4096)
    # The socket exists, but has no listener any more.
    assert not host.container("c", **BASE, sdnotify="conmon").failed
    os.unlink("/srv/manager.sock")
    assert not host.container("c", **BASE).failed


def test_conmon_stays_where_it_was_started(host: Host) -> None:
    wanted = {**BASE, "cgroups": "no-conmon"}
    made = host.container("c", **wanted)
    process = Process(made)
    conmon = process.status["PPid"]
    assert _cgroups(conmon) == _cgroups("self") != _cgroups(str(process.pid))
    assert host.container("c", **BASE, cgroups="no-conmon")["actions"] == []
    os.kill(process.pid, 9)
    eventually(lambda: not os.path.exists(f"/proc/{conmon}"))
    assert host.container("c", **wanted)["actions"] == ["started c"]
    # Killed before conmon's PID is recorded: the next run finds it by its command line.
    killed = host.module("libpod_container", {"name": "d", **wanted}, kill_at="release conmon #1")
    assert killed.killed
    assert not host.container("d", **wanted).failed
    for word, reason in (("disabled", "runc"), ("split", "cgroup_parent")):
        refused = host.container("c", **BASE, cgroups=word)
        assert refused.failed and refused["error"] == "NotImplementedByHost" and reason in refused["msg"], refused


def test_streams_that_a_task_returns(host: Host) -> None:
    job = {**BASE, "command": ["sh", "-c", "echo out; echo err >&2"], "recreate": True}
    for attach, streams in {
        None: ("out\n", "err\n"),
        ("stdin", "stdout"): ("out\n", ""),
        ("stderr",): ("", "err\n"),
    }.items():
        done = host.container("c", **job, detach=False, attach=attach and list(attach))
        assert (done["stdout"], done["stderr"]) == streams, (attach, done)
    waited = host.container("c", **job, attach=["stdout"])
    assert (waited["stdout"], waited["stderr"], waited["rc"]) == ("out\n", "", 0), waited
    refused = host.container("c", **job, attach=["x"], detach=False)
    assert refused.failed and refused["msg"].startswith("attach: ") and "cannot be used" in refused["msg"], refused
