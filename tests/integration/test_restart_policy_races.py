# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Races of a container's restart policy with tasks and with other containers."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._exit_command import boot as boot_program
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.concurrent_changes import (
    CANCELLED,
    OPTIONS,
    ended,
    occupied,
    run_exit_command,
    status_of,
)
from ansible_collections.libpod.engine.tests.support.hosts import OCI_RUNTIME, Host
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.process import eventually, kill_all
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_exit_command


@pytest.mark.parametrize("policy", ["always", "unless-stopped", "on-failure:2"])
def test_stop_before_the_exit_command_counts_as_a_stop(host: Host, policy: str) -> None:
    container_id = ended(host, restart_policy=policy)
    assert host.container("web", state="stopped", check=True)["actions"] == CANCELLED
    assert host.container("web", state="stopped")["actions"] == CANCELLED
    assert not host.container("web", state="stopped").changed
    assert run_exit_command(host, container_id).exit_code == 0
    assert status_of(host) == "exited"


@pytest.mark.parametrize("policy", ["no", "on-failure"])
def test_exited_container_that_no_policy_restarts_counts_as_stopped(host: Host, policy: str) -> None:
    """Its process has exited, and without a failure if only a failure would restart it."""
    wanted = {"name": "web", **OPTIONS, "restart_policy": policy}
    if policy == "on-failure":
        wanted["command"] = ["true"]
    made = host.module("libpod_container", wanted, prepare=without_exit_command)
    eventually(lambda: status_of(host) == "exited" or kill_all([made["container"]["State"]["Pid"]]))
    assert not host.container("web", state="stopped").changed
    assert run_exit_command(host, made["container"]["Id"]).exit_code == 0
    assert status_of(host) == "exited"


@pytest.mark.parametrize("state", ["stopped", "killed"])
def test_pod_with_a_pending_restart_is_stopped(host: Host, state: str) -> None:
    assert host.module("libpod_pod", {"name": "pod"}).changed
    container_id = ended(host, restart_policy="always", pod="pod")
    assert host.module("libpod_pod", {"name": "pod", "state": state}, check=True).changed
    assert host.module("libpod_pod", {"name": "pod", "state": state}).changed
    assert not host.module("libpod_pod", {"name": "pod", "state": state}).changed
    assert run_exit_command(host, container_id).exit_code == 0
    assert status_of(host) == "exited"
    assert host.module("libpod_pod", {"name": "pod", "state": "absent"}).changed


def test_restart_is_retried_when_a_dependency_fails_to_start(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"]}
    assert not host.container("base", **serving).failed
    container_id = ended(host, restart_policy="always", requires=["base"])
    host.container("base", state="stopped")
    asleep = time.sleep

    def prepare() -> None:
        taken = occupied(8080)

        def sleep(seconds: float) -> None:
            asleep(seconds)
            if seconds > 0.1:  # the second time
                taken.close()

        time.sleep = sleep

    done = run_exit_command(host, container_id, prepare)
    assert done.exit_code == 0, done
    assert status_of(host) == "running"


@pytest.mark.parametrize("state", ["stopped", "started", "absent"])
def test_task_that_takes_a_restart_over_leaves_no_dependency_half_started(
    host: Host, state: str, tmp_path: Path
) -> None:
    assert not host.container("base", **OPTIONS).failed
    container_id = ended(host, restart_policy="always", requires=["base"])
    host.container("base", state="stopped")
    reached, go_on = tmp_path / "reached", tmp_path / "go-on"

    def prepare() -> None:
        def observe(effect: str) -> None:
            if effect == f"{OCI_RUNTIME} start":
                failpoints.observe(None)
                reached.touch()
                eventually(go_on.exists)

        failpoints.observe(observe)

    with ThreadPoolExecutor() as pool:
        restart = pool.submit(run_exit_command, host, container_id, prepare)
        eventually(reached.exists)
        task = pool.submit(host.container, "web", state=state)
        eventually(lambda: task.done() or state == "started")  # that waits for base
        go_on.touch()
        assert not task.result().failed, task.result()
        restart.result()
    containers = host.module("libpod_container_info")["containers"]
    expected = {"base": "running", "web": {"stopped": "exited", "started": "running"}.get(state)}
    assert {one["Name"]: one["State"]["ModelStatus"] for one in containers} == {
        name: status for name, status in expected.items() if status
    }


def test_task_ends_a_process_that_waits_for_a_restart(host: Host) -> None:
    policy = {"restart_policy": "always", "command": ["false"]}
    host.container("web", **{**OPTIONS, **policy})
    waiting = eventually(lambda: _restarter(host), seconds=60)
    assert not host.container("web", state="stopped").failed
    eventually(lambda: not process.alive(waiting))


def _restarter(host: Host) -> Optional[ProcessRef]:
    """Return the process that waits a second or more for the next start of web."""
    state = Runtime(host.parts).container("web").peek().state
    return state.restarter if state.restart_at and state.restart_delay > 1 else None


@pytest.mark.parametrize("where", [(time, "sleep"), (Runtime, "container")], ids=lambda one: one[1])
def test_restart_uses_a_dependency_recreated_meanwhile(host: Host, where: tuple[Any, str]) -> None:
    assert not host.container("base", **OPTIONS).failed
    container_id = ended(host, restart_policy="always", requires=["base"])
    host.container("base", state="stopped")
    remade: dict[str, Any] = {"name": "base", **OPTIONS, "recreate": True, "state": "present"}

    def prepare() -> None:
        does = getattr(*where)

        def done(*args: Any) -> Any:
            result = does(*args)
            setattr(*where, does)
            assert host.module("libpod_container", remade)["actions"] == ["recreated base"]
            return result

        setattr(*where, done)

    assert run_exit_command(host, container_id, prepare).exit_code == 0
    containers = host.module("libpod_container_info")["containers"]
    assert {one["Name"]: one["State"]["Status"] for one in containers} == {"base": "running", "web": "running"}


@pytest.mark.parametrize("policy", ["no", "on-failure"])
def test_new_policy_cancels_a_pending_restart(host: Host, policy: str) -> None:
    task: dict[str, Any] = {"name": "web", **OPTIONS, "command": ["true"], "restart_policy": "always"}
    made = host.module("libpod_container", task, prepare=without_exit_command)["container"]
    eventually(lambda: status_of(host) == "exited")
    task.update(restart_policy=policy, state="present")

    def prepare() -> None:
        asleep = time.sleep

        def sleep(seconds: float) -> None:
            time.sleep = asleep
            assert host.module("libpod_container", task)["actions"] == ["updated web"]
            asleep(seconds)

        time.sleep = sleep

    run_exit_command(host, made["Id"], prepare)
    (container,) = host.module("libpod_container_info", {"name": "web"})["containers"]
    assert container["State"]["StartedAt"] == made["State"]["StartedAt"] and not container["State"]["Restarting"]
    assert not host.module("libpod_container", task).changed


def test_failed_start_keeps_the_pending_restart(host: Host) -> None:
    serving = {**OPTIONS, "network": "libpod", "publish": ["8080:80"], "restart_policy": "always"}
    container_id = ended(host, **serving)

    def prepare() -> None:
        asleep = time.sleep

        def sleep(seconds: float) -> None:
            time.sleep = asleep
            with occupied(8080):
                assert host.container("web", state="started").failed
            asleep(seconds)

        time.sleep = sleep

    done = run_exit_command(host, container_id, prepare)
    assert done.exit_code == 0, done
    assert status_of(host) == "running"


def test_prune_leaves_containers_with_a_pending_restart(host: Host) -> None:
    ended(host, restart_policy="always")
    assert not host.module("libpod_prune", {"container": True}, check=True).changed
    assert not host.module("libpod_prune", {"container": True}).changed
    host.container("web", state="stopped")
    assert host.module("libpod_prune", {"container": True}).changed


def test_prune_leaves_containers_being_started(host: Host) -> None:
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


def test_exit_code_is_that_of_the_awaited_run(host: Host) -> None:
    host.container("web", **OPTIONS, restart_policy="always")

    def prepare() -> None:
        wait_end = process.wait_end

        def waited(one: ProcessRef, seconds: float) -> bool:
            process.wait_end = wait_end
            os.kill(one.pid, signal.SIGKILL)
            eventually(lambda: Runtime(host.parts).container("web").peek().state.restart_count)
            eventually(lambda: status_of(host) == "running")
            return wait_end(one, seconds)

        process.wait_end = waited

    wanted = {"name": "web", "state": "started", "wait": "exited"}
    done = host.module("libpod_container", wanted, prepare=prepare)
    assert done["rc"] == 128 + signal.SIGKILL, done


def test_wait_does_not_block_on_a_container_without_a_pending_restart(host: Host) -> None:
    check: dict[str, Any] = {"healthcheck": "true", "wait": "healthy", "wait_timeout": 300}
    began = time.monotonic()
    failed = host.container("web", **{**OPTIONS, "command": ["false"]}, restart_policy="on-failure:1", **check)
    assert failed.failed and "has ended before" in failed["msg"], failed
    assert time.monotonic() - began < 200


@pytest.mark.parametrize("changed", [{"ulimit": ["nofile=100"]}, {"env": {"A": "1"}}, {"force_restart": True}])
def test_restart_interrupted_by_a_reboot_is_completed(host: Host, changed: dict[str, Any]) -> None:
    policy = {**OPTIONS, "restart_policy": "unless-stopped"}
    host.container("web", **policy)
    killed = host.module("libpod_container", {"name": "web", **policy, **changed}, kill_at="clear run directory #1")
    assert killed.killed, killed
    host.reboot()

    def boot() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["boot"]))

    assert in_child(boot).exit_code == 0
    assert status_of(host) == "running"


def test_boot_continues_past_a_container_that_fails_to_start(host: Host) -> None:
    for name in ("first", "web"):
        assert not host.container(name, **OPTIONS, restart_policy="always").failed
    host.reboot()

    def boot() -> None:
        reconcile = boot_program.reconcile  # type: ignore[attr-defined]

        def refused(parts: Any, desired: Any) -> Any:
            boot_program.reconcile = reconcile  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        boot_program.reconcile = refused  # type: ignore[attr-defined]
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["boot"]))

    done = in_child(boot)
    assert done.exit_code == 1 and "No space" in done.stderr, done
    assert status_of(host) == "running"
