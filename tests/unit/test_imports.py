# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms' order: imports lead only downwards, and a task that does not need a library does not load it."""

from __future__ import annotations

import ast
import os
import re
import sys
from typing import Iterator

import pytest

PLUGINS = os.path.join(os.path.dirname(__file__), "..", "..", "plugins")
ROOMS = os.path.join(PLUGINS, "module_utils")

# Each room and those it may import from, beside itself: the diagram of docs/architecture/README.md. The store waits for
# locks that programs hold, and writes records on a full file system.
BELOW: dict[str, set[str]] = {
    "_model": set(),
    "_store": {"_model", "_drivers.overdue", "_drivers.reserve"},
    "_spec": {"_model"},
    "_drivers": {"_model"},
    "_container": {"_model", "_store", "_spec", "_drivers"},
    "_runtime": {"_model", "_store", "_spec", "_drivers", "_container"},
    "_reconcile": {"_model", "_store", "_spec", "_drivers", "_container", "_runtime"},
    "_cli": {"_model", "_store", "_spec", "_drivers", "_container", "_runtime", "_reconcile", "_exit_command"},
    "_exit_command": {"_model", "_store", "_spec", "_drivers", "_container", "_runtime", "_reconcile"},
    "_ansible": {"_model", "_store", "_spec", "_drivers", "_container", "_runtime", "_reconcile"},
}
ENGINE = [room for room in BELOW if room != "_ansible"]


def _sources(folder: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(parent, name), ROOMS)
        for parent, _folders, names in os.walk(os.path.join(ROOMS, folder))
        for name in names
        if name.endswith(".py")
    )


def _imports(path: str, *, everywhere: bool = True) -> Iterator[tuple[int, str]]:
    """Line and target of each import of a file, relative ones as ``ROOM.file``; else those run when it is loaded."""
    with open(os.path.join(ROOMS, path), encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree) if everywhere else _at_load(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.split(os.sep)[:-1]
            kept = package[: len(package) - node.level + 1] if node.level else []
            module = [*kept, *(node.module.split(".") if node.module else [])]
            bare = node.level and len(module) == len(kept)
            yield from ((node.lineno, ".".join([*module, alias.name] if bare else module)) for alias in node.names)


def _at_load(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the file is loaded: not functions' bodies, not what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (each for part in child.orelse for each in _at_load(part))
            continue
        yield child
        yield from _at_load(child)


def test_there_is_no_room_without_a_place_in_the_order() -> None:
    folders = {entry.name for entry in os.scandir(ROOMS) if entry.is_dir() and not entry.name.startswith((".", "__"))}
    assert folders <= set(BELOW)


def test_documentation_names_every_folder_and_no_other() -> None:
    with open(os.path.join(PLUGINS, "..", "docs", "architecture", "README.md"), encoding="utf-8") as file:
        text = file.read()
    folders = {os.path.dirname(path) for room in BELOW for path in _sources(room)}
    assert set(re.findall(r"^\| `(_[\w/]+)` \|", text, re.M)) == folders
    named = re.findall(r"`(_\w+(?:/\w+)+\.py)`", text)
    assert named and all(os.path.isfile(os.path.join(ROOMS, path)) for path in named)


@pytest.mark.parametrize("room", BELOW)
def test_room_imports_only_downwards(room: str) -> None:
    allowed = BELOW[room] | {room, "__future__"}
    wrong = [
        f"{path}:{line} imports {target}"
        for path in _sources(room)
        for line, target in _imports(path)
        if target.startswith("_") and not {target, target.split(".")[0]} & allowed
    ]
    assert not wrong


@pytest.mark.parametrize("room", BELOW)
def test_imports_between_rooms_are_relative(room: str) -> None:
    wrong = [
        f"{path}:{line} imports {target}"
        for path in _sources(room)
        for line, target in _imports(path)
        if target.split(".")[0] in ("ansible_collections", "plugins")
    ]
    assert not wrong


@pytest.mark.parametrize("room", ENGINE)
def test_engine_room_does_not_know_ansible(room: str) -> None:
    wrong = [
        f"{path}:{line} imports {target}"
        for path in _sources(room)
        for line, target in _imports(path)
        if target.split(".")[0].startswith("ansible")
    ]
    assert not wrong


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names is new in Python 3.10")
@pytest.mark.parametrize("room", BELOW)
def test_room_loads_no_third_party_library(room: str) -> None:
    known = set(sys.stdlib_module_names) | set(BELOW) | ({"ansible"} if room == "_ansible" else set())
    wrong = [
        f"{path}:{line} imports {target} when it is loaded"
        for path in _sources(room)
        for line, target in _imports(path, everywhere=False)
        if target.split(".")[0] not in known
    ]
    assert not wrong


def test_files_have_no_cycle_among_them() -> None:
    paths = [path for room in BELOW for path in _sources(room)]
    names = {path[:-3].replace(os.sep, "."): path for path in paths}
    edges = {
        name: {target for _line, target in _imports(path, everywhere=False) if target in names and target != name}
        for name, path in names.items()
    }
    while edges:
        leaves = {name for name, targets in edges.items() if not targets}
        assert leaves, f"these import one another: {', '.join(sorted(edges))}"
        edges = {name: targets - leaves for name, targets in edges.items() if name not in leaves}
