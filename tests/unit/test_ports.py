# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: one row for each port in any notation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, take_warnings
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import (
    PortMapping,
    expose,
    publish,
    with_exposed,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from hypothesis import given, settings
from hypothesis import strategies as st

ANY = "0.0.0.0"
ROW = st.tuples(
    st.sampled_from([ANY, "127.0.0.1", "::1"]),
    st.integers(1, 65535),
    st.integers(1, 65535),
    st.sampled_from("tcp udp sctp".split()),
)


@pytest.mark.parametrize(
    ("written", "rows"),
    [
        ("80", [(ANY, 0, 80, "tcp")]),
        (":80", [(ANY, 0, 80, "tcp")]),
        ("8080:80", [(ANY, 8080, 80, "tcp")]),
        (" 8080:80/TCP ", [(ANY, 8080, 80, "tcp")]),
        ("127.0.0.1:53:53/udp", [("127.0.0.1", 53, 53, "udp")]),
        ("127.0.0.1::53", [("127.0.0.1", 0, 53, "tcp")]),
        ("[0:0::1]:8080:80/sctp", [("::1", 8080, 80, "sctp")]),
        ("8000-8001:80-81", [(ANY, 8000, 80, "tcp"), (ANY, 8001, 81, "tcp")]),
        ("80-81", [(ANY, 0, 80, "tcp"), (ANY, 0, 81, "tcp")]),
    ],
)
def test_port_is_published_as_written(written: str, rows: list[tuple[str, int, int, str]]) -> None:
    assert publish([written], "publish") == rows


@settings(max_examples=30, deadline=None)
@given(ROW)
def test_mapping_survives_option_record_and_plugin(row: tuple[str, int, int, str]) -> None:
    mapping = PortMapping(*row)
    assert publish([mapping.to_option()], "publish") == [mapping]
    assert PortMapping.from_json(json.loads(json.dumps(mapping))) == mapping
    assert PortMapping.from_cni(mapping.to_cni()) == mapping


@pytest.mark.parametrize(
    "row", [[], [ANY, 80, 80], [ANY, 80, 80, "tcp", 1], [ANY, "80", 80, "tcp"], [ANY, True, 80, "tcp"], 80]
)
def test_malformed_record_is_no_mapping(row: Any) -> None:
    with pytest.raises(TypeError):
        PortMapping.from_json(row)


@settings(max_examples=30, deadline=None)
@given(st.lists(ROW, unique_by=lambda row: (row[0], row[1], row[3]), max_size=4), st.randoms(use_true_random=False))
def test_ports_are_the_same_in_any_order_and_written_twice(
    rows: list[tuple[str, int, int, str]], random: object
) -> None:
    written = [f"{f'[{ip}]' if ':' in ip else ip}:{host}:{port}/{protocol}" for ip, host, port, protocol in rows]
    parsed = publish(written + written[::-1], "publish")
    assert parsed == publish(sorted(written), "publish") == sorted(rows)


def test_range_is_the_same_as_its_ports() -> None:
    assert publish(["8000-8002:80-82"], "publish") == publish(["8001:81", "8000:80", "8002:82"], "publish")


def test_one_container_port_may_have_several_host_ports() -> None:
    assert len(publish(["8080:80", "8081:80", "127.0.0.1:8080:80", "8080:80/udp"], "publish")) == 4


@pytest.mark.parametrize(
    "written",
    ["", "a", "0", "65536", "70000:80", "80:0", "0:80", "80/icmp", "80/", "-80", "80-", "82-80", "1:2:3:4", "::1:80:80"]
    + ["1.2.3:80:80", "localhost:80:80", "[::1:80:80", "8000-8002:80-81", "8000-8001:80", "1-2-3", "80 81", "٣", "²"],
)
def test_refused_port_is_named(written: str) -> None:
    with pytest.raises(InvalidArgument, match="^publish: .* cannot be used: expected ") as refusal:
        publish(["1:1", written], "publish")
    assert written.partition("/")[0].partition(":")[0].strip("[]") in str(refusal.value)


def test_host_port_with_two_container_ports_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="^publish: '0.0.0.0:8080/tcp' .* one container port for each host port"):
        publish(["8080:80", "8080:81"], "publish")


def test_exposed_ports_are_published_by_publish_all() -> None:
    image: Any = {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "443": {}}}
    options = {"expose": ["8000-8001", "80"], "publish": ["8080:80"]}
    assert with_exposed(normalise(options), image) == [(ANY, 8080, 80, "tcp")]
    published = with_exposed(normalise({**options, "publish_all": True}), image)
    assert [port[1:] for port in published] == [
        (8080, 80, "tcp"),
        (0, 53, "udp"),
        (0, 443, "tcp"),
        (0, 8000, "tcp"),
        (0, 8001, "tcp"),
    ]


@pytest.mark.parametrize("item", ["", "x", "80/x", "80/", "0", "9-8", "65536", "1:2"])
def test_refused_port_to_expose_is_named(item: str) -> None:
    with pytest.raises(InvalidArgument, match="^expose: .* cannot be used: expected "):
        expose(["81", item], "expose")


def test_publish_all_needs_a_network_of_its_own() -> None:
    assert normalise({"publish_all": True, "network": ["host"]}) == normalise({"network": ["host"]})
    assert take_warnings()[0].startswith("publish_all: has no effect with the network 'host'")
