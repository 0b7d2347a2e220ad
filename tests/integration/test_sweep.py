# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at any external effect: the next run of the same task finishes the work, and ``absent`` leaves nothing.

An effect is taken by its name, so that what runs side by side cannot hide one from the sweep; one that is repeated (a
cgroup in each hierarchy) is taken the first and the last time. Programs that were at work live on, as they do when a
module is killed on a real host.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import effects
from ansible_collections.libpod.engine.tests.support import preload
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import Process

RUNNING: dict[str, Any] = {
    "name": "web",
    "image": "localhost/busybox:latest",
    "command": ["sleep", "1000"],
    "stop_signal": "KILL",
    "network": "none",
}
SERVING: dict[str, Any] = {
    **RUNNING,
    "network": "bridge",
    "publish": ["8080:80"],
    "volume": ["data:/data"],
    "memory": "64m",
}
OTHER = {**SERVING, "command": ["sleep", "1001"]}
STOPPED = {"name": "web", "state": "stopped"}
ABSENT = {"name": "web", "state": "absent"}
Point = tuple[str, int]


preload.engine()


def _kind(name: str) -> str:
    """An effect's name without IDs, PIDs and the hierarchy a cgroup is in."""
    name = re.sub(r"[0-9a-f]{12,64}", "ID", name)
    return re.sub(r"/sys/fs/cgroup/[^/]+", "", re.sub(r"\bto \d+", "to PID", name))


class _Counter:
    """An observer that counts effects by kind and reports each, or ends the process at one of them."""

    def __init__(self, report: int, at: Optional[Point]) -> None:
        self._report, self._at = report, at
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def __call__(self, name: str) -> None:
        with self._lock:
            kind = _kind(name)
            self._seen[kind] = self._seen.get(kind, 0) + 1
            os.write(self._report, f"{kind}\n".encode())
            if (kind, self._seen[kind]) == self._at:
                os.kill(os.getpid(), signal.SIGKILL)


def _task(host: Host, options: dict[str, Any], at: Optional[Point] = None) -> tuple[Result, list[str]]:
    """Run libpod_container, killed at an effect where asked to; its result, and the kinds of the effects it passed."""
    report = os.memfd_create("effects")
    try:
        counter = _Counter(report, at)
        result = host.module("libpod_container", options, prepare=lambda: effects.observe(counter))
        return result, os.pread(report, 1 << 20, 0).decode().splitlines()
    finally:
        os.close(report)


def _points(host: Host, options: dict[str, Any]) -> list[Point]:
    """Where the task can be killed: each kind of effect, the first and the last time."""
    result, kinds = _task(host, options)
    assert not result.failed and result.changed, result
    return sorted({(kind, number) for kind in kinds for number in (1, kinds.count(kind))}, key=lambda one: one[0])


def _ok(host: Host, options: dict[str, Any]) -> Result:
    result = host.module("libpod_container", options)
    assert not result.failed, result
    return result


def _killed(host: Host, options: dict[str, Any], at: Point) -> bool:
    """Run the task and have it killed there; False where this run came out without that effect."""
    result, _kinds = _task(host, options, at)
    assert result.exit_code == -signal.SIGKILL or not result.failed, result
    return result.exit_code == -signal.SIGKILL


def _processes(host: Host) -> list[str]:
    """The command lines of the containers' processes, once all of them have begun."""
    deadline = time.monotonic() + 10
    while True:
        found = []
        for pid in host.cgroups.processes():
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                found.append(file.read().replace("\0", " ").strip())
        # Between `runc start` and the program stands an exec.
        if not any(" init" in line for line in found) or time.monotonic() > deadline:
            return sorted(line for line in found if line.startswith("sleep "))


def _runs(host: Host, options: dict[str, Any]) -> dict[str, Any]:
    """The container runs, once, as the options say."""
    (one,) = host.module("libpod_container_info")["containers"]
    assert one["State"]["Status"] == ("paused" if options.get("state") == "paused" else "running")
    assert _processes(host) == [" ".join(options["command"])]
    with open(f"/proc/{one['State']['Pid']}/cmdline", encoding="utf-8") as file:
        assert file.read().split("\0")[:-1] == options["command"]
    with open(f"/sys/fs/cgroup/memory{one['State']['CgroupPath']}/memory.limit_in_bytes", encoding="ascii") as file:
        assert "memory" not in options or int(file.read()) == int(options["memory"][:-1]) << 20
    if "publish" in options:
        inside = host.run("nsenter", f"--net=/proc/{one['State']['Pid']}/ns/net", "ip", "-o", "-4", "address")
        assert f"inet {one['NetworkSettings']['IPAddress']}/" in inside
        rules = [line for line in host.run("iptables", "-t", "nat", "-S").splitlines() if "--to-destination" in line]
        assert [line.split()[-1] for line in rules] == [f"{one['NetworkSettings']['IPAddress']}:80"]
        with open(f"/proc/{one['State']['Pid']}/root/data/seed", encoding="utf-8") as file:
            assert file.read() == "from the image\n"
    return one


def _is_paused(host: Host) -> None:
    one = _runs(host, {**SERVING, "state": "paused"})
    with open(f"/sys/fs/cgroup/freezer{one['State']['CgroupPath']}/freezer.state", encoding="ascii") as file:
        assert file.read() == "FROZEN\n"


def _is_stopped(host: Host) -> None:
    (one,) = host.module("libpod_container_info")["containers"]
    assert one["State"]["Status"] == "exited"
    assert _processes(host) == []
    assert not os.listdir(host.parts.netns_dir)


@dataclass(frozen=True)
class Operation:
    """A task, the tasks before it, and what the kernel says when it is done."""

    before: list[dict[str, Any]]
    task: dict[str, Any]
    check: Callable[[Host], object]

    def arrange(self, host: Host) -> None:
        for options in self.before:
            _ok(host, options)
            if options is ABSENT:
                # Kept when containers go; here each container makes its own.
                shutil.rmtree(f"{host.parts.static_root}/volumes", ignore_errors=True)


LIMITED = {**SERVING, "memory": "96m"}
MOUNTED = {
    **SERVING,
    "volume": ["data:/data:nosuid", "more:/more", "/etc/ssl:/swapped"],
    "tmpfs": {"/t": "size=1m"},
}
UNMOUNTED = {**SERVING, "volume": ["data:/data", "less:/less", "/etc/default:/swapped"]}


def _is_mounted(host: Host) -> None:
    found = Process(_runs(host, MOUNTED)).mounts
    assert "/less" not in found and found["/more"].root.endswith("/volumes/more/_data")
    assert "nosuid" in found["/data"].options and "size=1024k" in found["/t"].super_options
    assert found["/swapped"].root.endswith("/ssl")


OPERATIONS = {
    "create": Operation([ABSENT], RUNNING, lambda host: _runs(host, RUNNING)),
    "create with a port": Operation([ABSENT], SERVING, lambda host: _runs(host, SERVING)),
    "start": Operation([SERVING, STOPPED], SERVING, lambda host: _runs(host, SERVING)),
    "stop": Operation([SERVING], STOPPED, _is_stopped),
    "remove": Operation([SERVING], ABSENT, Host.expect_clean),
    "recreate": Operation([SERVING], OTHER, lambda host: _runs(host, OTHER)),
    "update": Operation([SERVING], LIMITED, lambda host: _runs(host, LIMITED)),
    "change mounts": Operation([ABSENT, UNMOUNTED], MOUNTED, _is_mounted),
    "pause": Operation([SERVING], {**SERVING, "state": "paused"}, _is_paused),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_task_is_finished_by_its_next_run(host: Host, name: str) -> None:
    one = OPERATIONS[name]
    one.arrange(host)
    points = _points(host, one.task)
    reached = 0
    for at in points:
        one.arrange(host)
        reached += _killed(host, one.task, at)
        try:
            _ok(host, one.task)
            one.check(host)
            assert not (settled := _ok(host, one.task)).changed, settled
        except AssertionError as error:
            raise AssertionError(f"killed at {at}: {error}") from error
    assert reached > len(points) * 0.9


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "remove"])
def test_killed_task_is_undone_by_removal(host: Host, name: str) -> None:
    one = OPERATIONS[name]
    one.arrange(host)
    for at in _points(host, one.task):
        one.arrange(host)
        _killed(host, one.task, at)
        gone = _ok(host, ABSENT)
        left = host.leaks()
        assert not left, f"killed at {at}, then removed ({gone['actions']}), there is\n  " + "\n  ".join(left)
        assert not _ok(host, ABSENT).changed, at
