# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host of ``test_before`` after its reboot: which containers run, and that the same playbook changes nothing."""

from __future__ import annotations

import json
import subprocess
import urllib.request

from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.machine import Machine
from ansible_collections.libpod.engine.tests.support.process import eventually
from ansible_collections.libpod.engine.tests.support.reboot import RECORD, only, tasks

RUNNING = ["always", "deaf", "plainfs", "unless"]


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout.strip()


@only
def test_restart_policies_applied_at_boot_and_nothing_remains_to_change() -> None:
    with open(RECORD, encoding="ascii") as file:
        before = json.load(file)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        assert file.read() != before["boot"]
    eventually(lambda: _output("systemctl", "is-active", "libpod-boot.service") == "active", seconds=300)
    assert "libpod" not in _output("systemctl", "--failed", "--no-legend")
    assert "KillMode" not in _output("journalctl", "--boot", "--unit=libpod-boot.service")
    host = Machine()
    statuses = {one["Name"]: one["State"]["Status"] for one in host.module("libpod_container_info")["containers"]}
    assert sorted(name for name, status in statuses.items() if status == "running") == RUNNING, statuses
    assert {statuses[name] for name in ("stopped", "halted", "once")} == {"created"}, statuses
    with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=30) as answer:
        assert answer.read() == b"It works.\n"
    again = playbooks.play(tasks())
    assert again.changed == 0, again.output


@only
def test_host_went_down_without_waiting_for_containers() -> None:
    """Each container was stopped with its own signal and timeout, and none was restarted meanwhile."""
    shutdown = _output("journalctl", "--boot=-1", "--output=short-unix", "--lines=400")
    times = [float(line.split()[0]) for line in shutdown.splitlines() if line[:1].isdigit()]
    ends = ("reboot.target", "is rebooting")
    began = next(float(line.split()[0]) for line in shutdown.splitlines() if any(word in line for word in ends))
    assert times[-1] - began < 80, "a stop job of 90 seconds"
    exits = Machine().module("libpod_container_info", {"name": ["deaf", "unless"]})["containers"]
    assert {one["RestartCount"] for one in exits} == {0}
