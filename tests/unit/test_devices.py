# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices and limits by device: how values are parsed, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.live import kernel_limits
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs import device_nodes
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups.manager import CgroupHost
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import removal
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, NotImplementedByHost
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._spec.resources import changed_resources, resources


def test_directory_of_devices_may_be_of_any_depth(tmp_path: Path) -> None:
    """It may be a volume, in which another container has made directories."""
    inner = os.open(tmp_path, os.O_RDONLY)
    for _level in range(2000):
        os.mkdir("d", dir_fd=inner)
        outer, inner = inner, os.open("d", os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    options = normalise({"device": [f"{tmp_path}:/dev/inside"]})
    assert device_nodes.nodes(options) == ()
    removal.remove(str(tmp_path))


@pytest.mark.parametrize(
    ("option", "value", "meaning"),
    [
        ("device_read_bps", ["/dev/b:1m", "//dev/a:10"], {"/dev/a": 10, "/dev/b": 1 << 20}),
        ("device_write_bps", ["/dev/a:0"], {}),
        ("device_read_iops", ["/dev/a:1000"], {"/dev/a": 1000}),
        ("blkio_weight", 500, 500),
        ("blkio_weight", 0, None),
        ("blkio_weight_device", {"/dev/b": 20, "/dev/a": "10"}, {"/dev/a": 10, "/dev/b": 20}),
        ("memory_swappiness", 0, 0),
        ("memory_swappiness", -1, None),
        ("cpuset_mems", "1,0", "0-1"),
        ("memory_reservation", "8m", 8 << 20),
    ],
)
def test_limit_is_parsed(option: str, value: Any, meaning: Any) -> None:
    assert normalise({option: value})[option] == meaning


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("device_read_bps", ["/dev/a"]),
        ("device_read_bps", ["dev/a:1"]),
        ("device_read_bps", ["/dev/a:1", "/dev/a:2"]),
        ("device_write_iops", ["/dev/a:1m"]),
        ("blkio_weight", 9),
        ("blkio_weight", 1001),
        ("blkio_weight_device", {"a": 10}),
        ("blkio_weight_device", {"/dev/a": 5}),
        ("memory_swappiness", 101),
        ("cpuset_mems", "x"),
        ("memory_reservation", "65m"),
    ],
)
def test_refused_limit_is_named(option: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"^{option}: .* cannot be used: expected "):
        normalise({"memory": "64m", option: value})


def test_limits_are_where_the_oci_spec_has_them() -> None:
    options = normalise(
        {"blkio_weight": 50, "blkio_weight_device": {"/dev/a": 60}, "device_write_iops": ["/dev/a:7"]}
        | {"memory_reservation": "8m", "memory_swappiness": 0, "oom_kill_disable": True, "pids_limit": "-1"}
        | {"cpuset_mems": "0", "cpu_rt_period": 1000, "cpu_rt_runtime": 10, "kernel_memory": "9m"}
    )
    assert resources(options, swap=True, numbers={"/dev/a": (8, 1)}) == {
        "memory": {"reservation": 8 << 20, "swappiness": 0, "disableOOMKiller": True, "kernel": 9 << 20},
        "cpu": {"mems": "0", "realtimePeriod": 1000, "realtimeRuntime": 10},
        "blockIO": {
            "weight": 50,
            "weightDevice": [{"major": 8, "minor": 1, "weight": 60}],
            "throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 7}],
        },
    }


@pytest.mark.parametrize(("unified", "nothing"), [(False, -1), (True, 1)])
def test_limit_that_is_omitted_again_is_overwritten(unified: bool, nothing: int) -> None:
    names = ["memory_reservation", "cpuset_mems", "blkio_weight"]
    changed = changed_resources(normalise({}), names, swap=True, unified=unified, all_cpus="0-3", all_mems="0")
    assert changed == {"memory": {"reservation": nothing}, "cpu": {"mems": "0"}, "blockIO": {"weight": 100}}


@pytest.mark.parametrize(
    "options",
    [
        {"memory_swappiness": 0},
        {"oom_kill_disable": True},
        {"kernel_memory": "9m"},
        {"cpu_rt_runtime": 10},
        {"blkio_weight": 10},
    ],
)
def test_limit_the_kernel_lacks_is_refused_by_name(options: dict[str, Any], tmp_path: Any) -> None:
    (tmp_path / "some").mkdir()
    for host in (CgroupHost("v2", (str(tmp_path),), {}), CgroupHost("v1", (), {})):
        with pytest.raises(NotImplementedByHost, match=f"^{next(iter(options))}: this kernel lacks it"):
            kernel_limits.check(host, normalise(options))


@pytest.mark.parametrize(
    ("options", "children", "offered"),
    [
        # The controller's files do not exist yet, as on a systemd host where no unit uses them.
        ({"cgroup_conf": {"io.max": "1"}}, {"a": ("cpu memory", [])}, True),
        ({"cgroup_conf": {"io.max": "1"}}, {"a": ("cpu io", ["io.max"]), "b": ("cpu", [])}, True),
        ({"cgroup_conf": {"io.max": "1"}}, {"a": ("cpu io", ["io.stat"]), "b": ("cpu", [])}, False),
        ({"cgroup_conf": {"misc.max": "1"}}, {"a": ("cpu io", [])}, False),
        ({"cgroup_conf": {"cgroup.max.depth": "1"}}, {"a": ("", ["cgroup.max.depth"])}, True),
        ({"cgroup_conf": {"cgroup.max.width": "1"}}, {"a": ("", ["cgroup.max.depth"])}, False),
    ],
)
def test_limit_is_offered_where_a_v2_cgroup_could_have_it(
    options: dict[str, Any], children: dict[str, tuple[str, list[str]]], offered: bool, tmp_path: Any
) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory\n")
    for name, (controllers, files) in children.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.controllers").write_text(f"{controllers}\n")
        for file in files:
            (tmp_path / name / file).write_text("")
    host = CgroupHost("v2", (str(tmp_path),), {})
    if offered:
        kernel_limits.check(host, normalise(options))
    else:
        with pytest.raises(NotImplementedByHost, match="^cgroup_conf: this host has no "):
            kernel_limits.check(host, normalise(options))


def test_limit_of_a_path_that_is_no_block_device_is_refused() -> None:
    for path in ("/dev/null", "/nowhere"):
        with pytest.raises(InvalidArgument, match=f"^device_read_bps: {path} "):
            kernel_limits.numbers(normalise({"device_read_bps": [f"{path}:1"]}))


@pytest.mark.parametrize(
    ("written", "host", "container", "permissions"),
    [
        ("/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"),
        ("/dev/fuse:/dev/x", "/dev/fuse", "/dev/x", "rwm"),
        ("/dev/fuse:mr", "/dev/fuse", "/dev/fuse", "rm"),
        ("//dev/fuse:/dev//x:w", "/dev/fuse", "/dev/x", "w"),
    ],
)
def test_device_has_host_container_and_permissions(written: str, host: str, container: str, permissions: str) -> None:
    device = {"host": host, "container": container, "permissions": permissions}
    assert normalise({"device": [written]})["device"] == [device]


@pytest.mark.parametrize(
    "devices", ["", "dev/a", "/dev/a:b", "/dev/a:/dev/b:x", "/dev/a:rr", "/dev/a:/b:r:w", "/dev/a:/dev/b /dev/c:/dev/b"]
)
def test_refused_device_is_named(devices: str) -> None:
    with pytest.raises(InvalidArgument, match="^device: .* cannot be used: expected "):
        normalise({"device": devices.split(" ")})


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("c 189:* rmw", {"allow": True, "type": "c", "major": 189, "access": "rwm"}),
        ("b 8:1 r", {"allow": True, "type": "b", "major": 8, "minor": 1, "access": "r"}),
        ("a *:* m", {"allow": True, "type": "a", "access": "m"}),
    ],
)
def test_device_cgroup_rule(written: str, rule: dict[str, Any]) -> None:
    assert normalise({"device_cgroup_rule": written})["device_cgroup_rule"] == rule


@pytest.mark.parametrize("rule", ["c 1 r", "d 1:2 r", "c 1:2", "c 1:2 x", "c x:2 r"])
def test_refused_device_cgroup_rule_is_named(rule: str) -> None:
    with pytest.raises(InvalidArgument, match="^device_cgroup_rule: .* cannot be used: expected "):
        normalise({"device_cgroup_rule": rule})
