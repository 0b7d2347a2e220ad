# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two and more runs at once: on one name one after the other, on several side by side; containers that share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import Any, Callable, Sequence

import pytest
from ansible_collections.libpod.engine.tests.support import preload
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result

preload.engine()
OPTIONS: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
    "network": "none",
}
MADE = ["created web", "started web"]


def _begun(host: Host, module: str, options: dict[str, Any], gate: tuple[int, int]) -> tuple[int, int]:
    """A child that runs the module once the pipe ``gate`` is closed; its PID and where its result will be."""
    result = os.memfd_create("result")
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate[1])
            os.read(gate[0], 1)
            done = host.module(module, options)
            os.write(result, json.dumps([done, done.exit_code, done.stderr]).encode())
        finally:
            os._exit(0)
    return pid, result


def _ended(pid: int, descriptor: int) -> Result:
    os.waitpid(pid, 0)
    with open(descriptor, "rb") as file:
        file.seek(0)
        said, exit_code, stderr = json.load(file)
    result = Result(said)
    result.exit_code, result.stderr = exit_code, stderr
    return result


def _together(host: Host, tasks: Sequence[dict[str, Any]], waits_for: str = "") -> list[Result]:
    """Run libpod_container with each of the options at once (libpod_container_info where there are none).

    ``waits_for`` names a container whose lock is held until all of them wait for it.
    """
    gate = os.pipe()
    running = []
    for options in tasks:
        module = "libpod_container" if options else "libpod_container_info"
        running.append(_begun(host, module, options, gate))
    with contextlib.ExitStack() as held:
        if waits_for:
            locks = f"{host.parts.run_root}/locks"
            os.makedirs(locks, exist_ok=True)
            file = held.enter_context(open(f"{locks}/{waits_for}.lock", "w", encoding="ascii"))
            fcntl.flock(file, fcntl.LOCK_EX)
        os.close(gate[1])
        if waits_for:
            _until(lambda: _waiting(os.fstat(file.fileno()).st_ino) == len(tasks))
    os.close(gate[0])
    return [_ended(pid, descriptor) for pid, descriptor in running]


def _waiting(inode: int) -> int:
    """How many wait for the lock on a file (proc_locks(5))."""
    with open("/proc/locks", encoding="ascii") as lines:
        return sum(f":{inode} " in line and "->" in line for line in lines)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _listed(host: Host) -> dict[str, dict[str, Any]]:
    return {one["Name"]: one for one in host.module("libpod_container_info")["containers"]}


def _waiters(host: Host) -> list[str]:
    """The command lines of the containers' first processes."""
    found = []
    for pid in host.cgroups.processes():
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            found.append(file.read().replace("\0", " ").strip())
    return [line for line in found if line.startswith(("sh -c trap", "/usr/sbin/runc init"))]


def test_two_runs_on_one_name_make_one_container(host: Host) -> None:
    results = _together(host, [{"name": "web", **OPTIONS}] * 2, waits_for="web")
    assert not any(result.failed for result in results), results
    assert sorted(result["actions"] for result in results) == [[], MADE]
    assert results[0]["container"]["Id"] == results[1]["container"]["Id"]
    assert len(_waiters(host)) == 1


def test_two_names_at_once_both_succeed(host: Host) -> None:
    results = _together(host, [{"name": name, **OPTIONS, "network": "bridge"} for name in ("one", "two")])
    assert not any(result.failed for result in results), results
    assert {name: one["State"]["Status"] for name, one in _listed(host).items()} == dict.fromkeys(
        ("one", "two"), "running"
    )


def test_eight_at_once_have_addresses_of_their_own(host: Host) -> None:
    names = [f"c{number}" for number in range(8)]
    results = _together(host, [{"name": name, **OPTIONS, "network": "bridge"} for name in names])
    assert not any(result.failed for result in results), results
    addresses = {one["NetworkSettings"]["IPAddress"] for one in _listed(host).values()}
    assert len(addresses) == 8
    for one in _listed(host).values():
        inside = host.run("nsenter", f"--net=/proc/{one['State']['Pid']}/ns/net", "ip", "-o", "-4", "address")
        assert f"inet {one['NetworkSettings']['IPAddress']}/16" in inside
    gone = _together(host, [{"name": name, "state": "absent"} for name in names])
    assert [result["actions"] for result in gone] == [[f"deleted {name}"] for name in names]
    host.expect_clean()


@pytest.mark.parametrize("network", ["none", "bridge"])
def test_absent_and_started_at_once_end_in_one_of_both(host: Host, network: str) -> None:
    for _turn in range(5):
        there = {"name": "web", **OPTIONS, "network": network}
        results = _together(host, [{"name": "web", "state": "absent"}, there, {}, there])
        assert not any(result.failed for result in results), results
        running = _listed(host)
        # Whoever came last has had its way.
        assert [one["State"]["Status"] for one in running.values()] in ([], ["running"])
        assert len(_waiters(host)) == len(running)
        if not running:
            host.expect_clean()
        made = [result["container"]["Id"] for result in results[1::2] if result["container"]]
        assert not running or running["web"]["Id"] in made


def test_two_recreations_at_once_leave_one_container(host: Host) -> None:
    host.container("web", **OPTIONS)
    results = _together(host, [{"name": "web", **OPTIONS, "hostname": name} for name in ("one", "two")])
    assert [result.get("actions") for result in results] == [["recreated web"]] * 2, results
    assert len(_waiters(host)) == 1
    assert host.container("web", state="absent")["actions"] == ["deleted web"]
    host.expect_clean()


def test_stop_and_restart_at_once(host: Host) -> None:
    host.container("web", **OPTIONS)
    results = _together(
        host,
        [
            {"name": "web", "state": "stopped"},
            {"name": "web", "restart": True},
            {"name": "web", "state": "paused"},
            {"name": "web", "state": "started"},
        ],
    )
    assert not any(result.failed for result in results), results
    assert len(_waiters(host)) == (0 if _listed(host)["web"]["State"]["Status"] == "exited" else 1)


def test_joined_container_cannot_go_while_it_is_joined(host: Host) -> None:
    """Either the one that joins is refused or the removal is; never is a namespace lost."""
    joiner = {"name": "guest", **OPTIONS, "network": "container:owner"}
    for task in ({"name": "owner", "state": "absent"}, {"name": "owner", **OPTIONS, "hostname": "other"}) * 4:
        host.container("owner", **OPTIONS)
        removed, joined = _together(host, [task, joiner])
        listed = _listed(host)
        if joined.failed:
            assert joined["error"] in ("NoSuchContainer", "ContainerStopped", "ContainerRemoved"), joined
            assert not removed.failed and "guest" not in listed, (removed, joined)
        elif "owner" in listed:
            assert listed["guest"]["Dependencies"] == [listed["owner"]["Id"]], (removed, joined)
            inodes = {os.stat(f"/proc/{one['State']['Pid']}/ns/net").st_ino for one in listed.values()}
            # One who had joined before its owner was made anew has the old namespace still.
            assert len(inodes) == 1 or removed.get("actions") == ["recreated owner"]
        else:
            raise AssertionError((removed, joined))
        assert not removed.failed or removed["error"] == "DependencyExists", removed
        host.empty()
        host.expect_clean()


def test_shared_namespace_keeps_its_owner(host: Host) -> None:
    host.container("owner", **OPTIONS)
    for name in ("second", "first"):
        host.container(name, **{**OPTIONS, "network": "container:owner"})
    before = _listed(host)
    refused = host.container("owner", state="absent")
    assert refused.failed and refused["error"] == "DependencyExists"
    assert "first, second depend on it" in refused["msg"] and "delete_depend" in refused["msg"]
    assert _listed(host) == before
    gone = host.container("owner", state="absent", delete_depend=True)
    assert gone["actions"] == ["deleted first", "deleted second", "deleted owner"]
    host.expect_clean()
