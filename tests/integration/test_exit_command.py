# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit command, which conmon runs when a container has exited: cleanup, restart policies and rm."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    Process,
    eventually,
    files,
    in_background,
)
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_exit_command

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
# Each run adds a line to a file in the top layer, so that runs can be counted from outside, and fails.
CRASHING: dict[str, Any] = {**RUNNING, "command": ["sh", "-c", "echo run >> /runs; exit 3"]}


def state(host: Host, name: str = "c") -> dict[str, Any]:
    """Return ``State`` and ``RestartCount`` as the info module shows them; empty if the container does not exist."""
    containers = host.module("libpod_container_info", {"name": [name]})["containers"]
    return {**containers[0]["State"], "RestartCount": containers[0]["RestartCount"]} if containers else {}


def over(host: Host) -> bool:
    """Return whether the container has exited, is cleaned up, and is not restarted."""
    now = state(host)
    return now["Status"] == "exited" and not now["Mounted"] and not now["Restarting"]


def exit_command(host: Host, *args: str, kill_at: str = "") -> Result:
    """Run the exit command in a child of this process."""

    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(args))

    return in_child(body, kill_at=kill_at)


def kill(container: dict[str, Any]) -> None:
    """Kill the container's process, and wait for its end."""
    pid = Process(container).pid
    os.kill(pid, 9)
    eventually(lambda: not process.start_time(pid))


def test_exit_is_cleaned_up_without_a_task(host: Host) -> None:
    made = host.container("c", image="busybox", command=WAITING, publish=["8080:80"], volume=["data:/data"])
    cgroup = cgroup_files.folder("memory", made["container"]["State"]["CgroupPath"])
    assert os.path.isdir(cgroup)
    kill(made)
    eventually(lambda: over(host))
    assert state(host)["ExitCode"] == 137
    eventually(lambda: not os.path.exists(cgroup))
    assert not os.listdir(host.parts.netns_dir)
    assert made["container"]["State"]["Mountpoint"] not in host.run("cat", "/proc/self/mountinfo")
    assert "8080" not in host.run("iptables-save")
    eventually(lambda: "8080" not in host.run("ss", "-ltn"))  # conmon holds it, and waits for the exit command
    assert not host.container("c", state="stopped").changed


def test_on_failure_restarts_up_to_its_maximum(host: Host) -> None:
    made = host.container("c", restart_policy="on-failure:2", **CRASHING)
    eventually(lambda: state(host)["RestartCount"] == 2 and over(host))
    assert (state(host)["Status"], state(host)["ExitCode"], state(host)["Error"]) == ("exited", 3, "")
    exits = host.parts.static_root + f"/containers/{made['container']['Id']}/exits.json"
    with open(exits, encoding="utf-8") as file:
        assert file.read().count('"exit_code":3') == 3
    out = host.module(
        "libpod_container_copy", {"container": "c", "src": "/runs", "dest": "/srv/runs", "from_container": True}
    )
    assert not out.failed, out
    with open("/srv/runs", encoding="utf-8") as file:
        assert file.read() == "run\n" * 3
    os.unlink("/srv/runs")
    # A start by a task resets the count.
    assert host.container("c", restart_policy="on-failure:2", **CRASHING)["actions"] == ["started c"]
    eventually(lambda: state(host)["RestartCount"] == 2 and over(host))


def test_always_restarts_a_killed_container_but_not_a_stopped_one(host: Host) -> None:
    made = host.container("c", restart_policy="always", **RUNNING)
    kill(made)
    eventually(lambda: state(host)["RestartCount"] == 1 and state(host)["Status"] == "running")
    again = host.container("c", restart_policy="always", **RUNNING)
    assert not again.changed and Process(again).pid != made["container"]["State"]["Pid"]
    assert host.container("c", state="stopped")["actions"] == ["stopped c"]
    time.sleep(0.5)  # five times the wait before a first restart
    assert (state(host)["Status"], state(host)["Restarting"]) == ("exited", False)
    # The policy is only a record: it changes without a new process.
    running = host.container("c", restart_policy="always", **RUNNING)
    other = host.container("c", restart_policy="unless-stopped", **RUNNING)
    assert other["actions"] == ["updated c"]
    assert other["container"]["State"]["Pid"] == running["container"]["State"]["Pid"]
    assert other["container"]["HostConfig"]["RestartPolicy"] == {"Name": "unless-stopped", "MaximumRetryCount": 0}


def test_interrupted_stop_does_not_cancel_the_restart_policy(host: Host) -> None:
    options = {"name": "c", "restart_policy": "unless-stopped", **RUNNING}
    host.module("libpod_container", options)
    effects = host.module("libpod_container", {**options, "state": "stopped"}, kill_at="signal 15 to ID #1")
    assert effects.killed and state(host)["Status"] == "running"
    again = host.module("libpod_container", options)
    assert not again.changed
    kill(again)
    eventually(lambda: state(host)["RestartCount"] == 1 and state(host)["Status"] == "running")


def _at_rest(host: Host) -> Optional[tuple[set[str], float, int]]:
    """Return paths, CPU seconds and restarts of a container that waited for one restart while they were read."""
    before, paths = state(host), _ours(host)
    time.sleep(0.1)  # recorded before the wait begins
    found, after = (_ours(host), _cpu_seconds(), before["RestartCount"]), state(host)
    waits = before["Restarting"] and after["Restarting"] and after["RestartCount"] == found[2]
    return found if waits and found[0] == paths else None


@pytest.mark.alone
def test_a_restart_loop_is_bounded(host: Host) -> None:
    """The delays double: n restarts take at least the sum of theirs, and no resource of the engine grows with them."""
    # The wait before the fifth restart is 1.6 seconds; on a slow host, a later wait is examined.
    later = round(math.log2(PATIENCE))
    began = time.monotonic()
    host.container("c", restart_policy="always", **CRASHING)
    eventually(lambda: state(host)["RestartCount"] >= 2 + later and state(host)["Restarting"], seconds=60.0)
    paths, used, restarts = eventually(lambda: _at_rest(host), seconds=60.0)
    eventually(lambda: state(host)["RestartCount"] >= 4 + later, seconds=60.0)
    eventually(lambda: len(_helpers(host)) == 1, seconds=60.0)
    eventually(lambda: state(host)["Restarting"])
    (waiting,) = _helpers(host)
    time.sleep(0.1 * PATIENCE)  # recorded before the wait begins
    spent = _ticks(waiting)
    time.sleep(0.3)
    # That wait uses no CPU time.
    assert _helpers(host) == [waiting] and _ticks(waiting) - spent <= 1
    assert _ours(host) == paths
    now = state(host)["RestartCount"]
    assert 0.1 * (2 ** (now - 1) - 1) <= time.monotonic() - began
    assert (_cpu_seconds() - used) / (now - restarts) < 5.0 * PATIENCE
    # During the next wait, of twice the time, it can be stopped: predicted, done, and unchanged by a second run.
    eventually(lambda: state(host)["RestartCount"] > now and state(host)["Restarting"])
    assert host.container("c", state="stopped", check=True)["actions"] == ["cancelled the restart of c"]
    assert host.container("c", state="stopped")["actions"] == ["cancelled the restart of c"]
    assert not host.container("c", state="stopped").changed
    assert not state(host)["Restarting"]
    eventually(lambda: not _helpers(host))


def test_only_the_last_hundred_exits_are_kept(host: Host) -> None:
    made = host.container("c", **RUNNING)
    path = f"{host.parts.static_root}/containers/{made['container']['Id']}/exits.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump([{"exit_code": number} for number in range(100)], file)
    kill(made)
    eventually(lambda: over(host))
    with open(path, encoding="ascii") as file:
        kept = json.load(file)
    assert [one["exit_code"] for one in kept] == [*range(1, 100), 137]


def _ours(host: Host) -> set[str]:
    """Return everything of the container except its top layer: files, cgroups and mounts by name."""
    names = {path for path in files(host.parts.static_root, host.parts.run_root) if not path.endswith(".lock")}
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return names | host.cgroups.folders() | {line.split()[4] for line in mounts}


def _cpu_seconds() -> float:
    """Return the CPU time of the test host's processes so far, including exited ones and the test itself."""
    return int(cgroup_files.read("cpuacct", "", "cpuacct.usage") or 0) / 1e9


def _helpers(host: Host) -> list[int]:
    return [pid for pid in host.cgroups.processes() if b"exit" in _words(pid) and b"-n" not in _words(pid)]


def _ticks(pid: int) -> int:
    """Return the user and system time of a process (fields 14 and 15 of proc_pid_stat(5))."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return sum(int(field) for field in file.read().rpartition(")")[2].split()[11:13])


def _words(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def test_a_task_need_not_wait_for_a_restart(host: Host) -> None:
    made = host.container("c", restart_policy="always", **CRASHING)
    eventually(lambda: state(host)["Restarting"] and state(host)["RestartCount"] >= 3)
    started = host.container(
        "c", restart_policy="always", **{**CRASHING, "command": None}, recreate=True, state="present"
    )
    assert started["actions"] == ["recreated c"], started
    assert started["container"]["Id"] != made["container"]["Id"]


def test_failed_restart_reports_its_error_and_is_retried(host: Host) -> None:
    os.makedirs("/srv/bound")
    made = host.container("c", restart_policy="always", volume=["/srv/bound:/bound"], **RUNNING)
    os.rename("/srv/bound", "/srv/away")
    kill(made)
    eventually(lambda: "/srv/bound" in state(host)["Error"])
    os.rename("/srv/away", "/srv/bound")
    eventually(lambda: state(host)["Status"] == "running")
    assert state(host)["Error"] == ""
    host.container("c", state="absent")
    os.rmdir("/srv/bound")


def test_exit_code_of_a_conmon_that_is_slow_is_waited_for(host: Host) -> None:
    """On a busy host, conmon may get no CPU time for seconds."""
    made = host.container("c", image="busybox", command=["sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done"])
    conmon = made["container"]["State"]["ConmonPid"]
    eventually(lambda: int(Process(made).status["SigCgt"], 16) & 1 << signal.SIGTERM - 1)
    os.kill(conmon, signal.SIGSTOP)
    with in_background(["sh", "-c", f"sleep 5; kill -CONT {conmon}"]):
        done = host.container("c", state="stopped")
    assert done["container"]["State"]["ExitCode"] == 7, done


def test_rm_removes_the_container_on_exit(host: Host) -> None:
    made = host.container("c", rm=True, volume=["/anonymous"], **RUNNING)
    kill(made)
    eventually(lambda: not os.path.exists(made["container"]["StaticDir"]))
    eventually(lambda: not state(host))
    eventually(lambda: not os.listdir(f"{host.parts.static_root}/volumes"))
    host.expect_clean()
    # With its output if the task waits for it; each run is a new container.
    for _turn in range(2):
        done = host.container("c", rm=True, detach=False, **{**RUNNING, "command": ["echo", "hello"]})
        assert (done["stdout"], done["rc"], done["container"]) == ("hello\n", 0, {})
    # A stop is an exit as well.
    host.container("c", rm=True, **RUNNING)
    assert host.container("c", state="stopped", check=True)["actions"] == ["stopped c", "deleted c"]
    assert host.container("c", state="stopped", rm=True, **RUNNING)["actions"] == ["stopped c", "deleted c"]
    for check in (True, False):
        assert not host.container("c", state="stopped", rm=True, check=check, **RUNNING).changed
    assert not state(host)


def test_container_left_by_rm_is_absent_for_the_next_task(host: Host) -> None:
    made = host.module("libpod_container", {"name": "c", "rm": True, **RUNNING}, prepare=without_exit_command)
    kill(made)
    assert host.container("c", rm=True, check=True, **RUNNING)["actions"] == ["created c", "started c"]
    again = host.container("c", rm=True, **RUNNING)
    assert again["actions"] == ["created c", "started c"]
    assert again["container"]["Id"] != made["container"]["Id"]
    assert not os.path.exists(made["container"]["StaticDir"])


def test_timeout_ends_the_container(host: Host) -> None:
    host.container("c", timeout=1, **RUNNING)
    eventually(lambda: over(host))
    assert state(host)["ExitCode"] == 255


def test_boot_starts_containers_by_restart_policy(host: Host) -> None:
    for name, policy in (
        ("always", "always"),
        ("unless", "unless-stopped"),
        ("stopped", "unless-stopped"),
        ("no", "no"),
    ):
        host.container(name, restart_policy=policy, **RUNNING)
    host.container("stopped", state="stopped")
    host.container("always", state="stopped")
    for name, state_ in (("made", "present"), ("remade", "stopped")):
        host.container(name, restart_policy="unless-stopped", state=state_, **RUNNING)
    host.container(
        "remade", restart_policy="unless-stopped", state="stopped", label={"a": "b"}, recreate=True, **RUNNING
    )
    host.container("ends", rm=True, **RUNNING)
    host.container("unbegun", rm=True, state="present", **RUNNING)
    host.reboot()
    # The reboot ended the running container with rm, which is therefore to be removed.
    assert host.module("libpod_prune", {"container": True}, check=True)["actions"] == ["deleted ends"]
    assert exit_command(host, "boot").exit_code == 0
    left = [one["Name"] for one in host.module("libpod_container_info")["containers"]]
    assert sorted(left) == ["always", "made", "no", "remade", "stopped", "unbegun", "unless"]
    started = [one["Name"] for one in host.module("libpod_container_info")["containers"] if one["State"]["Running"]]
    assert sorted(started) == ["always", "unless"]
