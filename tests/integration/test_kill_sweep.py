# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any external effect: the same task run again converges, and removal leaves nothing."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.sweep import sweep

# With a network, a port and a volume, it meets every effect there is.
OPTIONS = {
    "image": "localhost/busybox:latest",
    "command": ["sleep", "100000"],
    "stop_signal": 9,
    "network": ["bridge"],
    "publish": ["8080:80"],
    "volume": ["data:/data"],
}


def _task(host: Host, state: str, **options: Any) -> Any:
    return lambda kill_at: host.module("libpod_container", {"name": "web", "state": state, **options}, kill_at=kill_at)


def _shown(host: Host) -> dict[str, Any]:
    (shown,) = host.module("libpod_container_info", {"name": ["web"]})["containers"]
    return dict(shown)


def _done(result: Result) -> None:
    assert not result.failed, result


def test_interrupted_creation_and_start_converge(host: Host) -> None:
    def runs() -> None:
        pid = _shown(host)["State"]["Pid"]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            assert file.read().split(b"\0")[:2] == [b"sleep", b"100000"]
        assert "eth0" in host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-o", "link")

    assert sweep(host, _task(host, "started", **OPTIONS), runs)


def test_interrupted_stop_converges(host: Host) -> None:
    def arrange() -> None:
        _done(_task(host, "started", **OPTIONS)(""))

    def stopped() -> None:
        assert _shown(host)["State"]["Status"] == "exited"
        assert not any(name.startswith(b"sleep") for name in _command_lines(host))

    assert sweep(host, _task(host, "stopped"), stopped, arrange=arrange)


def test_interrupted_removal_converges(host: Host) -> None:
    def arrange() -> None:
        _done(_task(host, "started", **OPTIONS)(""))

    def gone() -> None:
        assert host.module("libpod_container_info", {"name": ["web"]})["containers"] == []
        assert host.leaks() == []

    assert sweep(host, _task(host, "absent"), gone, arrange=arrange)


def _command_lines(host: Host) -> list[bytes]:
    found = []
    for pid in host.cgroups.processes():
        if os.path.exists(f"/proc/{pid}/cmdline"):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found.append(file.read())
    return found
