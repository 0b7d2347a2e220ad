# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's systemd in a container on cgroup v2: it boots, serves, keeps its limits, and stops."""

from __future__ import annotations

import os
import time
from typing import Any

from ansible_collections.libpod.engine.tests.support.machine import Machine
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, Process

UNIT = "[Service]\nExecStart=/usr/bin/sleep infinity\n"
LIMIT = f"{60 * PATIENCE:g}"


def _instance(host: Machine, **more: Any) -> dict[str, Any]:
    return {"image": host.debian(), "network": "none", "wait": "booted", "wait_timeout": LIMIT, **more}


def _printed(host: Machine, *argv: str, stdin: str = "", name: str = "c") -> str:
    done = host.module("libpod_container_exec", {"name": name, "argv": list(argv), "stdin": stdin, "timeout": LIMIT})
    assert not done.failed and done["rc"] == 0, done
    return str(done["stdout"]).strip()


def test_systemd_boots_serves_and_stops(host: Machine) -> None:
    wanted = _instance(host, memory="256m")
    made = host.container("c", **wanted)
    assert not made.failed, made
    process = Process(made)
    assert _printed(host, "systemctl", "is-system-running") == "running"
    assert _printed(host, "systemctl", "--failed", "--quiet", "--no-legend", "--plain") == ""
    assert "Reached target multi-user.target" in _printed(host, "journalctl", "--boot", "--no-pager")
    _printed(host, "tee", "/etc/systemd/system/served.service", stdin=UNIT)
    _printed(host, "systemctl", "daemon-reload")
    _printed(host, "systemctl", "start", "served")
    assert _printed(host, "systemctl", "is-active", "served") == "active"
    # Its own cgroup is all that it sees, and systemd's cgroups are below that.
    assert process.namespace("cgroup") != os.stat("/proc/self/ns/cgroup").st_ino
    mounted = process.mounts["/sys/fs/cgroup"]
    assert (mounted.fstype, mounted.root) == ("cgroup2", made["container"]["State"]["CgroupPath"])
    assert _printed(host, "cat", "/proc/1/cgroup") == "0::/init.scope"
    changed = host.container("c", **{**wanted, "memory": "320m"})
    assert not changed.failed and changed["actions"] == ["updated c"], changed
    with open(f"/sys/fs/cgroup{changed['container']['State']['CgroupPath']}/memory.max", encoding="ascii") as file:
        assert int(file.read()) == 320 << 20
    before = time.monotonic()
    stopped = host.container("c", state="stopped")
    assert time.monotonic() - before < 8 * PATIENCE and stopped["container"]["State"]["ExitCode"] == 0, stopped
    assert not host.container("c", **wanted).failed
    assert host.container("c", state="absent").changed


def test_privileged_system_boots_in_the_hosts_cgroup_namespace(host: Machine) -> None:
    volume = ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    made = host.container("c", **_instance(host, privileged=True, cgroupns="host", volume=volume))
    assert not made.failed, made
    assert _printed(host, "systemctl", "is-system-running") == "running"
    assert [
        name for name in os.listdir(Process(made).path("root/dev")) if name[:3] == "tty" and name[3:].isdigit()
    ] == []
    assert host.run("systemctl", "is-active", "ssh").strip() == "active"
    assert host.container("c", state="absent").changed


def test_image_that_declares_the_cgroup_mount_a_volume_boots(host: Machine) -> None:
    assert not host.container("c", **_instance(host)).failed
    declared = {"container": "c", "image": "declared", "changes": ["VOLUME /sys/fs/cgroup /run"]}
    assert not host.module("libpod_commit", declared).failed
    made = host.container("c", **_instance(host, image="localhost/declared:latest"))
    assert not made.failed, made
    assert _printed(host, "systemctl", "is-system-running") == "running"
    assert Process(made).mounts["/sys/fs/cgroup"].fstype == "cgroup2"
    assert [one["Destination"] for one in made["container"]["Mounts"]] == ["/run"]
    assert host.container("c", state="absent", delete_volumes=True).changed
    assert host.module("libpod_image", {"name": "localhost/declared:latest", "state": "absent"}).changed


def test_ten_boot_in_one_task(host: Machine) -> None:
    names = [f"c{number}" for number in range(10)]
    wanted = [{"name": name, **_instance(host, wait_timeout=f"{240 * PATIENCE:g}")} for name in names]
    done = host.module("libpod_containers", {"containers": wanted})
    assert not done.failed, done
    for name in names:
        assert _printed(host, "systemctl", "is-system-running", name=name) == "running"
    assert not host.module("libpod_containers", {"containers": wanted}).changed
