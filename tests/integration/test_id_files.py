# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ID files of a container and its processes: written, replaced and removed with them."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
FILES: dict[str, Any] = {option: f"/srv/ids/{option}" for option in ("cidfile", "pid_file", "conmon_pidfile")}


def _contents() -> dict[str, str]:
    return {name: open(f"/srv/ids/{name}", encoding="ascii").read() for name in os.listdir("/srv/ids")}


def _facts(result: dict[str, Any]) -> dict[str, str]:
    """Return what the files should contain; conmon is the parent of the container's process."""
    process = Process(result)
    return {
        "cidfile": result["container"]["Id"],
        "pid_file": str(process.pid),
        "conmon_pidfile": process.status["PPid"],
    }


def test_id_files_exist_as_long_as_the_container(host: Host) -> None:
    os.mkdir("/srv/ids")
    refused = host.container("c", **BASE, **{**FILES, "pid_file": "/srv/none/pid"})
    assert refused.failed and "pid_file" in refused["msg"], refused
    made = host.container("c", **BASE, **FILES)
    assert _contents() == _facts(made)
    assert host.container("c", **BASE, **FILES)["actions"] == []
    recreated = host.container("c", recreate=True, **BASE, **FILES)
    assert _contents() == _facts(recreated) and recreated["container"]["Id"] != made["container"]["Id"]
    host.container("c", state="stopped")
    assert _contents() == {"cidfile": recreated["container"]["Id"]}
    again = host.container("c", **BASE, **FILES)
    assert _contents() == _facts(again)
    os.kill(Process(again).pid, 9)
    eventually(lambda: set(_contents()) == {"cidfile"})
    # Killed while it writes one: the next run removes the incomplete container and its files.
    host.container("c", state="absent")
    assert _contents() == {}
    for failpoint in ("write cidfile", "write pid_file", "write conmon_pidfile"):
        state = "present" if failpoint == "write cidfile" else "started"
        wanted = {"name": "c", "state": state, **BASE, **FILES}
        killed = host.module("libpod_container", wanted, kill_at=f"{failpoint} #1")
        assert killed.killed, failpoint
        host.container("c", state="absent")
        assert _contents() == {}, failpoint
    os.rmdir("/srv/ids")


def test_delete_time_and_pod_id_file(host: Host) -> None:
    pod = host.module("libpod_pod", {"name": "p"})
    with open("/srv/pod-id", "w", encoding="ascii") as file:
        file.write(pod["pod"]["Id"] + "\n")
    stubborn = {**BASE, "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], "stop_signal": "TERM"}
    made = host.container("c", **{**stubborn, "network": None}, pod_id_file="/srv/pod-id", stop_timeout=600)
    assert made["container"]["Pod"] == pod["pod"]["Id"], made
    assert host.container("c", state="absent", delete_time="1")["actions"] == ["deleted c"]
    host.module("libpod_pod", {"name": "p", "state": "absent"})
    os.unlink("/srv/pod-id")
