# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime spec generated from each option."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._spec.generate import Facts, generate
from ansible_collections.libpod.engine.plugins.module_utils._spec.resources import (
    changed_resources,
    resources,
)
from ansible_collections.libpod.engine.plugins.module_utils._spec.users import User
from hypothesis import given, settings
from hypothesis import strategies as st

MIB = 1 << 20
SECRET = "hunter2"
FACTS: dict[str, Any] = {
    "rootfs": "/storage/merged",
    "user": User(5, 6, (6, 7), "/home/web", "web"),
    "namespaces": {"pid": "", "network": "/run/netns/x", "mount": ""},
    "capabilities": {"bounding": ["CAP_KILL"], "ambient": []},
    "cgroups_path": "/libpod_parent/libpod-x",
    "hostname": "box",
    "shm": "/run/x/shm",
    "files": {"/etc/hosts": "/run/x/hosts"},
}


def spec(facts: dict[str, Any] | None = None, image: Any = None, **requested: Any) -> dict[str, Any]:
    options = normalise(requested)
    config = ContainerConfig(
        "ab" * 32, "web", "now", options, "/static/x", image_config={"Cmd": ["run"]} if image is None else image
    )
    sources = {volume["target"]: f"/host{volume['target']}" for volume in options["volume"]}
    made: dict[str, Any] = json.loads(
        json.dumps(generate(config, Facts(**{**FACTS, "volume_sources": sources, **(facts or {})})))
    )
    return made


def mounts(facts: dict[str, Any] | None = None, **requested: Any) -> dict[str, dict[str, Any]]:
    made = spec(facts, **requested)["mounts"]
    by_target = {mount["destination"]: mount for mount in made}
    assert len(by_target) == len(made), "a target has two mounts"
    return by_target


def test_process_has_user_and_command() -> None:
    process = spec(image={"Entrypoint": ["/entry"]}, command="a 'b c'", workdir="/w", tty=True)["process"]
    assert process["args"] == ["/entry", "a", "b c"] and process["cwd"] == "/w" and process["terminal"] is True
    assert process["user"] == {"uid": 5, "gid": 6, "umask": 0o22, "additionalGids": [6, 7]}
    assert process["capabilities"] == FACTS["capabilities"] and process["noNewPrivileges"] is False
    assert spec(umask="0077")["process"]["user"]["umask"] == 0o77
    assert spec(security_opt=["no-new-privileges"])["process"]["noNewPrivileges"] is True


def test_environment_describes_the_container_and_user_values_win() -> None:
    env = spec(image={"Env": ["A=image"]}, env={"B": "1 2"}, tty=True)["process"]["env"]
    assert {"container=podman", "HOSTNAME=box", "HOME=/home/web", "TERM=xterm", "A=image", "B=1 2"} < set(env)
    env = spec(env={"HOME": "/mine", "A": "x"})["process"]["env"]
    assert "HOME=/mine" in env and "TERM=xterm" not in env
    assert len(env) == len({word.partition("=")[0] for word in env})


def test_environment_is_only_in_the_process_of_the_spec() -> None:
    made = spec(env={"PASSWORD": SECRET}, label={"a": "b"})
    assert f"PASSWORD={SECRET}" in made["process"].pop("env")
    assert SECRET not in json.dumps(made)


def test_namespaces_are_joined_created_or_the_hosts() -> None:
    assert spec()["linux"]["namespaces"] == [
        {"type": "mount"},
        {"type": "network", "path": "/run/netns/x"},
        {"type": "pid"},
    ]


@settings(max_examples=30, deadline=None)
@given(st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=8), st.booleans())
def test_parent_is_mounted_before_what_lies_in_it(targets: set[str], as_tmpfs: bool) -> None:
    options: dict[str, Any] = {"tmpfs": {f"/{one}": "" for one in targets}}
    if not as_tmpfs:
        options = {"volume": [f"v:/{one}" for one in targets], "read_only": True}
    order = [mount["destination"] for mount in spec(**options)["mounts"]]
    assert {f"/{one}" for one in targets} < set(order)
    for place, target in enumerate(order):
        assert not [later for later in order[place:] if target.startswith(f"{later}/")]


def test_kernels_mounts_come_first_and_devices_after_dev() -> None:
    order = [mount["destination"] for mount in spec(volume=["a:/data"])["mounts"]]
    assert order[:2] == ["/proc", "/dev"]
    assert order.index("/dev") < order.index("/dev/shm") < len(order) and order.index("/sys") < order.index(
        "/sys/fs/cgroup"
    )


def test_volume_is_bound_with_its_options() -> None:
    mounted = mounts(volume=["/srv:/a:ro,rslave,noexec,Z", "data:/b:bind,nocopy", "c:/c"])
    assert mounted["/a"] == {
        "destination": "/a",
        "type": "bind",
        "source": "/host/a",
        "options": ["rbind", "ro", "rslave", "noexec"],
    }
    assert mounted["/b"]["options"] == ["bind", "rw", "rprivate", "nosuid", "nodev"]
    assert mounted["/c"]["options"] == ["rbind", "rw", "rprivate", "nosuid", "nodev"]


def test_volume_has_restrictive_flags_and_bind_mount_keeps_its_sources() -> None:
    mounted = mounts(
        {"source_guards": dict.fromkeys(("/x", "/y"), ("ro", "nosuid", "noexec"))},
        volume=["v:/a:suid", "v:/b:dev,exec", "v:/c:suid,dev", "/s:/x", "/s:/y:exec,nodev", "/s:/z", "v:/o:O"],
    )
    guards = {target: mounted[target]["options"][3:] for target in ("/a", "/b", "/c", "/x", "/y", "/z")}
    assert guards == {
        "/a": ["suid", "nodev"],
        "/b": ["dev", "exec", "nosuid"],
        "/c": ["dev", "suid"],
        "/x": ["nosuid", "noexec"],
        "/y": ["exec", "nodev", "nosuid"],
        "/z": [],
    }
    assert [mounted[target]["options"][1] for target in ("/a", "/x", "/z")] == ["rw", "ro", "rw"]
    assert not {"nosuid", "nodev"} & {*mounted["/o"]["options"]}, "podman's overlays have none"


def test_dev_is_mounted_noexec() -> None:
    assert mounts()["/dev"]["options"] == ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]


@pytest.mark.parametrize(
    ("propagations", "root"),
    [([], "rprivate"), (["rprivate"], "rprivate"), (["slave"], "rslave"), (["rslave", "shared"], "shared")]
    + [(["rshared", "private"], "shared")],
)
def test_root_propagates_at_least_as_its_volumes(propagations: list[str], root: str) -> None:
    volumes = [f"v:/{number}:{word}" for number, word in enumerate(propagations)]
    assert spec(volume=volumes)["linux"]["rootfsPropagation"] == root


def test_tmpfs_has_restrictive_flags_unless_overridden() -> None:
    mounted = mounts(tmpfs={"/a": "size=1m", "/b": "exec,suid,dev", "/c": "ro,notmpcopyup"})
    assert mounted["/a"]["options"] == ["nosuid", "nodev", "noexec", "rw", "tmpcopyup", "size=1048576"]
    assert set(mounted["/b"]["options"]) == {"exec", "suid", "dev", "rw", "tmpcopyup"}
    assert set(mounted["/c"]["options"]) == {"nosuid", "nodev", "noexec", "ro"}


def test_only_a_tmpfs_has_the_images_content_and_a_ramfs_is_empty() -> None:
    """crun refuses to copy into anything else."""
    assert mounts(mount=["type=ramfs,target=/r"])["/r"]["options"] == ["nosuid", "nodev", "noexec", "rw"]


def test_read_only_root_has_places_to_write() -> None:
    mounted = mounts(read_only=True)
    assert spec(read_only=True)["root"] == {"path": "/storage/merged", "readonly": True}
    assert all(mounted[target]["type"] == "tmpfs" for target in ("/run", "/tmp", "/var/tmp"))
    assert not {"/run", "/tmp", "/var/tmp"} & set(mounts())
    assert mounts(read_only=True, volume=["v:/tmp"])["/tmp"]["type"] == "bind"
    assert "size=1048576" in mounts(read_only=True, tmpfs={"/run": "size=1m"})["/run"]["options"]


def test_shm_and_etc_files_are_the_engines() -> None:
    mounted = mounts()
    assert mounted["/dev/shm"]["source"] == "/run/x/shm" and mounted["/etc/hosts"]["source"] == "/run/x/hosts"
    hosts_own = {mount["destination"]: mount for mount in spec({"shm": ""})["mounts"]}
    assert hosts_own["/dev/shm"]["source"] == "/dev/shm"
    assert mounts(volume=["/srv/hosts:/etc/hosts"])["/etc/hosts"]["source"] == "/host/etc/hosts"
    assert mounted["/etc/hosts"]["options"] == ["bind", "rprivate"]
    assert mounts(read_only=True)["/etc/hosts"]["options"] == ["bind", "rprivate", "ro", "nosuid", "noexec", "nodev"]
    assert mounts({"init": "/usr/bin/catatonit"}, read_only=True)["/dev/init"]["options"] == ["bind", "rprivate"]


@pytest.mark.parametrize(
    ("hard", "expected"),
    [
        ({}, (1048576, 4194304)),
        ({"nofile": 1024, "nproc": -1}, (1024, 4194304)),
        ({"nofile": 2**40}, (1048576, 4194304)),
    ],
)
def test_default_limits_are_lowered_to_the_hosts(hard: dict[str, int], expected: tuple[int, int]) -> None:
    limits = {
        limit["type"]: (limit["soft"], limit["hard"]) for limit in spec({"hard_limits": hard})["process"]["rlimits"]
    }
    assert limits == {"RLIMIT_NOFILE": (expected[0],) * 2, "RLIMIT_NPROC": (expected[1],) * 2}


def test_requested_limits_are_unchanged() -> None:
    limits = spec({"hard_limits": {"nofile": 5}}, ulimit=["nofile=10:20", "core=0:-1"])["process"]["rlimits"]
    assert {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20} in limits
    assert {"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1} in limits


def test_container_is_confined_unless_privileged() -> None:
    usual, privileged = (
        spec({"seccomp": {"defaultAction": "x"}}),
        spec({"devices": ({"path": "/dev/x"},)}, privileged=True),
    )
    assert "/proc/kcore" in usual["linux"]["maskedPaths"] and "/proc/sys" in usual["linux"]["readonlyPaths"]
    assert usual["linux"]["seccomp"] == {"defaultAction": "x"} and "devices" not in usual["linux"]
    assert usual["linux"]["resources"]["devices"] == [{"allow": False, "access": "rwm"}]
    assert not {"maskedPaths", "readonlyPaths", "seccomp"} & set(privileged["linux"])
    assert privileged["linux"]["resources"]["devices"][0]["allow"] and privileged["linux"]["devices"] == [
        {"path": "/dev/x"}
    ]
    for made, access in ((usual, "ro"), (privileged, "rw")):
        options = {mount["destination"]: mount["options"] for mount in made["mounts"]}
        assert access in options["/sys"] and access in options["/sys/fs/cgroup"]


def test_process_and_mounts_have_their_labels() -> None:
    labels = {"process_label": "u:r:container_t:s0:c1,c2", "mount_label": "u:r:container_file_t:s0:c1,c2"}
    labelled = spec({**labels, "apparmor": "of-ours"})
    assert labelled["process"]["selinuxLabel"] == labels["process_label"]
    assert labelled["process"]["apparmorProfile"] == "of-ours"
    assert labelled["linux"]["mountLabel"] == labels["mount_label"]
    plain = spec()
    assert not {"selinuxLabel", "apparmorProfile"} & plain["process"].keys() and "mountLabel" not in plain["linux"]


def test_kernel_parameters_of_the_network_only_where_it_is_the_containers_own() -> None:
    assert spec()["linux"]["sysctl"] == {"net.ipv4.ping_group_range": "0 0"}
    assert spec(network=["host"])["linux"]["sysctl"] == {}
    parameters = {"net.ipv4.ping_group_range": "1 1", "kernel.msgmax": 5}
    assert spec(sysctl=parameters)["linux"]["sysctl"] == {"net.ipv4.ping_group_range": "1 1", "kernel.msgmax": "5"}


def test_mappings_of_a_user_namespace_are_in_the_spec() -> None:
    config = ContainerConfig("a", "web", "now", normalise({}), "/x")
    assert not {"uidMappings", "gidMappings"} & generate(config, Facts(**FACTS))["linux"].keys()
    mapped = config._replace(id_mappings={"uid": [IdMap(0, 100000, 9)], "gid": [IdMap(0, 200000, 3)]})
    linux = generate(mapped, Facts(**FACTS))["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 100000, "size": 9}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 200000, "size": 3}]


def test_spec_is_the_callers_own() -> None:
    first = generate(ContainerConfig("a", "web", "now", normalise({}), "/x"), Facts(**FACTS))
    first["linux"]["maskedPaths"].clear()
    first["linux"]["sysctl"].clear()
    assert spec()["linux"]["maskedPaths"] and spec()["linux"]["sysctl"]


LIMITS = {"memory": "64m", "cpus": 1.5, "cpu_shares": 512, "cpuset_cpus": "1,0", "pids_limit": 5}
HOST: dict[str, Any] = {"swap": True, "unified": False, "all_cpus": "0-3", "all_mems": "0"}


def test_limits_are_in_their_members_of_the_spec() -> None:
    assert resources(normalise(LIMITS), swap=True, numbers={}) == {
        "memory": {"limit": 64 * MIB, "swap": 128 * MIB},
        "cpu": {"quota": 150000, "period": 100000, "shares": 512, "cpus": "0-1"},
        "pids": {"limit": 5},
    }
    assert resources(normalise(LIMITS), swap=False, numbers={})["memory"] == {"limit": 64 * MIB}
    assert resources(normalise({"pids_limit": -1}), swap=True, numbers={}) == {}
    unlimited = normalise({"memory": "64m", "memory_swap": -1})
    assert resources(unlimited, swap=True, numbers={})["memory"]["swap"] == -1


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["memory"], {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}}),
        (["memory_swap"], {"memory": {"limit": 64 * MIB, "swap": 128 * MIB}}),
        (["cpu_quota"], {"cpu": {"quota": 150000, "period": 100000}}),
        (["pids_limit", "cpu_shares"], {"pids": {"limit": 5}, "cpu": {"shares": 512}}),
    ],
)
def test_changed_limit_is_written_with_its_counterpart(names: list[str], expected: dict[str, Any]) -> None:
    assert changed_resources(normalise(LIMITS), names, **HOST) == expected


def test_removed_limit_is_lifted() -> None:
    names = ["memory", "cpu_quota", "cpu_shares", "cpuset_cpus", "pids_limit"]
    assert changed_resources(normalise({"pids_limit": -1}), names, **HOST) == {
        "memory": {"limit": -1, "swap": -1},
        "cpu": {"quota": -1, "period": 100000, "shares": 1024, "cpus": "0-3"},
        "pids": {"limit": -1},
    }
