# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes by their own modules: what is mounted where and when, what is refused, and that no data is lost unasked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.resources.volume import volume as operator_volume
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result, in_child
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

TMPFS = ["type=tmpfs", "device=tmpfs", "o=size=1m,mode=1777"]
OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
VOLUMES = "/srv/static/volumes"
FILES = "/srv/volumes"  # the test's own


@pytest.fixture(scope="module")
def shared() -> Iterator[Host]:
    with Host() as made:
        os.mkdir(FILES)
        yield made
        made.empty()
        pruned = made.module("libpod_prune", {"volume": True})
        assert not pruned.failed, pruned
        shutil.rmtree(FILES)
        made.expect_clean()


def volume(host: Host, name: str, check: bool = False, **options: Any) -> Result:
    return host.module("libpod_volume", {"name": name, **options}, check=check, diff=True)


def done(result: Result, *actions: str) -> Result:
    assert not result.failed and result["actions"] == list(actions), result
    assert result.changed == bool(actions) == (result["diff"]["before"] != result["diff"]["after"]), result
    return result


def refused(result: Result, *words: str) -> None:
    assert result.failed and all(word in result["msg"] for word in words), result


def settled(host: Host, name: str, action: str, **options: Any) -> Result:
    """Assert that check mode predicts the run, and that a second one changes nothing; return the run's result."""
    done(volume(host, name, check=True, **options), action)
    result = done(volume(host, name, **options), action)
    done(volume(host, name, **options))
    done(volume(host, name, check=True, **options))
    return result


def command(host: Host, *args: str) -> str:
    """Return what ``libpod volume`` prints."""
    shown = in_child(lambda: operator_volume(host.parts, args) and None)
    assert shown.exit_code == 0, shown
    return str(shown["printed"]) if "printed" in shown else json.dumps(dict(shown))


def mounts(path: str, pid: object = "self") -> list[list[str]]:
    """Return what proc_pid_mountinfo(5) says of the mounts at a path: options, file system, source and its options."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        lines = [line.split() for line in file]
    return [[one[5], *one[one.index("-") + 1 :]] for one in lines if one[4] == path]


def data(name: str) -> str:
    return f"{VOLUMES}/{name}/_data"


def run(host: Host, name: str, *volumes: str, **options: Any) -> Process:
    started = host.container(name, volume=list(volumes), **{**OPTIONS, **options})
    assert not started.failed, started
    return Process(started)


def test_volume_is_made_changed_and_removed_as_predicted(shared: Host) -> None:
    made = settled(shared, "plain", "created plain", label={"a": "1"}, options=["uid=1000", "o=gid=1001"])
    assert made["volume"]["Labels"] == {"a": "1"}
    assert made["volume"]["Options"] == {"o": "uid=1000,gid=1001", "UID": "1000", "GID": "1001"}
    info = os.stat(data("plain"))
    assert (info.st_uid, info.st_gid) == (1000, 1001)
    with open(f"{data('plain')}/kept", "w", encoding="ascii"):
        pass
    changed = settled(shared, "plain", "updated plain", options=["uid=7"])
    assert changed["diff"]["before"]["label"] == {"a": "1"} and changed["diff"]["after"]["label"] == {}
    assert os.stat(data("plain")).st_uid == 7 and os.listdir(data("plain")) == ["kept"]
    done(volume(shared, "plain", recreate=True), "recreated plain")
    assert os.listdir(data("plain")) == [] and os.stat(data("plain")).st_uid == 0
    settled(shared, "plain", "deleted plain", state="absent")
    assert not os.path.exists(f"{VOLUMES}/plain")


def test_container_used_volume_is_neither_removed_nor_recreated(shared: Host) -> None:
    for number in range(5):
        assert not shared.container(f"user{number}", state="created", volume=["used:/data"], **OPTIONS).failed
    run(shared, "user0", "used:/data")
    for options in ({"state": "absent"}, {"recreate": True}):
        for check in (True, False):
            refused(volume(shared, "used", check=check, **options), "containers user0, user1, user2 and 2 more")
    (one,) = shared.module("libpod_volume_info", {"name": "used"})["volumes"]
    assert one["UsedBy"] == [f"user{number}" for number in range(5)] and one["MountCount"] == 0
    shared.empty()
    done(volume(shared, "used", state="absent"), "deleted used")
    assert shared.module("libpod_volume_info", {"name": "used"})["volumes"] == []


def test_tmpfs_is_mounted_for_the_first_container_and_unmounted_after_the_last(shared: Host) -> None:
    settled(shared, "mem", "created mem", options=TMPFS)
    done(volume(shared, "mem", options=["o=mode=1777", "size=1024k", "type=TMPFS"]))
    assert mounts(data("mem")) == []
    first, second = run(shared, "first", "mem:/data"), run(shared, "second", "mem:/data:ro")
    ((flags, kind, _source, words),) = mounts(data("mem"))
    assert kind == "tmpfs" and "size=1024k" in words and {"nosuid", "nodev"} <= {*flags.split(",")}
    with open(f"/proc/{first.pid}/root/data/shared", "w", encoding="ascii"):
        pass
    assert os.listdir(f"/proc/{second.pid}/root/data") == ["shared", "seed"]
    (shown,) = shared.module("libpod_volume_info", {"name": "mem"})["volumes"]
    assert shown["MountCount"] == 2
    refused(volume(shared, "mem"), "first, second runs with it")
    grown = done(volume(shared, "mem", options=[*TMPFS[:2], "o=size=2m,mode=1777"]), "updated mem")
    assert grown["volume"]["Options"]["SIZE"] == "2097152" and "size=2048k" in mounts(data("mem"))[0][3]
    shared.container("first", state="stopped")
    assert len(mounts(data("mem"))) == 1
    shared.container("second", state="absent")
    assert mounts(data("mem")) == []
    shared.empty()


def test_crash_and_exit_command_leave_nothing_mounted(shared: Host) -> None:
    volume(shared, "mem2", options=TMPFS)
    process = run(shared, "ends", "mem2:/data")
    os.kill(process.pid, 9)
    done_with = shared.module("libpod_container_wait", {"name": "ends", "condition": ["exited"]})
    assert not done_with.failed
    shared.container("ends", state="stopped")
    assert mounts(data("mem2")) == []
    run(shared, "ends", "mem2:/data")
    assert len(mounts(data("mem2"))) == 1
    shared.empty()


@pytest.mark.parametrize("text", ["{", '{"held_volumes": 5}'])
def test_container_with_a_damaged_state_still_holds_its_volume(shared: Host, text: str) -> None:
    volume(shared, "kept", options=TMPFS)
    damaged = run(shared, "damaged", "kept:/data")
    run(shared, "other", "kept:/data")
    with open(f"/proc/{damaged.pid}/root/data/written", "w", encoding="ascii"):
        pass
    (container,) = shared.module("libpod_container_info", {"name": ["damaged"]})["containers"]
    with open(f"{shared.parts.run_root}/containers/{container['Id']}/state.json", "w", encoding="ascii") as file:
        file.write(text)
    shared.container("other", state="absent")
    assert len(mounts(data("kept"))) == 1 and "written" in os.listdir(data("kept"))
    done(volume(shared, "kept", state="unmounted"))
    # Its repair ends it, and with it the last use.
    shared.container("damaged", state="absent")
    assert mounts(data("kept")) == []
    done(volume(shared, "kept", state="absent"), "deleted kept")


def test_operator_holds_a_volume_mounted_whatever_containers_do(shared: Host) -> None:
    settled(shared, "held", "created held", options=TMPFS)
    result = settled(shared, "held", "mounted held", state="mounted")
    assert result["mount_point"] == data("held") and result["volume"]["MountCount"] == 1
    run(shared, "c", "held:/data")
    shared.container("c", state="absent")
    assert len(mounts(data("held"))) == 1
    assert "held" not in shared.module("libpod_prune", {"volume": True})["volumes"]
    process = run(shared, "c", "held:/data")
    settled(shared, "held", "unmounted held", state="unmounted")
    assert len(mounts(data("held"))) == 1 and process.pid
    shared.empty()
    assert mounts(data("held")) == []
    done(volume(shared, "held", state="mounted"), "mounted held")
    done(volume(shared, "held", state="absent"), "deleted held")
    assert mounts(data("held")) == []
    refused(volume(shared, "held", state="unmounted"), "no volume has the name 'held'")


def test_bound_directory_keeps_its_files_and_flags(shared: Host) -> None:
    os.makedirs(f"{FILES}/bound/.libpod-unfinished")
    with open(f"{FILES}/bound/file", "w", encoding="ascii"):
        pass
    settled(shared, "bound", "created bound", options=["type=none", f"device={FILES}/bound", "o=bind,ro,noexec"])
    process = run(shared, "reader", "bound:/data")
    ((flags, *_rest),) = mounts("/data", process.pid)
    assert {"ro", "noexec", "nosuid"} <= {*flags.split(",")}
    assert sorted(os.listdir(f"/proc/{process.pid}/root/data")) == [".libpod-unfinished", "file"]
    shared.empty()
    for _again in range(2):
        done(
            volume(shared, "bound", recreate=True, options=["type=bind", "o=bind", f"device={FILES}/bound"]),
            "recreated bound",
        )
    done(volume(shared, "bound", state="absent"), "deleted bound")
    assert sorted(os.listdir(f"{FILES}/bound")) == [".libpod-unfinished", "file"]
    volume(shared, "bound", options=["type=bind", "o=bind", "device=/srv/nowhere"])
    refused(shared.container("reader", volume=["bound:/data"], **OPTIONS), "/srv/nowhere")
    shared.empty()


def test_image_content_is_copied_into_an_empty_mounted_volume_only(shared: Host) -> None:
    os.makedirs(f"{FILES}/empty")
    volume(shared, "fill", options=["type=none", f"device={FILES}/empty", "o=bind"])
    run(shared, "filler", "fill:/etc")
    assert "passwd" in os.listdir(f"{FILES}/empty")
    shared.empty()
    os.unlink(f"{FILES}/empty/passwd")
    run(shared, "filler", "fill:/etc")
    assert "passwd" not in os.listdir(f"{FILES}/empty")
    shared.empty()
    volume(shared, "memory", options=["type=tmpfs", "uid=5"])
    for _again in range(2):
        process = run(shared, "filler", "memory:/etc")
        assert "passwd" in os.listdir(f"/proc/{process.pid}/root/etc")
        assert os.stat(data("memory")).st_uid == 5
        shared.empty()
    volume(shared, "bare", options=["o=nocopy"])
    run(shared, "filler", "bare:/etc")
    assert "passwd" not in os.listdir(data("bare"))
    shared.empty()


def test_block_device_is_mounted_by_its_file_system(shared: Host) -> None:
    with open(f"{FILES}/disk", "wb") as file:
        file.truncate(8 << 20)
    shared.run("mkfs.ext4", "-q", "-F", f"{FILES}/disk")
    loop = shared.run("losetup", "--find", "--show", f"{FILES}/disk").strip()
    try:
        volume(shared, "disk", options=["type=ext4", f"device={loop}", "o=noatime", "uid=3"])
        process = run(shared, "writer", "disk:/data")
        ((flags, kind, source, _words),) = mounts(data("disk"))
        assert (kind, source) == ("ext4", loop) and "noatime" in flags
        with open(f"/proc/{process.pid}/root/data/kept", "w", encoding="ascii"):
            pass
        shared.empty()
        assert mounts(data("disk")) == [] and os.listdir(data("disk")) == []
        assert not shared.module("libpod_export", {"volume": "disk", "dest": f"{FILES}/disk.tar"}).failed
        assert "kept" in shared.run("tar", "--list", f"--file={FILES}/disk.tar") and mounts(data("disk")) == []
        done(volume(shared, "disk", recreate=True, options=["type=ext4", f"device={loop}"]), "recreated disk")
        run(shared, "writer", "disk:/data")
        assert "kept" in os.listdir(data("disk")) and os.stat(data("disk")).st_uid == 3
        shared.empty()
        done(volume(shared, "disk", state="absent"), "deleted disk")
    finally:
        subprocess.run(["losetup", "--detach", loop], check=True)
    volume(shared, "disk", options=["type=ext4", f"device={FILES}/disk"])
    refused(
        shared.container("writer", volume=["disk:/data"], **OPTIONS), f"{FILES}/disk is not a block device", "losetup"
    )
    shared.empty()


def test_change_that_would_hide_content_is_refused(shared: Host) -> None:
    volume(shared, "full")
    with open(f"{data('full')}/file", "w", encoding="ascii"):
        pass
    for check in (True, False):
        refused(volume(shared, "full", options=TMPFS, check=check), "has content", "recreate")
    done(volume(shared, "full", options=TMPFS, recreate=True), "recreated full")
    assert os.listdir(data("full")) == []
    done(volume(shared, "full"), "updated full")


def test_volume_is_mounted_live_and_unmounted_live(shared: Host) -> None:
    volume(shared, "live", options=TMPFS)
    process = run(shared, "lively")
    changed = shared.container("lively", volume=["live:/live"], **OPTIONS)
    assert changed["container"]["State"]["Pid"] == process.pid, changed
    assert len(mounts(data("live"))) == len(mounts("/live", process.pid)) == 1
    changed = shared.container("lively", **OPTIONS)
    assert changed["container"]["State"]["Pid"] == process.pid, changed
    assert mounts(data("live")) == mounts("/live", process.pid) == []
    shared.empty()


def test_reboot_and_a_copy_into_a_stopped_container_need_no_mount(shared: Host) -> None:
    volume(shared, "boot", options=TMPFS)
    volume(shared, "boot", state="mounted")
    run(shared, "c", "boot:/data")
    shared.reboot()
    assert mounts(data("boot")) == []
    with open(f"{FILES}/file", "w", encoding="ascii"):
        pass
    assert not shared.module(
        "libpod_container_copy", {"container": "c", "src": f"{FILES}/file", "dest": "/data"}
    ).failed
    assert os.listdir(data("boot")) == [] and mounts(data("boot")) == []
    run(shared, "c", "boot:/data")
    assert len(mounts(data("boot"))) == 1
    shared.empty()
    assert mounts(data("boot")) == []


def test_volume_of_an_earlier_version_is_read_and_labels_filter_a_prune(shared: Host) -> None:
    for name in ("old", "marked"):
        os.makedirs(data(name))
        with open(f"{VOLUMES}/{name}/volume.json", "w", encoding="ascii") as file:
            file.write(f'{{"name":"{name}"}}')
    (old,) = shared.module("libpod_volume_info", {"name": "old"})["volumes"]
    assert old["CreatedAt"].startswith("20") and old["Options"] == {} and old["NeedsCopyUp"] is False
    os.makedirs(data("damaged"))
    with open(f"{VOLUMES}/damaged/volume.json", "w", encoding="ascii") as file:
        file.write('{"name":"damaged","labels":7}')
    refused(volume(shared, "damaged"), "damaged/volume.json", "state: absent")
    done(volume(shared, "damaged", state="absent"), "deleted damaged")
    done(volume(shared, "marked", label={"tier": "x"}), "updated marked")
    pruned = shared.module("libpod_prune", {"volume": True, "volume_filters": {"label": "tier=x"}})
    assert pruned["volumes"] == ["marked"]


def test_several_containers_of_one_volume_start_and_stop_at_once(shared: Host) -> None:
    volume(shared, "race", options=TMPFS)
    names = [f"racer{number}" for number in range(4)]
    for state in ("started", "stopped", "started", "absent"):
        tasks = [{"name": name, "state": state, "volume": ["race:/data"], **OPTIONS} for name in names]
        for result in run_concurrently(shared, tasks):
            assert not result.failed, result
        assert len(mounts(data("race"))) == (1 if state == "started" else 0), state


def test_volume_is_filled_from_an_exported_one_and_only_once(shared: Host) -> None:
    tar = f"{FILES}/exported.tar"
    volume(shared, "full-one")
    process = run(shared, "c", "full-one:/etc")
    os.symlink("/etc/shadow", f"/proc/{process.pid}/root/etc/link")
    assert not shared.module("libpod_export", {"volume": "full-one", "dest": tar}).failed
    shared.empty()
    done(volume(shared, "other", src=tar, check=True), "created other")
    done(volume(shared, "other", src=tar), "created other")
    assert sorted(os.listdir(data("other"))) == sorted(os.listdir(data("full-one")))
    assert os.readlink(f"{data('other')}/link") == "/etc/shadow"
    done(volume(shared, "other", src=tar))
    os.unlink(f"{data('other')}/passwd")
    assert settled(shared, "other", "filled other", src=tar)["volume"]["NeedsCopyUp"] is False
    shared.empty()
    volume(shared, "lost", options=TMPFS)
    for check in (True, False):
        refused(volume(shared, "never", src=tar, options=TMPFS, check=check), "in memory", "mounted")
        refused(volume(shared, "lost", src=tar, options=TMPFS, check=check), "in memory", "mounted")
    assert not os.path.exists(f"{VOLUMES}/never"), "it is refused before it is made"
    done(volume(shared, "lost", state="mounted", src=tar, check=True), "mounted lost", "filled lost")
    done(volume(shared, "lost", state="mounted", src=tar), "mounted lost", "filled lost")
    done(volume(shared, "lost", state="mounted", src=tar))
    done(volume(shared, "lost", state="absent"), "deleted lost")


def test_archive_that_cannot_be_used_is_refused_before_a_volume_is_made_or_emptied(shared: Host) -> None:
    volume(shared, "kept")
    with open(f"{data('kept')}/file", "w", encoding="utf-8") as file:
        file.write("no tar")
    for src, words in ((FILES, "Is a directory"), (f"{data('kept')}/file", "no tar file")):
        for check in (True, False):
            refused(volume(shared, "never", src=src, check=check), src, words)
            refused(volume(shared, "kept", src=src, recreate=True, check=check), src, words)
    assert os.listdir(data("kept")) == ["file"] and not os.path.exists(f"{VOLUMES}/never")


def test_check_mode_compares_an_archive_with_a_volume_whose_labels_change(shared: Host) -> None:
    tar = f"{FILES}/same.tar"
    volume(shared, "same")
    with tarfile.open(tar, "w") as file:
        file.add(FILES, ".", filter=lambda member: None if member.name != "." else member)
    volume(shared, "same", src=tar)
    settled(shared, "same", "updated same", src=tar, label={"a": "b"})
    again = volume(shared, "same", src=tar, recreate=True)
    assert again["diff"]["after"]["content"] == "that of src", again


def test_hostile_archive_is_refused_and_changes_nothing(shared: Host) -> None:
    volume(shared, "target")
    tar = f"{FILES}/hostile.tar"
    with tarfile.open(tar, "w") as file:
        for name in ("good", "../../../../evil"):
            file.addfile(tarfile.TarInfo(name))
    for check in (True, False):
        refused(volume(shared, "target", src=tar, check=check), "hostile.tar", "leads out")
    refused(volume(shared, "target", src=f"{FILES}/missing.tar"), "missing.tar")
    refused(volume(shared, "target", src=tar, state="absent"), "src")
    assert os.listdir(data("target")) == [] and not os.path.exists("/srv/evil")


def test_operator_sees_volumes_and_who_uses_them(shared: Host) -> None:
    volume(shared, "shown", options=TMPFS, label={"a": "b"})
    run(shared, "c", "shown:/data")
    head, line = [line.split() for line in command(shared, "ls").splitlines() if " shown " in line or "NAME" in line]
    assert head[:3] == ["DRIVER", "VOLUME", "NAME"] and line == ["local", "shown", "tmpfs", "tmpfs", "c"]
    (one,) = json.loads(command(shared, "inspect", "shown"))
    assert one["UsedBy"] == ["c"] and one["MountCount"] == 1 and one["Labels"] == {"a": "b"}
    assert "shown" in command(shared, "ls", "--quiet").split()
    assert "shown" in [one["Name"] for one in json.loads(command(shared, "ls", "--format", "json"))]
    missing = in_child(lambda: operator_volume(shared.parts, ["inspect", "none"]) and None)
    assert "no volume has the name 'none'" in missing.stderr
    shared.empty()
