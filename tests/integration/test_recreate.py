# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a changed option is applied: live, in the record only, or by recreation; its diff; secrets."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import syslog
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result
from ansible_collections.libpod.engine.tests.support.process import UNMAKEABLE, WAITING, Process, eventually, files
from ansible_collections.libpod.engine.tests.support.sweep_tasks import without_exit_command

MIB = 1 << 20
NONE = str((1 << 63) - 4096)  # cgroup v1's largest number of pages
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
SECRET = "hush-4711-secret"
# A timeout begins at the creation, so the new container is created after the old one stops.
LATE: dict[str, Any] = {**UNMAKEABLE, "timeout": 3600}


# The options, applied in order to one process, and the cgroup files that show them.
LIMITS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"memory": "32m"}, {"memory.limit_in_bytes": str(32 * MIB), "memory.memsw.limit_in_bytes": str(64 * MIB)}),
    ({"memory": "64m"}, {"memory.limit_in_bytes": str(64 * MIB), "memory.memsw.limit_in_bytes": str(128 * MIB)}),
    ({"memory": "32m"}, {"memory.limit_in_bytes": str(32 * MIB), "memory.memsw.limit_in_bytes": str(64 * MIB)}),
    ({"memory": "32m", "memory_swap": "48m"}, {"memory.memsw.limit_in_bytes": str(48 * MIB)}),
    ({"memory": "32m", "memory_swap": "32m"}, {"memory.memsw.limit_in_bytes": str(32 * MIB)}),
    ({"memory": "32m", "memory_swap": "-1"}, {"memory.memsw.limit_in_bytes": NONE}),
    ({}, {"memory.limit_in_bytes": NONE, "memory.memsw.limit_in_bytes": NONE}),
    ({"cpus": "0.5"}, {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}),
    ({"cpus": "1.5"}, {"cpu.cfs_quota_us": "150000"}),
    ({"cpu_quota": 5000, "cpu_period": 10000}, {"cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "10000"}),
    ({"cpus": "2"}, {"cpu.cfs_quota_us": "200000", "cpu.cfs_period_us": "100000"}),
    ({"cpu_quota": 5000, "cpu_period": 10000}, {"cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "10000"}),
    ({}, {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}),
    ({"cpu_shares": 256}, {"cpu.shares": "256"}),
    ({}, {"cpu.shares": "1024"}),
    ({"cpuset_cpus": "0"}, {"cpuset.cpus": "0"}),
    ({"cpuset_cpus": "1"}, {"cpuset.cpus": "1"}),
    ({}, {"cpuset.cpus": "0-1"}),
    ({"pids_limit": 10}, {"pids.max": "10"}),
    ({"pids_limit": 20}, {"pids.max": "20"}),
    ({"pids_limit": -1}, {"pids.max": "max"}),
    ({}, {"pids.max": "2048"}),
    (
        {"memory": "32m", "cpus": "0.2", "cpu_shares": 200, "pids_limit": 25, "cpuset_cpus": "0"},
        {
            "memory.limit_in_bytes": str(32 * MIB),
            "cpu.cfs_quota_us": "20000",
            "cpu.shares": "200",
            "pids.max": "25",
            "cpuset.cpus": "0",
        },
    ),
]


@pytest.mark.smoke
def test_limits_change_while_the_process_runs(host: Host) -> None:
    """The kernel has each new value, and none in the end; the process stays, and a second run is unchanged."""
    first = host.container("c", **BASE)
    process = Process(first)
    for options, expected in LIMITS:
        updated = host.container("c", diff=True, **BASE, **options)
        assert updated.get("actions") == ["updated c"], (options, updated)
        assert "recreated because of" not in updated["diff"]["after"], options
        for key in ("Id", "State"):
            assert updated["container"][key] == first["container"][key], options
        for file, value in expected.items():
            live = process.cgroup(file.partition(".")[0], file)
            assert live == value, (options, file)
        again = host.container("c", **BASE, **options)
        assert again["actions"] == [], (options, again)


def test_check_mode_changes_no_limit(host: Host) -> None:
    process = Process(host.container("c", memory="32m", **BASE))
    predicted = host.container("c", check=True, diff=True, memory="64m", **BASE)
    assert predicted["actions"] == ["updated c"]
    assert predicted["diff"]["before"]["memory"] == 32 * MIB and predicted["diff"]["after"]["memory"] == 64 * MIB
    assert process.cgroup("memory", "memory.limit_in_bytes") == str(32 * MIB)
    assert host.container("c", memory="32m", **BASE)["actions"] == []


def test_limit_of_a_stopped_container_holds_from_its_next_start(host: Host) -> None:
    host.container("c", memory="32m", **BASE)
    host.container("c", state="stopped")
    updated = host.container("c", state="present", memory="64m", **BASE)
    assert updated["actions"] == ["updated c"]
    started = host.container("c", memory="64m", **BASE)
    assert started["actions"] == ["started c"]
    assert Process(started).cgroup("memory", "memory.limit_in_bytes") == str(64 * MIB)


def test_limit_of_a_paused_container_changes_while_it_stays_paused(host: Host) -> None:
    host.container("c", state="paused", memory="32m", **BASE)
    updated = host.container("c", state="paused", memory="64m", **BASE)
    assert updated["actions"] == ["updated c"]
    process = Process(updated)
    assert process.cgroup("memory", "memory.limit_in_bytes") == str(64 * MIB)
    assert process.cgroup("freezer", "freezer.state") == "FROZEN"


def test_limit_below_what_is_used_is_refused_and_the_old_one_stays(host: Host) -> None:
    eater = ["sh", "-c", f"dd if=/dev/zero of=/dev/shm/x bs=1M count=24 2>/dev/null; echo full; {WAITING[2]}"]
    made = host.container("c", image="busybox", command=eater, network="none", memory="64m", memory_swap="64m")
    log = made["container"]["HostConfig"]["LogConfig"]["Path"]
    eventually(lambda: "full" in open(log).read())
    refused = host.container("c", image="busybox", command=eater, network="none", memory="8m", memory_swap="8m")
    assert refused.failed and "limits of container c" in refused["msg"]
    assert Process(made).cgroup("memory", "memory.limit_in_bytes") == str(64 * MIB)
    same = host.container("c", image="busybox", command=eater, network="none", memory="64m", memory_swap="64m")
    assert same["actions"] == []


def test_labels_and_stopping_change_in_the_record_alone(host: Host) -> None:
    first = host.container("c", label={"a": "1"}, **BASE)
    wanted = {**BASE, "label": {"a": "2", "b": "3"}, "stop_timeout": 3, "stop_signal": "INT"}
    updated = host.container("c", diff=True, **wanted)
    assert updated["actions"] == ["updated c"]
    assert updated["diff"]["before"]["label"] == {"a": "1"}
    assert updated["container"]["State"] == first["container"]["State"]
    assert host.container("c", **wanted)["actions"] == []
    (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    assert container["Config"]["Labels"] == {"a": "2", "b": "3"}
    assert (container["Config"]["StopTimeout"], container["Config"]["StopSignal"]) == (3, 2)


# Each added to those before it.
CHANGES: list[tuple[str, Any]] = [
    ("command", [*WAITING, "word"]),
    ("command", [*WAITING, "Word"]),
    ("entrypoint", ["busybox"]),
    ("env", {"A": "1"}),
    ("env", {"a": "1"}),
    ("hostname", "web"),
    ("hostname", "Web"),
    ("user", "1:1"),
    ("workdir", "/www"),
    ("volume", ["kept:/data:U"]),
    ("volume", ["kept:/data:U,ro"]),
    ("mount", ["type=ramfs,target=/scratch"]),
    ("cap_add", ["NET_ADMIN"]),
    ("cap_drop", ["CHOWN"]),
    ("security_opt", ["no-new-privileges"]),
    ("read_only", True),
    ("rewindable", True),
    ("cgroup_parent", "/libpod_parent/below"),
    ("tty", True),
    ("interactive", True),
    ("network", "bridge"),
    ("image", "bare"),
]


def test_other_difference_recreates_the_container_and_is_named(host: Host) -> None:
    options = dict(BASE)
    last = host.container("c", state="present", **options)
    for option, value in CHANGES:
        options[option] = value
        predicted = host.container("c", state="present", check=True, diff=True, **options)
        done = host.container("c", state="present", diff=True, **options)
        assert done.get("actions") == predicted.get("actions") == ["recreated c"], (option, done)
        assert done["diff"] == predicted["diff"]
        assert done["diff"]["after"]["recreated because of"] == [option], done["diff"]
        assert done["container"]["Id"] != last["container"]["Id"]
        last = done
    assert host.container("c", state="present", **options)["actions"] == []


def test_equivalent_value_is_no_difference(host: Host) -> None:
    one: dict[str, Any] = {
        "command": "sleep 1000",
        "memory": "64m",
        "cpus": "0.5",
        "cap_add": ["net_admin", "SYS_TIME"],
        "publish": ["0.0.0.0:8080:80/tcp"],
        "env": {"A": 1, "B": "x"},
        "stop_signal": "SIGUSR1",
        "cpuset_cpus": "0,1",
        "network": "bridge",
    }
    other: dict[str, Any] = {
        "command": ["sleep", "1000"],
        "memory": "65536K",
        "cpu_quota": 50000,
        "capabilities": ["CAP_SYS_TIME", "CAP_NET_ADMIN"],
        "ports": ["8080:80"],
        "env": {"B": "x", "A": "1"},
        "stop_signal": "10",
        "cpuset_cpus": "0-1",
        "network_mode": "bridge",
    }
    host.container("c", state="present", image="busybox", **one)
    assert host.container("c", state="present", image="localhost/busybox:latest", **other)["actions"] == []


def test_recreate_restarts_a_running_container_and_leaves_a_stopped_one_stopped(host: Host) -> None:
    first = host.container("c", **BASE)
    Process(first).run("touch", "/written")
    second = host.container("c", recreate=True, **BASE)
    assert second["actions"] == ["recreated c"]
    assert second["container"]["Id"] != first["container"]["Id"]
    assert not os.path.exists(Process(second).path("root/written"))
    assert not start_time(first["container"]["State"]["Pid"])
    host.container("c", state="stopped")
    third = host.container("c", state="present", recreate=True, **BASE)
    assert third["container"]["State"]["Status"] == "created"
    paused = host.container("c", state="paused", recreate=True, **BASE)
    assert (paused["actions"], paused["container"]["State"]["Status"]) == (["recreated c", "paused c"], "paused")


def test_recreate_by_name_keeps_the_description(host: Host) -> None:
    first = host.container("c", **BASE, env={"A": "1"}, memory="64m", label={"a": "b"})
    predicted = host.container("c", recreate=True, check=True)
    second = host.container("c", recreate=True)
    assert second["actions"] == predicted["actions"] == ["recreated c"]
    assert second["container"]["Id"] != first["container"]["Id"] and Process(second).environ["A"] == "1"
    assert second["container"]["HostConfig"]["Memory"] == 64 * MIB
    assert not host.container("c", **BASE, env={"A": "1"}, memory="64m", label={"a": "b"}).changed
    assert host.container("nobody", recreate=True)["error"] == "NoSuchContainer"
    assert "recreate_policy" in host.container("c", recreate=True, recreate_policy="never")["msg"]


def test_recreated_container_takes_over_its_published_port(host: Host) -> None:
    web: dict[str, Any] = {
        "image": "busybox",
        "command": "httpd -f -p 80",
        "stop_signal": "KILL",
        "publish": ["8080:80"],
    }
    host.container("c", **web)
    done = host.container("c", env={"NEW": "1"}, **web)
    assert done.get("actions") == ["recreated c"], done
    eventually(lambda: socket.create_connection(("127.0.0.1", 8080), timeout=20).close() is None)


# A failing recreate


@pytest.mark.parametrize(
    ("state", "broken", "message"),
    [
        ("started", LATE, "not a directory"),
        ("started", {"user": "nobody-here"}, "nobody-here"),
        ("started", {"network": "bridge", "publish": ["8080:80"]}, "8080"),
        ("paused", LATE, "not a directory"),
    ],
)
def test_failed_recreate_restores_the_old_container(
    host: Host, state: str, broken: dict[str, Any], message: str
) -> None:
    first = host.container("c", state=state, memory="32m", **BASE)
    things = set(files(host.parts.static_root))
    with socket.create_server(("0.0.0.0", 8080)):
        failed = host.container("c", **{**BASE, **broken})
    assert failed.failed and message in failed["msg"], failed
    (container,) = host.module("libpod_container_info")["containers"]
    assert container["Id"] == first["container"]["Id"]
    assert container["State"]["Status"] == ("running" if state == "started" else "paused")
    assert Process(container).cgroup("memory", "memory.limit_in_bytes") == str(32 * MIB)
    left = {one for one in set(files(host.parts.static_root)) - things if not one.endswith("exits.json")}
    assert left == set()
    assert len({os.path.basename(one) for one in host.cgroups.folders() if "libpod-conmon" in one}) == 1
    same = host.container("c", state=state, memory="32m", **BASE)
    assert same["actions"] == []
    # What is paused just after its start may not have become the command yet.
    running = host.container("c", memory="32m", **BASE)
    assert running["actions"] == (["unpaused c"] if state == "paused" else []) and Process(running).argv == WAITING


def test_failed_recreate_of_a_stopped_container_leaves_it_stopped(host: Host) -> None:
    first = host.container("c", state="present", **BASE)
    assert host.container("c", **{**BASE, **UNMAKEABLE}).failed
    (container,) = host.module("libpod_container_info")["containers"]
    assert (container["Id"], container["State"]["Status"]) == (first["container"]["Id"], "created")


def test_mounts_of_the_image_and_volumes_from_are_predicted(host: Host) -> None:
    first = host.container("c", **BASE)
    host.module("libpod_commit", {"container": "c", "image": "saved", "changes": ["VOLUME /proc/x"]})
    os.mkdir("/srv/lent")
    idle: dict[str, Any] = {"image": "busybox", "state": "created", "network": "none"}
    for name, volume in (("file", "v:/etc/passwd"), ("gone", "/srv/lent:/lent")):
        assert not host.container(name, volume=[volume], **idle).failed
    os.rmdir("/srv/lent")
    try:
        for options, parts in (
            ({"image": "saved"}, ("image_volume", "/proc/x", "set image_volume to ignore")),
            ({"volumes_from": ["file"]}, ("volumes_from", "/etc/passwd", "is a file")),
            ({"volumes_from": ["gone"]}, ("/srv/lent", "does not exist on the host")),
        ):
            for check in (True, False):
                refused = host.container("c", check=check, **{**BASE, **options})
                assert refused.failed and not [part for part in parts if part not in refused["msg"]], refused
            assert Process(host.container("c", **BASE)).pid == Process(first).pid
        done = host.container("c", **{**BASE, "image": "saved", "image_volume": "ignore"})
        assert done["actions"] == ["recreated c"], done
    finally:
        host.empty()
        Images(host.parts).remove("saved")
        host.module("libpod_prune", {"image": True})


# Files of variables, and secrets


def test_changed_content_of_an_env_file_is_a_difference(host: Host) -> None:
    with open("/srv/file.env", "w", encoding="utf-8") as file:
        file.write("A=1\n")
    options: dict[str, Any] = {**BASE, "env_file": ["/srv/file.env"]}
    host.container("c", **options)
    with open("/srv/file.env", "w", encoding="utf-8") as file:
        file.write("# the same\nA=1\n")
    assert host.container("c", **options)["actions"] == []
    with open("/srv/file.env", "w", encoding="utf-8") as file:
        file.write("A=2\n")
    done = host.container("c", diff=True, **options)
    assert done["actions"] == ["recreated c"]
    assert done["diff"]["after"]["recreated because of"] == ["env"]
    assert Process(done).environ["A"] == "2"
    os.unlink("/srv/file.env")
    refused = host.container("c", **options)
    assert refused.failed and "/srv/file.env" in refused["msg"]


def _shown(result: Result) -> str:
    """Return all that a run outputs except the container's own description."""
    return repr({key: value for key, value in result.items() if key != "container"}) + result.stderr


def test_values_of_variables_are_never_shown(host: Host) -> None:
    """No action, diff, invocation, error, syslog line or file readable by others contains them."""
    with open("/srv/secret.env", "w", encoding="utf-8") as file:
        file.write(f"FROM_FILE={SECRET}\n")
    os.chmod("/srv/secret.env", 0o600)
    options: dict[str, Any] = {**BASE, "env": {"TOKEN": SECRET}, "env_file": ["/srv/secret.env"]}
    with syslog.syslog() as log:
        runs = [
            host.container("c", diff=True, **{**BASE, "env": {"TOKEN": f"old-{SECRET}"}}),
            host.container("c", check=True, diff=True, **options),
            host.container("c", diff=True, **options),
            host.container("c", diff=True, **options),
            host.container("c", diff=True, **{**options, **UNMAKEABLE}),
            host.container("c", diff=True, **{**options, "memory": "12x"}),
            host.container("c", diff=True, **{**options, "env": {"A=B": SECRET}}),
            host.container("c", **{**options, "no_such_option": 1}),
        ]
    assert [one.get("actions") for one in runs[:4]] == [
        ["created c", "started c"],
        ["recreated c"],
        ["recreated c"],
        [],
    ]
    assert "libpod_container" in str(log) and SECRET not in str(log)
    for one in runs:
        assert SECRET not in _shown(one), one
    assert "TOKEN" in repr(runs[2]["diff"])
    for top in ("/srv", "/run", "/var/lib"):
        _assert_hidden(top)
    os.unlink("/srv/secret.env")


def _assert_hidden(top: str) -> None:
    """Assert that no file which is accessible to others than its owner contains the secret."""
    device = os.stat(top).st_dev
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not os.path.ismount(f"{folder}/{name}")]
        for path in (f"{folder}/{name}" for name in names):
            # An exit command may just have removed it.
            with contextlib.suppress(FileNotFoundError):
                info = os.lstat(path)
                if stat.S_ISREG(info.st_mode) and info.st_dev == device and info.st_mode & 0o077:
                    assert SECRET.encode() not in Path(path).read_bytes(), path


def test_entrypoint_is_compared_by_case_and_word(host: Host) -> None:
    host.container("c", state="present", image="entrypoint", entrypoint=["/bin/sh", "-c"], network="none")
    same = host.container("c", state="present", image="entrypoint", entrypoint='["/bin/sh", "-c"]', network="none")
    assert same["actions"] == []
    other = host.container("c", state="present", image="entrypoint", entrypoint=["/bin/sh", "-C"], network="none")
    assert other["actions"] == ["recreated c"]


def test_memory_swap_of_minus_one_is_idempotent(host: Host) -> None:
    tasks: tuple[dict[str, Any], ...] = ({"memory": "64m", "memory_swap": "-1"}, {"memory_swap": "-1"})
    for options in tasks:
        host.container("c", **BASE, **options)
        assert host.container("c", **BASE, **options)["actions"] == []


def test_killed_recreate_restarts_a_running_container_even_if_the_task_starts_none(host: Host) -> None:
    """``present`` starts nothing, but a container that ran before the kill must run again."""
    how: dict[str, Any] = {"prepare": without_exit_command}  # which may clean up between check mode and the run
    host.module("libpod_container", {"name": "c", **BASE}, **how)
    task = {"name": "c", "state": "present", **BASE}
    counted = host.module("libpod_container", {**task, "env": {"A": "0"}}, kill_at=NOWHERE, **how)
    assert counted["actions"] == ["recreated c"]
    points = sorted(counted.effects)[::6]
    for number, point in enumerate(points, 1):
        killed = host.module("libpod_container", {**task, "env": {"A": str(number)}}, kill_at=point, **how)
        eventually(lambda: not _locked(host))
        wanted = {**task, "env": {"A": str(number - number % 2)}}
        predicted = host.module("libpod_container", wanted, check=True)
        done = host.module("libpod_container", wanted, **how)
        assert not done.failed and done["container"]["State"]["Status"] == "running", (killed.killed_at, done)
        assert done["actions"] == predicted["actions"] and done["changed"] == predicted["changed"], killed.killed_at
        assert Process(done).environ["A"] == wanted["env"]["A"], killed.killed_at
        assert not host.module("libpod_container", wanted).changed, killed.killed_at
    host.container("c", state="stopped")
    assert host.module("libpod_container", wanted)["actions"] == []


def _locked(host: Host) -> list[str]:
    """Return the locks that are held: a program that a killed task was starting has them until its execve."""
    store = Runtime(host.parts).store
    names = [name.removesuffix(".lock") for name in os.listdir(f"{host.parts.run_root}/locks")]
    return [name for name in names if store.lock(name).busy]


def test_removal_cancels_a_pending_restart(host: Host) -> None:
    host.container("c", **BASE)
    effects = host.module("libpod_container", {"name": "c", **BASE, "tty": True}, kill_at=NOWHERE).effects
    create = next(one for one in effects if one.startswith("conmon"))
    killed = host.module("libpod_container", {"name": "c", **BASE}, kill_at=create)
    assert killed.killed
    assert host.container("c", state="absent")["actions"] == ["deleted c"]
    assert os.listdir(f"{host.parts.static_root}/names") == []
    assert host.container("c", state="present", **BASE)["container"]["State"]["Status"] == "created"


def test_unavailable_image_leaves_the_old_container_running(host: Host) -> None:
    first = host.container("c", **BASE)["container"]
    failed = host.container("c", **{**BASE, "image": "oci:/srv/nowhere:1"})
    assert failed.failed and "nowhere" in failed["msg"], failed
    (container,) = host.module("libpod_container_info")["containers"]
    assert (container["Id"], container["State"]["Pid"]) == (first["Id"], first["State"]["Pid"])


@pytest.mark.parametrize("state", ["present", "created"])
def test_exited_container_with_rm_is_created_again(host: Host, state: str) -> None:
    host.container("c", **BASE)
    host.container("c", state="stopped")
    options: dict[str, Any] = {**BASE, "state": state, "rm": True}
    predicted = host.container("c", **options, check=True)
    done = host.container("c", **options)
    assert predicted["actions"] == done["actions"] == ["recreated c"], (predicted, done)
    assert done["plan"]["recreated_because_of"] == ["rm"]
    again = host.container("c", **options)
    assert again["actions"] == [] and again["container"]["Id"] == done["container"]["Id"], again
    # A container that is started still exits, and is removed then.
    host.container("c", **BASE)
    host.container("c", state="stopped")
    assert host.container("c", **BASE, rm=True)["actions"] == ["updated c", "started c"]


def test_failed_recreate_restores_the_old_address(host: Host) -> None:
    options: dict[str, Any] = {**BASE, "network": "bridge"}
    first = host.container("c", **options)
    assert host.container("c", **{**options, **LATE}).failed
    (container,) = host.module("libpod_container_info")["containers"]
    assert container["Id"] == first["container"]["Id"] and container["State"]["Status"] == "running"
    assert _address(host, container) == _address(host, first["container"])


def test_killed_recreate_restores_the_old_address(host: Host) -> None:
    options: dict[str, Any] = {**BASE, "network": "bridge"}
    host.container("c", **options)
    recreated = host.module("libpod_container", {"name": "c", **options, "env": {"A": "1"}}, kill_at=NOWHERE)
    create = [one for one in recreated.effects if one.startswith("runc start")][-1]
    killed = host.module("libpod_container", {"name": "c", **options}, kill_at=create)
    assert killed.killed and not start_time(recreated["container"]["State"]["Pid"])
    started = host.container("c", state="present")
    assert started["actions"] == ["started c"] and started["container"]["Id"] == recreated["container"]["Id"]
    assert _address(host, started["container"]) == recreated["container"]["NetworkSettings"]["IPAddress"]
    assert not os.path.exists(f"{started['container']['StaticDir']}/network-before.json")


def _address(host: Host, container: dict[str, Any]) -> str:
    """Return the container's recorded address, which its network namespace must have while the container runs."""
    address: str = container["NetworkSettings"]["IPAddress"]
    if os.path.exists(f"/proc/{container['State']['Pid']}"):
        inside = host.run("nsenter", f"--net=/proc/{container['State']['Pid']}/ns/net", "ip", "-o", "-4", "address")
        assert f"inet {address}/" in inside
    return address


def test_damaged_name_record_is_repaired_by_the_next_change(host: Host) -> None:
    first = host.container("c", **BASE)
    host.container("d", **BASE)
    path = f"{host.parts.static_root}/names/c.json"
    with open(path, "w", encoding="ascii") as file:
        file.write("{")
    listed = host.module("libpod_container_info")["containers"]
    assert {one["Name"] for one in listed} == {"c", "d"}
    assert host.container("c", **BASE)["actions"] == []
    recreated = host.container("c", **BASE, env={"A": "1"})
    assert recreated["actions"] == ["recreated c"] and recreated["container"]["Id"] != first["container"]["Id"]
    with open(path, encoding="ascii") as file:
        assert recreated["container"]["Id"] in file.read()
