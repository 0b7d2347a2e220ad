# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container exits, is restarted or is changed by another task between a task's plan and its execution."""

from __future__ import annotations

import os
import signal
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.lifecycle import update
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import planner, pods
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.apply import pods as pod_steps
from ansible_collections.libpod.engine.plugins.module_utils._runtime.pods import Pods
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.concurrent_changes import (
    CANCELLED,
    OPTIONS,
    after_plan,
    crashed,
    ended,
    kill,
    occupied,
    restarted,
    status_of,
    with_slow_exit_command,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import UNMAKEABLE, Process, eventually


@pytest.mark.parametrize(
    ("state", "actions", "status"), [("started", ["started web"], "running"), ("stopped", CANCELLED, "exited")]
)
def test_container_is_restarted_meanwhile(host: Host, state: str, actions: list[str], status: str) -> None:
    ended(host, restart_policy="always")
    done = after_plan(host, {"state": state}, restarted)
    assert done["actions"] == actions, done
    assert status_of(host) == status
    assert not host.container("web", state=state).changed


def test_container_exits_just_before_its_stop(host: Host) -> None:
    made = host.module("libpod_container", {"name": "web", **OPTIONS, "restart_policy": "always"})
    done = after_plan(host, {"state": "stopped"}, crashed)
    assert done["actions"] == ["stopped web"], done
    eventually(lambda: not process.alive(process.ref(made["container"]["State"]["ConmonPid"])))
    eventually(lambda: status_of(host) == "exited")  # its exit command may outlive conmon
    assert not host.container("web", state="stopped").changed


def _limit(done: Result) -> str:
    lines = Process(done).read("limits").splitlines()
    return next(line for line in lines if line.startswith("Max open files")).split()[3]


@pytest.mark.parametrize("state", ["started", "present"])
def test_start_option_applies_though_the_policy_restarted_first(host: Host, state: str) -> None:
    ended(host, restart_policy="always")
    task = {**OPTIONS, "restart_policy": "always", "ulimit": ["nofile=100"], "state": state}
    done = after_plan(host, task, restarted)
    assert not done.failed and _limit(done) == "100", done
    assert not host.container("web", **task).changed


def test_start_option_applies_though_the_container_exited_before_the_restart(host: Host) -> None:
    host.container("web", **OPTIONS)
    task = {**OPTIONS, "ulimit": ["nofile=100"]}
    done = after_plan(host, task, crashed)
    assert done["actions"] == ["restarted web"] and _limit(done) == "100", done
    assert not host.container("web", **task).changed


@pytest.mark.parametrize("changed", [{"memory": "64m"}, {"ulimit": ["nofile=100"]}])
def test_update_joins_a_dependency_recreated_meanwhile(host: Host, changed: dict[str, Any]) -> None:
    base = host.container("base", **OPTIONS)
    web = {**OPTIONS, "network": "container:base"}
    made = host.container("web", **web)
    remade: dict[str, Any] = {"name": "base", **OPTIONS, "recreate": True}
    done = after_plan(host, {**web, **changed}, lambda _runtime: host.module("libpod_container", remade))
    assert not done.failed, done
    (now,) = host.module("libpod_container_info", {"name": "base"})["containers"]
    assert now["Id"] != base["container"]["Id"]
    again = host.container("web", **web, **changed)
    assert not again.failed and again["container"]["Id"] == made["container"]["Id"], again
    assert again["container"]["HostConfig"]["NetworkMode"] == f"container:{now['Id']}"
    assert not host.container("web", **web, **changed).changed


def test_recreate_replaces_a_container_that_exited_meanwhile(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"], "ip": "10.87.0.9", "restart_policy": "always"}
    made = host.module("libpod_container", {"name": "web", **serving}, prepare=with_slow_exit_command)
    done = after_plan(host, {**serving, "env": {"A": "1"}}, crashed)
    assert done["actions"] == ["recreated web"], done
    assert done["container"]["Id"] != made["container"]["Id"]
    assert not host.container("web", **serving, env={"A": "1"}).changed


def test_failed_recreate_restores_a_container_restarted_by_its_policy_meanwhile(host: Host) -> None:
    ended(host, restart_policy="always")
    broken = {**OPTIONS, "restart_policy": "always", **UNMAKEABLE}
    done = after_plan(host, broken, restarted)
    assert done.failed
    assert status_of(host) == "running"


@pytest.mark.parametrize("options", [{}, UNMAKEABLE])
def test_container_with_a_pending_restart_counts_as_running(host: Host, options: dict[str, Any]) -> None:
    """Its replacement runs; if the re-creation fails, the old container still runs again."""
    ended(host, restart_policy="always")
    task = {**OPTIONS, "restart_policy": "always", "env": {"A": "1"}, **options, "state": "present"}
    predicted = host.container("web", check=True, **task)
    done = host.container("web", **task)
    assert done["actions"] == predicted["actions"] == ["recreated web"] or done.failed
    assert done.failed == bool(options)
    eventually(lambda: status_of(host) == "running")


def _thawed_and_crashed(runtime: Runtime) -> None:
    runtime.container("web").unpause()
    crashed(runtime)


@pytest.mark.parametrize(
    ("before", "state", "meanwhile", "status"),
    [
        ("started", "paused", crashed, "paused"),
        ("started", "paused", lambda runtime: runtime.container("web").pause(), "paused"),
        ("started", "stopped", lambda runtime: runtime.container("web").pause(), "exited"),
        ("paused", "started", lambda runtime: runtime.container("web").unpause(), "running"),
        ("paused", "started", _thawed_and_crashed, "running"),
        ("paused", "stopped", lambda runtime: runtime.container("web").unpause(), "exited"),
        ("paused", "stopped", _thawed_and_crashed, "exited"),
    ],
)
def test_transition_done_by_another_task_or_voided_by_an_exit(
    host: Host, before: str, state: str, meanwhile: Callable[[Runtime], object], status: str
) -> None:
    host.container("web", **OPTIONS)
    host.container("web", state=before)
    done = after_plan(host, {"state": state}, meanwhile)
    assert not done.failed, done
    assert status_of(host) == status
    assert not host.container("web", state=state).changed


def test_removal_without_force_spares_a_container_started_meanwhile(host: Host) -> None:
    ended(host, restart_policy="always")
    done = after_plan(host, {"state": "absent", "force_delete": False}, restarted)
    assert done.failed and "force_delete" in done["msg"], done
    assert status_of(host) == "running"


@pytest.mark.parametrize("joins", [{"requires": ["base"]}, {"ipc": "container:base"}], ids=["requires", "ipc"])
@pytest.mark.parametrize("new", ["made", "recreated"])
def test_resources_of_a_container_being_created_are_not_removed(host: Host, joins: Any, new: str) -> None:
    base = {"name": "base", **OPTIONS, "ipc": "shareable"}
    assert not host.module("libpod_container", base).failed
    if new == "recreated":
        host.container("web", **OPTIONS)

    def prepare() -> None:
        begin = Runtime.begin

        def begun(runtime: Runtime, *args: Any, **how: Any) -> Any:
            result = begin(runtime, *args, **how)
            Runtime.begin = begin  # type: ignore[method-assign]
            refused = host.module("libpod_container", {"name": "base", "state": "absent"})
            assert refused.failed and refused["error"] == "DependencyExists", refused
            assert host.module("libpod_container", {**base, "recreate": True})["actions"] == ["recreated base"]
            return result

        Runtime.begin = begun  # type: ignore[method-assign]

    task: dict[str, Any] = {"name": "web", **OPTIONS, **joins, "env": {"A": "1"}}
    made = host.module("libpod_container", task, prepare=prepare)
    assert not made.failed, made
    again = host.module("libpod_container", task)
    assert not again.failed and again["container"]["Id"] == made["container"]["Id"], again
    assert not host.module("libpod_container", task).changed
    host.container("base", state="absent", delete_depend=True)


@pytest.mark.parametrize(
    "changed",
    [{"memory": "64m"}, {"volume": ["data:/new"]}, {"network": "libpod", "publish": ["8080:80"]}],
    ids=["limit", "mount", "port"],
)
def test_exit_during_a_live_change_defers_it_to_the_next_start(host: Host, changed: dict[str, Any]) -> None:
    before = {**OPTIONS, "network": "libpod", "restart_policy": "always"}
    host.module("libpod_container", {"name": "web", **before}, prepare=with_slow_exit_command)
    task = {"name": "web", **before, **changed}

    def prepare() -> None:
        apply = update.update

        def applied(container: Any, *args: Any) -> None:
            update.update = apply
            kill(container.state.pid)
            apply(container, *args)

        update.update = applied

    done = host.module("libpod_container", task, prepare=prepare)
    assert done["actions"] == ["updated web"], done
    assert host.module("libpod_container", task)["actions"] == ["started web"]
    assert not host.module("libpod_container", task).changed


def _pod_meanwhile(host: Host, task: dict[str, Any], where: str, meanwhile: Callable[[], object]) -> Result:
    """Run the pod's task, with ``meanwhile`` once before this function of its steps."""

    def prepare() -> None:
        does = getattr(pods, where)

        def doing(*args: Any) -> Any:
            setattr(pods, where, does)
            meanwhile()
            return does(*args)

        setattr(pods, where, doing)

    return host.module("libpod_pod", {"name": "pod", **task}, prepare=prepare)


def test_pod_starts_though_a_member_exited_immediately(host: Host) -> None:
    assert host.module("libpod_pod", {"name": "pod"}).changed
    short: dict[str, Any] = {"image": OPTIONS["image"], "command": ["true"], "pod": "pod"}
    assert not host.container("web", **short, state="present").failed

    def prepare() -> None:
        moved = pod_steps.moved  # type: ignore[attr-defined]

        def looked(container: Any) -> bool:
            eventually(lambda: status_of(host) == "exited")
            container.sync()
            return moved(container)

        pod_steps.moved = looked  # type: ignore[attr-defined]

    done = host.module("libpod_pod", {"name": "pod", "state": "started"}, prepare=prepare)
    assert not done.failed, done
    assert host.module("libpod_pod", {"name": "pod", "state": "absent"}).changed


def test_pod_with_a_created_container_is_stopped(host: Host) -> None:
    assert host.module("libpod_pod", {"name": "pod"}).changed
    options: dict[str, Any] = {"image": OPTIONS["image"], "command": OPTIONS["command"], "pod": "pod"}
    assert not host.container("web", **options).failed
    host.container("web", state="stopped")
    assert in_child(lambda: Runtime(host.parts).container("web").init()).exit_code == 0
    done = host.module("libpod_pod", {"name": "pod", "state": "stopped"})
    assert done.changed and not done.failed, done
    assert not host.module("libpod_pod", {"name": "pod", "state": "stopped"}).changed
    assert host.module("libpod_pod", {"name": "pod", "state": "absent"}).changed


@pytest.mark.parametrize("state", ["started", "stopped", "killed", "paused"])
def test_pod_continues_without_a_member_removed_meanwhile(host: Host, state: str) -> None:
    assert host.module("libpod_pod", {"name": "pod"}).changed
    options: dict[str, Any] = {"image": OPTIONS["image"], "command": OPTIONS["command"], "pod": "pod"}
    for name in ("web", "other"):
        assert not host.container(name, **options).failed
    if state == "started":
        host.module("libpod_pod", {"name": "pod", "state": "stopped"})
    members = Pods.members

    def listed(self: Pods, pod_id: str) -> Any:
        result = members(self, pod_id)
        Pods.members = members  # type: ignore[method-assign]
        assert host.container("web", state="absent").changed
        return result

    def meanwhile() -> None:
        Pods.members = listed  # type: ignore[method-assign]

    done = _pod_meanwhile(host, {"state": state}, "_apply", meanwhile)
    assert not done.failed, done
    assert not host.module("libpod_pod", {"name": "pod", "state": state}).changed
    assert host.module("libpod_pod", {"name": "pod", "state": "absent"}).changed


@pytest.mark.parametrize("task", [{"state": "started"}, {**OPTIONS, "network": "container:base"}], ids=["name", "all"])
def test_inspect_of_a_container_whose_dependency_is_recreated(host: Host, task: dict[str, Any]) -> None:
    assert not host.container("base", **OPTIONS).failed
    made = host.container("web", **{**OPTIONS, "network": "container:base"})

    def prepare() -> None:
        make = planner.make

        def plan(*args: Any) -> Any:
            planner.make = make
            assert host.container("base", **OPTIONS, recreate=True)["actions"] == ["recreated base"]
            return make(*args)

        planner.make = plan

    done = host.module("libpod_container", {"name": "web", **task}, prepare=prepare)
    assert not done.failed and done["actions"] == ["restarted web"], done
    assert done["container"]["Id"] == made["container"]["Id"]
    assert not host.container("web", **task).changed


@pytest.mark.parametrize("task", [{"state": "started"}, {**OPTIONS, "network": "container:base"}], ids=["name", "all"])
def test_dependency_recreated_by_a_killed_task_is_the_new_one(host: Host, task: dict[str, Any]) -> None:
    assert not host.container("base", **OPTIONS).failed
    made = host.container("web", **{**OPTIONS, "network": "container:base"})

    def prepare() -> None:
        Runtime._hand_over = lambda *_args: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]

    assert host.module("libpod_container", {"name": "base", **OPTIONS, "recreate": True}, prepare=prepare).killed
    assert host.container("web", **task, check=True)["actions"] == ["restarted web"]
    done = host.container("web", **task)
    assert not done.failed and done["actions"] == ["restarted web"], done
    assert done["container"]["Id"] == made["container"]["Id"]
    assert not host.container("web", **task).changed


def test_failed_recreate_reports_its_error_when_the_old_container_fails_to_start_too(host: Host) -> None:
    ended(host, network="libpod", publish=["8080:80"], restart_policy="always")
    broken = {**OPTIONS, **UNMAKEABLE, "restart_policy": "always"}
    with occupied(8080):
        done = host.container("web", **broken)
    assert done.failed and "not a directory" in done["msg"], done
    assert host.container("web", state="present")["actions"] == ["started web"]
