# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Concurrent runs: serialised on one name, parallel on several names, and on containers that share resources."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._container.lifecycle import boot
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import eventually
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_exit_command

OPTIONS: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
    "network": "none",
}
MADE = ["created web", "started web"]


def _helper(host: Host, container_id: str) -> Callable[[], Result]:
    """Run the exit command, as conmon does when the container exits."""

    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["exit", container_id]))

    return lambda: in_child(body)


def _listed(host: Host) -> dict[str, dict[str, Any]]:
    return {one["Name"]: one for one in host.module("libpod_container_info")["containers"]}


def _waiters(host: Host) -> list[int]:
    """Return the containers' first processes, by what number they have in their PID namespaces."""
    found = []
    for pid in host.cgroups.processes():
        # Another process may exit before it is read.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/status") as file:
            numbers = next(line.split()[1:] for line in file if line.startswith("NSpid:"))
            found += [pid] if len(numbers) > 1 and numbers[-1] == "1" else []
    return found


def test_two_runs_on_one_name_make_one_container(host: Host) -> None:
    results = run_concurrently(host, [{"name": "web", **OPTIONS}] * 2, waits_for="web")
    assert not any(result.failed for result in results), results
    assert sorted(result["actions"] for result in results) == [[], MADE]
    assert results[0]["container"]["Id"] == results[1]["container"]["Id"]
    assert len(_waiters(host)) == 1


def test_two_names_at_once_both_succeed(host: Host) -> None:
    results = run_concurrently(host, [{"name": name, **OPTIONS, "network": "bridge"} for name in ("one", "two")])
    assert not any(result.failed for result in results), results
    assert {name: one["State"]["Status"] for name, one in _listed(host).items()} == dict.fromkeys(
        ("one", "two"), "running"
    )


def test_eight_concurrent_containers_have_distinct_addresses(host: Host) -> None:
    names = [f"c{number}" for number in range(8)]
    results = run_concurrently(host, [{"name": name, **OPTIONS, "network": "bridge"} for name in names])
    assert not any(result.failed for result in results), results
    addresses = {one["NetworkSettings"]["IPAddress"] for one in _listed(host).values()}
    assert len(addresses) == 8
    for one in _listed(host).values():
        inside = host.run("nsenter", f"--net=/proc/{one['State']['Pid']}/ns/net", "ip", "-o", "-4", "address")
        assert f"inet {one['NetworkSettings']['IPAddress']}/16" in inside
    gone = run_concurrently(host, [{"name": name, "state": "absent"} for name in names])
    assert [result["actions"] for result in gone] == [[f"deleted {name}"] for name in names]
    host.expect_clean()


@pytest.mark.parametrize("network", ["none", "bridge"])
def test_concurrent_absent_and_started_end_in_either_state(host: Host, network: str) -> None:
    for _turn in range(5):
        there = {"name": "web", **OPTIONS, "network": network}
        results = run_concurrently(host, [{"name": "web", "state": "absent"}, there, {}, there])
        assert not any(result.failed for result in results), results
        running = _listed(host)
        # The last one to run determines the state.
        assert [one["State"]["Status"] for one in running.values()] in ([], ["running"])
        assert len(_waiters(host)) == len(running)
        if not running:
            host.expect_clean()
        made = [result["container"]["Id"] for result in results[1::2] if result["container"]]
        assert not running or running["web"]["Id"] in made


def test_two_recreations_at_once_leave_one_container(host: Host) -> None:
    host.container("web", **OPTIONS)
    results = run_concurrently(host, [{"name": "web", **OPTIONS, "hostname": name} for name in ("one", "two")])
    assert [result.get("actions") for result in results] == [["recreated web"]] * 2, results
    assert len(_waiters(host)) == 1
    assert host.container("web", state="absent")["actions"] == ["deleted web"]
    host.expect_clean()


def test_stop_and_restart_at_once(host: Host) -> None:
    host.container("web", **OPTIONS)
    results = run_concurrently(
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


@pytest.mark.parametrize("policy", ["always", "no"])
@pytest.mark.parametrize(
    "task", [{}, {"state": "stopped"}, {"state": "absent"}, {"recreate": True}, {"rm": True}], ids=repr
)
def test_concurrent_exit_commands_and_a_task(host: Host, task: dict[str, Any], policy: str) -> None:
    """At a container's exit all three wait for its lock; in any order of locking the task's state prevails."""
    options = {"name": "web", **OPTIONS, "restart_policy": "no" if "rm" in task else policy, **task}
    made = host.module(
        "libpod_container", {**options, "state": "started", "recreate": False}, prepare=without_exit_command
    )
    assert not made.failed, made
    life, lock = made["container"]["State"]["Pid"], made["container"]["Id"]
    os.kill(life, signal.SIGKILL)
    eventually(lambda: not process.start_time(life))
    helper = _helper(host, lock)
    results = run_concurrently(host, [helper, options, helper], waits_for=lock)
    # An exit command that waits to restart the container is ended by a task that stops or starts it.
    assert [one.exit_code in (0, -signal.SIGTERM) for one in results] == [True] * 3, results
    assert not results[1].failed, results
    if task.get("state") == "absent":
        assert not _listed(host)
        host.expect_clean()
        return
    if task.get("state") == "stopped":
        time.sleep(0.3)  # three times the wait before a restart
    there = _listed(host)
    assert [one["State"]["Status"] for one in there.values()] == [
        "exited" if task.get("state") == "stopped" else "running"
    ]
    assert len(_waiters(host)) == (0 if task.get("state") == "stopped" else 1)
    assert there["web"]["RestartCount"] <= 1
    assert not host.module("libpod_container", {**options, "recreate": False}).changed
    # That of a process which the task has ended may have begun since.
    eventually(lambda: not [pid for pid in host.cgroups.processes() if _is_helper(pid)])


def _is_helper(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            argv = file.read().split(b"\0")
    except OSError:
        return False
    return b"exit" in argv and os.path.basename(argv[0]).startswith(b"python")


def test_tasks_that_see_a_boot_end_at_once_all_record_it(host: Host) -> None:
    assert not host.container("web", **OPTIONS).failed

    container = Runtime(host.parts).container("web").peek()

    def see() -> None:
        for _time in range(500):
            boot.note_booted(container, container.state.process)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(in_child, see) for _task in range(3)]:
            assert done.result().exit_code == 0, done.result()
    boot.note_booted(container, container.state.process)
    assert boot.has_booted(container)


def test_container_is_not_removed_while_another_joins_it(host: Host) -> None:
    """Either the joining task or the removal is refused; the namespace is never lost."""
    joiner = {"name": "guest", **OPTIONS, "network": "container:owner"}
    for task in ({"name": "owner", "state": "absent"}, {"name": "owner", **OPTIONS, "hostname": "other"}) * 4:
        host.container("owner", **OPTIONS)
        removed, joined = run_concurrently(host, [task, joiner])
        listed = _listed(host)
        if joined.failed:
            assert joined["error"] in ("NoSuchContainer", "ContainerStopped", "ContainerRemoved"), joined
            assert not removed.failed and "guest" not in listed, (removed, joined)
        elif "owner" in listed:
            assert listed["guest"]["Dependencies"] == [listed["owner"]["Id"]], (removed, joined)
            inodes = {os.stat(f"/proc/{one['State']['Pid']}/ns/net").st_ino for one in listed.values()}
            # A container that joined before its owner was re-created still has the old namespace.
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


def test_new_volume_is_filled_once_and_before_any_process_uses_it(host: Host) -> None:
    """Two containers start with it: the second one's copy does not overwrite what the first one writes."""
    for folder in ("bin", "data"):
        os.makedirs(f"/srv/tree/{folder}")
    shutil.copy("/bin/busybox", "/srv/tree/bin/busybox")
    for number in range(1000):
        with open(f"/srv/tree/data/{number}", "w", encoding="ascii") as file:
            file.write("image")
    # In any order of copying, the last file copied is among those that it writes.
    work = "cd /data; b=/bin/busybox; $b ls | $b wc -l >>.seen; for f in *; do echo $$ >$f; done; $b sleep 1000"
    task = {"image": "/srv/tree:O", "rootfs": True, "network": "none", "volume": ["shared:/data"]}
    command = ["/bin/busybox", "sh", "-c", work]
    done = run_concurrently(host, [{"name": name, **task, "command": command} for name in ("a", "b")])
    assert not any(result.failed for result in done), done
    data = f"{host.parts.static_root}/volumes/shared/_data"
    eventually(lambda: not any(open(f"{data}/{n}", encoding="ascii").read() == "image" for n in range(1000)))
    # The process of one container may have written every file before the other's process has counted them.
    eventually(lambda: open(f"{data}/.seen", encoding="ascii").read().split() == ["1000", "1000"])
    assert sorted(os.listdir(os.path.dirname(data))) == ["_data", "volume.json"]
    host.empty()
    for folder in ("/srv/tree", f"{host.parts.static_root}/volumes"):
        shutil.rmtree(folder)
