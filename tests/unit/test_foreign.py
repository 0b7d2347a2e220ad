# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of foreign JSON have a checked type, or an error of one sentence names the origin and the member."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import foreign_files
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import MalformedData
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign

GOOD = """{"a": {"b": [1, "x", null], "t": true}, "m": {"k": "v"}, "n": null}"""


def test_members_are_typed_and_null_is_absent() -> None:
    read = foreign.parse(GOOD, "file")
    assert [one.value for one in read["a"]["b"]] == [1, "x", None]
    assert read["a"]["t"].flag() and read["m"].text_map() == {"k": "v"}
    assert not read["n"] and read["n"]["x"]["y"].text("default") == "default" and list(read["n"]) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a":' * 100_000, "NaN", "Infinity", b"\xff\xfe{", "1" * 5000, '"\ud800'],
    ids=["empty", "cut", "deep list", "deep object", "NaN", "Infinity", "encoding", "long number", "surrogate"],
)
def test_invalid_json_is_refused_in_one_sentence(text: str | bytes) -> None:
    with pytest.raises(MalformedData, match="^tool: (not valid JSON|nested|expected)"):
        foreign.parse(text, "tool").mapping()


@pytest.mark.parametrize(
    ("text", "use", "message"),
    [
        ("5", lambda it: it["a"].text(), "tool: expected an object, found an integer"),
        ('{"a": 5}', lambda it: it["a"]["b"].text(), "tool: a: expected an object, found an integer"),
        ('{"a": [true]}', lambda it: it["a"].texts(), r"tool: a\[0\]: expected a string, found true"),
        ('{"a": true}', lambda it: it["a"].integer(), "tool: a: expected an integer, found true"),
        ('{"a": 1.5}', lambda it: it["a"].integer(), "tool: a: expected an integer, found 1.5"),
        ('{"a": 99}', lambda it: it["a"].integer(high=9), "tool: a: expected an integer from .* to 9, found 99"),
        ('{"a": 1' + "0" * 400 + "}", lambda it: it["a"].integer(), "found an integer of more than 64 bits"),
        ('{"a": "\\ud800"}', lambda it: it["a"].text(), "tool: a: expected a string without"),
        ('{"a": "x\\u0000"}', lambda it: it["a"].text(), "tool: a: expected a string without"),
        ('{"\\ud800": 1}', lambda it: list(it.items()), "expected a string without"),
        ("{}", lambda it: it["a"].text(required=True), "tool: a: expected a string, found null"),
    ],
)
def test_the_message_names_origin_member_and_value(text: str, use: Callable[[Foreign], object], message: str) -> None:
    with pytest.raises(MalformedData, match=message):
        use(foreign.parse(text, "tool"))


def test_only_regular_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("[1]")
    assert [one.integer() for one in foreign_files.read_json(str(path))] == [1]
    with pytest.raises(MalformedData, match="longer than the 2 bytes"):
        foreign_files.read_json(str(path), max_bytes=2)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(MalformedData, match="fifo: not a regular file"):
        foreign_files.read_json(str(tmp_path / "fifo"))
    with pytest.raises(MalformedData, match="null: not a regular file"):
        foreign_files.read_json("/dev/null")
