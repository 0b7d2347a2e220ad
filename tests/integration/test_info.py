# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_container_info, and what an unchanged libpod_container costs: no process, no heavy import, no write."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support import cgroup_files, images
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually, files

MIB = 1 << 20
BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def info(host: Host, **options: Any) -> Any:
    result = host.module("libpod_container_info", options)
    assert not result.failed and not result.changed, result
    return result["containers"]


def test_no_container_is_an_empty_list(host: Host) -> None:
    before = files("/srv", "/run", "/var/lib")
    assert info(host) == [] == info(host, name=["nobody"])
    assert files("/srv", "/run", "/var/lib") == before


def test_containers_by_name_by_id_and_all(host: Host) -> None:
    made = {name: host.container(name, state="present", **BASE)["container"] for name in ("b", "a", "c")}
    assert [one["Name"] for one in info(host)] == ["a", "b", "c"]
    assert [one["Name"] for one in info(host, name=["c", "nobody", "a"])] == ["c", "a"]
    assert info(host, names=[made["b"]["Id"]]) == [made["b"]]
    assert info(host, name=[made["b"]["Id"][:12]]) == [made["b"]]
    assert info(host, name=[]) == []


def test_name_wins_over_an_id_prefix(host: Host) -> None:
    first = host.container("first", state="present", **BASE)["container"]
    alias = first["Id"][:6]
    host.container(alias, state="present", **BASE)
    assert [one["Name"] for one in info(host, name=[alias])] == [alias]


def test_inspection_has_podmans_format(host: Host) -> None:
    options = {
        **BASE,
        "memory": "64m",
        "cpus": "0.5",
        "env": {"A": "1"},
        "label": {"l": "v"},
        "hostname": "web",
        "volume": ["kept:/data", "/srv:/host:ro"],
        "cap_add": ["NET_ADMIN"],
        "ulimit": ["nofile=100:200"],
    }
    made = host.container("c", **options)
    assert not made.failed, made["msg"]
    (inspection,) = info(host)
    assert inspection == made["container"]
    (shown,) = info(host, env_values=True)
    assert "A=1" in shown["Config"]["Env"] and {**shown, "Config": None} == {**inspection, "Config": None}
    process = Process(inspection)
    caps = {name.partition("_")[2] for name in inspection["EffectiveCaps"]}
    assert "NET_ADMIN" in caps and "SYS_ADMIN" not in caps and inspection["BoundingCaps"] == inspection["EffectiveCaps"]
    assert inspection["ImageDigest"].startswith("sha256:") and inspection["State"]["OciVersion"]
    for key, pid in (("PidFile", "Pid"), ("ConmonPidFile", "ConmonPid")):
        with open(inspection[key], encoding="ascii") as file:
            assert file.read().strip() == str(inspection["State"][pid])
    assert (inspection["Path"], inspection["Args"]) == (WAITING[0], WAITING[1:])
    state = inspection["State"]
    assert state["Status"] == "running" and state["Running"] and not state["Paused"]
    assert inspection["ImageName"] == "localhost/busybox:latest"
    assert inspection["Config"]["Hostname"] == "web" and "A=(hidden)" in inspection["Config"]["Env"]
    assert inspection["Config"]["Labels"] == {"l": "v"}
    assert inspection["HostConfig"]["Memory"] == 64 * MIB and inspection["HostConfig"]["NanoCpus"] == 500_000_000
    assert inspection["HostConfig"]["CapAdd"] == ["CAP_NET_ADMIN"]
    assert inspection["HostConfig"]["Ulimits"] == [{"Name": "RLIMIT_NOFILE", "Soft": 100, "Hard": 200}]
    mounts = {mount["Destination"]: mount for mount in inspection["Mounts"]}
    assert (mounts["/data"]["Type"], mounts["/data"]["Name"], mounts["/data"]["RW"]) == ("volume", "kept", True)
    assert (mounts["/host"]["Type"], mounts["/host"]["Source"], mounts["/host"]["RW"]) == ("bind", "/srv", False)
    assert os.path.ismount(inspection["State"]["Mountpoint"])
    assert inspection["State"]["CgroupPath"].endswith(inspection["Id"])
    assert os.path.isdir(cgroup_files.folder("memory", inspection["State"]["CgroupPath"]))
    with open(f"/proc/{inspection['State']['ConmonPid']}/comm", encoding="ascii") as file:
        assert file.read() == "conmon\n"
    assert process.status["PPid"] == str(inspection["State"]["ConmonPid"])


def test_size_counts_the_own_layer_and_all_layers(host: Host) -> None:
    process = Process(host.container("c", **BASE))
    (before,) = info(host, size=True)
    process.run("dd", "if=/dev/zero", "of=/big", "bs=1M", "count=3")
    (after,) = info(host, size=True)
    assert after["SizeRw"] - before["SizeRw"] == 3 * MIB
    assert after["SizeRootFs"] - before["SizeRootFs"] == 3 * MIB
    assert before["SizeRootFs"] - before["SizeRw"] > os.path.getsize("/bin/busybox")
    assert "SizeRw" not in info(host)[0]


def test_stats_match_the_kernel(host: Host) -> None:
    busy = ["sh", "-c", f"dd if=/dev/zero of=/dev/shm/x bs=1M count=8 2>/dev/null; echo done; {WAITING[2]}"]
    made = host.container("c", image="busybox", command=busy, memory="64m", pids_limit=10)
    process = Process(made)
    eventually(lambda: "done" in open(made["container"]["HostConfig"]["LogConfig"]["Path"]).read())
    eventually(lambda: process.cgroup("pids", "pids.current") == "2")
    process.run("ping", "-c", "3", "-i", "0.1", made["container"]["NetworkSettings"]["Gateway"])
    (inspection,) = info(host, stats=True)
    stats = inspection["Stats"]
    assert stats["memory_limit"] == 64 * MIB
    assert 8 * MIB < stats["memory_usage"] <= int(process.cgroup("memory", "memory.max_usage_in_bytes") or 0)
    assert stats["pids_current"] == int(process.cgroup("pids", "pids.current") or 0) == 2
    assert 0 < stats["cpu_total_ns"] <= int(process.cgroup("cpuacct", "cpuacct.usage") or 0)
    assert {"io_read_bytes", "io_write_bytes"} <= set(stats)
    eth0 = stats["network"]["eth0"]
    assert eth0["rx_packets"] >= 3 and eth0["tx_bytes"] >= 3 * 84
    assert f"{made['container']['NetworkSettings']['IPAddress']}/16" in eth0["addresses"]
    host.container("c", state="stopped")
    assert info(host, stats=True)[0]["Stats"] is None


def test_query_is_evaluated_over_the_list(host: Host) -> None:
    host.container("a", **BASE)
    host.container("b", state="present", **BASE)
    assert info(host, query="[?State.Running].Name") == ["a"]
    assert info(host, query="length(@)") == 2
    assert info(host, query="[].{n: Name, s: State.Status}") == [
        {"n": "a", "s": "running"},
        {"n": "b", "s": "created"},
    ]
    refused = host.module("libpod_container_info", {"query": "[?"})
    assert refused.failed and "JMESPath" in refused["msg"] and "query" in refused["msg"]


def test_exit_of_a_container_is_detected_without_a_write(host: Host) -> None:
    made = host.container("c", **BASE)
    os.kill(made["container"]["State"]["Pid"], 9)
    # The exit command writes nothing after its cleanup.
    eventually(lambda: info(host)[0]["State"]["Status"] == "exited" and not info(host)[0]["State"]["Mounted"])
    eventually(lambda: not host.cgroups.processes())  # nor does conmon, which then ends
    before = files("/srv", "/run", "/var/lib")
    (inspection,) = info(host)
    assert (inspection["State"]["ExitCode"], inspection["State"]["Pid"]) == (137, 0)
    assert files("/srv", "/run", "/var/lib") == before


def test_info_does_not_wait_for_locks(host: Host) -> None:
    made = host.container("c", **BASE)
    for name in ("c", made["container"]["Id"]):
        with open(f"/srv/run/locks/{name}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert len(info(host)) == 1
            predicted = host.container("c", check=True, **BASE)
            assert predicted["actions"] == []


# The cost of a task, by strace(1) and sys.modules

# The engine's files that a task loads, at a tenth of a millisecond each. A change that adds one defers another.
UNCHANGED_FILES, CREATED_FILES = 51, 132

RUNNER = """
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[2])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
import importlib
module = importlib.import_module("ansible_collections.libpod.engine.plugins.modules." + sys.argv[1])
try:
    module.main()
finally:
    with open(sys.argv[3], "w") as file:
        file.write("\\n".join(sys.modules))
"""


def _traced(host: Host, module: str, options: dict[str, Any]) -> tuple[dict[str, Any], list[str], set[str]]:
    """Return a module's result, the processes it started (by strace) and what it imported."""
    args = json.dumps({**host.arguments, **options})
    # Not -f, with which strace waits until conmon and the container exit; only the first process matters.
    strace = ["strace", "-qq", "-e", "trace=process", "-o", "/srv/trace"]
    command = [*strace, sys.executable, "-c", RUNNER, module, args, "/srv/modules"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    with open("/srv/trace", encoding="utf-8") as file:
        started = [line for line in file if re.search(r"\b(clone3?|v?fork|execve)\(", line) and "THREAD" not in line]
    with open("/srv/modules", encoding="utf-8") as file:
        imported = set(file.read().split("\n"))
    for path in ("/srv/trace", "/srv/modules"):
        os.unlink(path)
    assert started and "execve" in started[0]
    return json.loads(done.stdout), started[1:], imported


def _files(imported: set[str]) -> list[str]:
    """Return the engine's files among the imported modules."""
    names = (name.partition(".plugins.module_utils.")[2].replace(".", "/") for name in imported)
    return sorted(name for name in names if name and os.path.isfile(f"{images.PROJECT}/plugins/module_utils/{name}.py"))


def test_unchanged_task_starts_no_process_and_imports_nothing_heavy(host: Host) -> None:
    plain = {**BASE, "name": "plain", "memory": "64m", "volume": ["kept:/data"]}
    attached = {**plain, "network": "bridge", "publish": ["8080:80"]}
    by_netavark = {"publish": ["8081:80"], "network_backend": "netavark"}
    for options in (plain, {**attached, "name": "c"}, {**attached, **by_netavark, "name": "n"}):
        assert not host.container(**options).failed
        result, started, imported = _traced(host, "libpod_container", options)
        assert result["actions"] == [] == started
        assert not {name.partition(".")[0] for name in imported} & {"pyroute2", "jmespath", "yaml", "tomllib"}
        assert len(_files(imported)) <= UNCHANGED_FILES, _files(imported)
        if "publish" in options:
            pid = result["container"]["State"]["Pid"]
            host.run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "link", "del", "eth0")
            result, started, _imported = _traced(host, "libpod_container", {**options, "_ansible_check_mode": True})
            assert (result["actions"], started) == ([f"updated {options['name']}"], []), "the lost link is drift"
    for state in ("stopped", "absent"):
        assert host.container("c", state=state).changed
        result, started, _imported = _traced(host, "libpod_container", {"name": "c", "state": state})
        assert result["actions"] == [] == started


RESOURCES: dict[str, dict[str, Any]] = {
    "image": {"name": "busybox", "tags": ["further"]},
    "network": {"name": "kept", "ipv6": True, "labels": {"a": "b"}, "opt": {"mtu": 1400}},
    "volume": {"name": "kept", "label": {"a": "b"}, "options": ["uid=5"]},
    "secret": {"name": "kept", "data": "content", "labels": {"a": "b"}},
}


@pytest.mark.parametrize("kind", RESOURCES)
def test_unchanged_task_of_a_resource_starts_no_process(host: Host, kind: str) -> None:
    module, options = f"libpod_{kind}", RESOURCES[kind]
    assert host.module(module, options).changed
    result, started, imported = _traced(host, module, options)
    assert not result["changed"] and started == [], (result, started)
    assert not {name.partition(".")[0] for name in imported} & {"pyroute2", "jmespath", "yaml", "tomllib"}
    taken = {"untag": options["tags"]} if kind == "image" else {"state": "absent"}
    assert host.module(module, {"name": options["name"], **taken}).changed


def test_create_and_start_import_neither_pyroute2_nor_jmespath(host: Host) -> None:
    result, started, imported = _traced(host, "libpod_container", {**BASE, "network": "bridge", "name": "c"})
    assert result["actions"] == ["created c", "started c"] and started
    assert not {name for name in imported if name.partition(".")[0] in ("pyroute2", "jmespath")}
    assert len(_files(imported)) <= CREATED_FILES, _files(imported)


def test_info_starts_no_process(host: Host) -> None:
    host.container("c", image="busybox", command=WAITING)
    for options in ({}, {"stats": True}, {"size": True}, {"query": "[].Name"}):
        result, started, imported = _traced(host, "libpod_container_info", options)
        assert result["containers"], options
        if "size" not in options:
            assert started == [], options
        heavy = {name.partition(".")[0] for name in imported} & {"pyroute2", "jmespath"}
        assert heavy == {"stats": {"pyroute2"}, "query": {"jmespath"}}.get(next(iter(options), ""), set())


def test_check_mode_starts_no_process(host: Host) -> None:
    host.container("c", **BASE)
    for options in ({"memory": "32m"}, {"command": "true"}):
        result, started, _imported = _traced(
            host, "libpod_container", {**BASE, "name": "c", "_ansible_check_mode": True, **options}
        )
        assert result["changed"] and started == []
