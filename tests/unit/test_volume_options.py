# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a volume: equal where they mean the same, refused by name, recorded and read again."""

from __future__ import annotations

import json

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    ConfigMismatch,
    InvalidArgument,
    StateCorrupt,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.mounts.volume_options import (
    VolumeOptions,
    volume_options,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.records.volume import COPY_TO_COME, VolumeRecord


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["type=tmpfs", "o=size=1m,noexec"], ["TYPE=tmpfs", "device=tmpfs", "o=noexec,rw", "size=1024k"]),
        (["type=none", "o=bind", "device=/srv/a"], ["type=bind", "o=bind,defaults", "device=//srv/x/../a/"]),
        (["o=bind", "device=/srv/a"], ["type=none", "o=bind,rw,_netdev", "device=/srv/a"]),
        (["uid=5", "gid=6"], ["o=gid=6,uid=05"]),
        ([], ["o=", "o=defaults"]),
        (["type=tmpfs", "o=nr_inodes=7"], ["type=tmpfs", "inodes=7"]),
        (["type=ext4", "device=/dev/x", "o=ro", "o=noatime"], ["type=ext4", "device=/dev/x", "o=noatime,ro,ro,x-y=z"]),
    ],
)
def test_notations_of_one_meaning_are_equal(one: list[str], other: list[str]) -> None:
    assert volume_options(one) == volume_options(other)


@pytest.mark.parametrize(
    ("items", "word"),
    [
        (["what=1"], "what=1"),
        (["type"], "type"),
        (["type=none", "device=/srv"], "type="),
        (["device=/dev/x"], "type="),
        (["type=bind", "o=bind"], "device="),
        (["type=bind", "o=bind", "device=~/x"], "device="),
        (["type=../x", "device=/dev/x"], "type="),
        (["type=nfs"], "device"),
        (["o=ro"], "o=ro"),
        (["o=ro,rw", "type=tmpfs"], "ro"),
        (["size=1m", "noquota"], "noquota"),
        (["o=inodes=7,noquota"], "noquota"),
        (["type=ext4", "device=/dev/x", "size=1m"], "size"),
        (["type=tmpfs", "size=1q"], "1q"),
        (["uid=-1"], "-1"),
        (["uid=4294967295"], "4294967295"),
        (["uid=1", "o=uid=2"], "only once"),
        (["type=none", "o=bind", "device=/srv", "uid=1"], "uid"),
        (["type=tmpfs\0"], "type"),
    ],
)
def test_options_that_describe_no_volume_are_refused_by_name(items: list[str], word: str) -> None:
    with pytest.raises(InvalidArgument, match="^options: ") as refusal:
        volume_options(items)
    assert word in str(refusal.value)


def test_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(InvalidArgument, match="credentials=PATH") as refusal:
        volume_options(["type=cifs", "device=//server/share", "o=username=me,password=secret-word"])
    assert "secret-word" not in str(refusal.value)


def test_options_are_shown_with_podmans_keys() -> None:
    shown = volume_options(["type=tmpfs", "device=tmpfs", "o=size=1m,uid=0,noexec,nocopy"]).shown()
    assert shown == {
        "type": "tmpfs",
        "device": "tmpfs",
        "o": "noexec,uid=0,size=1048576,nocopy",
        "UID": "0",
        "SIZE": "1048576",
    }
    assert volume_options([f"{key}={value}" for key, value in shown.items()]) == volume_options(
        ["type=tmpfs", "o=size=1m,uid=0,noexec,nocopy"]
    )


@pytest.mark.parametrize(
    "record",
    [
        VolumeRecord("plain"),
        VolumeRecord("a", "2026-11-28T00:00:00.000000+00:00", {"x": "y"}, VolumeOptions(uid=0), COPY_TO_COME, True),
        VolumeRecord("b", options=volume_options(["type=ext4", "device=/dev/x", "o=ro,noatime"])),
    ],
)
def test_record_round_trips(record: VolumeRecord) -> None:
    assert VolumeRecord.from_json(json.loads(json.dumps(record.to_json())), "p") == record


def test_record_of_an_earlier_version_is_a_plain_volume_that_has_its_content() -> None:
    record = VolumeRecord.from_json({"name": "old"}, "p")
    assert record == VolumeRecord("old") and record.ready


@pytest.mark.parametrize(
    "record",
    [
        [],
        {},
        {"name": 5},
        *({"name": "a", **damage} for damage in ({"labels": 7}, {"labels": {"a": 1}}, {"created": 1}, {"copy_up": []})),
        *({"name": "a", "options": damage} for damage in (5, "x", {"o": 5}, {"o": [1]}, {"type": 1}, {"uid": "1"})),
    ],
)
def test_damaged_record_is_named(record: object) -> None:
    with pytest.raises(StateCorrupt, match="^path ") as caught:
        VolumeRecord.from_json(record, "path")
    assert "object is not a mapping" not in str(caught.value)


@pytest.mark.parametrize("record", [{"name": "a", "new": 1}, {"name": "a", "options": {"new": 1}}])
def test_newer_record_is_named(record: object) -> None:
    with pytest.raises(ConfigMismatch, match="newer version"):
        VolumeRecord.from_json(record, "path")
