# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML of other tools: what is wrong with a file is said without its values, which may be secrets."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign_yaml
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import MalformedData

NUMBER_TAG = "not of the kind of its tag"
# Each has the word "hunter", with what is said of it.
BROKEN = {
    "a: hunter: x": "mapping values are not allowed",
    "a: 'hunter": "while scanning a quoted scalar at line 1",
    'a: "hunter" x': "while parsing a block mapping at line 1",
    "a: {[b]: hunter}": "found unhashable key at line 1",
    "a: !hunter": "line 1 has a tag that is not read here: quote a text that begins with '!'",
    "b: c\na: !hunter [x]": "line 2 has a tag that is not read here",
    "a: !h!hunter x": "tag handle",
    "a: *hunter": "line 1 has an alias that stands for no node that ends before it: quote a text that begins with '*'",
    "a: !!binary hunter": "failed to decode base64 data",
    **{f"a: !!{tag} hunter": NUMBER_TAG for tag in ("bool", "int", "float", "timestamp")},
    '{"hunter": {"b": c, "b": d}}': "the key 'b' stands there twice at line 1",
}


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
def test_error_has_no_value_of_the_file(text: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "CSafeLoader", getattr(yaml, loader))
    with pytest.raises(MalformedData, match=r"^f: ") as refused:
        foreign_yaml.parse_core(text.encode(), "f")
    assert BROKEN[text] in str(refused.value) and "hunter" not in str(refused.value)


def test_long_text_is_read_and_a_long_number_is_not() -> None:
    long = "x: y\n" * 50_000
    assert foreign_yaml.parse_core(yaml.safe_dump({"a": long}).encode(), "f")["a"].value == long
    assert foreign_yaml.parse_core(b"a: " + b"9" * 100_000, "f")["a"].value == "9" * 100_000
    with pytest.raises(MalformedData, match="f: line 1 is nested too deeply or too long to be read"):
        foreign_yaml.parse_core(b"a: !!int " + b"1:" * 50_000 + b"1", "f")
