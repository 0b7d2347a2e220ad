# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes and tmpfs mounts: how values are parsed, and which are refused."""

from __future__ import annotations

import os

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts.volumes import (
    PROPAGATIONS,
    tmpfs,
    volumes,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def test_source_with_a_slash_is_a_path_and_any_other_a_volume_name() -> None:
    bind, named = volumes(["/srv:/b", "data:/c"], "volume")
    assert (bind["type"], bind["source"], named["type"], named["source"]) == ("bind", "/srv", "volume", "data")


@pytest.mark.parametrize("spelled", ["/srv/a:/b", "//srv/./a/:/b/", "/srv/x/../a://b", "/srv/a:/b:rw", "/srv/a:/b:rw,"])
def test_volume_has_several_notations(spelled: str) -> None:
    assert volumes([spelled], "volume") == volumes(["/srv/a:/b:rprivate,rbind,rw"], "volume")


def test_relative_source_is_resolved_from_the_working_directory() -> None:
    assert [volume["source"] for volume in volumes(["./a:/a", ".:/b"], "volume")] == [os.path.abspath("a"), os.getcwd()]


@settings(max_examples=30, deadline=None)
@given(st.permutations(["ro", "rslave", "nodev", "noexec", "Z"]))
def test_order_of_options_is_ignored(options: list[str]) -> None:
    parsed = volumes([f"data:/d:{','.join(options)}"], "volume")
    assert parsed == volumes(["data:/d:Z,nodev,noexec,ro,rslave"], "volume")
    assert (parsed[0]["read_only"], parsed[0]["propagation"]) == (True, "rslave")


def test_order_and_repetition_of_volumes_are_ignored() -> None:
    assert volumes(["a:/b", "c:/a", "a:/b"], "volume") == volumes(["c:/a", "a:/b"], "volume")


@pytest.mark.parametrize(
    "word", ["ro", "noexec", "nocopy", "bind", *(word for word in PROPAGATIONS if word != "rprivate")]
)
def test_different_option_makes_a_different_volume(word: str) -> None:
    assert volumes([f"a:/b:{word}"], "volume") != volumes(["a:/b"], "volume")


@pytest.mark.parametrize(
    "item",
    [
        "",
        "a",
        "/",
        ":/b",
        "/a:",
        "/a:b",
        "/a:/",
        "/a://.",
        "/a:/b:x",
        "/a:/b:RO",
        "/a:/b:ro,rw",
        "/a:/b:shared,slave",
        "/a:/b:O,ro",
    ]
    + ["/a:/b:ro:rw", "da ta:/b", "-x:/b", "/a\0:/b", "/a:/b\0"],
)
def test_refused_volume_is_named(item: str) -> None:
    with pytest.raises(InvalidArgument, match="(?s)^volume: .* cannot be used: expected ") as refusal:
        volumes(["c:/c", item], "volume")
    assert any(repr(part) in str(refusal.value) for part in (item, *item.split(":")))


def test_two_volumes_on_one_target_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="^volume: 'b:/x/' .*one volume for each target, and /x has two"):
        volumes(["a:/x", "b:/x/"], "volume")


def test_tmpfs_size_has_several_notations() -> None:
    parsed = tmpfs({"/t//": "mode=1777,size=64m,rw"}, "tmpfs")
    assert parsed == tmpfs({"/t": "size=67108864,mode=1777"}, "tmpfs") == {"/t": ["mode=1777", "size=67108864"]}
    assert tmpfs({"/t": None}, "tmpfs") == tmpfs({"/t": ""}, "tmpfs") == {"/t": []}
    assert tmpfs({"/t": "size=10%"}, "tmpfs") == {"/t": ["size=10%"]}


@pytest.mark.parametrize("options", ["size=12x", "size=", "mode=", "bind", "RO", "size", "x=1"])
def test_refused_tmpfs_option_is_named(options: str) -> None:
    with pytest.raises(InvalidArgument, match="^tmpfs: '.*' cannot be used: expected "):
        tmpfs({"/t": options}, "tmpfs")


@pytest.mark.parametrize("target", ["t", "", "/", "//"])
def test_refused_tmpfs_target_is_named(target: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^tmpfs: '{target}' cannot be used: expected "):
        tmpfs({target: ""}, "tmpfs")
