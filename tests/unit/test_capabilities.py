# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's capabilities are those podman would grant, or an error names the invalid one."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import bounding_set
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, NotImplementedByHost
from ansible_collections.libpod.engine.plugins.module_utils._spec.capabilities import (
    DEFAULT,
    NAMES,
    compute,
    named,
    normalised,
    oci_capabilities,
)

HOST = frozenset(NAMES) - {"CAP_SYS_RESOURCE"}


def in_order(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names, key=NAMES.index))


@pytest.mark.parametrize("name", ["net_admin", "NET_ADMIN", "CAP_NET_ADMIN", "cap_net_admin", " Net_Admin "])
def test_capability_notations_give_one_name(name: str) -> None:
    assert normalised("cap_add", [name, "NET_ADMIN"]) == ("CAP_NET_ADMIN",)


@pytest.mark.parametrize(
    ("name", "advice"),
    [("NET_ADMN", "did you mean NET_ADMIN"), ("SYS_TIMES", "SYS_TIME"), ("@", "capabilities\\(7\\)")],
)
def test_an_unknown_capability_is_refused_with_the_nearest_names(name: str, advice: str) -> None:
    with pytest.raises(InvalidArgument, match=f"cap_drop: '{name}' is no capability.*{advice}"):
        compute([], [name], HOST)


def test_the_default_set_is_podmans() -> None:
    assert len(DEFAULT) == 11
    assert compute([], [], HOST) == in_order(DEFAULT)


def test_adding_and_dropping_changes_the_default_set() -> None:
    assert set(compute(["net_admin"], ["chown"], HOST)) == DEFAULT - {"CAP_CHOWN"} | {"CAP_NET_ADMIN"}


def test_dropping_all_leaves_only_added_capabilities() -> None:
    assert compute(["net_raw", "chown"], ["all"], HOST) == ("CAP_CHOWN", "CAP_NET_RAW")
    assert compute([], ["ALL"], HOST) == ()


def test_adding_all_grants_the_hosts_capabilities_except_dropped_ones() -> None:
    assert compute(["ALL"], ["mknod"], HOST) == in_order(HOST - {"CAP_MKNOD"})


def test_privileged_container_has_all_capabilities_of_the_host() -> None:
    assert compute([], [], HOST, privileged=True) == in_order(HOST)
    assert compute([], ["mknod"], HOST, privileged=True) == in_order(HOST - {"CAP_MKNOD"})


@pytest.mark.parametrize(("add", "drop"), [("ALL", "all"), ("CHOWN", "cap_chown")])
def test_capability_both_added_and_dropped_is_refused(add: str, drop: str) -> None:
    with pytest.raises(InvalidArgument, match="cap_add and cap_drop both name"):
        compute([add], [drop], HOST)


def test_missing_host_capability_is_an_error_only_if_requested() -> None:
    with pytest.raises(NotImplementedByHost, match="CAP_SYS_RESOURCE"):
        compute(["sys_resource"], [], HOST)
    assert compute([], [], HOST - {"CAP_KILL"}) == in_order(DEFAULT - {"CAP_KILL"})


def test_root_has_all_capabilities_effective_and_none_inheritable() -> None:
    sets = oci_capabilities(["CAP_CHOWN", "CAP_KILL"], 0, ["kill"])
    both = ["CAP_CHOWN", "CAP_KILL"]
    assert sets == {"bounding": both, "effective": both, "permitted": both, "inheritable": [], "ambient": []}


def test_another_user_has_only_what_was_added_by_name() -> None:
    sets = oci_capabilities(["CAP_CHOWN", "CAP_NET_ADMIN"], 1000, ["net_admin"])
    assert sets.pop("bounding") == ["CAP_CHOWN", "CAP_NET_ADMIN"]
    assert sets == dict.fromkeys(("effective", "permitted", "inheritable", "ambient"), ["CAP_NET_ADMIN"])
    assert oci_capabilities(["CAP_CHOWN"], 1000)["effective"] == []
    assert oci_capabilities(["CAP_CHOWN"], 1000, ["ALL"])["ambient"] == ["CAP_CHOWN"]


def test_the_hosts_set_is_its_bounding_set_up_to_the_kernels_last(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text("Name:\tpython3\nCapBnd:\t000001fffeffffff\nSeccomp:\t0\n")
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/cap_last_cap").write_text("39\n")
    assert named(bounding_set(str(tmp_path))) == HOST - {"CAP_CHECKPOINT_RESTORE"}


def test_names_are_numbered_as_in_the_kernels_header() -> None:
    header = Path("/usr/include/linux/capability.h")
    if not header.exists():
        pytest.skip("linux/capability.h is not installed")
    definitions = [line.split() for line in header.read_text().splitlines() if line.startswith("#define CAP_")]
    numbers = {word[1]: int(word[2]) for word in definitions if len(word) >= 3 and word[2].isdigit()}
    assert {name: number for name, number in numbers.items() if name in NAMES} == {
        name: number for number, name in enumerate(NAMES)
    }
