# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal continues past failures: it removes all that it can and reports what is left and why."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.tests.support import failing_network, kernel, modules
from ansible_collections.libpod.engine.tests.support.concurrent_changes import kill
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "network": "none"}
WEDGED: dict[str, Any] = {**OPTIONS, "network": "sticky", "cni_plugin_dirs": failing_network.PLUGINS}


def _names(host: Host) -> list[str]:
    return [one["Name"] for one in host.module("libpod_container_info")["containers"]]


def test_wedged_container_keeps_only_its_record_and_blocks_no_other(host: Host) -> None:
    failing_network.define(host)
    web = host.container("web", **WEDGED)["container"]
    for name in ("other", "joined"):
        host.container(name, **OPTIONS)
    gone = host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS)
    assert gone.failed and gone["changed"] and gone["actions"] == ["deleted web"], gone
    assert gone["error"] == "RemovalIncomplete" and "sticky" in gone["msg"] and failing_network.REASON in gone["msg"]
    assert "force_delete" in gone["msg"]
    # The rest of the container is removed, and other containers are unchanged.
    assert not start_time(web["State"]["Pid"]) and web["Id"] not in host.store("containers")
    kept = set(os.listdir(f"{host.parts.static_root}/containers/{web['Id']}"))
    assert kept == {"config.json", "network.json"}
    assert _names(host) == ["joined", "other"]
    # Its name is free, and the leftover record does not affect a new container of that name.
    again = host.container("web", **OPTIONS)
    assert not again.failed and "warnings" not in again, again
    assert host.container("web", **OPTIONS).changed is False
    host.container("other", state="stopped")
    pruned = host.module("libpod_prune", {"container": True, "cni_plugin_dirs": failing_network.PLUGINS})
    assert pruned.failed and pruned["actions"] == ["deleted other"] and "container web" in pruned["msg"], pruned
    # After the repair the next removal, or prune, completes.
    assert not host.container("joined", state="absent").failed
    failing_network.mend()
    done = host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS)
    assert not done.failed and done["actions"] == ["deleted web"], done
    assert host.container("web", state="absent").changed is False
    failing_network.forget(host)


def test_anonymous_volume_stays_with_a_container_whose_record_is_damaged(host: Host) -> None:
    """It has borrowed the volume, as far as the damage shows."""
    folder = f"{host.parts.static_root}/volumes"
    for kept, found, put in ((0.25, "", ""), (1.0, '"tty":false', '"tty":5')):
        assert not host.container("lender", **OPTIONS, volume=["/data"]).failed
        borrower = host.container("borrower", **OPTIONS, volumes_from=["lender"])["container"]
        (volume,) = os.listdir(folder)
        Path(f"{folder}/{volume}/_data/kept").touch()
        record = Path(f"{host.parts.static_root}/containers/{borrower['Id']}/config.json")
        text = record.read_text("utf-8")
        record.unlink()
        record.write_text(text[: int(len(text) * kept)].replace(found, put), "utf-8")
        gone = host.container("lender", state="absent", delete_volumes=True)
        assert gone["actions"] == ["deleted lender"], gone
        assert os.path.exists(f"{folder}/{volume}/_data/kept")
        assert host.container("borrower", state="absent").changed
        assert host.module("libpod_prune", {"volume": True})["volumes"] == [volume]
    os.rmdir(folder)


def test_prune_completes_an_incomplete_removal(host: Host) -> None:
    failing_network.define(host)
    host.container("web", **WEDGED)
    assert host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS).failed
    predicted = host.container("web", state="absent", check=True)
    assert predicted.changed and predicted["actions"] == ["deleted web"], predicted
    failing_network.mend()
    prune = {"container": True, "cni_plugin_dirs": failing_network.PLUGINS}
    for check in (True, False):
        pruned = host.module("libpod_prune", prune, check=check)
        assert pruned["actions"] == ["removed what was left of web"], pruned
    assert host.module("libpod_prune", prune).changed is False
    failing_network.forget(host)


def test_force_delete_abandons_what_cannot_be_removed(host: Host) -> None:
    failing_network.define(host)
    host.container("web", **WEDGED)
    gone = host.container("web", state="absent", force_delete=True, cni_plugin_dirs=failing_network.PLUGINS)
    assert not gone.failed and gone["actions"] == ["deleted web"], gone
    assert "container web" in gone["warnings"][0] and failing_network.REASON in gone["warnings"][0]
    assert host.container("web", state="absent").changed is False
    # The same holds for a container that an earlier removal left.
    host.container("web", **WEDGED)
    assert host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS).failed
    gone = host.container("web", state="absent", force_delete=True, cni_plugin_dirs=failing_network.PLUGINS)
    assert not gone.failed and gone["actions"] == ["deleted web"] and gone["warnings"], gone
    assert host.container("web", state="absent").changed is False
    failing_network.mend()
    failing_network.forget(host)


def test_recreated_container_runs_though_the_old_one_is_wedged(host: Host) -> None:
    failing_network.define(host)
    old = host.container("web", **WEDGED)["container"]
    made = host.container("web", **{**WEDGED, "network": "none"})
    assert not made.failed and made["container"]["State"]["Running"], made
    assert made["container"]["Id"] != old["Id"] and failing_network.REASON in made["warnings"][0]
    failing_network.mend()
    assert not host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS).failed
    failing_network.forget(host)


def test_pod_is_removed_except_for_wedged_containers(host: Host) -> None:
    failing_network.define(host)
    pod = {"name": "duo", "cni_plugin_dirs": failing_network.PLUGINS}
    made = host.module("libpod_pod", {**pod, "state": "started", "network": ["sticky"]})
    assert not made.failed, made
    assert not host.container("member", pod="duo", **{**OPTIONS, "network": None}).failed
    gone = host.module("libpod_pod", {**pod, "state": "absent"})
    assert gone.failed and gone["actions"] == ["deleted duo"] and failing_network.REASON in gone["msg"], gone
    assert _names(host) == [] and not os.listdir(f"{host.parts.run_root}/runc")
    done = host.module("libpod_pod", {**pod, "state": "absent", "force_delete": True})
    assert not done.failed and "-infra" in done["warnings"][0], done
    failing_network.mend()
    failing_network.forget(host)


def test_pod_whose_record_cannot_be_read_is_removed_and_keeps_no_other(host: Host) -> None:
    for name in ("broken", "whole"):
        made = host.module("libpod_pod", {"name": name, "state": "started", "network": ["none"]})
        assert not made.failed, made
        assert not host.container(f"in-{name}", pod=name, **{**OPTIONS, "network": None}).failed
        if name == "broken":
            with open(f"{host.parts.static_root}/pods/{made['pod']['Id']}/pod.json", "w", encoding="ascii") as file:
                file.write("{")
    assert [one["Name"] for one in host.module("libpod_pod_info")["pods"]] == ["whole"]
    assert host.container("in-whole", state="stopped").changed
    for name in ("broken", "whole"):
        for check in (True, False):
            gone = host.module("libpod_pod", {"name": name, "state": "absent"}, check=check)
            assert not gone.failed and gone["actions"] == [f"deleted {name}"], gone
    host.expect_clean()


def _fill(folder: str) -> str:
    """Fill a file system to its last byte and inode."""
    path = f"{folder}/filler"
    os.makedirs(path, exist_ok=True)
    with open(f"{path}/bytes", "ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    with contextlib.suppress(OSError):
        for number in itertools.count():
            open(f"{path}/{number}", "wb").close()
    return path


CHATTY = {**OPTIONS, "command": ["yes"], "stop_signal": "KILL"}


def test_full_disk_can_be_emptied_through_the_engine(host: Host) -> None:
    os.mkdir("/srv/static")
    kernel.mount("small", "/srv/static", "tmpfs", options="mode=700,size=1m,nr_inodes=300")
    for name in ("ended", "quiet", "idle"):
        assert not host.container(name, **OPTIONS, volume=["/anonymous"]).failed
    host.container("ended", state="stopped")
    assert not host.container("chatty", **CHATTY).failed
    eventually(lambda: os.statvfs("/srv/static").f_bavail == 0)
    filler = _fill("/srv/static")
    stopped = host.container("quiet", state="stopped")
    assert stopped["actions"] == ["stopped quiet"], stopped
    pruned = host.module("libpod_prune", {"container": True})
    assert pruned["actions"] == ["deleted ended", "deleted quiet"], pruned
    _fill("/srv/static")
    for name in ("idle", "chatty"):
        gone = host.container(name, state="absent")
        assert gone["actions"] == [f"deleted {name}"], gone
    shutil.rmtree(filler)
    assert _names(host) == []
    kernel.umount("/srv/static")


def test_full_run_root_is_read_and_emptied(host: Host) -> None:
    os.mkdir("/srv/run")
    kernel.mount("small", "/srv/run", "tmpfs", options="mode=700,size=1m,nr_inodes=400")
    for name in ("ended", "lives"):
        assert not host.container(name, **OPTIONS).failed
    filler = _fill("/srv/run")
    kill(host.module("libpod_container_info", {"name": ["ended"]})["containers"][0]["State"]["Pid"])
    assert _names(host) == ["ended", "lives"]

    def listed() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["ps", "--all", "--format", "json"]))

    shown = json.loads(modules.in_child(listed)["printed"])
    assert [(one["Names"], one["State"]) for one in shown] == [(["ended"], "exited"), (["lives"], "running")]
    for name in ("ended", "lives"):
        gone = host.container(name, state="absent")
        assert gone["actions"] == [f"deleted {name}"], gone
    shutil.rmtree(filler)
    assert _names(host) == []
    kernel.umount("/srv/run")


def test_layer_that_cannot_be_deleted_keeps_the_record(host: Host) -> None:
    web = host.container("web", **OPTIONS)["container"]
    layer = os.path.dirname(web["State"]["Mountpoint"])
    os.mkdir(f"{layer}/held")
    kernel.mount("none", f"{layer}/held", "tmpfs")
    tasks: tuple[dict[str, Any], ...] = ({}, {}, {"force_delete": True})
    for options in tasks:
        gone = host.container("web", state="absent", **options)
        assert gone.failed != bool(options) and gone["actions"] == ["deleted web"], gone
        assert "it is a mount point" in (gone["msg"] if gone.failed else gone["warnings"][0])
        assert os.path.exists(layer) and "web" not in _names(host)
    assert host.module("libpod_prune", {"container": True}).failed
    kernel.umount(f"{layer}/held")
    pruned = host.module("libpod_prune", {"container": True})
    assert pruned["actions"] == [f"removed what was left of {web['Id'][:12]}"], pruned
    assert not os.path.exists(layer) and host.module("libpod_prune", {"container": True}).changed is False


def test_immutable_file_does_not_block_layer_removal(host: Host) -> None:
    web = host.container("web", **OPTIONS)["container"]
    layer = os.path.dirname(web["State"]["Mountpoint"])
    open(f"{layer}/diff/stuck", "w", encoding="ascii").close()
    host.run("chattr", "+i", f"{layer}/diff/stuck")
    assert not host.container("web", state="absent").failed
    assert not os.path.exists(layer)


def test_prune_removes_only_our_layers_without_records(host: Host) -> None:
    web = host.container("web", state="created", **OPTIONS)["container"]
    host.store("create-container", "-n", "foreign", "localhost/busybox:latest")
    shutil.rmtree(host.parts.static_root)
    pruned = host.module("libpod_prune", {"container": True})
    assert pruned["actions"] == [f"removed what was left of {web['Id'][:12]}"], pruned
    assert "foreign" in host.store("containers") and web["Id"] not in host.store("containers")
    host.store("delete-container", "foreign")


def test_mounts_left_by_a_killed_runtime_are_removed(host: Host) -> None:
    web = host.container("web", **OPTIONS)["container"]
    for folder in (f"{host.parts.run_root}/runc/{web['Id']}", f"{host.parts.run_root}/containers/{web['Id']}"):
        open(f"{folder}/runc.left", "w", encoding="ascii").close()
        kernel.mount("/bin/true", f"{folder}/runc.left", flags=kernel.MS_BIND)
    gone = host.container("web", state="absent")
    assert not gone.failed, gone
    host.expect_clean()
