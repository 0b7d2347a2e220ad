# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences that a task may ignore: comparisons, recreate_policy, and equivalent forms of the same user."""

from __future__ import annotations

from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, files

MIB = 1 << 20
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def test_ignored_or_extra_values_stay_until_recreation(host: Host) -> None:
    first = host.container("c", **BASE, memory="64m", label={"extra": "1"}, env={"A": "1", "B": "2"})
    modes = {"memory": "ignore", "labels": "allow_more_present", "env": "allow_more_present"}
    wanted = {**BASE, "env": {"A": "1"}, "comparisons": modes}
    assert not host.container("c", **wanted).changed
    updated = host.container("c", **wanted, label={"mine": "1"}, stop_timeout=3)
    assert updated["actions"] == ["updated c"]
    assert updated["container"]["Config"]["Labels"] == {"extra": "1", "mine": "1"}
    process = Process(updated)
    assert process.pid == first["container"]["State"]["Pid"]
    assert process.cgroup("memory", "memory.limit_in_bytes") == str(64 * MIB)
    recreated = host.container("c", diff=True, **{**wanted, "label": {"mine": "1"}, "env": {"A": "2"}})
    assert recreated["plan"]["recreated_because_of"] == recreated["diff"]["after"]["recreated because of"] == ["env"]
    along = {one["option"]: (one["before"], one["after"]) for one in recreated["plan"]["differences"] if one["ignored"]}
    assert along["memory"] == (64 * MIB, None)
    assert along["label"] == ({"extra": "1", "mine": "1"}, {"mine": "1"})
    assert "memory: live, ignored by comparisons" in recreated["diff"]["prepared"]
    process = Process(recreated)
    assert process.environ["A"] == "2" and "B" not in process.environ
    assert process.cgroup("memory", "memory.limit_in_bytes") != str(64 * MIB)


def test_ignored_value_that_conflicts_is_refused_in_check_mode_too(host: Host) -> None:
    first = host.container("c", **BASE, memory="64m")
    for check in (True, False):
        refused = host.container("c", check=check, **BASE, memory="512m", comparisons={"memory_swap": "ignore"})
        assert refused.failed and "comparisons: what they let be in container c" in refused["msg"], refused
        assert "memory_swap: 134217728 cannot be used" in refused["msg"]
    assert host.container("c", **BASE, memory="64m")["actions"] == [] and Process(first).argv == WAITING


def test_refused_recreate_names_the_options_and_changes_nothing(host: Host) -> None:
    first = host.container("c", **BASE, env={"TOKEN": "hush-4711"})
    things = files(host.parts.static_root)
    wanted = {**BASE, "recreate_policy": "never", "env": {"TOKEN": "hush-4712"}, "tty": True, "memory": "64m"}
    for check in (True, False):
        refused = host.container("c", check=check, **wanted)
        assert refused.failed and refused["error"] == "RecreateRefused"
        assert "tty (False to True)" in refused["msg"] and "env ({'TOKEN': '(hidden)'}" in refused["msg"]
        assert "memory" not in refused["msg"] and "hush" not in repr(dict(refused))
        assert refused["plan"]["recreated_because_of"] == ["env", "tty"]
    assert files(host.parts.static_root) == things
    assert Process(first).argv == WAITING
    live = host.container("c", **BASE, env={"TOKEN": "hush-4711"}, memory="64m", recreate_policy="never")
    assert live["actions"] == ["updated c"] and Process(live).pid == Process(first).pid
    both = host.container("c", **BASE, recreate=True, recreate_policy="never")
    assert both.failed and "cannot be combined with recreate" in both["msg"]


def test_equivalent_options_are_no_difference(host: Host) -> None:
    task: dict[str, Any] = {"image": "busybox", "command": WAITING}
    first = host.container("c", **task, network="bridge", volume=["kept:/kept", "/srv/cni:/cni:ro"], tmpfs={"/t": ""})
    mounts = ["source=kept,target=/kept", "type=bind,source=/srv/cni,target=/cni,ro", "type=tmpfs,target=/t"]
    same: dict[str, Any] = {
        **task,
        "network": "libpod",
        "mount": mounts,
        "cgroup_parent": "/libpod_parent",
        "cgroupns": "host",
    }
    for check in (True, False):
        assert host.container("c", check=check, **same, drift="full")["actions"] == []
    updated = host.container("c", **same, label={"a": "1"})
    assert updated["actions"] == ["updated c"] and Process(updated).pid == Process(first).pid
    assert host.container("c", **same, label={"a": "1"}, drift="full")["actions"] == []


def test_edit_of_a_file_whose_options_are_ignored_stays(host: Host) -> None:
    process = Process(host.container("c", **BASE))
    with open(process.path("root/etc/hosts"), "a", encoding="ascii") as file:
        file.write("192.0.2.66 elsewhere\n")
    for modes in ({"etc_hosts": "ignore"}, {"*": "ignore"}):
        assert host.container("c", **BASE, comparisons=modes)["actions"] == []
    assert "elsewhere" in process.read("root/etc/hosts")
    assert host.container("c", **BASE, comparisons={"dns": "ignore"})["actions"] == ["updated c"]
    assert "elsewhere" not in process.read("root/etc/hosts")


def test_user_by_name_or_number_is_the_same_while_the_container_runs(host: Host) -> None:
    with open("/srv/etc-passwd", "w", encoding="ascii") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1001::/www:/bin/sh\n")
    with open("/srv/etc-group", "w", encoding="ascii") as file:
        file.write("root:x:0:\nweb:x:1001:\nextra:x:1002:web\n")
    rootfs = "/srv/root"
    host.run("mkdir", "-p", f"{rootfs}/etc", f"{rootfs}/bin", f"{rootfs}/proc", f"{rootfs}/sys", f"{rootfs}/dev")
    host.run("cp", "/srv/etc-passwd", f"{rootfs}/etc/passwd")
    host.run("cp", "/srv/etc-group", f"{rootfs}/etc/group")
    host.run("cp", "/bin/busybox", f"{rootfs}/bin/busybox")
    host.run("ln", "-s", "busybox", f"{rootfs}/bin/sh")
    task: dict[str, Any] = {
        "image": rootfs,
        "rootfs": True,
        "command": ["/bin/busybox", "sleep", "1000"],
        "network": "none",
    }
    task["stop_signal"] = "KILL"
    first = host.container("c", **task, user="web")
    assert Process(first).status["Uid"].split()[0] == "1000"
    for same in ({"user": "1000"}, {"user": "web", "group_add": ["extra"]}, {"user": "1000", "group_add": ["1002"]}):
        assert host.container("c", **task, **same)["actions"] == [], same
    for other in ({}, {"user": "1001"}, {"user": "1000:1001"}, {"user": "web", "group_add": ["0"]}):
        assert host.container("c", check=True, **task, **other)["actions"] == ["recreated c"], other
    assert "no user 'gone'" in host.container("c", check=True, **task, user="gone")["msg"]
    # Stopped, it has the same files.
    host.container("c", **task, user="root")
    host.container("c", state="stopped")
    for same in ({}, {"user": "0"}, {"user": "root:root"}, {"user": "0:0"}):
        assert host.container("c", **{**task, **same, "state": "present"})["actions"] == [], same
    assert host.container("c", **{**task, "state": "present"}, user="web")["actions"] == ["recreated c"]
    host.container("c", state="absent")
    # The same holds for an image, which is mounted privately to read them.
    job: dict[str, Any] = {"image": "busybox", "network": "none", "command": WAITING}
    host.container("c", **job, user="web")
    host.container("c", state="stopped")
    mounts = host.run("cat", "/proc/self/mountinfo")
    again: dict[str, Any] = {**job, "state": "present"}
    assert host.container("c", **again, user="1000")["actions"] == []
    assert host.container("c", check=True, **again, user="1001")["actions"] == ["recreated c"]
    assert host.run("cat", "/proc/self/mountinfo") == mounts
    host.run("rm", "-r", rootfs, "/srv/etc-passwd", "/srv/etc-group")
