# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of namespaces and ID maps: how values are parsed, and which are mutually exclusive."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.auto_ranges import map_ids
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.plugins.module_utils._model.options.namespace_options import (
    id_map,
    namespace,
    subordinate_map,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.diff.options import plain
from ansible_collections.libpod.engine.plugins.module_utils._spec.user_namespace import adapt, mappings

DEFAULT = {"mode": "", "target": ""}


@pytest.mark.parametrize(
    ("option", "word", "mode", "target"),
    [
        ("ipc", "container:web", "container", "web"),
        ("ipc", "none", "none", ""),
        ("ipc", "private", "private", ""),
        ("pid", "host", "host", ""),
        ("uts", "ns:/proc/1/ns/uts", "ns", "/proc/1/ns/uts"),
        ("cgroupns", "private", "private", ""),
        ("userns", "", "", ""),
    ],
)
def test_namespace_mode_and_target(option: str, word: str, mode: str, target: str) -> None:
    assert namespace(word, option) == {"mode": mode, "target": target}


@pytest.mark.parametrize(
    ("option", "word"),
    [("pid", "none"), ("pid", "shareable"), ("uts", "Host"), ("ipc", "container:"), ("ipc", "ns:relative")]
    + [
        ("userns", "keep-id"),
        ("userns", "auto:size=0"),
        ("userns", "auto:x=1"),
        ("userns", "auto:uidmapping=1"),
        ("cgroupns", "container:a/b"),
        ("pid", "containers:a"),
        ("ipc", "container"),
    ],
)
def test_invalid_mode_is_refused_with_the_option_name(option: str, word: str) -> None:
    with pytest.raises(InvalidArgument, match=option):
        namespace(word, option)


@pytest.mark.parametrize(("option", "word"), [("ipc", "shareable"), ("pid", "private"), ("userns", "host")])
def test_explicit_default_is_no_difference(option: str, word: str) -> None:
    assert normalise({option: word})[option] == DEFAULT
    assert plain(normalise({option: word}))


@pytest.mark.parametrize(
    "options",
    [
        {"network": ["container:a"]},
        {"ipc": "container:a"},
        {"pid": "host"},
        {"uidmap": ["0:1:1"]},
        {"requires": ["a"]},
        {"subgidname": "x"},
        {"userns": "auto"},
    ],
)
def test_options_with_shared_namespaces_are_not_plain(options: dict[str, Any]) -> None:
    assert not plain(normalise(options))


def test_map_is_sorted_and_amount_is_one_where_omitted() -> None:
    assert id_map(["1000:0", "0:100000:1000"], "uidmap") == [IdMap(0, 100000, 1000), IdMap(1000, 0, 1)]


@pytest.mark.parametrize(
    "entries",
    [["0"], ["0:1:0"], ["0:1:2:3"], ["a:1:1"], ["-1:0:1"], ["0:0:4294967296"], ["0:100:10", "5:200:10"]]
    + [["0:100:10", "20:105:10"]],
)
def test_map_that_the_kernel_refuses_is_refused(entries: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="uidmap"):
        id_map(entries, "uidmap")


@pytest.mark.parametrize(
    "options",
    [
        {"uidmap": ["0:1:1"], "userns": "container:a"},
        {"uidmap": ["0:1:1"], "userns": "host"},
        {"uidmap": ["0:1:1"], "userns": "auto"},
        {"userns": "auto", "volume": ["/srv:/x:O"]},
        {"uidmap": ["0:1:1"], "subuidname": "x"},
        {"userns": "private"},
        {"uidmap": ["0:1:1"], "pid": "container:other"},
        {"subuidname": "x", "cgroupns": "container:other"},
        {"userns": "auto", "pid": "ns:/proc/1/ns/pid"},
        {"hostname": "x", "uts": "host"},
        {"hostname": "x", "uts": "container:a"},
    ],
)
def test_mutually_exclusive_namespace_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        normalise(options)


def test_subordinate_ranges_follow_one_another() -> None:
    text = "other:1:1\nme:100000:1000\nbroken\nme:300000:5\n"
    assert subordinate_map(text, "me", "/etc/subuid", "subuidname") == [IdMap(0, 100000, 1000), IdMap(1000, 300000, 5)]
    with pytest.raises(InvalidArgument, match="'nobody' has no range in /etc/subuid"):
        subordinate_map(text, "nobody", "/etc/subuid", "subuidname")


def test_options_of_auto() -> None:
    expected = {"mode": "auto", "target": "", "size": 0, "uidmapping": [], "gidmapping": []}
    assert namespace("auto", "userns") == namespace(" auto: ", "userns") == expected
    one = namespace("auto:gidmapping=5:6:1,size=9,uidmapping=1:2:3,uidmapping=4:5:1", "userns")
    assert one == {**expected, "size": 9, "uidmapping": [IdMap(1, 2, 4)], "gidmapping": [IdMap(5, 6, 1)]}
    for mode in ("keep-id", "keep-id:uid=5", "nomap"):
        with pytest.raises(InvalidArgument, match="only supported in rootless mode"):
            namespace(mode, "userns")


def test_free_ids_are_chosen_lowest_first_and_each_once() -> None:
    available = [(200, 210), (100, 120), (110, 130)]
    assert map_ids(5, available, [], [], "f") == [(0, 100, 5)]
    assert map_ids(20, available, [(90, 102), (105, 110)], [], "f") == [(0, 110, 20)], "the lowest that is long enough"
    assert map_ids(30, available, [(90, 102), (105, 110)], [], "f") == [
        (0, 102, 3),
        (3, 110, 20),
        IdMap(23, 200, 7),
    ]
    assert map_ids(4, available, [(0, 100)], [IdMap(1, 100, 2)], "f") == [
        IdMap(0, 102, 1),
        IdMap(1, 100, 2),
        IdMap(3, 103, 1),
    ]
    assert len(map_ids(40, available, [], [], "f")) == 2
    with pytest.raises(InvalidArgument, match="fewer than 41 subordinate IDs of 'containers' in f"):
        map_ids(41, available, [], [], "f")


def test_requires_is_a_set() -> None:
    assert normalise({"requires": ["b", "a", "b"]})["requires"] == ["a", "b"]


def test_spec_of_a_user_namespace() -> None:
    maps = {"uid": [IdMap(0, 100000, 1000)], "gid": [IdMap(0, 200000, 3)]}
    assert mappings(maps["uid"]) == [{"containerID": 0, "hostID": 100000, "size": 1000}]
    assert mappings(maps["gid"]) == [{"containerID": 0, "hostID": 200000, "size": 3}]
    devpts = {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "gid=5"]}
    sysfs = {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "ro"]}
    pts, own = adapt([devpts, sysfs], maps, {})
    assert (pts["options"], own) == (["newinstance"], sysfs), "GID 5 is not mapped"
    _pts, bound = adapt([devpts, sysfs], maps, {"sysfs": "/sys"})
    assert (bound["type"], bound["source"], bound["options"]) == ("bind", "/sys", ["rbind", "rprivate", "nosuid", "ro"])
    wide = {"uid": [IdMap(0, 1, 9)], "gid": [IdMap(0, 1, 9)]}
    assert adapt([devpts, sysfs], wide, {"sysfs": ""}) == [devpts]
