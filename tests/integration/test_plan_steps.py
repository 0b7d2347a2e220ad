# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each step of a plan has its own effect, and no other."""

from __future__ import annotations

import json
import os
from typing import Any, Callable

from ansible_collections.libpod.engine.plugins.module_utils._container.lifecycle import restart
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.store import ImageStore
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.apply import containers, pods
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.plan import Verb
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.plugins.module_utils._store import pods as pod_records
from ansible_collections.libpod.engine.tests.support.concurrent_changes import ended
from ansible_collections.libpod.engine.tests.support.hosts import Host

TASK: dict[str, Any] = {"command": ["sleep", "1000"], "network": "none", "stop_signal": "KILL"}
STEPS = "/srv/steps"
AMID_START = "make files over /etc #1"
Steps = list[list[Any]]


def _seen(host: Host, image: str = "localhost/busybox:latest") -> dict[str, Any]:
    """Return the state of the container ``web``, the pod ``pod`` and the image, without a lock."""
    runtime = Runtime(host.parts)
    record = runtime.store.name_record("web")
    container_id = record.get("id") or record.get("pending", "")
    seen: dict[str, Any] = {"id": container_id, "status": "", "pid": 0, "memory": None, "restarts": False}
    pod = runtime.store.name_record("pod").get("pod")
    seen["pod"] = [pod, pod_records.read(runtime.store, pod).options["memory"]] if pod else []
    seen["image"] = ImageStore(host.parts).find(image) is not None
    if container_id:
        container = runtime.by_id(container_id).peek()
        status = container.state.status
        seen.update(status=status.value, memory=container.config.options["memory"])
        seen.update(pid=container.state.pid if status.has_process else 0, restarts=restart.is_to_come(container))
        assert not seen["pid"] or os.path.exists(f"/proc/{seen['pid']}")
    return seen


def _steps(host: Host, module: str, table: dict[Verb, Any], **args: Any) -> Steps:
    """Run the task, and return each step's verb with the names of what it changed."""

    def watching(verb: Verb, applier: Callable[..., Any]) -> Callable[..., Any]:
        def apply(*args: Any) -> Any:
            before = _seen(host, image)
            result = applier(*args)
            after = _seen(host, image)
            with open(STEPS, "a", encoding="ascii") as file:
                print(json.dumps([verb, sorted(key for key in after if after[key] != before[key])]), file=file)
            return result

        return apply

    def prepare() -> None:
        table.update({verb: watching(verb, applier) for verb, applier in table.items()})

    image = f"oci:{host.layout}:bare"
    open(STEPS, "w", encoding="ascii").close()
    done = host.module(module, args, prepare=prepare)
    assert not done.failed, done
    with open(STEPS, encoding="ascii") as file:
        steps = [json.loads(line) for line in file]
    os.remove(STEPS)
    assert len(steps) == len(done["actions"])
    return steps


def _container(host: Host, **args: Any) -> Steps:
    return _steps(host, "libpod_container", containers.APPLIERS, name="web", **args)  # type: ignore[arg-type]


def _pod(host: Host, **args: Any) -> Steps:
    return _steps(host, "libpod_pod", pods.APPLIERS, name="pod", **args)  # type: ignore[arg-type]


def test_every_verb_has_an_applier() -> None:
    assert {*containers.APPLIERS, *pods.APPLIERS} == set(Verb)


def test_steps_of_a_container(host: Host) -> None:
    task = {**TASK, "image": f"oci:{host.layout}:bare"}
    assert _container(host, **task, state="paused") == [
        ["pull", ["image"]],
        ["create", ["id", "status"]],
        ["start", ["pid", "status"]],
        ["pause", ["status"]],
    ]
    assert _container(host, **task) == [["unpause", ["status"]]]
    assert _container(host, **task, memory="64m") == [["update", ["memory"]]]
    assert _container(host, force_restart=True) == [["restart", ["pid"]]]
    assert _container(host, **task, memory="64m", recreate=True) == [["recreate", ["id", "pid"]]]
    assert _container(host, state="stopped") == [["stop", ["pid", "status"]]]
    assert _container(host) == [["start", ["pid", "status"]]]
    assert _container(host, state="absent", rmi=True) == [
        ["delete", ["id", "memory", "pid", "status"]],
        ["rmi", ["image"]],
    ]


def test_step_that_creates_a_container_without_starting_it(host: Host) -> None:
    assert _container(host, **TASK, image="busybox", state="created") == [["create", ["id", "status"]]]
    layer = host.store("containers", "--json")
    assert Runtime(host.parts).container("web").id in layer
    host.empty()


def test_step_that_cancels_a_restart(host: Host) -> None:
    ended(host, restart_policy="always")
    assert _container(host, state="stopped") == [["cancel", ["restarts"]]]
    host.empty()


def test_step_that_repairs_what_was_interrupted(host: Host) -> None:
    assert host.container("web", **TASK, image="busybox", state="created").changed
    assert host.module("libpod_container", {"name": "web"}, kill_at=AMID_START).exit_code < 0
    assert _seen(host)["status"] == "unknown"
    assert _container(host, state="stopped") == [["repair", ["status"]]]
    host.empty()


def test_steps_of_a_pod(host: Host) -> None:
    assert _pod(host) == [["create", ["pod"]]]
    assert host.container("web", **TASK, image="busybox", pod="pod", state="created").changed
    assert _pod(host, state="started") == [["start", ["pid", "status"]]]
    assert _pod(host, state="paused") == [["pause", ["status"]]]
    assert _pod(host, state="unpaused") == [["unpause", ["status"]]]
    assert _pod(host, state="restarted") == [["restart", ["pid"]]]
    assert _pod(host, state="killed") == [["kill", ["pid", "status"]]]
    assert _pod(host, memory="64m", state="started") == [["update", ["pod"]], ["start", ["pid", "status"]]]
    assert _pod(host, state="stopped") == [["stop", ["pid", "status"]]]
    # The first one is the infra container's.
    assert host.module("libpod_container", {"name": "web"}, kill_at=AMID_START.replace("1", "2")).exit_code < 0
    assert _pod(host, memory="64m") == [["repair", ["status"]]]
    steps = _pod(host, recreate=True)
    assert steps[0][0] == "recreate" and {"pod", "id"} <= set(steps[0][1]) and len(steps) == 1
    assert _pod(host, state="absent") == [["delete", ["pod"]]]
