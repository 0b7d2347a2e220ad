# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper that conmon runs when a container has ended: cleanup, restart policies and rm, without any task."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._drivers import self_program
from ansible_collections.libpod.engine.plugins.module_utils._helper.main import main
from ansible_collections.libpod.engine.tests.support import cgroup_files
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result, in_child
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
# Each run adds a line to a file in the top layer, so that runs can be counted from outside, and fails.
CRASHING: dict[str, Any] = {**RUNNING, "command": ["sh", "-c", "echo run >> /runs; exit 3"]}


def state(host: Host, name: str = "c") -> dict[str, Any]:
    """``State`` and ``RestartCount`` as the info module shows them; empty where there is no container."""
    found = host.module("libpod_container_info", {"name": [name]})["containers"]
    return {**found[0]["State"], "RestartCount": found[0]["RestartCount"]} if found else {}


def over(host: Host) -> bool:
    """Whether the container has ended, is cleaned up, and stays down."""
    now = state(host)
    return now["Status"] == "exited" and not now["Mounted"] and not now["Restarting"]


def helper(host: Host, *words: str, kill_at: str = "") -> Result:
    """Run the helper in a child of this process."""

    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(words))

    return in_child(body, kill_at=kill_at)


def without_helper() -> None:
    """For ``prepare``: conmon has nothing to run, as if the helper were killed before its first instruction."""
    self_program.argv = lambda parts: []  # type: ignore[assignment]


def kill(container: dict[str, Any]) -> None:
    os.kill(Process(container).pid, 9)


def test_an_end_is_cleaned_up_without_a_task(host: Host) -> None:
    made = host.container("c", image="busybox", command=WAITING, publish=["8080:80"], volume=["data:/data"])
    cgroup = cgroup_files.folder("memory", made["container"]["State"]["CgroupPath"])
    assert os.path.isdir(cgroup)
    kill(made)
    eventually(lambda: over(host))
    assert state(host)["ExitCode"] == 137
    eventually(lambda: not os.path.exists(cgroup))
    assert not os.listdir(host.parts.netns_dir)
    assert made["container"]["State"]["Mountpoint"] not in host.run("cat", "/proc/self/mountinfo")
    assert "8080" not in host.run("iptables-save") + host.run("ss", "-ltn")
    assert not host.container("c", state="stopped").changed


def test_on_failure_starts_it_so_often_and_no_more(host: Host) -> None:
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
    # A task's start begins to count anew.
    assert host.container("c", restart_policy="on-failure:2", **CRASHING)["actions"] == ["started c"]
    eventually(lambda: state(host)["RestartCount"] == 2 and over(host))


def test_always_starts_what_was_killed_and_leaves_what_was_stopped(host: Host) -> None:
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


def test_a_stop_that_was_cut_short_does_not_end_the_policy(host: Host) -> None:
    options = {"name": "c", "restart_policy": "unless-stopped", **RUNNING}
    host.module("libpod_container", options)
    effects = host.module("libpod_container", {**options, "state": "stopped"}, kill_at="signal 15 to ID #1")
    assert effects.killed and state(host)["Status"] == "running"
    again = host.module("libpod_container", options)
    assert not again.changed
    kill(again)
    eventually(lambda: state(host)["RestartCount"] == 1 and state(host)["Status"] == "running")


def test_a_restart_loop_is_bounded(host: Host) -> None:
    """The waits double: what n restarts waited for has passed, and nothing of ours grows with them."""
    began = time.monotonic()
    host.container("c", restart_policy="always", **CRASHING)
    eventually(lambda: state(host)["RestartCount"] >= 4)
    restarts = state(host)["RestartCount"]
    assert 0.1 * (2 ** (restarts - 1) - 1) <= time.monotonic() - began
    eventually(lambda: len([1 for pid in host.cgroups.processes() if _words(pid).count(b"exit")]) <= 1)
    eventually(lambda: state(host)["Restarting"])
    # In that wait it can be kept down: predicted, done, and settled.
    assert host.container("c", state="stopped", check=True)["actions"] == ["cancelled the restart of c"]
    assert host.container("c", state="stopped")["actions"] == ["cancelled the restart of c"]
    assert not host.container("c", state="stopped").changed
    assert not state(host)["Restarting"]
    eventually(lambda: not [1 for pid in host.cgroups.processes() if _words(pid).count(b"exit")])


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


def test_a_failed_restart_says_why_and_is_tried_again(host: Host) -> None:
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


def test_rm_removes_it_when_it_ends(host: Host) -> None:
    made = host.container("c", rm=True, volume=["/anonymous"], **RUNNING)
    kill(made)
    eventually(lambda: not os.path.exists(made["container"]["StaticDir"]))
    eventually(lambda: not state(host))
    assert not os.listdir(f"{host.parts.static_root}/volumes")
    host.expect_clean()
    # With its output, where the task waits for it; and each run is another one.
    for _turn in range(2):
        done = host.container("c", rm=True, detach=False, **{**RUNNING, "command": ["echo", "hello"]})
        assert (done["stdout"], done["rc"], done["container"]) == ("hello\n", 0, {})
    # A stop is an end.
    host.container("c", rm=True, **RUNNING)
    assert host.container("c", state="stopped", check=True)["actions"] == ["stopped c", "deleted c"]
    assert host.container("c", state="stopped", rm=True, **RUNNING)["actions"] == ["stopped c", "deleted c"]
    for check in (True, False):
        assert not host.container("c", state="stopped", rm=True, check=check, **RUNNING).changed
    assert not state(host)


def test_what_rm_left_is_gone_for_the_next_task(host: Host) -> None:
    made = host.module("libpod_container", {"name": "c", "rm": True, **RUNNING}, prepare=without_helper)
    kill(made)
    assert host.container("c", rm=True, check=True, **RUNNING)["actions"] == ["created c", "started c"]
    again = host.container("c", rm=True, **RUNNING)
    assert again["actions"] == ["created c", "started c"]
    assert again["container"]["Id"] != made["container"]["Id"]
    assert not os.path.exists(made["container"]["StaticDir"])


def test_timeout_ends_it(host: Host) -> None:
    host.container("c", timeout=1, **RUNNING)
    eventually(lambda: over(host))
    assert state(host)["ExitCode"] == 255


def test_the_helper_may_be_killed_anywhere(host: Host) -> None:
    """At each effect; a second helper, or a task, does what was left."""
    options = {"name": "c", "restart_policy": "always", **RUNNING, "network": "bridge", "publish": ["8080:80"]}

    def ended() -> str:
        host.container("c", state="absent")
        made = host.module("libpod_container", options, prepare=without_helper)
        assert not made.failed, made
        kill(made)
        return str(made["container"]["Id"])

    first = helper(host, "exit", ended(), kill_at=NOWHERE)
    assert first.exit_code == 0, first
    points = list(dict.fromkeys(effect for effect in first.effects if effect.endswith("#1")))
    assert len(points) > 5
    # Cleanup and start have sweeps of their own (test_sweep): every third is enough to see them carried on.
    for index, point in enumerate(points[::3]):
        killed = helper(host, "exit", ended(), kill_at=point)
        if not killed.killed:
            continue
        if index % 2:
            again = helper(host, "exit", _id(host))
            assert again.exit_code == 0, (point, again)
            # Or one that conmon had started did it.
            eventually(lambda: state(host)["Status"] == "running")
        task = host.module("libpod_container", options)
        assert not task.failed, (point, task)
        assert not host.module("libpod_container", options).changed, point
        host.container("c", state="absent")
        assert not host.leaks(), point


def _id(host: Host) -> str:
    return str(host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["Id"])


def test_two_helpers_and_a_task_at_once(host: Host) -> None:
    for _turn in range(3):
        made = host.module(
            "libpod_container", {"name": "c", "restart_policy": "always", **RUNNING}, prepare=without_helper
        )
        kill(made)
        words = [*self_program.argv(host.parts), "exit", made["container"]["Id"]]
        environment = {**os.environ, **host.parts.environment()}
        helpers = [subprocess.Popen(words, env=environment) for _each in range(2)]
        task = host.container("c", restart_policy="always", **RUNNING)
        assert not task.failed, task
        assert [one.wait() for one in helpers].count(0) >= 1
        eventually(lambda: state(host)["Status"] == "running")
        assert not host.container("c", restart_policy="always", **RUNNING).changed
        host.container("c", state="absent")
        host.expect_clean()


def test_boot_starts_what_is_to_run(host: Host) -> None:
    for name, policy in (
        ("always", "always"),
        ("unless", "unless-stopped"),
        ("stopped", "unless-stopped"),
        ("no", "no"),
    ):
        host.container(name, restart_policy=policy, **RUNNING)
    host.container("stopped", state="stopped")
    host.container("always", state="stopped")
    for name, state_ in (("made", "present"), ("anew", "stopped")):
        host.container(name, restart_policy="unless-stopped", state=state_, **RUNNING)
    host.container("anew", restart_policy="unless-stopped", state="stopped", label={"a": "b"}, recreate=True, **RUNNING)
    host.reboot()
    assert helper(host, "boot").exit_code == 0
    started = [one["Name"] for one in host.module("libpod_container_info")["containers"] if one["State"]["Running"]]
    assert sorted(started) == ["always", "unless"]
