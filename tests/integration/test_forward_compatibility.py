# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and pods of a newer version: older tasks list them, do not change them, and handle everything else."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.tests.support import modules
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "network": "none"}
Record = dict[str, Any]


def _more(record: Record) -> Record:
    return {**record, "version": 99, "purpose": {"of": "a newer version"}}


def _other_options(record: Record) -> Record:
    """Give the options that this version knows values of types that it does not."""
    options = {key: [[5]] if isinstance(value, dict) else {"of": value} for key, value in record["options"].items()}
    return {**record, "version": 99, "options": options}


def _other_shape(record: Record) -> Record:
    return {
        "version": 99,
        "everything": [json.dumps(record), record["volumes"], *record["namespace_containers"].values()],
    }


SHAPES: dict[str, Callable[[Record], Record]] = {
    "more fields": _more,
    "options of other shapes": _other_options,
    "another shape": _other_shape,
}


def _make_newer(host: Host, container_id: str, change: Callable[[Record], Record]) -> bytes:
    """Replace a container's record with a newer version's; return it."""
    path = f"{host.parts.static_root}/containers/{container_id}/config.json"
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    record["volumes"] = [name for name in ("kept", "spare") if name in json.dumps(record)]
    content = json.dumps(change(record)).encode()
    os.unlink(path)
    with open(path, "wb") as file:
        file.write(content)
    return content


def _command(host: Host, *args: str) -> modules.Result:
    def called() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(list(args)))

    return modules.in_child(called)


def _names(host: Host) -> list[str]:
    return [one["Name"] for one in host.module("libpod_container_info")["containers"]]


@pytest.fixture(name="newer", params=SHAPES)
def _newer(request: pytest.FixtureRequest, host: Host) -> Iterator[dict[str, Any]]:
    """``future`` runs in the network of ``web``, ``past`` has ended; both are a newer version's."""
    host.container("web", **OPTIONS)
    host.container("other", **OPTIONS)
    made = {"future": {"network": "container:web", "volume": ["kept:/data"]}, "past": {"volume": ["spare:/data"]}}
    inspections: dict[str, Any] = {}
    for name, options in made.items():
        done = host.container(name, **{**OPTIONS, **options})
        assert not done.failed, done
        inspections[name] = done["container"]
    host.container("past", state="stopped")
    for name in made:
        inspections[f"{name} record"] = _make_newer(host, inspections[name]["Id"], SHAPES[request.param])
    yield inspections
    for name in made:
        assert not host.container(name, state="absent", force_delete=True).failed


def _expect_untouched(host: Host, newer: dict[str, Any]) -> None:
    for name in ("future", "past"):
        folder = f"{host.parts.static_root}/containers/{newer[name]['Id']}"
        with open(f"{folder}/config.json", "rb") as file:
            assert file.read() == newer[f"{name} record"]
        assert newer[name]["Id"] in host.store("containers")
    assert os.path.exists(f"/proc/{newer['future']['State']['Pid']}")
    assert sorted(os.listdir(f"{host.parts.static_root}/volumes")) == ["kept", "spare"]


def test_other_containers_tasks_are_as_before(host: Host, newer: dict[str, Any]) -> None:
    assert host.container("web", **OPTIONS).changed is False
    assert host.container("other", state="stopped")["actions"] == ["stopped other"]
    assert not host.container("joins", **{**OPTIONS, "network": "container:web", "volume": ["kept:/mine"]}).failed
    several = {"containers": [{"name": name, **OPTIONS} for name in ("web", "more")]}
    assert host.module("libpod_containers", several)["changed"] is True
    assert _names(host) == ["future", "joins", "more", "other", "past", "web"]
    info = host.module("libpod_container_info", {"name": ["web"]})
    assert "warnings" not in info and info["containers"][0]["State"]["Running"]
    for name in ("joins", "more"):
        assert host.container(name, state="absent")["actions"] == [f"deleted {name}"]
    _expect_untouched(host, newer)


def test_newer_containers_are_listed_with_a_warning(host: Host, newer: dict[str, Any]) -> None:
    info = host.module("libpod_container_info", {"name": ["future"]})
    assert info["containers"][0]["Id"] == newer["future"]["Id"]
    assert info["containers"][0]["State"]["Pid"] == newer["future"]["State"]["Pid"]
    assert "newer version of libpod.engine" in info["warnings"][0] and len(info["warnings"]) == 1
    shown = json.loads(_command(host, "ps", "--all", "--format", "json")["printed"])
    states = {one["Names"][0]: one["State"] for one in shown}
    assert states == {"future": "running", "other": "running", "past": "exited", "web": "running"}
    assert json.loads(_command(host, "inspect", "future")["printed"])[0]["Name"] == "future"


def test_prune_leaves_everything_of_newer_containers(host: Host, newer: dict[str, Any]) -> None:
    os.makedirs(f"{host.parts.static_root}/engine", exist_ok=True)
    archive = f"{host.parts.static_root}/engine/{'5' * 32}.zip"
    open(archive, "wb").close()
    host.container("other", state="stopped")
    for check in (True, False):
        # The test host's images are to stay.
        everything = {"system": True, "system_all": check, "system_volumes": True}
        pruned = host.module("libpod_prune", everything, check=check)
        assert not pruned.failed and pruned["containers"] and not pruned["volumes"], pruned
        assert all(action.startswith(("deleted other", "removed image")) for action in pruned["actions"]), pruned
        assert newer["past"]["Image"] not in pruned["images"]
    assert os.path.exists(archive)
    _expect_untouched(host, newer)
    os.unlink(archive)


def test_prune_leaves_unfinished_work_of_a_newer_version(host: Host) -> None:
    web = host.container("web", **OPTIONS)["container"]
    _make_newer(host, web["Id"], _more)
    name = f"{host.parts.static_root}/names/web.json"
    for word in ("pending", "retired", "left"):
        with open(name, "w", encoding="ascii") as file:
            json.dump({word: web["Id"]}, file)
        pruned = host.module("libpod_prune", {"container": True})
        assert not pruned.failed and pruned["actions"] == [] and "newer version" in pruned["warnings"][0], pruned
        assert os.path.exists(f"/proc/{web['State']['Pid']}") and web["Id"] in host.store("containers")
    # Its name is free for a new container, and force_delete removes it.
    again = host.container("web", **OPTIONS)
    assert not again.failed and again["container"]["Id"] != web["Id"], again
    gone = host.container("web", state="absent", force_delete=True)
    assert not gone.failed and web["Id"] not in host.store("containers"), gone


def test_tasks_on_newer_containers_are_refused_with_advice(host: Host, newer: dict[str, Any]) -> None:
    tasks: list[tuple[str, dict[str, Any]]] = [
        ("libpod_container", {"name": "future", **OPTIONS}),
        ("libpod_container", {"name": "future", "state": "started"}),
        ("libpod_container", {"name": "future", "state": "stopped", "force_delete": True}),
        ("libpod_container", {"name": "future", "state": "absent"}),
        ("libpod_container", {"name": "past", "state": "started", "recreate": True, **OPTIONS}),
        ("libpod_container_exec", {"name": "future", "argv": ["true"]}),
    ]
    for module, args in tasks:
        for check in (True, False) if module == "libpod_container" else (False,):
            done = host.module(module, args, check=check)
            assert done.failed and done["error"] == "ConfigMismatch" and not done.changed, (args, done)
            assert f"container {args['name']}" in done["msg"] and "use that version or newer" in done["msg"], done
    stopped = _command(host, "stop", "future")
    assert stopped.exit_code == 125 and "newer version" in stopped.stderr, stopped.stderr
    _expect_untouched(host, newer)


def test_dependencies_of_newer_containers_stay_until_forced(host: Host, newer: dict[str, Any]) -> None:
    refused = host.container("web", state="absent")
    assert refused.failed and refused["error"] == "DependencyExists" and "future" in refused["msg"], refused
    for task in ({"state": "absent", "delete_depend": True}, {**OPTIONS, "workdir": "/tmp"}):
        refused = host.container("web", **task)
        assert refused.failed and refused["error"] == "ConfigMismatch" and not refused.changed, refused
    _expect_untouched(host, newer)
    for name in ("future", "past"):
        for check in (True, False):
            gone = host.container(name, state="absent", force_delete=True, check=check)
            assert not gone.failed and gone["actions"] == [f"deleted {name}"], gone
    for name in ("web", "other"):
        assert host.container(name, state="absent")["actions"] == [f"deleted {name}"]
    pruned = host.module("libpod_prune", {"volume": True})
    assert pruned["volumes"] == ["kept", "spare"], pruned
    host.expect_clean()


def test_container_in_the_namespaces_of_a_newer_container_keeps_running(host: Host) -> None:
    owner = host.container("owner", **OPTIONS)["container"]
    joined = {**OPTIONS, "network": "container:owner"}
    host.container("joined", **joined)
    _make_newer(host, owner["Id"], _more)
    assert host.container("joined", **joined).changed is False
    assert host.container("joined", restart=True)["actions"] == ["restarted joined"]
    assert host.container("joined", state="absent")["actions"] == ["deleted joined"]
    assert not host.container("owner", state="absent", force_delete=True).failed
    host.expect_clean()


def test_newer_pods_and_members(host: Host) -> None:
    made = {}
    for name in ("newer", "mixed", "plain"):
        made[name] = host.module("libpod_pod", {"name": name, "state": "started", "network": ["none"]})["pod"]
        assert not host.container(f"in-{name}", pod=name, **{**OPTIONS, "network": None}).failed
    path = f"{host.parts.static_root}/pods/{made['newer']['Id']}/pod.json"
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**record, "version": 2}, file)
    member = host.module("libpod_container_info", {"name": ["in-mixed"]})["containers"][0]
    _make_newer(host, member["Id"], _more)
    assert [one["Name"] for one in host.module("libpod_pod_info")["pods"]] == ["mixed", "plain"]
    assert host.module("libpod_pod", {"name": "plain", "state": "stopped"})["actions"] == ["stopped plain"]
    assert host.container("in-newer", state="stopped")["actions"] == ["stopped in-newer"]
    assert not host.module("libpod_prune", {"container": True}).failed
    for name in ("newer", "mixed"):
        for state in ("stopped", "absent"):
            for check in (True, False):
                done = host.module("libpod_pod", {"name": name, "state": state}, check=check)
                assert done.failed and done["error"] == "ConfigMismatch" and not done.changed, done
                assert "newer version" in done["msg"] and name in done["msg"], done
    assert host.module("libpod_pod", {"name": "mixed", "state": "started", "network": ["none"]}).changed is False
    assert os.path.exists(f"/proc/{member['State']['Pid']}")
    refused = host.container("late", pod="newer", **{**OPTIONS, "network": None})
    assert refused.failed and refused["error"] == "ConfigMismatch", refused
    for name in ("newer", "mixed"):
        gone = host.module("libpod_pod", {"name": name, "state": "absent", "force_delete": True})
        assert not gone.failed and gone["actions"] == [f"deleted {name}"], gone
    assert not host.module("libpod_pod", {"name": "plain", "state": "absent"}).failed
    host.expect_clean()
