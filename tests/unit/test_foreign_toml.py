# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader of TOML reads what tomllib does, and names the line of what it cannot read."""

from __future__ import annotations

import datetime
import sys
from contextlib import suppress
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model import foreign_toml
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import MalformedData
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import given, strategies

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCUMENT = r"""
# a comment
bare-key_1 = "plain" # behind a value
"quoted key" = 'literal \n'
"a\tb".c . d = "é \u00e9 \U0001F600 \\ \" \n"
list = [ "a", # one
  'b', ["c"],
]
empty = []
inline = { x = 1, y.z = "two", w = {} }
numbers = [0, -5, +7, 1_000, 0x1F, 0o17, 0b1, 1.5, -2e3, inf, 6.02_2e+23]
flags = [true, false]
when = [2020-01-02, 2020-01-02T03:04:05Z, 2020-01-02 03:04:05.6-07:00, 03:04:05]
long = ---
two \
    lines "quoted" ""
and more---
raw = '''
\n ''two'' '''

[table]
key = "value"
[table.below]
[[blocks]]
name = "first"
[[blocks.mirror]]
location = "m"
[[blocks]]
[blocks.inner]
x = ""
""".replace("---", '"""')
TOKENS = [
    *("a", "b", "c.d", '"q k"', "'l'", " = ", "=", "\n", "\r\n", "[", "]", "[[", "]]", "{", "}", ",", '"x"', "'y'"),
    *('"""m\nn"""', "'''z'''", "1", "0x1F", "007", "1.5", "inf", "true", "2020-01-01", "10:00:00", " ", "#c\n", "é"),
    *('"\\u00e9"', '"\\\\"', "[a]\n", "[[b]]\n", "[a.b]\n", "a = 1\n", "b = [1, 2]\n", "c = {x = 1}\n", '"', "'", "\\"),
    *("\0", "\t", '""""""', "'''a''''", '"""\\\n  x"""'),
]


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_comparable(one) for one in value]
    if isinstance(value, (bytes, datetime.date, datetime.time)):
        return "a date or time"
    return repr(value) if isinstance(value, float) else value


def _read(text: str) -> Any:
    return _comparable(foreign_toml.parse(text.encode(), "file").value)


def test_document_is_read_as_tomllib_reads_it() -> None:
    assert _read(DOCUMENT) == _comparable(tomllib.loads(DOCUMENT))
    assert _read(DOCUMENT.replace("\n", "\r\n")) == _comparable(tomllib.loads(DOCUMENT.replace("\n", "\r\n")))


@given(strategies.lists(strategies.sampled_from(TOKENS), max_size=12).map("".join))
def test_whatever_tomllib_reads_is_read_the_same(text: str) -> None:
    try:
        expected = _comparable(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        try:
            foreign_toml.parse(text.encode(), "file")
        except MalformedData as error:
            assert str(error).startswith("file: ")
        return
    assert _read(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1\na = 2\n", "line 2: expected each key once, not 'a' again"),
        ('a = "x"\n\na = "y"\n', "line 3: expected each key once"),
        ("[a]\n[a]\n", "line 2: expected each table once"),
        ("a = {}\n[a.b]\n", "expected a table as 'a'"),
        ("a = 1\na.b = 2\n", "expected a table as 'a'"),
        ("a = []\n[[a]]\n", "expected one kind of value"),
        ("a", "expected = after a key"),
        ("a = ", "expected a value"),
        ("a = 1 x", "expected the end of the line"),
        ("[a\n", r"expected \] after the name"),
        ("a = [1 x]", r"expected , or \] in an array"),
        ("a = {x = 1 y = 2}", "expected , or } in a table"),
        ('a = "x', "expected the end of a string"),
        (r'a = "\q"', "expected an escape"),
        (r'a = "\ud800"', "expected an escape"),
        ("a = " + "9" * 5000, "expected a value"),
        ("a = " + "[" * 40, "nested too deeply"),
        ("#" * ((1 << 20) + 1), "longer than the 1048576 bytes"),
    ],
)
def test_error_names_the_line(text: str, message: str) -> None:
    with pytest.raises(MalformedData, match=message) as refusal:
        foreign_toml.parse(text.encode(), "/etc/x.conf")
    assert str(refusal.value).startswith("/etc/x.conf: ")
    with pytest.raises(MalformedData, match="UTF-8"):
        foreign_toml.parse(b"\xff", "/etc/x.conf")


@pytest.mark.parametrize(
    "make",
    [
        lambda n: "\n" * n,
        lambda n: "a = 1\n\n" + " \n" * n,
        lambda n: "[a]\n" + "".join(f"k{one} = 'v'\n" for one in range(n // 10)),
        lambda n: 'a = "' + "\\" * n,
        lambda n: 'a = """' + '""\\' * n,
        lambda n: "a = '''" + "'' " * n,
        lambda n: ".".join("a" * n) + " = 1",
        lambda n: "[[" + ".".join("a" * n) + "]]\n",
        lambda n: "a = [" + "1,\n" * n,
        lambda n: "a = " + "1_" * n,
        lambda n: '"' + "a" * n + '" = "' + "b" * n,
        lambda n: "[[a]]\n" * n,
    ],
)
def test_document_takes_linear_time(make: Callable[[int], str]) -> None:
    assert fuzz.grows_linearly(_refused, make, 20_000)


def _refused(text: str) -> None:
    with suppress(MalformedData):
        foreign_toml.parse(text.encode(), "file")
