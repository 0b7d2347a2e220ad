# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option comparisons: its keys and modes, which differences they ignore, and the resulting plan."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise, settle
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS, Change
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.desired import Desired
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.diff import comparisons
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.diff.options import differences
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

IMAGE_CONFIG: Any = {"Env": ["FROM=image"], "Labels": {"from": "image"}, "Cmd": ["serve"]}


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    roots: Any = {name: str(tmp_path / name) for name in ("static_root", "run_root", "storage_root")}
    made = Runtime(EngineConfig(**roots))
    made.store.prepare()
    return made


def settled(runtime: Runtime, had: dict[str, Any], wanted: dict[str, Any], modes: dict[str, str], **more: Any) -> Any:
    config = ContainerConfig("c" * 64, "x", "now", normalise(had), "/x", image_config=IMAGE_CONFIG)
    config = config._replace(rootfs_image_name="docker.io/library/app:1")
    desired = Desired(
        "x", options=normalise(wanted), specified=frozenset(wanted), image="docker.io/library/app:1", **more
    )
    parsed, compared = comparisons.parse(modes)
    desired = comparisons.apply(runtime, config, desired._replace(comparisons=parsed, compared=compared))
    return desired, {one.option: one for one in differences(runtime, config, desired)}


def test_modes_are_parsed_by_name_alias_and_wildcard() -> None:
    assert comparisons.parse({}) == ({}, frozenset())
    assert comparisons.parse({"*": "strict", "env": "strict"}) == ({}, {"env"})
    assert comparisons.parse({"labels": "ignore", "env_file": "allow_more_present"}) == (
        {"label": "ignore", "env": "allow_more_present"},
        {"label", "env"},
    )
    assert comparisons.parse({"cpus": "ignore"})[0] == {"cpu_quota": "ignore", "cpu_period": "ignore"}
    everything, named = comparisons.parse({"*": "ignore", "image": "strict", "ports": "allow_more_present"})
    assert set(everything) == set(OPTIONS) and everything["publish"] == "allow_more_present"
    assert named == {"image", "publish"} and comparisons.parse({"*": "ignore"})[0]["image"] == "ignore"


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"bogus": "ignore"}, "'bogus' cannot be used: expected an option that describes the container"),
        ({"state": "ignore"}, "'state' cannot"),
        ({"memory": "allow_more_present"}, "'memory: allow_more_present' cannot be used: expected strict or ignore"),
        ({"image": "allow_more_present"}, "expected strict or ignore for image"),
        ({"env": "sometimes"}, "'env: sometimes' cannot be used: expected strict, ignore or allow_more_present"),
        ({"*": "allow_more_present"}, "expected strict or ignore for '*'"),
        ({"label": "ignore", "labels": "strict"}, "'labels' cannot be used: expected label only once"),
        ({"env": True}, "'env: True'"),
    ],
)
def test_unknown_key_or_mode_is_refused_with_what_is_accepted(modes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match="^comparisons: ") as caught:
        comparisons.parse(modes)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_can_be_ignored(name: str) -> None:
    assert comparisons.parse({name: "ignore"}) == ({name: "ignore"}, {name})


@pytest.mark.parametrize(
    ("had", "wanted", "modes"),
    [
        ({"memory": "64m", "memory_swap": "-1"}, {}, {"memory": "ignore", "memory_swap": "ignore"}),
        ({"env": {"A": "1", "B": "2"}}, {"env": {"A": "1"}}, {"env": "allow_more_present"}),
        ({"env": {"A": "1"}}, {}, {"env": "allow_more_present"}),
        ({"command": ["a", "x", "b"]}, {"command": "a b"}, {"command": "allow_more_present"}),
        ({"command": ["other"]}, {}, {"command": "ignore"}),
        ({"volume": ["a:/a", "b:/b"]}, {"volume": ["b:/b:rw"]}, {"volumes": "allow_more_present"}),
        ({"publish": ["80", "81"]}, {"publish": ["81/tcp"]}, {"ports": "allow_more_present"}),
        ({"network": ["a", "b", "c"]}, {"network": ["a", "c"]}, {"network": "allow_more_present"}),
        ({"network": ["front"]}, {}, {"network": "allow_more_present"}),
        ({"ulimit": ["core=0", "nofile=9"]}, {"ulimit": ["nofile=9:9"]}, {"ulimit": "allow_more_present"}),
        ({"security_opt": ["mask=/a:/b"]}, {"security_opt": ["mask=/b"]}, {"security_opt": "allow_more_present"}),
        ({"log_opt": {"path": "/x", "max_size": "1m"}}, {"log_opt": {"path": "/x"}}, {"log_opt": "allow_more_present"}),
        ({"tty": True, "hostname": "b"}, {"hostname": "a"}, {"*": "ignore"}),
        # An option that the task omits follows from those it has.
        ({"memory": "512m"}, {"memory": "64m"}, {"memory": "ignore"}),
        ({"memory": "512m", "memory_swap": "-1"}, {}, {"memory": "ignore"}),
        ({"cpu_quota": 50000, "cpu_period": 50000}, {"cpus": "2"}, {"cpu_quota": "ignore"}),
        ({}, {"uidmap": ["0:1:5"]}, {"uidmap": "ignore"}),
        ({"healthcheck": "true"}, {"no_healthcheck": True}, {"no_healthcheck": "ignore"}),
        ({"healthcheck": "true"}, {"no_healthcheck": True}, {"healthcheck": "ignore"}),
        ({}, {"rmi": True}, {"rmi": "ignore"}),
        ({"privileged": True}, {}, {"privileged": "ignore"}),
        ({"network": ["front:ip=192.0.2.1"]}, {"network": ["front"]}, {"network": "ignore"}),
        ({"network": ["front"]}, {"network": ["front:ip=192.0.2.1"]}, {"network": "ignore"}),
        (
            {"network": ["front:ip=192.0.2.1,alias=x"]},
            {"network": ["front:alias=x"]},
            {"network": "allow_more_present"},
        ),
        (
            {"network": ["front:ip=192.0.2.1", "back"]},
            {"network": ["front"], "ip": "192.0.2.1"},
            {"network": "allow_more_present"},
        ),
        # The same target is already mounted by another option.
        (
            {"volume": ["/a:/x:ro", "k:/k"]},
            {"mount": ["type=bind,src=/a,target=/x,ro"]},
            {"volume": "allow_more_present", "mount": "allow_more_present"},
        ),
        ({"volume": ["/a:/x", "k:/k"]}, {"mount": ["type=bind,src=/a,target=/x"]}, {"volume": "allow_more_present"}),
        ({"mount": ["type=bind,src=/a,target=/x", "src=k,target=/k"]}, {"volume": ["/a:/x"]}, {"mount": "ignore"}),
    ],
)
def test_ignored_value_is_no_difference(
    runtime: Runtime, had: dict[str, Any], wanted: dict[str, Any], modes: dict[str, str]
) -> None:
    _desired, changes = settled(runtime, had, wanted, modes)
    assert changes == {}
    assert settled(runtime, had, wanted, {})[1] != {}


@pytest.mark.parametrize(
    ("had", "wanted", "option"),
    [
        ({"env": {"A": "1"}}, {"env": {"A": "2"}}, "env"),
        ({"label": {"A": "x"}}, {"label": {"A": ""}}, "label"),
        ({}, {"label": {"A": ""}}, "label"),
        ({"command": ["b", "a"]}, {"command": ["a", "b"]}, "command"),
        ({"dns": ["::1", "::2"]}, {"dns": ["::2", "::1"]}, "dns"),
        ({"ulimit": ["core=0"]}, {"ulimit": ["core=1"]}, "ulimit"),
        ({"network": "none"}, {"network": "bridge"}, "network"),
        ({"network": "front"}, {"network": "bridge"}, "network"),
        ({"tmpfs": {"/t": "size=1m,ro"}}, {"tmpfs": {"/t": "size=1m"}}, "tmpfs"),
    ],
)
def test_more_is_allowed_but_not_other(
    runtime: Runtime, had: dict[str, Any], wanted: dict[str, Any], option: str
) -> None:
    assert list(settled(runtime, had, wanted, {option: "allow_more_present"})[1]) == [option]


@pytest.mark.parametrize(
    ("had", "wanted", "modes", "message"),
    [
        ({"memory": "64m"}, {"memory": "512m"}, {"memory_swap": "ignore"}, "memory_swap: 134217728 cannot be used"),
        ({"memory": "64m"}, {"memory_reservation": "128m"}, {"memory": "ignore"}, "expected at most memory"),
        ({"volume": ["a:/a"]}, {"tmpfs": {"/a": ""}}, {"volume": "ignore"}, "tmpfs: '/a' cannot be used"),
    ],
)
def test_ignored_value_that_conflicts_with_other_options_is_refused(
    runtime: Runtime, had: dict[str, Any], wanted: dict[str, Any], modes: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidArgument, match="^comparisons: .* container x does not go with the rest") as caught:
        settled(runtime, had, wanted, modes)
    assert message in str(caught.value)
    assert settled(runtime, had, wanted, modes, recreate=True)[0].options == normalise(wanted)
    assert settled(runtime, {**had, "tty": True}, wanted, modes)[0].options == normalise(wanted)


def test_settling_options_twice_changes_nothing() -> None:
    for requested in (
        {"memory": "64m"},
        {"cpus": 1},
        {"network": ["a:ip=192.0.2.1"]},
        {"uidmap": ["0:1:5"]},
        {"rmi": True},
    ):
        for more in ({}, {"healthcheck": "none", "privileged": True, "ipc": "shareable"}):
            options = normalise({**requested, **more})
            again = copy.deepcopy(options)
            settle(again)
            assert again == options


def test_host_ulimits_conflict_with_other_ulimits() -> None:
    assert comparisons.merged("ulimit", {"host": []}, {"nofile": [5, 5]}) == {"host": []}
    assert comparisons.merged("ulimit", {"nofile": [5, 5]}, {"host": []}) == {"nofile": [5, 5]}


def test_address_that_needs_a_new_container_is_not_ignored(runtime: Runtime) -> None:
    had, wanted = {"network": ["front", "back"]}, {"network": ["front"], "ip": "192.0.2.1"}
    _desired, changes = settled(runtime, had, wanted, {"network": "allow_more_present"})
    assert not changes["ip"].ignored and changes["ip"].change == Change.RECREATE


def test_live_update_keeps_allowed_extras(runtime: Runtime) -> None:
    had, wanted = {"label": {"mine": "1", "both": "old"}}, {"label": {"both": "new", "added": ""}}
    desired, changes = settled(runtime, had, wanted, {"label": "allow_more_present"})
    assert desired.options["label"] == {"added": "", "both": "new", "mine": "1"}
    assert changes["label"].after == {"from": "image", **desired.options["label"]}
    again, changes = settled(runtime, {"label": desired.options["label"]}, wanted, {"label": "allow_more_present"})
    assert changes == {}
    desired, _found = settled(runtime, {"network": ["a", "b"]}, {"network": ["c"]}, {"network": "allow_more_present"})
    assert desired.options["network"]["networks"] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("had", "wanted", "modes", "different"),
    [
        ({"healthcheck": "true", "tty": True}, {"healthcheck": "false"}, {"healthcheck": "strict"}, {"healthcheck"}),
        ({"healthcheck": "true"}, {"no_healthcheck": True}, {"no_healthcheck": "strict"}, {"healthcheck"}),
        ({"healthcheck": "true"}, {}, {"healthcheck": "strict"}, {"healthcheck"}),
        ({"no_healthcheck": True}, {"healthcheck": "true"}, {"healthcheck": "strict"}, {"healthcheck"}),
        ({"memory": "64m"}, {"memory": "256m"}, {"memory": "strict"}, {"memory", "memory_swap"}),
        ({"memory": "64m"}, {"memory": "256m"}, {"memory": "ignore", "memory_swap": "strict"}, {"memory_swap"}),
        ({"memory": "64m", "memory_swap": "-1"}, {"memory": "64m"}, {"memory": "strict"}, set()),
        (
            {"memory": "64m", "memory_swap": "-1"},
            {"memory": "128m"},
            {"memory": "strict", "memory_swap": "ignore"},
            {"memory"},
        ),
        ({"security_opt": ["label=disable"]}, {}, {"privileged": "strict"}, set()),
    ],
)
def test_named_option_wins_over_wildcard_and_its_group(
    runtime: Runtime, had: dict[str, Any], wanted: dict[str, Any], modes: dict[str, str], different: set[str]
) -> None:
    assert set(settled(runtime, had, wanted, {"*": "ignore", **modes})[1]) - {"no_healthcheck"} == different


def test_named_option_wins_over_a_named_group(runtime: Runtime) -> None:
    had, wanted = {"healthcheck": "true"}, {"healthcheck": "false"}
    assert set(settled(runtime, had, wanted, {"no_healthcheck": "ignore", "healthcheck": "strict"})[1]) == {
        "healthcheck"
    }


def test_different_mount_replaces_an_allowed_extra_one(runtime: Runtime) -> None:
    had, wanted = {"volume": ["/a:/x", "k:/k"]}, {"mount": ["type=bind,src=/b,target=/x"]}
    desired, changes = settled(runtime, had, wanted, {"volume": "allow_more_present"})
    assert set(changes) == {"volume", "mount"}
    assert [one["target"] for one in desired.options["volume"]] == ["/k"]


def test_merged_options_prefer_the_requested_value() -> None:
    def both(name: str, had: Any, wanted: Any) -> Any:
        return comparisons.merged(name, normalise({name: wanted})[name], normalise({name: had})[name])

    assert (
        both("publish", ["8080:80", "9090:90"], ["8080:81"])
        == normalise({"publish": ["8080:81", "9090:90"]})["publish"]
    )
    assert both("volume", ["b:/d", "z:/z"], ["a:/d"]) == normalise({"volume": ["a:/d", "z:/z"]})["volume"]
    assert both("secrets", ["b"], ["a,type=env"]) == normalise({"secrets": ["a,type=env", "b"]})["secrets"]
    assert both("device", ["/dev/null"], ["/dev/zero"]) == normalise({"device": ["/dev/zero", "/dev/null"]})["device"]
    assert both("dns", ["::1"], ["::2"]) == ["::2", "::1"]


def test_new_container_follows_the_task_and_the_diff_lists_side_changes(runtime: Runtime) -> None:
    had = {"label": {"extra": "1"}, "env": {"A": "1"}, "tty": True}
    wanted = {"label": {"a": "1"}, "env": {"A": "2"}}
    modes = {"label": "allow_more_present", "tty": "ignore", "image": "ignore"}
    desired, changes = settled(runtime, had, wanted, modes)
    assert desired.options == normalise(wanted)
    assert {name: one.ignored for name, one in changes.items()} == {"env": False, "label": True, "tty": True}
    _desired, changes = settled(runtime, had, {**wanted, "env": {"A": "1"}}, modes, recreate=True)
    assert {name: one.ignored for name, one in changes.items()} == {"label": True, "tty": True}


def test_image_can_be_ignored(runtime: Runtime) -> None:
    config = ContainerConfig("c" * 64, "x", "now", normalise({}), "/x", rootfs_image_name="docker.io/library/old:1")
    desired = Desired("x", options=normalise({}), image="quay.io/app:1")
    assert [one.option for one in differences(runtime, config, desired)] == ["image"]
    lenient = comparisons.apply(runtime, config, desired._replace(comparisons={"image": "ignore"}))
    assert differences(runtime, config, lenient) == []
