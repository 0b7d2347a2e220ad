# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory makes of inspections, which may come from a hostile host: variables, selection, groups."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.plugin_utils._inventory_hosts import Selection, Unusable, facts, groups

ALL = {"image": True, "network": True, "pod": True, "status": True}
NETWORK = {"IPAddress": "10.0.0.2", "GlobalIPv6Address": "", "MacAddress": "02:00:00:00:00:01"}
INSPECTED: dict[str, Any] = {
    "Name": "web",
    "Id": "ab" * 32,
    "ImageName": "docker.io/library/web:1",
    "State": {"Status": "running", "Health": {"Status": "healthy"}},
    "PodName": "shop",
    "Config": {"Labels": {"role": "web", "tier": "1"}},
    "NetworkSettings": {
        "Networks": {"libpod": NETWORK},
        "Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "81/tcp": None},
    },
}


def test_facts_are_those_that_users_need() -> None:
    found = facts(INSPECTED)
    assert (found["name"], found["id"], found["image"]) == ("web", "ab" * 32, "docker.io/library/web:1")
    assert (found["status"], found["health"], found["pod"]) == ("running", "healthy", "shop")
    assert found["labels"] == {"role": "web", "tier": "1"} and found["addresses"] == ["10.0.0.2"]
    assert found["ports"] == [{"container_port": "80/tcp", "host_ip": "", "host_port": "8080"}]


def test_outline_without_labels_is_enough() -> None:
    outline = {key: value for key, value in INSPECTED.items() if key not in ("Config", "PodName")}
    assert facts(outline)["labels"] == {} and facts(outline)["pod"] == ""


def test_root_filesystem_stands_for_the_image_of_a_container_without_one() -> None:
    assert facts({**INSPECTED, "ImageName": "", "Rootfs": "/srv/root"})["image"] == "/srv/root"


@pytest.mark.parametrize(
    "inspected",
    [
        None,
        [],
        "text",
        {},
        {**INSPECTED, "Name": "../x"},
        {**INSPECTED, "Name": "{{ x }}"},
        {**INSPECTED, "Name": "web\n"},
        {**INSPECTED, "Name": "x" * 300},
        {**INSPECTED, "Name": 7},
        {**INSPECTED, "Id": "AB"},
        {**INSPECTED, "State": None},
        {**INSPECTED, "Config": {"Labels": ["x"]}},
        {**INSPECTED, "NetworkSettings": {"Networks": {"a": 1}, "Ports": {}}},
        {**INSPECTED, "NetworkSettings": {"Networks": {}, "Ports": {"80/tcp": [1]}}},
    ],
)
def test_what_is_no_inspection_is_refused_in_a_sentence(inspected: Any) -> None:
    with pytest.raises(Unusable, match="is no"):
        facts(inspected)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, True),
        ({"patterns": ["w?b"]}, True),
        ({"patterns": ["ab*"]}, True),
        ({"patterns": ["db*"]}, False),
        ({"labels": {"tier": 1}}, True),
        ({"labels": {"tier": 1, "role": "db"}}, False),
        ({"filters": {"include": {"image": "DOCKER.IO/*", "label.role": "w*"}}}, True),
        ({"filters": {"include": {"label.missing": "*"}}}, False),
        ({"filters": {"exclude": {"network": "lib*"}}}, False),
        ({"filters": {"exclude": {"pod": "other"}, "include": None}}, True),
    ],
)
def test_selection_by_patterns_labels_and_filters(how: dict[str, Any], expected: bool) -> None:
    selection = Selection(how.get("patterns", []), how.get("labels", {}), how.get("filters", {}), stopped=False)
    assert selection.has(facts(INSPECTED)) is expected


@pytest.mark.parametrize(("status", "stopped", "expected"), [("exited", False, False), ("exited", True, True)])
def test_stopped_containers_are_selected_where_asked(status: str, stopped: bool, expected: bool) -> None:
    found = facts({**INSPECTED, "State": {"Status": status}})
    assert Selection([], {}, {}, stopped=stopped).has(found) is expected


@pytest.mark.parametrize("filters", [{"include": ["name"]}, {"include": {"colour": "red"}}, {"only": {}}])
def test_unknown_filters_are_refused(filters: dict[str, Any]) -> None:
    with pytest.raises(Unusable, match="expected"):
        Selection([], {}, filters, stopped=False)


def test_groups_by_kind_and_named_labels() -> None:
    found = facts(INSPECTED)
    named = ["image_docker.io/library/web:1", "pod_shop", "status_running", "network_libpod"]
    assert list(groups(found, ALL, ["role"])) == [*named, "label_role_web"]
    none = dict.fromkeys(ALL, False)
    assert list(groups(found, none, ["*"])) == ["label_role_web", "label_tier_1"]
    assert list(groups({**found, "pod": "", "image": ""}, ALL, [])) == ["status_running", "network_libpod"]


def test_name_of_a_group_is_bounded() -> None:
    found = facts({**INSPECTED, "Config": {"Labels": {"role": "x" * 100_000}}})
    assert max(len(name) for name in groups(found, ALL, ["*"])) == 255
