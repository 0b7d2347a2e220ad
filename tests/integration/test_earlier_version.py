# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""State left on a host by an earlier version: read, changed, repaired and removed (tests/support/earlier_host.py)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.plugin_utils import _engine_action as engine_action
from ansible_collections.libpod.engine.tests.support import cgroup_files, earlier_host, modules
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import Process, eventually

RECORDED = os.path.join(os.path.dirname(__file__), "data", "static_root_b4dcb4f.json")


@pytest.fixture
def earlier(host: Host) -> dict[str, Any]:
    return earlier_host.restore(host, RECORDED)


def _task(host: Host, earlier: dict[str, Any], name: str, **more: Any) -> modules.Result:
    done = host.container(name, **{**earlier["tasks"][name], **more})
    assert not done.failed, done
    return done


def _boot(host: Host) -> None:
    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["boot"]))

    assert modules.in_child(body).exit_code == 0


def _statuses(host: Host) -> dict[str, str]:
    listing = host.module("libpod_container_info")
    assert not listing.failed, listing
    return {each["Name"]: each["State"]["Status"] for each in listing["containers"]}


def _remove_all(host: Host) -> None:
    pod = host.module("libpod_pod", {"name": "team", "state": "absent"})
    assert not pod.failed, pod
    for name in ("web", "daemon", "made", "half", "again", "leaving"):
        gone = host.container(name, state="absent")
        assert not gone.failed, gone
    pruned = host.module("libpod_prune", {"container": True, "volume": True})
    assert pruned["volumes"] == ["web-data"] and not pruned.failed, pruned
    assert _statuses(host) == {}
    assert os.listdir(f"{host.parts.static_root}/containers") == []
    host.run("rm", "-r", "/srv/shared", f"{host.parts.static_root}/secrets")
    host.expect_clean()


def test_everything_is_read_and_removed_untouched(host: Host, earlier: dict[str, Any]) -> None:
    assert set(_statuses(host).values()) == {"created"}  # as with podman, after a boot of the host
    (web,) = host.module("libpod_container_info", {"name": ["web"]})["containers"]
    assert web["HostConfig"]["Memory"] == 64 << 20 and web["State"]["ExitCode"] == 0
    assert web["HostConfig"]["PortBindings"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "8080"}]
    pods = host.module("libpod_pod_info", {"name": "team"})
    assert not pods.failed and "member" in json.dumps(pods), pods
    _remove_all(host)


def test_same_tasks_change_nothing(host: Host, earlier: dict[str, Any]) -> None:
    assert not _task(host, earlier, "made").changed
    assert not _task(host, earlier, "web", state="stopped").changed
    # The records of an earlier version have the same defaults as today's.
    for name in ("web", "daemon", "member"):
        planned = host.container(name, check=True, **earlier["tasks"][name])
        assert not planned.failed and planned["actions"][-1] == f"started {name}", planned
        assert {step["verb"] for step in planned["plan"]["steps"]} == {"start"} and not planned["plan"]["differences"]
    _remove_all(host)


def test_stopped_container_starts_and_changes_live(host: Host, earlier: dict[str, Any]) -> None:
    web = _task(host, earlier, "web")
    assert web["actions"] == ["started web"]
    process = Process(web)
    assert process.environ["COLOUR"] == "green" and process.limits["Max open files"] == ("256", "512")
    assert not process.capabilities["CapBnd"] & 1 << 13  # CAP_NET_RAW
    root = Path(process.path("root"))
    assert (root / "run/secrets/token").read_text("utf-8") == "of no worth"
    assert "192.0.2.7 db.example" in (root / "etc/hosts").read_text("utf-8").replace("\t", " ")
    path = web["container"]["State"]["CgroupPath"]
    assert cgroup_files.read("pids", path, "pids.max") == "50"
    assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(64 << 20)
    assert "--dport 8080" in host.run("iptables-save", "-t", "nat")
    changed = _task(host, earlier, "web", memory="96m")
    assert changed["actions"] == ["updated web"], changed["plan"]
    assert Process(changed).pid == process.pid
    assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == str(96 << 20)
    again = _task(host, earlier, "web", memory="96m")
    assert not again.changed, again["plan"]
    eventually(
        lambda: host.module("libpod_container_info", {"name": ["web"]})["containers"][0]["State"]["Health"]["Log"]
    )
    (root / "data/kept").write_text("kept", "utf-8")
    recreated = _task(host, earlier, "web", env={"COLOUR": "red"})
    assert "recreated web" in recreated["actions"], recreated
    assert Path(Process(recreated).path("root/data/kept")).read_text("utf-8") == "kept"
    _remove_all(host)


def test_running_container_starts_after_a_reboot(host: Host, earlier: dict[str, Any]) -> None:
    _boot(host)
    statuses = _statuses(host)
    assert {name for name, status in statuses.items() if status == "running"} == {"daemon"}
    assert not _task(host, earlier, "daemon").changed
    assert _task(host, earlier, "daemon", state="stopped").changed
    _remove_all(host)


def test_pod_starts_with_its_member(host: Host, earlier: dict[str, Any]) -> None:
    started = host.module("libpod_pod", {**earlier["pod"], "state": "started"})
    assert not started.failed and started.changed, started
    assert not host.module("libpod_pod", {**earlier["pod"], "state": "started"}).changed
    assert not _task(host, earlier, "member").changed
    (member,) = host.module("libpod_container_info", {"name": ["member"]})["containers"]
    assert "10.87." in host.run("nsenter", f"--net={Process(member).path('ns/net')}", "ip", "-4", "addr")
    assert "--dport 7070" in host.run("iptables-save", "-t", "nat")
    changed = host.module("libpod_pod", {**earlier["pod"], "state": "started", "memory": "128m"})
    assert not changed.failed and changed.changed, changed
    _remove_all(host)


def test_interrupted_tasks_are_finished(host: Host, earlier: dict[str, Any]) -> None:
    """A creation, a re-creation and a removal, each killed half-way."""
    for name in ("half", "again", "leaving"):
        done = _task(host, earlier, name)
        assert done.changed and Process(done).argv == earlier["tasks"][name]["command"]
        assert not _task(host, earlier, name).changed
    assert {name for name in _statuses(host) if "-infra" not in name} == set(earlier["tasks"])
    _remove_all(host)


def test_interrupted_removal_is_finished_by_the_next(host: Host, earlier: dict[str, Any]) -> None:
    (container_id,) = [path.parent.name for path in Path(f"{host.parts.static_root}/containers").glob("*/layer")]
    assert container_id in host.store("containers") and "leaving" not in _statuses(host)
    assert not host.container("leaving", state="absent").failed
    assert container_id not in host.store("containers")
    _remove_all(host)


def test_kept_engine_is_replaced_by_the_next_task(host: Host, earlier: dict[str, Any]) -> None:
    """Until then the operator's command, which the host's boot runs too, is the earlier version's."""
    launcher = Path(f"{host.parts.static_root}/engine/libpod")
    refused = subprocess.run([launcher, "ps"], check=False, stderr=subprocess.PIPE, text=True)
    assert refused.returncode == 125 and "run a task of libpod.engine" in refused.stderr  # its archive is not recorded
    played = host.play([{"libpod.engine.libpod_container": {"name": "made", **earlier["tasks"]["made"]}}])
    assert played.changed == 0, played.output
    assert engine_action.digest(list(engine_action.sources())) in launcher.read_text("utf-8")
    environment = [f"{key}={value}" for key, value in host.parts.environment().items()]
    assert " web" in host.run("env", *environment, str(launcher), "ps", "--all")
    host.run("env", *environment, str(launcher), "boot")
    eventually(lambda: _statuses(host)["daemon"] == "running")
    _remove_all(host)
