# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of normalised options against the option table and its parsers."""

from __future__ import annotations

import inspect
import subprocess
import sys
import zlib
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Optional, Union, get_args, get_origin, get_type_hints

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.id_map import IdMap
from ansible_collections.libpod.engine.plugins.module_utils._model.options import table, types
from ansible_collections.libpod.engine.plugins.module_utils._model.options.network.ports import PortMapping
from ansible_collections.libpod.engine.plugins.module_utils._model.records import config, shapes, state
from ansible_collections.libpod.engine.plugins.module_utils._model.records.pod import POD_OPTIONS

ROOT = Path(__file__).parents[2]
HINTS = get_type_hints(types.ContainerOptions)


def test_each_option_of_the_table_has_a_type_and_no_other() -> None:
    assert set(HINTS) == set(table.OPTIONS)


def test_pod_has_the_types_of_the_container_options_that_it_has() -> None:
    hints = get_type_hints(types.PodOptions)
    assert set(hints) == set(POD_OPTIONS)
    assert all(hint == HINTS[name] for name, hint in hints.items() if name != "share")


@pytest.mark.parametrize("name", sorted(HINTS))
def test_type_of_an_option_is_what_its_parser_and_its_default_give(name: str) -> None:
    option = table.OPTIONS[name]
    returned = get_type_hints(_parser(option.normalise), localns=vars(types))["return"]
    assert HINTS[name] == (Optional[returned] if option.default is None else returned)


@pytest.mark.parametrize("name", sorted(HINTS))
def test_shape_that_a_record_is_checked_against_is_the_type(name: str) -> None:
    shape = shapes.OPTION_SHAPES[name]
    expected = _shape(HINTS[name])
    if name in ("volume", "mount"):  # what the kinds of mounts have in common
        kinds = get_args(types.Mount) if name == "mount" else (types.Volume,)
        assert all(shape[0].items() <= _shape(one).items() for one in kinds)
    else:
        assert shape == expected


def test_each_field_of_a_record_has_a_shape() -> None:
    assert set(shapes.CONFIG_SHAPES) == set(config.ContainerConfig._fields)
    assert set(shapes.OPTION_SHAPES) == set(HINTS)


@pytest.mark.parametrize(
    ("record", "shape"), [(config, (config._JSON_FIELDS, shapes.CONFIG_SHAPES)), (state, (state._SHAPES,))]
)
def test_checksum_of_what_is_written_changes_with_its_shapes(record: Any, shape: tuple[Any, ...]) -> None:
    """A record that an engine with other shapes wrote would otherwise be read without a check."""
    due = zlib.crc32(repr(shape).encode())
    assert due == record.SCHEMA, f"set SCHEMA of {record.__name__} to {due:#010x}"


def _shape(hint: Any) -> Any:
    """Return the shape of a type as a record is checked against it."""
    if hint in (PortMapping, IdMap):
        return list if hint is PortMapping else [int]
    if hasattr(hint, "__total__"):
        return {key: _shape(one) for key, one in get_type_hints(hint).items()}
    arguments = get_args(hint)
    if get_origin(hint) is Union:
        return (_shape(arguments[0]),) if arguments[-1] is type(None) else None
    if get_origin(hint) is list:
        return list if arguments[0] in (Any, object) else [_shape(arguments[0])]
    return {str: _shape(arguments[1])} if get_origin(hint) is dict else hint


def test_type_checker_refuses_a_misspelled_option(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(
        "from plugins.module_utils._model.records.config import ContainerConfig\n"
        "def read(config: ContainerConfig) -> object:\n"
        "    return config.options['memory'], config.options['memmory']\n"
    )
    command = [sys.executable, "-m", "mypy", "--no-pretty", "--cache-dir", str(tmp_path / "cache"), str(sample)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 'TypedDict "ContainerOptions" has no key "memmory"' in run.stdout
    assert run.stdout.count("error:") == 1


def _parser(normalise: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Return the innermost parser of a row that splits a list first or defers an import."""
    inner = inspect.getclosurevars(normalise).nonlocals
    if "module" in inner:
        parser: Callable[[Any, str], Any] = getattr(
            import_module(f"{table.__package__}.{inner['module']}"), inner["function"]
        )
        return parser
    return _parser(inner["normalise"]) if "normalise" in inner else normalise
