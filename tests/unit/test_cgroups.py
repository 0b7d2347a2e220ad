# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroups on trees in files: ``hybrid`` as runc 1.1.5 left one on Linux 6.18, ``v1`` and ``v2`` written after it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import hierarchy, limits, stats
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import manager as cgroups
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.runtime import OciRuntime
from ansible_collections.libpod.engine.plugins.module_utils._model import cgroup_codecs, cgroup_limits, failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, LibpodError

DATA = Path(__file__).parent / "data" / "cgroups"
ONE = "/libpod_parent/libpod-1"
UNLIMITED = "/libpod_parent/libpod-2"
ID = "ab" * 32
Tree = Callable[[str], cgroups.CgroupHost]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a function that creates a recorded tree below ``tmp_path`` and detects its kind."""

    def lay(kind: str) -> cgroups.CgroupHost:
        recorded = json.loads((DATA / f"{kind}.json").read_text())
        for name, text in recorded["files"].items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for name, target in recorded["links"].items():
            (tmp_path / name).symlink_to(target)
        return cgroups.detect(str(tmp_path))

    return lay


@pytest.mark.parametrize("kind", ["v1", "hybrid", "v2"])
def test_the_kind_of_host_is_detected(tree: Tree, kind: str) -> None:
    assert tree(kind).kind == kind


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_moves_are_expected_in_a_cgroup_of_this_namespace(
    tree: Tree, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, written = tree(kind), list[str]()
    own = "4:memory:/own\n3:cpu,cpuacct:/own\n2:blkio:/../outside\n1:none:/own" if kind == "v1" else "0::/../outside"
    monkeypatch.setattr(hierarchy, "read_file", lambda _file: own)

    def write(file: str, _text: str, announced: bool) -> None:
        written.append(file)
        if "memory" in file:
            raise PermissionError(file)

    monkeypatch.setattr(hierarchy, "write_file", write)
    hierarchy.expect_moves(host)
    expected = [f"{tmp_path}/memory/own/cgroup.procs", f"{tmp_path}/cpu,cpuacct/own/cgroup.procs"]
    assert written == (expected if kind == "v1" else [])


def test_controllers_mounted_together_are_one_hierarchy(tree: Tree, tmp_path: Path) -> None:
    host = tree("v1")
    assert host.controllers["cpu"] == host.controllers["cpuacct"] == str(tmp_path / "cpu,cpuacct")
    assert sorted(os.path.basename(mount) for mount in host.hierarchies) == [
        *("blkio", "cpu,cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "systemd"),
    ]


def test_directory_without_a_mount_is_no_hierarchy(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "unified").mkdir()
    (tmp_path / "perf_event").mkdir()
    host = tree("v1")
    assert host.kind == "v1"
    assert not {"unified", "perf_event"} & {os.path.basename(mount) for mount in host.hierarchies}


def test_a_host_without_cgroups_has_no_hierarchies(tmp_path: Path) -> None:
    host = cgroups.detect(str(tmp_path / "missing"))
    assert host.hierarchies == ()
    assert not cgroups.frozen(host, ONE)
    assert set(cgroups.limits(host, ONE).values()) == {None}


@pytest.mark.parametrize(("kind", "paused"), [("v1", True), ("hybrid", False), ("v2", True)])
def test_a_paused_cgroup_is_frozen(tree: Tree, kind: str, paused: bool) -> None:
    assert cgroups.frozen(tree(kind), ONE) is paused


def test_a_missing_cgroup_is_not_frozen(tree: Tree) -> None:
    assert not cgroups.frozen(tree("hybrid"), "/libpod_parent/libpod-missing")


LIMITED = {
    "memory": 67108864,
    "memory_swap": 134217728,
    "memory_reservation": 33554432,
    "cpu_quota": 50000,
    "cpu_period": 100000,
    "cpu_shares": 512,
    "cpuset_cpus": "0",
    "pids_limit": 100,
}


def test_limits_read_back_in_the_options_units(tree: Tree) -> None:
    live = cgroups.limits(tree("hybrid"), ONE)
    absent = dict.fromkeys(("blkio_weight", "cpu_rt_period", "cpu_rt_runtime"))
    assert live == {**LIMITED, **absent, "memory_swappiness": 60, "cpuset_mems": "0"}


def test_v2_swap_is_counted_with_memory_as_the_option_is(tree: Tree) -> None:
    live = cgroups.limits(tree("v2"), ONE, LIMITED)
    assert live == {**LIMITED, "cpu_shares": 501}
    assert cgroup_codecs.shares_to_weight(501) == cgroup_codecs.shares_to_weight(512) == 20


def test_no_limit_reads_as_none_but_swap_as_minus_one(tree: Tree) -> None:
    live = cgroups.limits(tree("v2"), UNLIMITED)
    none = ("memory", "memory_reservation", "cpu_quota", "pids_limit", "memory_swappiness")
    assert {name: live[name] for name in none} == dict.fromkeys(none)
    assert (live["memory_swap"], live["cpu_shares"], live["cpu_period"]) == (-1, 1024, 100000)


def test_v1_no_limit_reads_as_none_and_swap_not_accounted_for_too(tree: Tree) -> None:
    live = cgroups.limits(tree("v1"), ONE)
    assert [live[name] for name in ("memory", "memory_swap", "cpu_quota", "pids_limit")] == [None] * 4
    assert live["cpu_shares"] == 1024


@pytest.mark.parametrize("kind", ["hybrid", "v2"])
def test_limits_in_force_are_no_drift(tree: Tree, kind: str) -> None:
    host = tree(kind)
    assert cgroups.drift(host, ONE, LIMITED) == {}
    # The kernel rounds to pages; a limit that was not requested is not compared.
    assert cgroups.drift(host, ONE, {"memory": 67108864 + 17, "memory_swap": None, "cpuset_mems": None}) == {}


@pytest.mark.parametrize("kind", ["hybrid", "v2"])
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("memory", 134217728),
        ("memory", None),
        ("memory_swap", -1),
        ("memory_reservation", 0),
        ("cpu_quota", 20000),
        ("cpu_quota", -1),
        ("cpu_period", 50000),
        ("cpu_shares", 1024),
        ("cpu_shares", None),
        ("cpuset_cpus", "1"),
        ("pids_limit", 99),
        ("pids_limit", -1),
    ],
)
def test_limit_changed_outside_the_engine_is_drift(tree: Tree, kind: str, name: str, wanted: Any) -> None:
    assert list(cgroups.drift(tree(kind), ONE, {name: wanted})) == [name]


@pytest.mark.parametrize("wanted", [None, "", "0-1", "0,1"])
def test_an_inherited_cpuset_is_no_drift(tree: Tree, wanted: Any) -> None:
    assert cgroups.drift(tree("v1"), ONE, {"cpuset_cpus": wanted}) == {}


@pytest.mark.parametrize(("live", "wanted", "drifted"), [("0-1", None, False), ("0", None, True), ("", "0-1", False)])
def test_on_v2_a_full_cpuset_is_that_of_the_parent(
    tree: Tree, tmp_path: Path, live: str, wanted: Any, drifted: bool
) -> None:
    host = tree("v2")
    (tmp_path / "libpod_parent/cpuset.cpus.effective").write_text("0-1\n")
    (tmp_path / "libpod_parent/libpod-1/cpuset.cpus").write_text(f"{live}\n")
    assert bool(cgroups.drift(host, ONE, {"cpuset_cpus": wanted})) is drifted


def test_omitted_limits_are_no_drift_from_kernel_defaults(tree: Tree) -> None:
    host = tree("v2")
    assert cgroups.drift(host, UNLIMITED, dict.fromkeys(cgroup_limits.USUAL)) == {}


def test_swap_the_kernel_does_not_account_for_is_no_drift(tree: Tree) -> None:
    assert cgroups.drift(tree("v1"), ONE, {"memory_swap": 1 << 30}) == {}


def test_shares_convert_as_runc_does() -> None:
    assert [cgroup_codecs.shares_to_weight(shares) for shares in (0, 2, 512, 1024, 262144)] == [0, 1, 20, 39, 10000]


def test_every_weight_survives_conversion_to_shares_and_back() -> None:
    for weight in range(1, 10001):
        if weight != cgroup_codecs.DEFAULT_WEIGHT:
            assert cgroup_codecs.shares_to_weight(cgroup_codecs.weight_to_shares(weight)) == weight


@pytest.mark.parametrize(("shares", "weight"), [(512, 20), (512, 59), (1024, 39), (1024, 100), (2, 1), (262144, 10000)])
def test_either_conversion_of_shares_counts_as_in_force(tree: Tree, tmp_path: Path, shares: int, weight: int) -> None:
    host = tree("v2")
    (tmp_path / "libpod_parent/libpod-2/cpu.weight").write_text(f"{weight}\n")
    assert cgroups.drift(host, UNLIMITED, {"cpu_shares": shares}) == {}
    assert cgroups.drift(host, UNLIMITED, {"cpu_shares": 4000}) != {}


# Limits that are written to their files


DISK = {"/dev/a": (8, 0)}


def _file(tmp_path: Path, kind: str, name: str) -> Path:
    folder = "" if kind == "v2" else f"{name.partition('.')[0]}/"
    return Path(f"{tmp_path}/{folder}{ONE[1:]}/{name}")


def _set(tmp_path: Path, kind: str, **contents: str) -> None:
    for name, text in contents.items():
        path = _file(tmp_path, kind, name.replace("__", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("kind", "file", "before", "wanted", "drifted", "written"),
    [
        ("v1", "blkio.throttle.read_bps_device", "8:0 5\n", {"/dev/a": 7}, {"/dev/a": 5}, "8:0 7"),
        ("v1", "blkio.throttle.read_bps_device", "8:0 5\n", {}, {"/dev/a": 5}, "8:0 0"),
        ("v1", "blkio.throttle.read_bps_device", "9:9 5\n", {}, {"9:9": 5}, "9:9 0"),
        ("v2", "io.max", "8:0 rbps=5 wbps=max riops=9 wiops=max\n", {"/dev/a": 7}, {"/dev/a": 5}, "8:0 rbps=7"),
        ("v2", "io.max", "8:0 rbps=5 wbps=max riops=9 wiops=max\n", {}, {"/dev/a": 5}, "8:0 rbps=max"),
        ("v2", "io.max", "", {"/dev/a": 7}, {}, "8:0 rbps=7"),
    ],
)
def test_limit_by_device_is_seen_and_written(
    tree: Tree, tmp_path: Path, kind: str, file: str, before: str, wanted: Any, drifted: Any, written: str
) -> None:
    host = tree(kind)
    if kind == "v1":
        (tmp_path / "blkio/cgroup.procs").parent.mkdir(exist_ok=True)
        (tmp_path / "blkio/cgroup.procs").write_text("")
        host = cgroups.detect(str(tmp_path))
    _set(tmp_path, kind, **{file: before})
    options = {"device_read_bps": wanted}
    assert cgroups.drift(host, ONE, options, DISK) == {"device_read_bps": drifted}
    assert cgroups.plain(host, ONE) == (before == "")
    limits.write(host, ONE, options, DISK)
    assert _file(tmp_path, kind, file).read_text() == written


@pytest.mark.parametrize(
    ("kind", "file", "before", "wanted", "drifted", "written"),
    [
        ("v1", "blkio.weight_device", "8:0 100\n", {"/dev/a": 200}, True, "8:0 200"),
        ("v1", "blkio.weight_device", "8:0 100\n", {}, True, "8:0 0"),
        ("v1", "blkio.bfq.weight_device", "8:0 100\n", {}, True, "8:0 default"),
        ("v2", "io.bfq.weight", "default 100\n8:0 300\n", {}, True, "8:0 default"),
        ("v2", "io.bfq.weight", "default 100\n", {}, False, "default 100\n"),
    ],
)
def test_weight_by_device_is_seen_and_written(
    tree: Tree, tmp_path: Path, kind: str, file: str, before: str, wanted: Any, drifted: bool, written: str
) -> None:
    host = tree(kind)
    if kind == "v1":
        (tmp_path / "blkio").mkdir(exist_ok=True)
        (tmp_path / "blkio/cgroup.procs").write_text("")
        host = cgroups.detect(str(tmp_path))
    _set(tmp_path, kind, **{file: before})
    options = {"blkio_weight_device": wanted}
    assert bool(cgroups.drift(host, ONE, options, DISK)) == drifted
    limits.write(host, ONE, options, DISK)
    assert _file(tmp_path, kind, file).read_text() == written


@pytest.mark.parametrize(
    ("before", "wanted", "drifted"),
    [("max\n", "409600", True), ("409600\n", "409700", False), ("409600\n", "400K", False), ("max\n", "max", False)],
)
def test_file_by_name_is_compared_where_it_reads_as_it_was_written(
    tree: Tree, tmp_path: Path, before: str, wanted: str, drifted: bool
) -> None:
    host = tree("v2")
    _set(tmp_path, "v2", **{"memory.high": before})
    drift = limits.named_drift(host, ONE, {"memory.high": wanted})
    assert drift == ({"memory.high": before.strip()} if drifted else {})
    limits.write_named(host, ONE, {"memory.high": wanted})
    assert (_file(tmp_path, "v2", "memory.high").read_text() == wanted) == (drifted or wanted == "400K")


def test_value_the_kernel_refuses_is_named(tree: Tree, tmp_path: Path) -> None:
    host = tree("v2")
    with pytest.raises(InvalidArgument, match="^cgroup_conf: the kernel rejected '1' for .*/memory.none: No such"):
        limits.write_named(host, ONE, {"memory.none": "1"})


@pytest.mark.parametrize(("kind", "switched"), [("v1", True), ("v2", False)])
def test_oom_killer_can_be_disabled_only_on_v1(tree: Tree, tmp_path: Path, kind: str, switched: bool) -> None:
    host = tree(kind)
    if kind == "v1":
        _set(tmp_path, kind, **{"memory.oom_control": "oom_kill_disable 1\n"})
    limits.write(host, ONE, {"oom_kill_disable": False}, {})
    file = _file(tmp_path, kind, "memory.oom_control")
    assert file.exists() == switched and (not switched or file.read_text() == "0")


@pytest.mark.parametrize(("text", "numbers"), [("", set()), ("0", {0}), ("0-2,5", {0, 1, 2, 5}), (" 1 , 3 ", {1, 3})])
def test_kernel_lists_are_read(text: str, numbers: set[int]) -> None:
    assert cgroup_codecs.cpu_list(text) == numbers


FIGURES = {
    "memory_usage": 600000,
    "pids_current": 1,
    "io_read_bytes": 5120,
    "io_write_bytes": 8192,
    "io_read_ops": 2,
    "io_write_ops": 2,
}


@pytest.mark.parametrize("kind", ["v1", "v2"])
def test_figures_have_the_same_meaning_everywhere(tree: Tree, kind: str) -> None:
    figures = stats.figures(tree(kind), ONE)
    assert {name: figures[name] for name in FIGURES} == FIGURES
    cpu = (figures["cpu_total_ns"], figures["cpu_user_ns"], figures["cpu_system_ns"])
    if kind == "v2":
        assert cpu == (1500000, 1000000, 500000)
    else:
        assert cpu[1:] == (120000000, 30000000)


def test_figures_of_a_missing_cgroup_are_none(tree: Tree) -> None:
    assert set(stats.figures(tree("hybrid"), "/libpod_parent/libpod-missing").values()) == {None}


@pytest.mark.parametrize(("kind", "kills"), [("v1", 3), ("hybrid", 0), ("v2", 1)])
def test_oom_kills_are_counted(tree: Tree, kind: str, kills: int) -> None:
    assert stats.oom_kills(tree(kind), ONE) == kills


def test_each_change_of_the_tree_is_announced_and_made_once(tree: Tree) -> None:
    host, seen = tree("hybrid"), list[str]()
    (Path(host.hierarchies[0]) / "libpod_parent/libpod-new").mkdir()
    failpoints.observe(seen.append)
    try:
        hierarchy.prepare(host, "/libpod_parent/libpod-new")
        assert seen == ["mkdir cgroup /libpod_parent/libpod-new"] * (len(host.hierarchies) - 1)
        hierarchy.prepare(host, "/libpod_parent/libpod-new")
        assert len(seen) == len(host.hierarchies) - 1
    finally:
        failpoints.observe(None)


def test_v2_ancestors_hand_down_the_controllers_they_have(tree: Tree, tmp_path: Path) -> None:
    host, control = tree("v2"), tmp_path / "libpod_parent/cgroup.subtree_control"
    control.write_text("cpuset cpu memory pids\n")
    hierarchy.prepare(host, "/libpod_parent/libpod-new")
    assert control.read_text() == "+io"
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+misc"  # the last of hugetlb, rdma and misc


@pytest.mark.parametrize("path", ["/", "", "libpod_parent", "/libpod_parent/../x", "/a//b", "/a/", "/."])
def test_every_verb_refuses_the_root_and_paths_outside(tree: Tree, path: str) -> None:
    host = tree("hybrid")
    for verb in (hierarchy.prepare, hierarchy.remove, hierarchy.remove_if_empty, hierarchy.kill):
        with pytest.raises(LibpodError, match="no cgroup's path"):
            verb(host, path)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("machine.slice", "/machine.slice"),
        ("a-b.slice", "/a.slice/a-b.slice"),
        ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"),
        ("-.slice", ""),
    ],
)
def test_slices_are_nested_by_their_dashes(name: str, path: str) -> None:
    assert cgroups.slice_path(name) == path


@pytest.mark.parametrize("parent", ["a", "a.scope", "-a.slice", "a-.slice", "a--b.slice", ".slice", "a b.slice"])
def test_a_bad_slice_is_refused_by_name(parent: str) -> None:
    with pytest.raises(InvalidArgument, match=r"cgroup_parent '.*' is no slice"):
        cgroups.checked_parent("systemd", parent)


@pytest.mark.parametrize("parent", ["/..", "a/./b", "/machine.slice", "a\nb"])
def test_a_bad_parent_is_refused_by_name(parent: str) -> None:
    with pytest.raises(InvalidArgument, match="cgroup_parent"):
        cgroups.checked_parent("cgroupfs", parent)


@pytest.mark.parametrize(("path", "kept"), [("", "/libpod_parent"), ("a", "/a"), ("/a//b/", "/a/b")])
def test_parent_is_normalised(path: str, kept: str) -> None:
    assert cgroups.checked_parent("cgroupfs", path) == kept


def test_paths_of_the_cgroupfs_manager() -> None:
    place = ("cgroupfs", "/libpod_parent", ID)
    assert cgroups.oci_path(*place) == cgroups.container_path(*place) == f"/libpod_parent/libpod-{ID}"
    assert cgroups.conmon_path(*place) == f"/libpod_parent/libpod-conmon-{ID}"


def test_paths_of_the_systemd_manager() -> None:
    place = ("systemd", cgroups.checked_parent("systemd", "/a.slice/a-b.slice"), ID)
    assert cgroups.oci_path(*place) == f"a-b.slice:libpod:{ID}"
    assert cgroups.container_path(*place) == f"/a.slice/a-b.slice/libpod-{ID}.scope"
    assert cgroups.conmon_path(*place) == f"/a.slice/a-b.slice/libpod-conmon-{ID}.scope"


@pytest.mark.parametrize(
    ("parent", "manager", "path"),
    [("/a/b", "cgroupfs", "/a/b"), ("a-b.slice", "systemd", "/a.slice/a-b.slice")],
)
def test_recorded_parent_gives_manager_and_path(parent: str, manager: str, path: str) -> None:
    assert (cgroups.manager_of(parent), cgroups.parent_path(parent)) == (manager, path)


@pytest.mark.parametrize(
    ("program", "systemd", "annotations", "below"),
    [
        ("runc", True, {}, ""),
        ("/usr/bin/crun", True, {}, "/container"),
        ("crun", False, {}, ""),
        ("crun", True, {"run.oci.systemd.subgroup": "mine"}, "/mine"),
        ("crun", True, {"run.oci.systemd.subgroup": ""}, ""),
    ],
)
def test_crun_has_a_cgroup_of_its_own_in_the_scope(
    program: str, systemd: bool, annotations: dict[str, str], below: str
) -> None:
    assert OciRuntime(program, "/run/libpod", systemd_cgroup=systemd).subgroup(annotations) == below


@pytest.mark.parametrize("kind", ["v1", "hybrid"])
def test_the_manager_is_cgroupfs_unless_the_host_is_v2(tree: Tree, kind: str) -> None:
    assert cgroups.default_manager(tree(kind)) == "cgroupfs"
