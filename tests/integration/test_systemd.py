# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option systemd: what the kernel shows of a container that is set up for systemd."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import Process, eventually

TMPFS = ("/run", "/run/lock", "/tmp", "/var/log/journal")
# Like systemd, it stops at SIGRTMIN+3 and creates cgroups below its own.
INIT = "trap 'exit 7' 37; trap 'exit 8' TERM; mkdir /sys/fs/cgroup/systemd/made || exit 1; touch /run/ready; "
BASE: dict[str, Any] = {"image": "busybox", "network": "none", "command": ["sh", "-c", INIT + "sleep 1000 & wait"]}


def test_container_is_as_systemd_needs_it(host: Host) -> None:
    wanted = {**BASE, "systemd": "always", "shm_size_systemd": "1m", "tmpfs": {"/tmp": "size=2m"}}
    made = host.container("c", **wanted)
    assert not made.failed, made
    process = Process(made)
    eventually(lambda: os.path.exists(process.path("root/run/ready")))
    mounts = process.mounts
    assert {target: mounts[target].fstype for target in TMPFS} == dict.fromkeys(TMPFS, "tmpfs")
    sizes = {target: next(word for word in mounts[target].super_options if "size=" in word) for target in TMPFS}
    assert sizes == {**dict.fromkeys(TMPFS, "size=1024k"), "/tmp": "size=2048k"}
    assert os.stat(process.path("root/run")).st_mode & 0o7777 == 0o755
    assert process.environ["container_uuid"] == made["container"]["Id"][:32]
    assert process.namespace("cgroup") != os.stat("/proc/self/ns/cgroup").st_ino
    # Only its own cgroup is writable; its limits are not.
    assert "rw" in mounts["/sys/fs/cgroup/systemd"].options and "ro" in mounts["/sys/fs/cgroup/memory"].options
    assert os.path.isdir(f"/sys/fs/cgroup/systemd/libpod_parent/libpod-{made['container']['Id']}/made")
    assert host.container("c", **wanted)["actions"] == []
    assert host.container("c", state="stopped")["container"]["State"]["ExitCode"] == 7
    result = host.container("c", **{**wanted, "systemd": "false", "command": ["sleep", "1000"], "stop_signal": "KILL"})
    plain = Process(result)
    assert "/run" not in plain.mounts and "container_uuid" not in plain.environ


def test_systemd_is_detected_by_its_command(host: Host) -> None:
    os.mkdir("/srv/bin")
    with open("/srv/bin/systemd", "w", encoding="ascii") as file:
        file.write("#!/bin/sh\ntrap 'exit 7' 37\nsleep 1000 & wait\n")
    os.chmod("/srv/bin/systemd", 0o755)
    wanted = {**BASE, "command": "/srv/bin/systemd", "volume": ["/srv/bin:/srv/bin"]}
    made = host.container("c", **wanted)
    assert "/run" in Process(made).mounts and made["container"]["Config"]["StopSignal"] == 37
    assert host.container("c", **wanted, systemd="always")["actions"] == []
    plain = host.container("c", **wanted, systemd=False, stop_signal="KILL")
    assert "/run" not in Process(plain).mounts
    refused = host.container("c", **wanted, systemd="always", init=True)
    assert refused.failed and refused["msg"].startswith("systemd: always cannot"), refused
    host.container("c", state="absent")
    os.unlink("/srv/bin/systemd")
    os.rmdir("/srv/bin")
