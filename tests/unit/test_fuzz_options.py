# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Any value of any option is accepted, or refused in one sentence, in linear time."""

from __future__ import annotations

import json
import re
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.options import normalise, pulling, table
from ansible_collections.libpod.engine.plugins.module_utils._model.options.syntax.formatters import spelled
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import OPTIONS
from ansible_collections.libpod.engine.plugins.module_utils._model.records import image
from ansible_collections.libpod.engine.plugins.module_utils._reconcile import env_files
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.diff import comparisons
from ansible_collections.libpod.engine.tests.support import fuzz
from hypothesis import strategies as st


def recorded(options: dict[str, Any]) -> None:
    """Assert that options can be recorded, and are the same when read back."""
    # Two lone surrogates can become a pair when read back; no module accepts one.
    if not re.search("[\ud800-\udbff][\udc00-\udfff]", json.dumps(options, ensure_ascii=False)):
        assert table.from_json(json.loads(json.dumps(options, allow_nan=False)), ()) == options
    # A module accepts no lone surrogates, and normalising must not produce any.
    json.dumps(options, ensure_ascii=False).encode(errors="surrogatepass")


def test_lone_surrogates_inside_lists_are_not_compared() -> None:
    recorded({"command": ["\ud800\udc00"]})


@pytest.mark.parametrize("name", OPTIONS)
@fuzz.fuzzed(60, data=st.data())
def test_option_is_normalised_or_refused(name: str, data: st.DataObject) -> None:
    row = OPTIONS[name]
    value = data.draw(fuzz.values_of(row.type))
    normalised = fuzz.refused_or(lambda: row.normalise(value, name))
    if normalised is not None:
        recorded({name: normalised})
        json.dumps(spelled(name, normalised))


@fuzz.fuzzed(150, data=st.data())
def test_options_together_are_normalised_or_refused(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(OPTIONS)), max_size=8, unique=True))
    options = {name: data.draw(fuzz.values_of(OPTIONS[name].type)) for name in names}
    normalised = fuzz.refused_or(lambda: normalise.normalise(options))
    if normalised is not None:
        recorded(normalised)


@fuzz.fuzzed(500, text=fuzz.texts())
def test_image_references(text: str) -> None:
    for parse in (image.normalise, image.local_names, image.name_for_source):
        fuzz.refused_or(lambda parse=parse: parse(text))


@fuzz.fuzzed(
    200, values=st.dictionaries(st.sampled_from(["platform", "os", "arch", "retry", "retry_delay"]), fuzz.texts())
)
def test_pull_options(values: dict[str, str]) -> None:
    fuzz.refused_or(lambda: pulling.pulling(values))


@fuzz.fuzzed(300, values=st.dictionaries(st.one_of(st.sampled_from([*OPTIONS, "*"]), fuzz.texts()), fuzz.values()))
def test_comparisons(values: dict[str, Any]) -> None:
    fuzz.refused_or(lambda: comparisons.parse(values))


@fuzz.fuzzed(200, lines=st.lists(st.one_of(fuzz.texts(), st.binary(max_size=9)), max_size=5))
def test_environment_files(lines: list[Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "env_file"
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode(errors="surrogatepass") for x in lines))
    variables = fuzz.refused_or(lambda: env_files.read([str(path)]))
    if variables is not None:
        fuzz.refused_or(lambda: OPTIONS["env"].normalise(variables, "env"))


# For each grammar, texts that grow with the number, on which a regular expression or a loop may be quadratic.
_GROWING: tuple[Callable[[int], str], ...] = (
    lambda count: "9" * count,
    lambda count: "a" * count,
    lambda count: " " * count + "x",
    lambda count: ":" * count,
    lambda count: "," * count,
    lambda count: "/a" * (count // 2),
    lambda count: "/.." * (count // 3),
    lambda count: "a-" * (count // 2) + "!",
    lambda count: "1h" * (count // 2),
    lambda count: "a=b," * (count // 4),
    lambda count: '"' * count,
    lambda count: "\\" * count,
)


# shlex takes quadratic time, so that a command as one string is bounded (parsers.shell_words).
@pytest.mark.parametrize(
    "name", [name for name, row in OPTIONS.items() if row.type not in ("int", "bool") and name != "command"]
)
def test_option_takes_linear_time(name: str) -> None:
    row = OPTIONS[name]
    wrap: Callable[[str], Any] = {
        "list": lambda text: [text],
        "dict": lambda text: {text[:100]: text},
    }.get(row.type, lambda text: text)
    for grow in _GROWING:
        made = [wrap(grow(count)) for count in (4, 64)]
        assert fuzz.grows_linearly(
            lambda value: fuzz.refused_or(lambda: row.normalise(value, name)),
            lambda count, grow=grow: wrap(grow(count)),
        ), f"{name}: {str(made[0])[:40]} repeated"


@pytest.mark.parametrize("parse", [image.normalise, image.local_names, image.name_for_source])
def test_image_reference_takes_linear_time(parse: Callable[[str], Any]) -> None:
    for grow in _GROWING:
        assert fuzz.grows_linearly(lambda text: fuzz.refused_or(lambda: parse(text)), grow), grow(8)


def test_fuzzer_detects_superlinear_work() -> None:
    def cubic(text: str) -> int:
        starts = range(0, len(text), 32)
        return sum(len(text[start:]) for _turn in range(len(text) // 2000) for start in starts)

    assert fuzz.grows_linearly(lambda text: sum(map(ord, text)), lambda count: "a" * 20 * count)
    assert not fuzz.grows_linearly(cubic, lambda count: "a" * 2 * count)
