# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that apply at a container's start: a change restarts the same container, which keeps its files."""

from __future__ import annotations

import os
import time
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"name": "web", "image": "busybox", "command": WAITING, "network": "none"}
BRIDGED: dict[str, Any] = {**BASE, "network": "bridge", "publish": ["8080:80"]}


def _limit(web: Process) -> str:
    return next(line for line in web.read("limits").splitlines() if line.startswith("Max open files")).split()[3]


def _conmon(web: Process) -> list[str]:
    with open(f"/proc/{web.read('stat').rpartition(')')[2].split()[1]}/cmdline", encoding="utf-8") as file:
        return file.read().split("\0")


OPTIONS: list[tuple[str, Any, Callable[[Process], object], object]] = [
    ("ulimit", ["nofile=100"], _limit, "100"),
    ("oom_score_adj", 7, lambda web: web.read("oom_score_adj").strip(), "7"),
    ("sysctl", {"net.ipv4.ip_forward": 1}, lambda web: web.run("cat", "/proc/sys/net/ipv4/ip_forward").stdout, "1\n"),
    ("shm_size", "8m", lambda web: web.run("df", "-k", "/dev/shm").stdout.split()[8], "8192"),
    ("no_hosts", True, lambda web: "/etc/hosts" in web.read("mountinfo"), False),
    ("dns", ["none"], lambda web: "/etc/resolv.conf" in web.read("mountinfo"), False),
    ("timeout", 900, lambda web: "900" in _conmon(web), True),
    ("log_driver", "none", lambda web: "none" in _conmon(web), True),
    ("log_opt", {"path": "/srv/web.log"}, lambda web: os.path.exists("/srv/web.log"), True),
]


def _ok(host: Host, options: dict[str, Any], **how: Any) -> Result:
    done = host.module("libpod_container", options, **how)
    assert not done.failed, done
    return done


@pytest.mark.parametrize(
    ("option", "value", "seen", "expected"), OPTIONS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_restart_option_restarts_the_same_container(
    host: Host, option: str, value: Any, seen: Callable[[Process], object], expected: object
) -> None:
    before = _ok(host, BASE)
    assert seen(Process(before)) != expected
    Process(before).run("touch", "/written")
    task = {**BASE, option: value}
    predicted, done = _ok(host, task, check=True, diff=True), _ok(host, task, diff=True)
    assert done["actions"] == predicted["actions"] == ["restarted web"] and done["plan"] == predicted["plan"]
    assert done["diff"] == predicted["diff"] and f"{option}: restart" in done["diff"]["prepared"]
    assert done["container"]["Id"] == before["container"]["Id"]
    after = Process(done)
    assert seen(after) == expected and os.path.exists(after.path("root/written"))
    assert not _ok(host, task).changed
    host.container("web", state="absent")
    if option == "log_opt" and os.path.exists("/srv/web.log"):
        os.unlink("/srv/web.log")


def test_one_restart_applies_every_difference(host: Host) -> None:
    before = _ok(host, BRIDGED)
    task = {**BRIDGED, "ulimit": ["nofile=100"], "memory": "64m", "publish": ["8081:80"], "label": {"a": "b"}}
    predicted, done = _ok(host, task, check=True), _ok(host, task)
    assert done["actions"] == predicted["actions"] == ["restarted web"] and done["plan"] == predicted["plan"]
    effects = {one["option"]: one["effect"] for one in done["plan"]["differences"]}
    assert effects == {**effects, "ulimit": "restart", "memory": "live", "publish": "live", "label": "record"}
    network = done["container"]["NetworkSettings"]
    assert network["IPAddress"] == before["container"]["NetworkSettings"]["IPAddress"]
    assert network["Ports"]["80/tcp"][0]["HostPort"] == "8081" and _limit(Process(done)) == "100"
    assert not _ok(host, task).changed


def test_stopped_container_changes_its_record_and_paused_one_is_recreated(host: Host) -> None:
    first = _ok(host, {**BASE, "state": "present"})
    changed = _ok(host, {**BASE, "state": "present", "ulimit": ["nofile=100"]})
    assert changed["actions"] == ["updated web"] and changed["container"]["Id"] == first["container"]["Id"]
    paused = _ok(host, {**BASE, "state": "paused", "ulimit": ["nofile=100"]})
    assert _limit(Process(paused)) == "100"
    again = {**BASE, "state": "paused", "ulimit": ["nofile=101"]}
    predicted, recreated = _ok(host, again, check=True), _ok(host, again)
    assert recreated["actions"] == predicted["actions"] == ["recreated web", "paused web"]
    running = {**again, "state": "started"}
    _ok(host, running)
    once_more = {**again, "ulimit": ["nofile=102"]}
    predicted, restarted = _ok(host, once_more, check=True), _ok(host, once_more)
    assert restarted["actions"] == predicted["actions"] == ["restarted web", "paused web"]
    assert restarted["container"]["State"]["Status"] == "paused" and not _ok(host, once_more).changed


def test_failed_restart_restores_the_running_container(host: Host) -> None:
    before = _ok(host, BRIDGED)
    # runc needs more files than that; the engine refuses before any change.
    failed = host.module("libpod_container", {**BRIDGED, "ulimit": ["nofile=1"]})
    assert failed.failed and not failed.changed, failed
    (container,) = host.module("libpod_container_info")["containers"]
    assert (container["Id"], container["State"]["Status"]) == (before["container"]["Id"], "running")
    assert container["NetworkSettings"]["IPAddress"] == before["container"]["NetworkSettings"]["IPAddress"]
    assert not _ok(host, BRIDGED).changed


# Only the effects of the restart itself: stop and start are swept in test_kill_sweep.py.
POINTS = (
    *("rename web.json #1", "signal 9 to ID #1", "clear run directory #1", "write config.json #1"),
    *("rename config.json #1", "conmon #1", "runc start #1", "rename web.json #2"),
)


@pytest.mark.parametrize("at", POINTS)
def test_killed_restart_is_finished_by_the_next_run(host: Host, at: str) -> None:
    task = {**BASE, "state": "present", "stop_signal": "KILL", "ulimit": ["nofile=100"]}
    first = _ok(host, {**task, "state": "started", "ulimit": []})
    assert host.module("libpod_container", task, kill_at=at).killed
    done = _ok(host, task)
    assert done["container"]["Id"] == first["container"]["Id"] and _limit(Process(done)) == "100"
    assert not _ok(host, task).changed


def test_timeouts_of_the_task_apply_to_recreate_and_restart(host: Host) -> None:
    stubborn = {**BASE, "command": ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], "stop_timeout": 300}
    _ok(host, stubborn)
    began = time.monotonic()
    for changes, action in (
        ({"ulimit": ["nofile=100"], "restart_time": "0"}, "restarted web"),
        ({"ulimit": ["nofile=101"], "stop_time": "0"}, "restarted web"),
        ({"label": {"a": "1"}, "ulimit": ["nofile=101"], "workdir": "/tmp", "delete_time": "0"}, "recreated web"),
        ({"ulimit": ["nofile=101"], "workdir": "/", "stop_time": "0"}, "recreated web"),
    ):
        assert action in _ok(host, {**stubborn, **changes})["actions"]
    assert time.monotonic() - began < 150
    _ok(host, {"name": "web", "state": "absent", "delete_time": "0"})


def test_output_lost_to_the_log_limit_is_reported(host: Host) -> None:
    lines = {**BASE, "command": ["seq", "20000"], "detach": False}
    whole = _ok(host, {**lines, "log_opt": {"max_size": "10m"}})
    assert whole["stdout"].count("\n") == 20000 and "warnings" not in whole
    cut = _ok(host, {**lines, "log_opt": {"max_size": "100k"}, "recreate": True})
    assert cut["stdout"].endswith("20000\n") and not cut["stdout"].startswith("1\n2\n")
    assert "web" in cut["warnings"][0] and "log_opt.max_size" in cut["warnings"][0]
