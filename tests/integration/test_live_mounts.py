# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live changes of volumes, mounts and tmpfs: the PID stays, and the process sees the new files and mounts."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import socket
import stat
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import mount_api
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.syscalls import (
    MS_NODEV,
    MS_NOSUID,
    MS_REMOUNT,
    MS_SHARED,
)
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Mount, Process, eventually
from ansible_collections.libpod.engine.tests.support.seeds import SEED, seeded

PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
WALKS = 10


@pytest.fixture(autouse=True)
def _sources(host: Host) -> Iterator[None]:
    """Create a file and two directories on the host; a file in each directory names it."""
    for name in ("a", "b"):
        os.makedirs(f"/srv/sources/{name}")
        with open(f"/srv/sources/{name}/which", "w", encoding="ascii") as file:
            file.write(name)
    with open("/srv/sources/file", "w", encoding="ascii") as file:
        file.write("a file")
    yield
    shutil.rmtree("/srv/sources")


def change(host: Host, process: Process, **options: Any) -> Result:
    """Run the task, which changes the container in place, as predicted; a second run changes nothing."""
    mounts = process.read("mountinfo")
    predicted = host.container("c", check=True, diff=True, **{**PLAIN, **options})
    assert process.read("mountinfo") == mounts
    done = host.container("c", diff=True, **{**PLAIN, **options})
    assert not done.failed and done["actions"] == ["updated c"] == predicted["actions"], (predicted, done)
    assert done["diff"] == predicted["diff"] and done["plan"] == predicted["plan"]
    assert Process(done).pid == process.pid
    again = host.container("c", **{**PLAIN, **options})
    assert again.get("actions") == [], again
    return done


def recreate(host: Host, why: str, **options: Any) -> Result:
    """Run the task, which recreates the container, as predicted, for the reason WHY."""
    predicted = host.container("c", check=True, diff=True, **{**PLAIN, **options})
    done = host.container("c", diff=True, **{**PLAIN, **options})
    assert not done.failed and done["actions"] == ["recreated c"] == predicted["actions"], (predicted, done)
    assert done["plan"] == predicted["plan"]
    assert why in done["diff"]["prepared"], done["diff"]["prepared"]
    assert host.container("c", **{**PLAIN, **options}).get("actions") == []
    return done


def reported(host: Host) -> dict[str, dict[str, Any]]:
    """Return the mounts that the info module and the current OCI spec report."""
    (one,) = host.module("libpod_container_info")["containers"]
    with open(one["OCIConfigPath"], encoding="utf-8") as file:
        spec = {mount["destination"]: mount for mount in json.load(file)["mounts"]}
    mounts = {mount["Destination"]: mount for mount in one["Mounts"]}
    assert set(mounts) <= set(spec)
    return {**dict.fromkeys(one["HostConfig"]["Tmpfs"], {}), **mounts}


def own(process: Process) -> dict[str, Mount]:
    """Return the mounts other than those of every container."""
    return {
        target: mount
        for target, mount in process.mounts.items()
        if target != "/" and not target.startswith(("/proc", "/sys", "/dev", "/etc/", "/run/.containerenv"))
    }


def test_bind_mounts_volumes_and_tmpfs_are_added_and_removed_live(host: Host) -> None:
    process = Process(host.container("c", **PLAIN))
    wanted: dict[str, Any] = {
        "volume": ["/srv/sources/a:/in/a:ro,noexec", "kept:/kept", "/nameless", "/srv/sources/file:/etc/one:nosuid"],
        "mount": ["type=bind,source=/srv/sources/b,target=/in/b,nodev", "type=tmpfs,target=/t,tmpfs-size=4m,ro"],
        "tmpfs": {"/scratch": "size=1m,mode=1770,uid=7", "/www/cache": ""},
    }
    change(host, process, **wanted)
    mounts = own(process)
    targets = {"/in/a", "/in/b", "/kept", "/nameless", "/t", "/scratch", "/www/cache"}
    assert set(mounts) == targets and set(reported(host)) == targets | {"/etc/one"}
    assert {"ro", "noexec"} <= set(mounts["/in/a"].options) and not mounts["/in/a"].propagation
    assert {"rw", "nodev"} <= set(mounts["/in/b"].options) and "nosuid" not in mounts["/in/b"].options
    assert {"nosuid", "nodev", "noexec", "rw"} <= set(mounts["/scratch"].options)
    assert "size=1024k" in mounts["/scratch"].super_options and "size=4096k" in mounts["/t"].super_options
    status = os.stat(process.path("root/scratch"))
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o1770, 7)
    assert stat.S_IMODE(os.stat(process.path("root/t")).st_mode) == 0o1777, "any user of the container may write there"
    assert process.read("root/in/a/which") == "a" and process.read("root/etc/one") == "a file"
    assert process.run("cat", "/in/b/which").stdout == "b"
    for path in ("/in/a/x", "/t/x"):
        assert "Read-only file system" in process.run("touch", path).stderr
    for path in ("/in/b/x", "/kept/x", "/nameless/x", "/scratch/x", "/www/cache/x"):
        assert process.run("touch", path).returncode == 0
    assert os.path.exists("/srv/sources/b/x") and os.path.exists(f"{host.parts.static_root}/volumes/kept/_data/x")

    less: dict[str, Any] = {"volume": ["kept:/kept"], "tmpfs": {"/scratch": "size=1m,mode=1770,uid=7"}}
    change(host, process, **less)
    assert set(own(process)) == set(reported(host)) == {"/kept", "/scratch"}
    assert process.run("ls", "/kept", "/scratch").stdout.count("x") == 2
    assert not os.path.exists(process.path("root/in/a/which"))

    # A stop and a start give the same mounts, and the volumes keep their files.
    restarted = Process(host.container("c", **PLAIN, **less, restart=True))
    assert stat.S_IMODE(os.stat(restarted.path("root/scratch")).st_mode) == 0o1770
    assert set(own(restarted)) == {"/kept", "/scratch"} and restarted.run("ls", "/kept").stdout == "x\n"
    change(host, restarted, **wanted)
    assert restarted.run("ls", "/nameless").stdout == "x\n", "an anonymous volume is still the target's"
    change(host, restarted)
    assert own(restarted) == {} and reported(host) == {}


def test_mount_options_change_in_place(host: Host) -> None:
    volume = "/srv/sources/a:/data"
    process = Process(host.container("c", **PLAIN, volume=[volume], tmpfs={"/scratch": "size=2m"}))
    process.run("dd", "if=/dev/zero", "of=/scratch/x", "bs=1M", "count=1")
    numbers = [os.stat(process.path(f"root/{name}")).st_dev for name in ("data", "scratch")]

    def options(target: str) -> set[str]:
        return set(process.mounts[target].options)

    change(host, process, volume=[f"{volume}:ro,nosuid,noexec"], tmpfs={"/scratch": "size=3m,exec,noatime"})
    assert {"ro", "nosuid", "noexec"} <= options("/data") and "nodev" not in options("/data")
    assert {"nosuid", "nodev", "noatime", "rw"} <= options("/scratch") and "noexec" not in options("/scratch")
    assert "size=3072k" in process.mounts["/scratch"].super_options
    assert "Read-only file system" in process.run("touch", "/data/x").stderr
    change(host, process, volume=[f"{volume}:nodev"], tmpfs={"/scratch": "ro"})
    assert {"rw", "nodev"} <= options("/data") and not options("/data") & {"nosuid", "noexec"}
    room, memory = os.statvfs(process.path("root/scratch")), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert "ro" in options("/scratch") and abs(room.f_blocks * room.f_frsize - memory // 2) <= 8192
    assert process.run("touch", "/data/x").returncode == 0
    change(host, process, mount=["type=bind,source=/srv/sources/a,target=/data"], tmpfs={"/scratch": "size=1m"})
    assert "rw" in options("/data") and "nodev" not in options("/data")
    assert process.run("touch", "/scratch/y").returncode == 0 and process.run("ls", "/scratch").stdout == "x\ny\n"
    assert numbers == [os.stat(process.path(f"root/{name}")).st_dev for name in ("data", "scratch")]
    change(host, process, volume=[volume], tmpfs={"/scratch": "size=5m"})
    # The files need more than the new size.
    process.run("dd", "if=/dev/zero", "of=/scratch/x", "bs=1M", "count=4")
    recreate(host, "/scratch: it holds more", volume=[volume], tmpfs={"/scratch": "size=1m"})


def test_host_mounts_propagate_into_slave_mounts_only(host: Host) -> None:
    """The first slave mount makes the container's root a slave at its creation; others follow in place."""
    os.mkdir("/srv/sources/a/sub")
    kernel.mount("/srv/sources/a", "/srv/sources/a", flags=kernel.MS_BIND)
    kernel.mount("", "/srv/sources/a", flags=MS_SHARED)
    slaves = ["/srv/sources/a:/one:rslave", "/srv/sources/a:/two:rslave"]

    def reached(process: Process) -> set[str]:
        kernel.mount("from-the-host", "/srv/sources/a/sub", "tmpfs")
        try:
            return {target for target in own(process) if target.endswith("/sub")}
        finally:
            kernel.umount("/srv/sources/a/sub")

    try:
        process = Process(host.container("c", **PLAIN, volume=slaves[:1]))
        change(host, process, volume=[*slaves, "/srv/sources/a:/three"])
        assert reached(process) == {"/one/sub", "/two/sub"}
        change(host, process, volume=[slaves[0], "/srv/sources/a:/two:private", "/srv/sources/a:/three:rslave"])
        assert reached(process) == {"/one/sub", "/three/sub"}
        assert own(process).keys() == {"/one", "/two", "/three"}
        host.container("c", state="absent")
    finally:
        kernel.umount("/srv/sources/a")


def test_read_only_tmpfs_becomes_writable_live(host: Host) -> None:
    process = Process(host.container("c", **PLAIN, tmpfs={"/scratch": "ro,size=1m"}))
    assert "Read-only" in process.run("touch", "/scratch/x").stderr
    change(host, process, tmpfs={"/scratch": "size=1m"})
    assert process.run("touch", "/scratch/x").returncode == 0


def test_source_is_replaced_without_a_gap(host: Host) -> None:
    watch = ["sh", "-c", "while true; do cat /data/which >/dev/null || echo gap >>/gaps; done"]
    options: dict[str, Any] = {**PLAIN, "command": watch}
    process = Process(host.container("c", **options, volume=["/srv/sources/a:/data:ro"]))
    for which, volume in (
        ("b", "/srv/sources/b:/data"),
        ("a", "/srv/sources/a:/data:nosuid"),
        ("a", "/srv/sources/a:/data:nosuid,bind"),
    ):
        done = host.container("c", **options, volume=[volume])
        assert done.get("actions") == ["updated c"], done
        assert Process(done).pid == process.pid
        assert process.read("root/data/which") == which
        assert [line.split()[4] for line in process.read("mountinfo").splitlines()].count("/data") == 1
        assert not host.container("c", **options, volume=[volume]).changed
    assert not os.path.exists(process.path("root/gaps"))


def test_mount_in_use_is_removed_by_recreation(host: Host) -> None:
    """Its files would stay open in the detached mount; flags that do not affect open files change in place."""
    using: dict[str, Any] = {
        "command": ["sh", "-c", "cd /data; exec 3</scratch; trap 'exit 0' TERM; sleep 1000 & wait"]
    }
    volume: dict[str, Any] = {"volume": ["/srv/sources/a:/data"], "tmpfs": {"/scratch": ""}}
    process = Process(host.container("c", **{**PLAIN, **using}, **volume))
    eventually(lambda: os.readlink(process.path("cwd")) == "/data" and os.path.exists(process.path("fd/3")))
    change(host, process, **using, **{**volume, "volume": ["/srv/sources/a:/data:nosuid"]})
    volumes: Any
    for volumes in ({}, {"volume": ["/srv/sources/b:/data"]}, {"volume": ["/srv/sources/a:/data:ro"]}):
        predicted = host.container(
            "c", check=True, diff=True, **{**PLAIN, **using, "tmpfs": {"/scratch": ""}}, **volumes
        )
        assert predicted["actions"] == ["recreated c"]
        assert predicted["plan"]["recreated_because_of"] == ["volume"]
        assert predicted["plan"]["differences"][0]["reason"] == "/data: a process uses it"
    refused = host.container("c", **{**PLAIN, **using}, volume=["/srv/sources/b:/data"], recreate_policy="never")
    assert refused.failed and refused["plan"]["recreated_because_of"] == ["volume", "tmpfs"]
    assert "; /data: a process uses it)" in refused["msg"] and "; /scratch: a process uses it)" in refused["msg"]
    made = recreate(host, "/data: a process uses it", **using, volume=["/srv/sources/b:/data"], tmpfs={"/scratch": ""})
    assert Process(made).read("root/data/which") == "b"


def test_symlinks_do_not_lead_outside_the_root(host: Host) -> None:
    script = (
        "ln -s /outside/there /link; ln -s ../../../../outside /up; mkdir -p /outside/there /really;"
        f" ln -s /really/file /tofile; ln -s /proc/self/root/really /magic; {WAITING[2]}"
    )
    options: dict[str, Any] = {"command": ["sh", "-c", script]}
    process = Process(host.container("c", **{**PLAIN, **options}))
    eventually(lambda: os.path.lexists(process.path("root/magic")))
    os.makedirs("/srv/sources/outside")
    kernel.mount("/srv/sources/outside", "/srv/sources/outside", flags=kernel.MS_BIND)
    try:
        outside = sorted(os.listdir("/"))
        volume = ["/srv/sources/a:/link", "/srv/sources/b:/up/x", "/srv/sources/file:/really/deep/file"]
        change(host, process, **options, volume=volume)
        assert set(own(process)) == {"/outside/there", "/outside/x", "/really/deep/file"}
        assert process.run("cat", "/link/which", "/up/x/which", "/really/deep/file").stdout == "aba file"
        assert sorted(os.listdir("/")) == outside and not os.path.exists("/outside")
        change(host, process, **options)
        assert own(process) == {}
        # In the container a magic link is its own root; the engine follows the link's text, which names the host's.
        done = host.container("c", check=True, **{**PLAIN, **options}, volume=["/srv/sources/a:/magic/x"])
        assert done["actions"] == ["recreated c"]
    finally:
        kernel.umount("/srv/sources/outside")


NOT_LIVE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"volume": ["/srv/sources/a:/data:U"]}, "volume: recreate"),
    ({}, {"volume": ["/srv/sources/a:/data:O"]}, "volume: recreate"),
    ({}, {"volume": ["/srv/sources/a:/x:z"]}, "volume: recreate"),
    ({}, {"mount": ["type=ramfs,target=/x"]}, "mount: recreate"),
    ({"mount": ["type=devpts,target=/x"]}, {}, "mount: recreate"),
    ({}, {"volume": ["new:/data"]}, "/data: it begins with the image's content"),
    ({}, {"tmpfs": {"/data": ""}}, "/data: it begins with the image's content"),
    ({}, {"volume": ["/srv/sources/a:/dev/x"]}, "/dev/x: the engine or the kernel"),
    ({}, {"volume": ["/srv/sources/file:/etc/hosts"]}, "/etc/hosts: the engine or the kernel"),
    ({"volume": ["/srv/sources/file:/etc/hosts"]}, {}, "/etc/hosts: the engine or the kernel"),
    ({}, {"volume": ["/srv/sources/a:/etc"]}, "/etc: there are mounts below it"),
    ({"volume": ["/srv/sources/a:/x/y"]}, {"volume": ["/srv/sources/a:/x/y", "/srv/sources/b:/x"]}, "mounts below it"),
    ({"volume": ["/srv/sources/a:/x", "k:/x/y"]}, {"volume": ["/srv/sources/b:/x", "k:/x/y"]}, "mounts below it"),
    ({}, {"tmpfs": {"/x": "", "/x/y": ""}}, "/x: there are mounts below it"),
    ({}, {"volume": ["/srv/sources/a:/x:rslave"]}, "the root's propagation"),
    ({"volume": ["/srv/sources/a:/x"]}, {"volume": ["/srv/sources/a:/x:rshared"]}, "volume: recreate"),
    ({"tmpfs": {"/x": "size=0"}}, {"tmpfs": {"/x": "size=1m"}}, "had no limit"),
]


def test_refused_live_change_has_a_reason(host: Host) -> None:
    for before, after, why in NOT_LIVE:
        made = host.container("c", **PLAIN, **before)
        assert not made.failed, (before, made)
        recreate(host, why, **after)


def test_paused_container_is_changed_and_stays_paused(host: Host) -> None:
    process = Process(host.container("c", **PLAIN, state="paused"))
    change(host, process, state="paused", volume=["/srv/sources/a:/in"], tmpfs={"/t": "size=1m"})
    assert set(own(process)) == {"/in", "/t"} and process.cgroup("freezer", "freezer.state") == "FROZEN"
    change(host, process, state="paused")
    assert own(process) == {} and process.cgroup("freezer", "freezer.state") == "FROZEN"


def test_initialized_container_is_changed_live(host: Host) -> None:
    host.container("c", **PLAIN, state="created")
    Runtime(host.parts).container("c").init()
    wanted: dict[str, Any] = {"volume": ["/srv/sources/a:/in"], "tmpfs": {"/t": ""}}
    done = host.container("c", state="present", **PLAIN, **wanted)
    assert (done["actions"], done["container"]["State"]["Status"]) == (["updated c"], "initialized")
    started = host.container("c", **PLAIN, **wanted)
    assert (
        started["actions"] == ["started c"]
        and started["container"]["State"]["Pid"] == done["container"]["State"]["Pid"]
    )
    assert set(own(Process(started))) == {"/in", "/t"} and Process(started).read("root/in/which") == "a"


def test_mounts_of_a_stopped_container_apply_at_its_next_start(host: Host) -> None:
    first = host.container("c", **PLAIN, volume=["/srv/sources/a:/data"])
    host.container("c", state="stopped")
    wanted: dict[str, Any] = {**PLAIN, "volume": ["fresh:/data"], "tmpfs": {"/www": "size=1m"}}
    done = host.container("c", state="present", **wanted)
    assert done["actions"] == ["updated c"] and not os.path.exists(f"{host.parts.static_root}/volumes/fresh")
    started = host.container("c", **wanted)
    assert started["actions"] == ["started c"] and started["container"]["Id"] == first["container"]["Id"]
    process = Process(started)
    assert process.read("root/data/seed") == "from the image\n", "as in a container that is made so"
    assert set(own(process)) == {"/data", "/www"}


def test_read_only_root_takes_live_mounts_on_existing_mount_points(host: Host) -> None:
    process = Process(host.container("c", **PLAIN, read_only=True))
    change(host, process, read_only=True, volume=["/srv/sources/a:/www", "/srv/sources/b:/tmp/b"])
    assert process.run("cat", "/www/which", "/tmp/b/which").stdout == "ab"
    made = recreate(host, "/new: its target is not there", read_only=True, volume=["/srv/sources/a:/new"])
    assert Process(made).read("root/new/which") == "a"
    # Only the engine can restore the tmpfs that read_only adds.
    predicted = host.container("c", check=True, **PLAIN, read_only=True, volume=["/srv/sources/a:/tmp"])
    assert predicted["actions"] == ["recreated c"]


def test_container_with_a_user_namespace_is_recreated(host: Host) -> None:
    options: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:100000:65536"]}
    host.container("c", **PLAIN, **options)
    made = recreate(host, "/in: the container has a user namespace", **options, volume=["/srv/sources/a:/in"])
    assert Process(made).read("root/in/which") == "a"


def test_image_volume_returns_after_its_override_is_removed(host: Host) -> None:
    """After a volume at its target is removed, the anonymous volume with the image's content returns."""
    image = {"image": "volume"}
    made = host.container("c", **{**PLAIN, **image})
    process = Process(made)
    process.run("touch", "/data/mine")
    (anonymous,) = reported(host).values()
    change(host, process, **image, volume=["/srv/sources/a:/data"])
    assert process.read("root/data/which") == "a" and reported(host)["/data"]["Source"] == "/srv/sources/a"
    change(host, process, **image)
    assert sorted(os.listdir(process.path("root/data"))) == ["mine", "seed"]
    assert reported(host)["/data"] == anonymous


def test_borrowed_volumes_stay_with_the_borrower(host: Host) -> None:
    lender = Process(host.container("c", **PLAIN, volume=["kept:/kept", "/srv/sources/a:/in"]))
    borrower = {**PLAIN, "volumes_from": ["c"]}
    other = Process(host.container("other", **borrower))
    change(host, lender, volume=["/srv/sources/b:/in"])
    assert own(other).keys() == {"/kept", "/in"} and other.read("root/in/which") == "a"
    assert not host.container("other", **borrower).changed
    # The borrower's own mounts take precedence at their targets; without them the lender's return.
    done = host.container("other", **borrower, volume=["/srv/sources/b:/in"])
    assert done["actions"] == ["updated other"] and other.read("root/in/which") == "b"
    assert host.container("other", **borrower)["actions"] == ["updated other"]
    assert other.read("root/in/which") == "a"
    gone = host.module("libpod_prune", {"volume": True})
    assert gone["volumes"] == []


def listen_inside(process: Process, path: str) -> int:
    """Fork a process that uses the container's mount namespace only by a socket bound to PATH; return its PID."""
    ready, signal_ready = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            namespace = os.open(process.path("ns/mnt"), os.O_RDONLY)
            kernel.setns(namespace, kernel.NEWNS)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(1)
            os.write(signal_ready, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(signal_ready)
    assert os.read(ready, 1) == b"x"
    os.close(ready)
    return pid


def test_socket_in_a_volume_keeps_it_in_use(host: Host) -> None:
    """No list of open files shows the socket; only the kernel knows."""
    volume: dict[str, Any] = {"volume": ["/srv/sources/a:/data"]}
    process = Process(host.container("c", **PLAIN, **volume))
    listener = listen_inside(process, "/data/socket")
    try:
        predicted = host.container("c", check=True, diff=True, **PLAIN)
        assert "volume: recreate (/data: a process uses it)" in predicted["diff"]["prepared"]
    finally:
        os.kill(listener, signal.SIGKILL)
        os.waitpid(listener, 0)
    change(host, process)


def test_checking_whether_a_mount_is_used_never_unmounts_it(host: Host) -> None:
    """MNT_EXPIRE unmounts at the second call if the mount was not accessed in between; four processes ask at once."""
    process = Process(host.container("c", **PLAIN, volume=["/srv/sources/a:/data"]))
    before = process.read("mountinfo")

    def ask() -> None:
        namespace = os.open(process.path("ns/mnt"), os.O_RDONLY)
        folder = os.open(process.path("root"), os.O_PATH)
        for _time in range(100):
            mount_api.unused(namespace, folder, "data")
        assert mount_api.unused(namespace, folder, "data") is True

    children = []
    for _child in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                ask()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0, 0]
    assert process.read("mountinfo") == before


def test_several_containers_are_changed_in_one_task(host: Host) -> None:
    members: list[dict[str, Any]] = [{**PLAIN, "name": name} for name in ("a", "b", "c")]
    first = host.module("libpod_containers", {"containers": members})
    pids = {one["Name"]: one["State"]["Pid"] for one in first["containers"]}
    for one in members[:2]:
        one.update(volume=["/srv/sources/a:/in"], tmpfs={"/t": "size=1m"})
    predicted = host.module("libpod_containers", {"containers": members}, check=True)
    done = host.module("libpod_containers", {"containers": members})
    for result in (predicted, done):
        assert {one["name"]: one["fate"] for one in result["fates"]} == {
            "a": "changed",
            "b": "changed",
            "c": "unchanged",
        }, result
    assert {one["Name"]: one["State"]["Pid"] for one in done["containers"]} == pids
    assert not host.module("libpod_containers", {"containers": members}).changed


# Features that a kernel may lack: system call, errno, and the unknown flag of its last argument.
LACKING: dict[str, tuple[int, int, int]] = {
    "mount_setattr(2)": (442, errno.ENOSYS, 0),
    "MOVE_MOUNT_BENEATH": (429, errno.EINVAL, 0x200),
}


@pytest.mark.parametrize("what", LACKING)
def test_missing_kernel_feature_is_predicted(host: Host, what: str) -> None:
    number, error, flag = LACKING[what]

    def older() -> None:
        kernel.forbid(number, error, argument=4, bits=flag)

    before: dict[str, Any] = {**PLAIN, "name": "c", "volume": ["/srv/sources/a:/data"]}
    after = {**before, "volume": ["/srv/sources/b:/data"]}
    host.module("libpod_container", before)
    results = [host.module("libpod_container", after, check=check, prepare=older) for check in (True, False)]
    for result in results:
        assert result.get("actions") == ["recreated c"], result
        assert what in result["plan"]["differences"][0]["reason"]
    if flag:
        process = Process(results[1])
        added = {**after, "volume": [*after["volume"], "/srv/sources/a:/more"]}
        assert host.module("libpod_container", added, prepare=older)["actions"] == ["updated c"]
        assert process.read("root/more/which") == "a"


def test_refused_live_change_is_explained_and_keeps_the_mounts(host: Host) -> None:
    """The kernel refuses to bind an unbindable mount, which only the attempt shows."""
    process = Process(host.container("c", **PLAIN, volume=["/srv/sources/a:/data"]))
    os.mkdir("/srv/sources/c")
    kernel.mount("tmpfs", "/srv/sources/c", "tmpfs")
    kernel.mount("", "/srv/sources/c", flags=1 << 17)  # MS_UNBINDABLE
    try:
        refused = host.container("c", **PLAIN, volume=["/srv/sources/c:/data"])
        assert refused.failed and refused["error"] == "InvalidState"
        assert "/data of container c cannot be changed while it runs: open_tree: Invalid argument" in refused["msg"]
        assert process.read("root/data/which") == "a" and set(own(process)) == {"/data"}
    finally:
        kernel.umount("/srv/sources/c")
    assert Process(host.container("c", **PLAIN, volume=["/srv/sources/a:/data"])).pid == process.pid
    assert not host.container("c", **PLAIN, volume=["/srv/sources/a:/data"]).changed


# The mounts that may be at each target, as module options.
PLACES: dict[str, list[dict[str, Any]]] = {
    "/data": [{"volume": f"{source}:/data{suffix}"} for source in ("kept", "/srv/sources/a") for suffix in ("", ":ro")],
    "/new/place": [
        {"volume": "/srv/sources/b:/new/place:noexec"},
        {"volume": "/srv/sources/b:/new/place"},
        {"volume": "/srv/sources/b:/new/place:bind,nodev"},
        {"volume": "other:/new/place"},
        {"mount": "type=tmpfs,target=/new/place,tmpfs-size=1m,exec"},
        {"mount": "type=tmpfs,target=/new/place,tmpfs-size=2m,ro"},
    ],
    "/www": [{"tmpfs": "notmpcopyup,size=1m"}, {"tmpfs": "notmpcopyup,mode=700"}, {"volume": "/srv/sources/b:/www"}],
    "/etc/one": [{"volume": "/srv/sources/file:/etc/one"}, {"volume": "/srv/sources/file:/etc/one:ro"}],
}


def _picked(pick: random.Random, earlier: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the mounts at each place after a change of two of them."""
    places = dict(earlier)
    for place in pick.sample(sorted(PLACES), 2):
        places[place] = pick.choice([{}, *PLACES[place]])
    return places


def _task(places: dict[str, dict[str, Any]]) -> dict[str, Any]:
    task: dict[str, Any] = {"volume": [], "mount": [], "tmpfs": {}}
    for place, options in places.items():
        for option, item in options.items():
            if option == "tmpfs":
                task["tmpfs"][place] = item
            else:
                task[option].append(item)
    return task


def _seen(process: Process) -> dict[str, tuple[Any, ...]]:
    """Return the type, root, flags and size of each mount."""
    return {
        place: (one.fstype, one.root, *one.options, *(word for word in one.super_options if word.startswith("size")))
        for place, one in process.mounts.items()
        if place in PLACES
    }


@pytest.fixture
def flagged_source(host: Host) -> Iterator[None]:
    """Make a source a mount with flags, which bind mounts without flags inherit."""
    kernel.mount("/srv/sources/b", "/srv/sources/b", flags=kernel.MS_BIND)
    kernel.mount("", "/srv/sources/b", flags=kernel.MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV)
    yield
    kernel.umount("/srv/sources/b")


@seeded
@pytest.mark.usefixtures("flagged_source")
def test_changed_container_has_the_mounts_of_a_new_one(host: Host) -> None:
    pick = random.Random(SEED)
    process = Process(host.container("c", **PLAIN, volume=["kept:/kept", "other:/other"]))
    places: dict[str, dict[str, Any]] = {}
    for _number in range(WALKS):
        where = f"seed {SEED}: {places} to "
        places = _picked(pick, places)
        where += repr(places)
        task = _task(places)
        done = host.container("c", **PLAIN, **task)
        assert not done.failed and Process(done).pid == process.pid, (where, done)
        fresh = host.container("d", **PLAIN, **task, recreate=True)
        assert _seen(process) == _seen(Process(fresh)), where


# Changes by others


def test_missing_mount_is_restored_live(host: Host) -> None:
    options: dict[str, Any] = {
        "volume": ["/srv/sources/a:/a:ro", "kept:/kept"],
        "tmpfs": {"/t": "size=1m", "/www": ""},
        "mount": ["type=ramfs,target=/r"],
    }
    process = Process(host.container("c", **PLAIN, **options))
    before = own(process)
    for target in ("/a", "/kept", "/t"):
        assert process.run("umount", target).returncode == 0
    done = change(host, process, **options)
    assert {"mount /a", "mount /kept", "mount /t"} == set(done["diff"]["after"])
    assert {target: mount.options for target, mount in own(process).items()} == {
        target: mount.options for target, mount in before.items()
    }
    # A mount that cannot be restored live needs a restart, which restores the others, too.
    for targets in (("/r",), ("/a", "/www")):
        process = Process(host.container("c", **PLAIN, **options))
        for target in targets:
            assert process.run("umount", target).returncode == 0
        predicted = host.container("c", check=True, **PLAIN, **options)
        done = host.container("c", **PLAIN, **options)
        assert done["actions"] == predicted["actions"] == ["restarted c"], targets
        assert set(own(Process(done))) == set(before)


# Interruption


def test_interrupted_change_is_finished_or_undone(host: Host) -> None:
    options: dict[str, Any] = {
        **PLAIN,
        "name": "c",
        "volume": ["/srv/sources/a:/swapped", "/srv/sources/a:/flagged", "old:/gone"],
        "tmpfs": {"/t": "size=1m"},
    }
    other: dict[str, Any] = {
        **PLAIN,
        "name": "c",
        "volume": ["/srv/sources/b:/swapped", "/srv/sources/a:/flagged:ro", "new:/come/here"],
        "tmpfs": {"/t": "size=2m,exec", "/t2": ""},
    }
    process = Process(host.module("libpod_container", options))

    def settle(task: dict[str, Any], at: str) -> None:
        done = host.module("libpod_container", task)
        assert not done.failed and Process(done).pid == process.pid, (at, done)
        again = task is other
        mounts = own(process)
        assert set(mounts) == {"/swapped", "/flagged", "/t", *(("/come/here", "/t2") if again else ("/gone",))}, at
        assert process.read("root/swapped/which") == ("b" if again else "a"), at
        assert ("ro" in mounts["/flagged"].options) == again, at
        assert f"size={2048 if again else 1024}k" in mounts["/t"].super_options, at
        points = [line.split()[4] for line in process.read("mountinfo").splitlines()]
        assert all(points.count(target) == 1 for target in mounts), (at, points)
        assert set(reported(host)) == set(mounts), at
        assert not host.module("libpod_container", task).changed, at

    points = host.module("libpod_container", other, kill_at="nowhere").effects
    assert {"move_mount /swapped #1", "umount swapped #1", "umount gone #1", "make volume #1"} <= set(points), points
    # Each interrupted change is undone or finished: both meet every recorded step.
    for index, at in enumerate(points):
        if index % 2:
            settle(other, at)
        settle(options, at)
        # Remove what the change creates only once, so that it is created again.
        process.run("rmdir", "/come/here", "/come", "/t2")
        assert not os.path.exists(process.path("root/come")) and not os.path.exists(process.path("root/t2"))
        shutil.rmtree(f"{host.parts.static_root}/volumes/new", ignore_errors=True)
        assert host.module("libpod_container", other, kill_at=at).killed, at
    settle(options, "the end")
    assert host.module("libpod_prune", {"volume": True})["volumes"] == ["new"]


def test_volume_mounted_by_a_killed_task_is_in_use(host: Host) -> None:
    """A task killed before it wrote the record has mounted the volume all the same."""
    host.container("keeper", **PLAIN, volume=["spare:/spare"])
    host.container("keeper", state="absent")
    process = Process(host.container("c", **PLAIN))
    killed = host.module(
        "libpod_container", {**PLAIN, "name": "c", "volume": ["spare:/in"]}, kill_at="write config.json #2"
    )
    assert killed.killed
    assert "/in" in own(process)
    assert host.module("libpod_prune", {"volume": True})["volumes"] == []
    change(host, process)
    assert own(process) == {} and host.module("libpod_prune", {"volume": True})["volumes"] == ["spare"]
