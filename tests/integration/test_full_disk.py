# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store and the static root on one full file system to which a container writes continuously."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.tests.support import kernel, modules
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, in_background

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "network": "none"}
# It writes to its log and to its layer, and takes each free byte at once.
FLOOD = "yes & while :; do cat /dev/zero >> /junk; done 2>/dev/null"
FLOODING = {**OPTIONS, "command": ["sh", "-c", FLOOD]}
_SPARE = 2 << 20


def _own_file_system(path: str) -> None:
    """Make a directory of the test host its own file system and keep its contents."""
    kernel.mount("apart", "/mnt", "tmpfs", options="mode=700")
    if os.path.isdir(path):
        subprocess.run(["cp", "-a", f"{path}/.", "/mnt/"], check=True)
    os.makedirs(path, exist_ok=True)
    kernel.mount("/mnt", path, flags=kernel.MS_BIND)
    kernel.umount("/mnt")


@pytest.fixture(name="small")
def _small(host: Host) -> Iterator[Host]:
    """Yield the test host, whose /srv has little space left; the run roots are on their own file systems."""
    for name in ("run", "storage-run"):
        _own_file_system(f"/srv/{name}")
    for name in ("quiet", "ended", "idle"):
        assert not host.container(name, **OPTIONS, volume=["/anonymous"]).failed
    host.container("ended", state="stopped")
    _resize(_SPARE)
    yield host
    _resize(64 << 20)
    host.empty()
    for name in ("run", "storage-run"):
        with contextlib.suppress(OSError):
            kernel.umount(f"/srv/{name}", kernel.MNT_DETACH)


def _resize(spare: int) -> None:
    statistics = os.statvfs("/srv")
    _remount("/srv", size=(statistics.f_blocks - statistics.f_bfree) * statistics.f_frsize + spare)


def _remount(folder: str, **options: int) -> None:
    mount_options = ",".join(f"{key}={value}" for key, value in options.items())
    kernel.mount("none", folder, "tmpfs", flags=kernel.MS_REMOUNT, options=mount_options)


def _full() -> bool:
    return os.statvfs("/srv").f_bavail == 0


def _flood(host: Host) -> None:
    assert not host.container("flood", **FLOODING).failed
    eventually(_full)


def _shown(host: Host) -> dict[str, str]:
    """Return names and states by ``libpod ps``, after asserting that the info module reports the same."""

    def listed() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(["ps", "--all", "--format", "json"]))

    done = modules.in_child(listed)
    assert done.exit_code == 0, done.stderr
    statuses = {one["Names"][0]: one["State"] for one in json.loads(done.get("printed", "[]"))}
    info = host.module("libpod_container_info")
    assert {one["Name"]: one["State"]["Status"] for one in info["containers"]} == statuses
    return statuses


def _done(result: Result, *actions: str) -> None:
    assert not result.failed and result["actions"] == list(actions), (result.get("msg"), result)
    assert "warnings" not in result, result


def _reserve() -> list[str]:
    return sorted(os.listdir("/srv/static/reserve"))


def test_container_that_has_filled_the_disk_is_rewound(small: Host) -> None:
    _resize(8 << 20)
    filling = Process(small.container("filling", **OPTIONS, rewindable=True))
    assert filling.run("cp", "/bin/busybox", "/marked").returncode == 0
    _done(small.container("filling", state="marked"), "marked filling")
    filling = Process(small.module("libpod_container_info", {"name": ["filling"]})["containers"][0])
    filling.run("dd", "if=/dev/zero", "of=/junk", "bs=64k")
    filling.run("dd", "if=/dev/zero", "of=/rest", "bs=1")
    assert _full()
    rewound = small.container("filling", state="rewound")
    _done(rewound, "rewound filling")
    names = Process(rewound).run("ls", "/").stdout.split()
    assert not _full() and "marked" in names and "junk" not in names


def test_containers_are_stopped_and_removed_while_the_disk_is_flooded(small: Host) -> None:
    whole = _reserve()
    _flood(small)
    _done(small.container("quiet", state="stopped"), "stopped quiet")
    _done(small.container("idle", state="absent"), "deleted idle")
    _done(small.module("libpod_prune", {"container": True}), "deleted ended", "deleted quiet")
    assert _shown(small) == {"flood": "running"}
    eventually(_full)
    _done(small.container("flood", state="absent"), "deleted flood")
    assert _shown(small) == {} and not _full()
    # Afterwards the store works as before.
    assert not small.container("again", **OPTIONS).failed
    assert _reserve() == whole
    _done(small.container("again", state="absent"), "deleted again")
    assert small.store("containers").strip() == ""


def test_inode_table_stays_full(small: Host) -> None:
    whole = _reserve()
    os.mkdir("/srv/inodes")
    _remount("/srv", nr_inodes=_inodes("/srv"), size=64 << 20)
    _remount("/srv/run", nr_inodes=_inodes("/srv/run"))
    with _inode_flood():
        _done(small.container("quiet", state="stopped"), "stopped quiet")
        _done(small.container("idle", state="absent"), "deleted idle")
        _done(small.module("libpod_prune", {"container": True}), "deleted ended", "deleted quiet")
        assert _shown(small) == {}
        eventually(lambda: not os.statvfs("/srv").f_ffree)  # the flood has taken what was given back
    _remount("/srv", nr_inodes=0)
    _remount("/srv/run", nr_inodes=0)
    assert small.store("containers").strip() == ""
    assert not small.container("again", **OPTIONS).failed
    assert _reserve() == whole


def _inodes(folder: str) -> int:
    statistics = os.statvfs(folder)
    return statistics.f_files - statistics.f_ffree


@contextlib.contextmanager
def _inode_flood() -> Iterator[None]:
    """Take each free inode at once."""
    script = "i=0; while :; do echo > /srv/inodes/$i && i=$((i + 1)); done 2>/dev/null"
    with in_background(["sh", "-c", script]):
        eventually(lambda: not os.statvfs("/srv").f_ffree)
        yield
    shutil.rmtree("/srv/inodes")


def test_removal_killed_at_any_effect_is_finished(small: Host) -> None:
    _resize(64 << 20)
    whole = _reserve()
    kill_at = {f"killed{number}": 3 * number + 1 for number in range(14)}
    for name in kill_at:
        assert not small.container(name, **OPTIONS).failed
    _resize(_SPARE)
    _flood(small)
    killed = 0
    for name, failpoint in kill_at.items():
        first = small.module("libpod_container", {"name": name, "state": "absent"}, kill_at=failpoint)
        assert first.killed or not first.failed, first
        killed += first.killed
        second = small.container(name, state="absent")
        assert not second.failed, (failpoint, second.get("msg"))
        eventually(_full)
    assert killed > 10
    assert sorted(_shown(small)) == ["ended", "flood", "idle", "quiet"]
    _done(small.container("flood", state="absent"), "deleted flood")
    _done(small.container("quiet", state="absent"), "deleted quiet")
    _done(small.module("libpod_prune", {"container": True}), "deleted ended")
    _done(small.container("idle", state="absent"), "deleted idle")
    # Nothing is left except the test's own file systems.
    assert [line for line in small.leaks() if "/srv/storage-run" not in line and "mount /srv/run " not in line] == []
    assert not small.container("again", **OPTIONS).failed
    assert _reserve() == whole


def test_containers_are_restarted_and_started_while_the_disk_is_flooded(small: Host) -> None:
    _flood(small)
    _done(small.container("quiet", restart=True), "restarted quiet")
    _done(small.container("idle", **OPTIONS, volume=["/anonymous"], restart=True), "restarted idle")
    _done(small.container("ended", state="started"), "started ended")
    assert _shown(small) == dict.fromkeys(("ended", "flood", "idle", "quiet"), "running")
    _done(small.container("flood", state="absent"), "deleted flood")
    assert not small.container("quiet", **OPTIONS, volume=["/anonymous"]).changed
