# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as shown to users: the shape of podman inspect, filled from records and the host's state."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Mapping

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.plugins.module_utils._model.records.state import ContainerState
from ansible_collections.libpod.engine.plugins.module_utils._model.records.status import ContainerStatus
from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect import inspect, outline
from ansible_collections.libpod.engine.plugins.module_utils._runtime.inspect_options import (
    CONFIG,
    HOST_CONFIG,
    ShownOptions,
)
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.plugins.module_utils._store.locks import FileLock

ID, OTHER = "ab" * 32, "cd" * 32
MIB = 1 << 20
IMAGE: Any = {"Entrypoint": ["/entry"], "Cmd": ["serve"], "Env": ["A=1"], "Labels": {"from": "image"}}


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    made = Runtime(
        EngineConfig(
            static_root=str(tmp_path / "static"),
            run_root=str(tmp_path / "run"),
            cni_config_dir=str(tmp_path / "cni"),
            oci_runtime="/usr/sbin/runc",
        )
    )
    made.store.prepare()
    return made


def make(runtime: Runtime, joined: dict[str, str] | None = None, **requested: Any) -> Container:
    options = normalise(requested)
    ports = tuple(port if port.host_port else port._replace(host_port=4000) for port in options["publish"])
    config = ContainerConfig(
        id=ID,
        name="web",
        created_time="2026-01-01T00:00:00.000000+00:00",
        options=options,
        static_dir=runtime.store.static_dir(ID),
        rootfs_image_id="1" * 64,
        rootfs_image_name="docker.io/library/app:1",
        image_config=IMAGE,
        namespace_containers=joined or {},
        ports=ports,
    )
    runtime.store.write_config(config)
    runtime.store.write_name("web", {"id": ID})
    return runtime.container("web")


def state(runtime: Runtime, **fields: Any) -> None:
    runtime.store.write_state(ID, ContainerState(boot_id=runtime.host.boot_id, **fields))


def test_container_that_never_ran_is_shown_as_created(runtime: Runtime) -> None:
    shown = inspect(make(runtime))
    assert (shown["Id"], shown["Name"], shown["Image"], shown["ImageName"]) == (
        ID,
        "web",
        "1" * 64,
        "docker.io/library/app:1",
    )
    assert (shown["Path"], shown["Args"], shown["OCIRuntime"]) == ("/entry", ["serve"], "runc")
    assert shown["State"]["Status"] == "created" and shown["State"]["Running"] is False and shown["State"]["Pid"] == 0
    assert shown["State"]["StartedAt"] == shown["State"]["FinishedAt"] == "0001-01-01T00:00:00Z"
    # As in podman: the container's future networks, without addresses.
    (network,) = shown["NetworkSettings"]["Networks"].items()
    assert shown["NetworkSettings"]["IPAddress"] == network[1]["IPAddress"] == ""
    assert network[0] == network[1]["NetworkID"] == "libpod"
    assert json.loads(json.dumps(shown)) == shown


def test_inspect_writes_nothing(runtime: Runtime, tmp_path: Path) -> None:
    container = make(runtime)
    state(runtime, status=ContainerStatus.RUNNING, process=ProcessRef(2**22, 1))
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert inspect(container)["State"]["Status"] == "exited"
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_container_with_a_live_process_is_running(runtime: Runtime) -> None:
    container = make(runtime)
    state(
        runtime,
        status=ContainerStatus.RUNNING,
        started_time="then",
        process=process.ref(os.getpid()),
        conmon=ProcessRef(5),
        mounted=True,
        mountpoint="/m",
    )
    shown = inspect(container)["State"]
    assert (shown["Status"], shown["Running"], shown["Pid"], shown["ConmonPid"]) == ("running", True, os.getpid(), 5)
    assert (shown["StartedAt"], shown["Mounted"], shown["Mountpoint"]) == ("then", True, "/m")
    state(runtime, status=ContainerStatus.RUNNING, process=ProcessRef(os.getpid(), 1))
    assert inspect(container.peek())["State"]["Status"] == "exited", "another process has the PID by now"


def test_cleanup_that_finishes_between_two_looks_shows_as_exited(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the record or the lock is read first, the other may have changed since."""
    container = make(runtime)
    lock = FileLock(container._lock.path, inherited=False)
    state(runtime, status=ContainerStatus.UNKNOWN, finished_time="then")
    assert container.peek().state.status is ContainerStatus.UNKNOWN, "no other process changes it"
    with lock:
        assert container.peek().state.status is ContainerStatus.EXITED

    def finished(_lock: FileLock) -> bool:
        state(runtime, status=ContainerStatus.EXITED, finished_time="then")
        return False

    monkeypatch.setattr(FileLock, "busy", property(finished))
    assert container.peek().state.status is ContainerStatus.EXITED


def test_outline_is_a_subset_of_inspect(runtime: Runtime) -> None:
    container = make(runtime, healthcheck="true")
    part, whole = outline(container), inspect(container)
    assert part["State"].pop("Health") == whole["State"]["Health"]
    assert {"Status", "Pid"} <= set(part["State"]) and {"IPAddress", "Networks"} <= set(part["NetworkSettings"])
    for key in ("State", "NetworkSettings"):
        assert part.pop(key).items() <= whole[key].items()
    assert part.items() <= whole.items()
    assert "Health" not in outline(make(runtime))["State"]


def test_exited_container_keeps_its_exit_state(runtime: Runtime) -> None:
    container = make(runtime)
    state(runtime, status=ContainerStatus.EXITED, exit_code=137, oom_killed=True, finished_time="then")
    shown = inspect(container)["State"]
    assert (shown["Status"], shown["ExitCode"], shown["OOMKilled"], shown["FinishedAt"]) == (
        "exited",
        137,
        True,
        "then",
    )


def test_state_of_another_boot_is_configured_and_the_exit_code_stays(runtime: Runtime) -> None:
    container = make(runtime)
    runtime.store.write_state(
        ID, ContainerState(status=ContainerStatus.PAUSED, boot_id="another", process=ProcessRef(os.getpid()))
    )
    ends = [{"exit_code": 5, "finished_time": "before"}, {"exit_code": 3, "finished_time": "then"}]
    runtime.store.write_side_record(ID, "exits", ends)
    shown = inspect(container)["State"]
    assert (shown["Status"], shown["Pid"], shown["ExitCode"], shown["FinishedAt"]) == ("created", 0, 3, "then")


def test_unreadable_state_is_unknown(runtime: Runtime) -> None:
    container = make(runtime)
    state(runtime)
    Path(runtime.store.run_dir(ID), "state.json").write_text("{")
    assert inspect(container)["State"]["Status"] == "unknown"


def test_configuration_shows_effective_values(runtime: Runtime) -> None:
    shown = inspect(
        make(runtime, command="a b", env={"B": "2"}, label={"k": "v"}, user="5:6", workdir="/w", stop_signal="INT")
    )
    config = shown["Config"]
    assert (config["Cmd"], config["Entrypoint"], config["User"], config["WorkingDir"]) == (
        ["a", "b"],
        ["/entry"],
        "5:6",
        "/w",
    )
    assert {"A=(hidden)", "B=(hidden)"} < set(config["Env"]) and config["Labels"] == {"from": "image", "k": "v"}
    assert (config["StopSignal"], config["StopTimeout"], config["Hostname"]) == (2, 10, ID[:12])


def test_limits_are_shown_as_numbers(runtime: Runtime) -> None:
    host = inspect(
        make(runtime, memory="64m", cpus=1.5, pids_limit=5, shm_size="1m", ulimit=["core=0"], cpuset_cpus="1,0")
    )
    host = host["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        64 * MIB,
        128 * MIB,
        1500000000,
        5,
    )
    assert (host["CpuQuota"], host["CpuPeriod"], host["ShmSize"], host["CpusetCpus"]) == (150000, 100000, MIB, "0-1")
    assert host["Ulimits"] == [{"Name": "RLIMIT_CORE", "Soft": 0, "Hard": 0}]
    free = inspect(make(runtime, pids_limit=-1))["HostConfig"]
    assert free["Memory"] == free["MemorySwap"] == free["NanoCpus"] == free["PidsLimit"] == 0


def test_mounts_name_their_host_directories(runtime: Runtime, tmp_path: Path) -> None:
    bind, named = inspect(make(runtime, volume=["/srv:/a:ro,rslave", "data:/b:noexec"]))["Mounts"]
    assert (bind["Type"], bind["Source"], bind["Destination"]) == ("bind", "/srv", "/a")
    assert (bind["RW"], bind["Propagation"]) == (False, "rslave")
    assert named["Source"] == f"{tmp_path}/static/volumes/data/_data" and (named["Name"], named["RW"]) == ("data", True)
    assert (bind["Options"], named["Options"]) == (["rbind"], ["noexec", "nosuid", "nodev", "rbind"])


def test_chosen_host_ports_are_shown(runtime: Runtime) -> None:
    shown = inspect(make(runtime, publish=["80", "127.0.0.1:8053:53/udp", "8054:53/udp"]))
    ports = shown["NetworkSettings"]["Ports"]
    assert ports == shown["HostConfig"]["PortBindings"]
    assert ports["80/tcp"] == [{"HostIp": "", "HostPort": "4000"}]
    assert {"HostIp": "127.0.0.1", "HostPort": "8053"} in ports["53/udp"] and len(ports["53/udp"]) == 2


@pytest.mark.parametrize(
    ("network", "shown"),
    [("bridge", "bridge"), ("none", "none"), ("host", "host"), ("container:other", f"container:{OTHER}")],
)
def test_network_mode_names_the_container_joined(runtime: Runtime, network: str, shown: str) -> None:
    result = inspect(make(runtime, {"net": OTHER} if "other" in network else None, network=[network]))
    assert result["HostConfig"]["NetworkMode"] == shown
    assert result["Dependencies"] == ([OTHER] if "other" in network else [])


def test_addresses_come_from_the_cni_result_and_unfinished_attachments_have_none(runtime: Runtime) -> None:
    container = make(runtime)
    result = {
        "interfaces": [{"name": "br0", "mac": "02::"}, {"name": "eth0", "mac": "0a:0b", "sandbox": "/run/netns/x"}],
        "ips": [
            {"address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1},
            {"address": "fd00::2/64", "gateway": "fd00::1", "interface": 1},
            {"address": "10.9.9.9/24", "interface": 0},
        ],
    }
    common = {"interface": "eth0", "config": {}, "runtime_config": {}}
    attachments = [
        {"network": "front", "result": result, **common},
        {"network": "begun", "result": None, **common, "interface": "eth1"},
    ]
    runtime.store.write_side_record(ID, "network", attachments)
    settings = inspect(container)["NetworkSettings"]
    assert (settings["IPAddress"], settings["IPPrefixLen"], settings["Gateway"]) == ("10.0.0.2", 24, "10.0.0.1")
    assert (settings["GlobalIPv6Address"], settings["GlobalIPv6PrefixLen"], settings["IPv6Gateway"]) == (
        "fd00::2",
        64,
        "fd00::1",
    )
    assert settings["MacAddress"] == "0a:0b" and list(settings["Networks"]) == ["front"]
    assert settings["Networks"]["front"]["IPAddress"] == "10.0.0.2"


def test_security_options_are_shown_as_requested(runtime: Runtime) -> None:
    options = inspect(make(runtime, security_opt=["no-new-privileges", "seccomp=/p.json"]))["HostConfig"]["SecurityOpt"]
    assert options == ["no-new-privileges", "seccomp=/p.json"]
    assert inspect(make(runtime))["HostConfig"]["SecurityOpt"] == []


def test_keys_that_playbooks_for_podman_read_are_there(runtime: Runtime) -> None:
    plain = inspect(make(runtime))
    assert plain["GraphDriver"] == {"Name": plain["Driver"], "Data": {}} and plain["AppArmorProfile"] == ""
    assert plain["ExecIDs"] == plain["Config"]["CreateCommand"] == [], "there is no podman command and no session"
    assert plain["Config"]["Volumes"] == {} and plain["HostConfig"]["Cgroups"] == "default"
    assert plain["HostConfig"]["CgroupConf"] == {} and plain["HostConfig"]["ContainerIDFile"] == ""
    options: dict[str, Any] = {
        "cgroups": "split",
        "cgroup_conf": {"memory.high": "1g"},
        "cidfile": "/tmp/id",
        "security_opt": ["apparmor=mine"],
    }
    image: Any = {**IMAGE, "Volumes": {"/data": {}}}
    runtime.store.write_config(make(runtime, **options).config._replace(image_config=image))
    state(runtime, mounted=True, mountpoint="/there")
    shown = inspect(runtime.container("web"))
    assert shown["GraphDriver"]["Data"] == {"MergedDir": "/there"} and shown["AppArmorProfile"] == "mine"
    assert shown["Config"]["Volumes"] == {"/data": {}} and shown["HostConfig"]["Cgroups"] == "split"
    assert shown["HostConfig"]["CgroupConf"] == {"memory.high": "1g"}
    assert shown["HostConfig"]["ContainerIDFile"] == "/tmp/id"


@pytest.mark.parametrize("shown", [CONFIG, HOST_CONFIG])
def test_option_that_is_set_is_shown_beside_the_defaults(shown: ShownOptions[object]) -> None:
    given: dict[str, Any] = {
        "memory": "64m",
        "privileged": True,
        "dns": ["192.0.2.1"],
        "umask": "0077",
        "userns": "auto",
        "ulimit": ["nofile=5:6"],
        "restart_policy": "on-failure:3",
        "etc_hosts": {"a": "192.0.2.2"},
        "timezone": "UTC",
        "expose": ["53/udp"],
    }
    for number in range(len(given) + 1):
        options = normalise(dict(list(given.items())[:number]))
        values: Mapping[str, Any] = options
        assert shown.of(options) == {row.key: row.shown(values[row.option]) for row in shown._rows}


def test_documented_samples_have_only_existing_keys(runtime: Runtime) -> None:
    import yaml
    from ansible_collections.libpod.engine.plugins.modules import libpod_container, libpod_container_info

    def missing(sample: Any, shown: Any) -> list[str]:
        if not isinstance(sample, dict) or not shown:
            return []
        below = [one for key in set(sample) & set(shown) for one in missing(sample[key], shown[key])]
        return sorted(set(sample) - set(shown)) + below

    shown = inspect(make(runtime))
    assert not missing(yaml.safe_load(libpod_container.RETURN)["container"]["sample"], shown)
    for sample in yaml.safe_load(libpod_container_info.RETURN)["containers"]["sample"]:
        assert not missing(sample, shown)
