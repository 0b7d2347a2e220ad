# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes made outside of the engine are detected without a fork and repaired in place."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.tests.support import cgroup_files, kernel
from ansible_collections.libpod.engine.tests.support.cgroup_files import v1_only
from ansible_collections.libpod.engine.tests.support.concurrent_changes import kill
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

WEB: dict[str, Any] = {
    "name": "web",
    "image": "busybox",
    "command": "sleep 1000",
    "network": ["none"],
    "stop_signal": "KILL",
    "memory": "64m",
    "cpus": "0.5",
    "cpu_shares": 512,
    "pids_limit": 100,
}


@pytest.mark.parametrize(
    ("controller", "file", "meddled", "option"),
    [
        ("memory", "memory.limit_in_bytes", str(32 << 20), "memory"),
        ("cpu", "cpu.cfs_quota_us", "20000", "cpu_quota"),
        ("cpu", "cpu.shares", "100", "cpu_shares"),
        ("pids", "pids.max", "7", "pids_limit"),
        pytest.param("memory", "memory.oom_control", "1", "oom_kill_disable", marks=v1_only),
    ],
)
def test_limit_drift_is_detected_and_repaired(
    host: Host, controller: str, file: str, meddled: str, option: str
) -> None:
    first = host.container(**WEB)
    cgroup = (controller, first["container"]["State"]["CgroupPath"], file)
    right = cgroup_files.read(*cgroup)
    cgroup_files.write(*cgroup, meddled)
    assert cgroup_files.read(*cgroup) != right

    predicted = host.container(**WEB, check=True, diff=True)
    assert predicted["actions"] == ["updated web"]
    # v2 counts swap separately, so that another memory limit changes the sum of memory and swap.
    also = ["memory_swap"] if option == "memory" and cgroup_files.unified() else []
    assert list(predicted["diff"]["after"]) == [option, *also]

    mended = host.container(**WEB)
    assert mended["actions"] == ["updated web"]
    assert cgroup_files.read(*cgroup) == right
    assert mended["container"]["State"]["Pid"] == first["container"]["State"]["Pid"]
    assert not host.container(**WEB).changed


SERVING: dict[str, Any] = {
    "name": "web",
    "image": "busybox",
    "command": WAITING,
    "publish": ["8080:80"],
    "volume": ["/srv/data:/data"],
    "drift": "auto",
}


def inside(process: Process, *argv: str) -> None:
    """Run a host command in the container's network and mount namespaces."""
    done = process.run(*argv)
    assert done.returncode == 0, done.stderr


def limit_by_device(host: Host, process: Process) -> None:
    device = next(f"/dev/{name}" for name in ("vda", "sda", "loop0") if os.path.exists(f"/dev/{name}"))
    number = os.stat(device).st_rdev
    text = f"{os.major(number)}:{os.minor(number)} 1048576"
    path = next(line for line in process.read("cgroup").splitlines() if ":blkio:" in line or line.startswith("0::/l"))
    cgroup_files.write("blkio", path.rpartition(":")[2], "blkio.throttle.read_bps_device", text)
    assert process.cgroup("blkio", "blkio.throttle.read_bps_device") == text


def hosts_file_edited(host: Host, process: Process) -> None:
    with open(process.path("root/etc/hosts"), "a", encoding="ascii") as stream:
        stream.write("192.0.2.66 elsewhere\n")


def veth_removed(host: Host, process: Process) -> None:
    inside(process, "ip", "link", "del", "eth0")


def address_removed(host: Host, process: Process) -> None:
    inside(process, "ip", "addr", "flush", "dev", "eth0")


def namespace_let_go_of(host: Host, process: Process) -> None:
    for name in os.listdir(host.parts.netns_dir):
        kernel.umount(f"{host.parts.netns_dir}/{name}")
        os.unlink(f"{host.parts.netns_dir}/{name}")


def mount_gone(host: Host, process: Process) -> None:
    inside(process, "umount", "/data")


def file_removed(host: Host, process: Process) -> None:
    (folder,) = os.listdir(f"{host.parts.run_root}/containers")
    os.unlink(f"{host.parts.run_root}/containers/{folder}/hosts")


def conmon_killed(host: Host, process: Process) -> None:
    (one,) = host.module("libpod_container_info")["containers"]
    kill(one["State"]["ConmonPid"])


def conmon_killed_and_veth_removed(host: Host, process: Process) -> None:
    conmon_killed(host, process)
    veth_removed(host, process)


def ports_flushed(host: Host, process: Process) -> None:
    chain = next(
        line.split()[1] for line in host.run("iptables", "-t", "nat", "-S").splitlines() if "-N CNI-DN" in line
    )
    host.run("iptables", "-t", "nat", "-F", chain)


def masquerading_flushed(host: Host, process: Process) -> None:
    host.run("iptables", "-t", "nat", "-F", "POSTROUTING")


def is_whole(host: Host, made: Result) -> None:
    """Return whether the network, the mount, the files and the rules are as created."""
    process, settings = Process(made), made["container"]["NetworkSettings"]
    assert f"inet {settings['IPAddress']}/16" in process.run("ip", "addr", "show", "eth0").stdout
    assert "/data" in process.mounts and "elsewhere" not in process.read("root/etc/hosts")
    assert settings["IPAddress"] in process.read("root/etc/hosts")
    assert os.stat(settings["SandboxKey"]).st_ino == process.namespace("net")
    rules = host.run("iptables", "-t", "nat", "-S")
    assert f"--to-destination {settings['IPAddress']}:80" in rules
    assert f"-A POSTROUTING -s {settings['IPAddress']}/32" in rules
    assert process.cgroup("blkio", "blkio.throttle.read_bps_device") == ""


@pytest.fixture(scope="module")
def served() -> Any:
    """One host with one container for all kinds of drift: each is repaired before the next."""
    with Host() as host:
        os.mkdir("/srv/data")
        yield host, host.container(**SERVING)
        host.empty()
        os.rmdir("/srv/data")
        host.expect_clean()


LIVE = (
    (limit_by_device, "device_read_bps"),
    (hosts_file_edited, "/etc/hosts"),
    (veth_removed, "network eth0"),
    (address_removed, "network eth0"),
    (namespace_let_go_of, "network namespace"),
    (mount_gone, "mount /data"),
)
RULES = ((ports_flushed, "network rules of eth0"), (masquerading_flushed, "network rules of eth0"))
RESTARTED = (
    *((file_removed, "/etc/hosts"), (conmon_killed, "conmon")),
    (conmon_killed_and_veth_removed, "conmon"),
)
KINDS = [(*one, "updated web") for one in LIVE + RULES] + [(*one, "restarted web") for one in RESTARTED]


@pytest.mark.parametrize(("meddle", "part", "action"), KINDS, ids=[one[0].__name__ for one in KINDS])
def test_drift_is_reported_and_repaired(
    served: tuple[Host, Result], meddle: Callable[[Host, Process], None], part: str, action: str
) -> None:
    host = served[0]
    before = host.container(**SERVING)
    assert not before.changed, before
    process = Process(before)
    link = process.run("cat", "/sys/class/net/eth0/ifindex").stdout
    meddle(host, process)
    rules = meddle in dict(RULES)
    options = {**SERVING, "drift": "full" if rules else "auto"}
    if rules:
        assert not host.container(**SERVING).changed, "what needs a program to be seen is looked for on request"

    predicted = host.container(**options, check=True, diff=True)
    assert predicted["actions"] == [action], predicted
    assert part in predicted["diff"]["after"]
    mended = host.container(**options, diff=True)
    assert (mended.get("actions"), mended.get("diff")) == (predicted["actions"], predicted["diff"]), mended
    is_whole(host, mended)
    assert (Process(mended).pid == process.pid) == (action == "updated web")
    if rules:
        assert process.run("cat", "/sys/class/net/eth0/ifindex").stdout == link, "connections need the link"
    if action == "updated web":
        assert mended["container"]["NetworkSettings"] == before["container"]["NetworkSettings"]
    assert not host.container(**{**options, "drift": "full"}).changed


def _remove_cgroup(path: str) -> None:
    """Move the processes to the test host's own cgroup and remove theirs in each hierarchy."""
    for top in cgroup_files.mounts(path):
        home = f"{top}/init" if os.path.isdir(f"{top}/init") else top

        def gone(folder: str = top + path, home: str = home) -> bool:
            with open(f"{folder}/cgroup.procs", encoding="ascii") as file:
                pids = file.read().split()
            for pid in pids:
                with open(f"{home}/cgroup.procs", "w", encoding="ascii") as file:
                    file.write(pid)
            with contextlib.suppress(OSError):
                os.rmdir(folder)
            return not os.path.isdir(folder)

        eventually(gone)


@pytest.mark.parametrize(
    ("task", "actions"),
    [
        ({}, ["restarted web"]),
        ({"memory": "80m"}, ["restarted web"]),
        ({"state": "paused"}, ["restarted web", "paused web"]),
        ({"state": "stopped"}, ["stopped web"]),
    ],
)
def test_removed_cgroup_is_restored_by_a_restart(host: Host, task: dict[str, Any], actions: list[str]) -> None:
    made = host.container(**WEB)
    path = made["container"]["State"]["CgroupPath"]
    _remove_cgroup(path)
    refused = host.container("web", state="paused")
    assert refused["error"] == "InvalidState" and f"has removed its cgroup {path}" in refused["msg"], refused
    assert host.container(**{**WEB, **task}, check=True)["actions"] == actions
    mended = host.container(**{**WEB, **task})
    assert mended["actions"] == actions, mended
    assert [one["after"] for one in mended["plan"]["differences"] if one["option"] == "cgroup"] == [path] * (
        "stopped" not in task.values()
    )
    assert not host.container(**{**WEB, **task}).changed
    if "stopped" not in task.values():
        wanted = str(int(task.get("memory", "64m")[:-1]) << 20)
        assert cgroup_files.read("memory", path, "memory.limit_in_bytes") == wanted
