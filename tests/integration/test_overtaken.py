# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container ends or is restarted beside a task: no helper has come to it yet, or a plan has been overtaken."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process, self_program
from ansible_collections.libpod.engine.plugins.module_utils._helper.main import main
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import planner
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import preload
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import Process, eventually
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_helper

preload.engine()
OPTIONS: dict[str, Any] = {
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"],
    "network": "none",
}
CANCELLED = ["cancelled the restart of web"]


def _ended(host: Host, **options: Any) -> str:
    """The ID of a container whose process was killed, and to which no helper has come."""
    wanted = {"name": "web", **OPTIONS, "state": "started", **options}
    made = host.module("libpod_container", wanted, prepare=without_helper)
    assert not made.failed, made
    _kill(made["container"]["State"]["Pid"])
    container_id: str = made["container"]["Id"]
    return container_id


def _with_late_helper() -> None:
    """For ``prepare``: what conmon starts at the end, and waits for, takes its time."""
    self_program.argv = lambda parts: ["/bin/sh", "-c", "sleep 30"]  # type: ignore[assignment]


def _kill(pid: int) -> None:
    start = process.start_time(pid)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not process.alive(pid, start))


def _helped(host: Host, container_id: str) -> None:
    """What conmon runs at the container's end, run now."""

    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["exit", container_id]))

    assert in_child(body).exit_code == 0


def _status(host: Host) -> str:
    (found,) = host.module("libpod_container_info", {"name": "web"})["containers"]
    status: str = found["State"]["Status"]
    return status


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure:2"])
def test_a_stop_that_comes_before_the_helper_is_one(host: Host, policy: str) -> None:
    container_id = _ended(host, restart_policy=policy)
    assert host.container("web", state="stopped", check=True)["actions"] == CANCELLED
    assert host.container("web", state="stopped")["actions"] == CANCELLED
    assert not host.container("web", state="stopped").changed
    _helped(host, container_id)
    assert _status(host) == "exited"


@pytest.mark.parametrize("policy", ["no", "on-failure"])
def test_what_no_policy_starts_again_is_stopped(host: Host, policy: str) -> None:
    """Its process has ended, and not with a failure where that is what would have it restarted."""
    wanted = {"name": "web", **OPTIONS, "restart_policy": policy}
    if policy == "on-failure":
        wanted["command"] = ["true"]
    made = host.module("libpod_container", wanted, prepare=without_helper)
    eventually(lambda: _status(host) == "exited" or os.kill(made["container"]["State"]["Pid"], signal.SIGKILL))
    assert not host.container("web", state="stopped").changed
    _helped(host, made["container"]["Id"])
    assert _status(host) == "exited"


def _after_plan(host: Host, task: dict[str, Any], meanwhile: Callable[[Runtime], object]) -> Result:
    """Run the task, with ``meanwhile`` between its plan and the first step."""

    def prepare() -> None:
        make = planner.make

        def made(runtime: Runtime, *args: Any) -> Any:
            plan = make(runtime, *args)
            planner.make = make
            meanwhile(runtime)
            return plan

        planner.make = made

    return host.module("libpod_container", {"name": "web", **task}, prepare=prepare)


def _restarted(runtime: Runtime) -> None:
    runtime.container("web").start()


def _crashed(runtime: Runtime) -> None:
    _kill(runtime.container("web").pid())


@pytest.mark.parametrize(
    ("state", "actions", "status"), [("started", ["started web"], "running"), ("stopped", CANCELLED, "exited")]
)
def test_a_container_that_is_restarted_meanwhile(host: Host, state: str, actions: list[str], status: str) -> None:
    _ended(host, restart_policy="always")
    done = _after_plan(host, {"state": state}, _restarted)
    assert done["actions"] == actions, done
    assert _status(host) == status
    assert not host.container("web", state=state).changed


def test_a_container_that_ends_while_it_is_about_to_be_stopped(host: Host) -> None:
    made = host.module("libpod_container", {"name": "web", **OPTIONS, "restart_policy": "always"})
    done = _after_plan(host, {"state": "stopped"}, _crashed)
    assert done["actions"] == ["stopped web"], done
    eventually(lambda: not process.alive(made["container"]["State"]["ConmonPid"], 0))
    assert _status(host) == "exited"
    assert not host.container("web", state="stopped").changed


@pytest.mark.parametrize("state", ["stopped", "killed"])
def test_a_pod_is_stopped_whose_container_its_policy_would_start(host: Host, state: str) -> None:
    assert host.module("libpod_pod", {"name": "pod"}).changed
    container_id = _ended(host, restart_policy="always", pod="pod")
    assert host.module("libpod_pod", {"name": "pod", "state": state}, check=True).changed
    assert host.module("libpod_pod", {"name": "pod", "state": state}).changed
    assert not host.module("libpod_pod", {"name": "pod", "state": state}).changed
    _helped(host, container_id)
    assert _status(host) == "exited"
    assert host.module("libpod_pod", {"name": "pod", "state": "absent"}).changed


def _limit(done: Result) -> str:
    lines = Process(done).read("limits").splitlines()
    return next(line for line in lines if line.startswith("Max open files")).split()[3]


@pytest.mark.parametrize("state", ["started", "present"])
def test_an_option_of_the_start_is_in_force_though_the_policy_started_it_first(host: Host, state: str) -> None:
    _ended(host, restart_policy="always")
    task = {**OPTIONS, "restart_policy": "always", "ulimit": ["nofile=100"], "state": state}
    done = _after_plan(host, task, _restarted)
    assert not done.failed and _limit(done) == "100", done
    assert not host.container("web", **task).changed


def test_an_option_of_the_start_is_taken_though_it_ended_before_the_restart(host: Host) -> None:
    host.container("web", **OPTIONS)
    task = {**OPTIONS, "ulimit": ["nofile=100"]}
    done = _after_plan(host, task, _crashed)
    assert done["actions"] == ["restarted web"] and _limit(done) == "100", done
    assert not host.container("web", **task).changed


@pytest.mark.parametrize("changed", [{"memory": "64m"}, {"ulimit": ["nofile=100"]}])
def test_an_update_keeps_what_a_new_container_has_handed_over(host: Host, changed: dict[str, Any]) -> None:
    base = host.container("base", **OPTIONS)
    web = {**OPTIONS, "network": "container:base"}
    made = host.container("web", **web)
    remade: dict[str, Any] = {"name": "base", **OPTIONS, "recreate": True}
    done = _after_plan(host, {**web, **changed}, lambda _runtime: host.module("libpod_container", remade))
    assert not done.failed, done
    (now,) = host.module("libpod_container_info", {"name": "base"})["containers"]
    assert now["Id"] != base["container"]["Id"]
    again = host.container("web", **web, **changed)
    assert not again.failed and again["container"]["Id"] == made["container"]["Id"], again
    assert again["container"]["HostConfig"]["NetworkMode"] == f"container:{now['Id']}"
    assert not host.container("web", **web, **changed).changed


def test_a_recreate_whose_container_has_ended_takes_its_place(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"], "ip": "10.87.0.9", "restart_policy": "always"}
    made = host.module("libpod_container", {"name": "web", **serving}, prepare=_with_late_helper)
    done = _after_plan(host, {**serving, "env": {"A": "1"}}, _crashed)
    assert done["actions"] == ["recreated web"], done
    assert done["container"]["Id"] != made["container"]["Id"]
    assert not host.container("web", **serving, env={"A": "1"}).changed


def test_a_failed_recreate_brings_back_what_its_policy_had_started_meanwhile(host: Host) -> None:
    _ended(host, restart_policy="always")
    broken = {**OPTIONS, "restart_policy": "always", "command": ["/nothing"]}
    done = _after_plan(host, broken, _restarted)
    assert done.failed
    assert _status(host) == "running"


@pytest.mark.parametrize("command", [OPTIONS["command"], ["/nothing"]])
def test_a_container_that_waits_for_its_restart_counts_as_one_that_runs(host: Host, command: list[str]) -> None:
    """A new one in its place runs too, and where that fails the old one is not left to nobody."""
    _ended(host, restart_policy="always")
    task = {**OPTIONS, "restart_policy": "always", "env": {"A": "1"}, "command": command, "state": "present"}
    foretold = host.container("web", check=True, **task)
    done = host.container("web", **task)
    assert done["actions"] == foretold["actions"] == ["recreated web"] or done.failed
    assert done.failed == (command == ["/nothing"])
    eventually(lambda: _status(host) == "running")


def _thawed_and_crashed(runtime: Runtime) -> None:
    runtime.container("web").unpause()
    _crashed(runtime)


@pytest.mark.parametrize(
    ("before", "state", "meanwhile", "status"),
    [
        ("started", "paused", _crashed, "paused"),
        ("started", "paused", lambda runtime: runtime.container("web").pause(), "paused"),
        ("started", "stopped", lambda runtime: runtime.container("web").pause(), "exited"),
        ("paused", "started", lambda runtime: runtime.container("web").unpause(), "running"),
        ("paused", "started", _thawed_and_crashed, "running"),
        ("paused", "stopped", lambda runtime: runtime.container("web").unpause(), "exited"),
        ("paused", "stopped", _thawed_and_crashed, "exited"),
    ],
)
def test_a_move_that_another_one_made_or_an_end_made_void(
    host: Host, before: str, state: str, meanwhile: Callable[[Runtime], object], status: str
) -> None:
    host.container("web", **OPTIONS)
    host.container("web", state=before)
    done = _after_plan(host, {"state": state}, meanwhile)
    assert not done.failed, done
    assert _status(host) == status
    assert not host.container("web", state=state).changed


def test_a_removal_without_force_spares_what_has_been_started_meanwhile(host: Host) -> None:
    _ended(host, restart_policy="always")
    done = _after_plan(host, {"state": "absent", "force_delete": False}, _restarted)
    assert done.failed and "force_delete" in done["msg"], done
    assert _status(host) == "running"


def _helper_runs(host: Host, container_id: str, prepare: Callable[[], None]) -> Result:
    """What conmon runs at the container's end, run now, after ``prepare`` in its process."""

    def body() -> None:
        prepare()
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["exit", container_id]))

    return in_child(body)


def test_a_restart_whose_dependency_does_not_start_is_tried_again(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"]}
    assert not host.container("base", **serving).failed
    container_id = _ended(host, restart_policy="always", requires=["base"])
    host.container("base", state="stopped")
    asleep = time.sleep

    def prepare() -> None:
        taken = socket.create_server(("", 8080))

        def sleep(seconds: float) -> None:
            asleep(seconds)
            if seconds > 0.1:  # the second time
                taken.close()

        time.sleep = sleep

    done = _helper_runs(host, container_id, prepare)
    assert done.exit_code == 0, done
    assert _status(host) == "running"


@pytest.mark.parametrize("where", [(time, "sleep"), (Runtime, "container")], ids=lambda one: one[1])
def test_a_restart_whose_dependency_is_made_anew_meanwhile_takes_the_new_one(host: Host, where: Any) -> None:
    assert not host.container("base", **OPTIONS).failed
    container_id = _ended(host, restart_policy="always", requires=["base"])
    host.container("base", state="stopped")
    remade: dict[str, Any] = {"name": "base", **OPTIONS, "recreate": True, "state": "present"}

    def prepare() -> None:
        does = getattr(*where)

        def done(*args: Any) -> Any:
            found = does(*args)
            setattr(*where, does)
            assert host.module("libpod_container", remade)["actions"] == ["recreated base"]
            return found

        setattr(*where, done)

    assert _helper_runs(host, container_id, prepare).exit_code == 0
    found = host.module("libpod_container_info")["containers"]
    assert {one["Name"]: one["State"]["Status"] for one in found} == {"base": "running", "web": "running"}


@pytest.mark.parametrize("policy", ["no", "on-failure"])
def test_a_restart_that_a_new_policy_does_not_want_is_not_to_come(host: Host, policy: str) -> None:
    task: dict[str, Any] = {"name": "web", **OPTIONS, "command": ["true"], "restart_policy": "always"}
    made = host.module("libpod_container", task, prepare=without_helper)["container"]
    eventually(lambda: _status(host) == "exited")
    task.update(restart_policy=policy, state="present")

    def prepare() -> None:
        asleep = time.sleep

        def sleep(seconds: float) -> None:
            time.sleep = asleep
            assert host.module("libpod_container", task)["actions"] == ["updated web"]
            asleep(seconds)

        time.sleep = sleep

    _helper_runs(host, made["Id"], prepare)
    (found,) = host.module("libpod_container_info", {"name": "web"})["containers"]
    assert found["State"]["StartedAt"] == made["State"]["StartedAt"] and not found["State"]["Restarting"]
    assert not host.module("libpod_container", task).changed


def test_a_start_that_fails_leaves_the_restart_policy_what_it_had_to_do(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"], "restart_policy": "always"}
    container_id = _ended(host, **serving)

    def prepare() -> None:
        asleep = time.sleep

        def sleep(seconds: float) -> None:
            time.sleep = asleep
            with socket.create_server(("", 8080)):
                assert host.container("web", state="started").failed
            asleep(seconds)

        time.sleep = sleep

    done = _helper_runs(host, container_id, prepare)
    assert done.exit_code == 0, done
    assert _status(host) == "running"


def test_prune_leaves_what_is_about_to_be_started_again(host: Host) -> None:
    _ended(host, restart_policy="always")
    assert not host.module("libpod_prune", {"container": True}, check=True).changed
    assert not host.module("libpod_prune", {"container": True}).changed
    host.container("web", state="stopped")
    assert host.module("libpod_prune", {"container": True}).changed


def test_prune_removes_nothing_that_is_being_started(host: Host) -> None:
    host.container("web", **OPTIONS)
    host.container("web", state="stopped")

    def prepare() -> None:
        check = Runtime.check_removable

        def checked(runtime: Runtime, container: Any) -> None:
            check(runtime, container)
            threading.Thread(target=Runtime(host.parts).container("web").start, daemon=True).start()
            time.sleep(1.0)
            assert container.peek().state.status.value == "exited"

        Runtime.check_removable = checked  # type: ignore[method-assign]

    assert host.module("libpod_prune", {"container": True}, prepare=prepare).changed


def test_the_exit_code_is_that_of_the_run_that_was_waited_for(host: Host) -> None:
    host.container("web", **OPTIONS, restart_policy="always")

    def prepare() -> None:
        ended = process.wait_end

        def waited(pid: int, started: int, seconds: float) -> bool:
            process.wait_end = ended
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: Runtime(host.parts).container("web").peek().state.restart_count)
            eventually(lambda: _status(host) == "running")
            return ended(pid, started, seconds)

        process.wait_end = waited

    wanted = {"name": "web", "state": "started", "wait": "exited"}
    done = host.module("libpod_container", wanted, prepare=prepare)
    assert done["rc"] == 128 + signal.SIGKILL, done


def test_a_container_that_nobody_starts_again_is_not_waited_for(host: Host) -> None:
    check = {"healthcheck": "true", "wait": "healthy", "wait_timeout": 30}
    began = time.monotonic()
    failed = host.container("web", **{**OPTIONS, "command": ["false"]}, restart_policy="on-failure:1", **check)
    assert failed.failed and "has ended before" in failed["msg"], failed
    assert time.monotonic() - began < 20
