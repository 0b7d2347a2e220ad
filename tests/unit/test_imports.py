# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms' order: imports lead only downwards, and a task loads no library that it does not need."""

from __future__ import annotations

import ast
import os
import re
import sys
from functools import cache
from typing import Callable, Collection, Iterator, Mapping

import pytest

PLUGINS = os.path.join(os.path.dirname(__file__), "..", "..", "plugins")
ROOMS = os.path.join(PLUGINS, "module_utils")

# Each room and those it may import from, beside itself: the diagram of docs/architecture/README.md. The store waits for
# locks that programs hold, and writes records on a full file system.
_ENGINE = "_model _store _spec _drivers _container _runtime _resources _reconcile".split()
BELOW: dict[str, set[str]] = {
    "_model": set(),
    "_store": {"_model", "_drivers.overdue", "_drivers.reserve"},
    "_spec": {"_model"},
    "_drivers": {"_model"},
    "_container": {"_model", "_store", "_spec", "_drivers"},
    "_runtime": {"_model", "_store", "_spec", "_drivers", "_container"},
    "_resources": set(_ENGINE[:6]),
    "_reconcile": set(_ENGINE[:7]),
    "_inputs": {"_model", "_drivers"},
    "_exit_command": set(_ENGINE),
    "_cli": {*_ENGINE, "_exit_command"},
    "_ansible": {*_ENGINE, "_inputs"},
}
# Modules that a file names and does not import.
NOT_IMPORTS = {
    ("_drivers.engine.command", "_cli.main"): "the program of another process: conmon's exit command, and the runners",
}
# Rooms of data and pure functions, and the pure parts of libraries that access the host. sysconf(3) gives
# the table of cgroup limits the kernel's page size.
PURE = ("_model", "_spec")
_LOOKING = "ctypes fcntl glob grp io pathlib platform pwd resource shutil subprocess sys tempfile time"
LIBRARIES: dict[str, set[str]] = {
    "os": {"path.basename", "path.dirname", "path.join", "path.normpath", "strerror", "sysconf"},
    "socket": {"AF_INET", "AF_INET6", "inet_ntop", "inet_pton"},
    **{name: set() for name in _LOOKING.split()},
}
# Records what the starting process passes to the engine, before the engine discards it.
LOOKS_AT_HOST = {"_model.caller"}
ENGINE = [room for room in BELOW if room != "_ansible"]


def _sources(folder: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(parent, name), ROOMS)
        for parent, _folders, names in os.walk(os.path.join(ROOMS, folder))
        for name in names
        if name.endswith(".py")
    )


@cache
def _tree(path: str) -> ast.Module:
    with open(os.path.join(ROOMS, path), encoding="utf-8") as file:
        return ast.parse(file.read())


def _imports(path: str, nodes: Callable[[ast.AST], Iterator[ast.AST]] = ast.walk) -> Iterator[tuple[int, str]]:
    """Yield line and target of each import among a file's ``nodes``, relative ones as ``ROOM.file``."""
    for node in nodes(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.split(os.sep)[:-1]
            kept = package[: len(package) - node.level + 1] if node.level else []
            module = [*kept, *(node.module.split(".") if node.module else [])]
            folder = node.level and os.path.isdir(os.path.join(ROOMS, *module))
            yield from ((node.lineno, ".".join([*module, alias.name] if folder else module)) for alias in node.names)


def _at_load(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run on import: no function bodies, and nothing under TYPE_CHECKING."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (each for part in child.orelse for each in _at_load(part))
            continue
        yield child
        yield from _at_load(child)


def _in_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run when a function is called."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (each for statement in node.body for each in ast.walk(statement))


def test_every_room_has_a_place_in_the_order() -> None:
    folders = {entry.name for entry in os.scandir(ROOMS) if entry.is_dir() and not entry.name.startswith((".", "__"))}
    assert folders <= set(BELOW)


def _page(name: str) -> str:
    with open(os.path.join(PLUGINS, "..", "docs", "architecture", name), encoding="utf-8") as file:
        return file.read()


def test_documentation_names_every_folder_and_no_other() -> None:
    folders = {os.path.dirname(path) for room in BELOW for path in _sources(room)}
    assert set(re.findall(r"^\| `(_[\w/]+)` \|", _page("README.md"), re.M)) == folders


def _drawn() -> list[tuple[str, str]]:
    """Return the rooms of the diagram in its order, each with the room whose branch it is on."""
    rooms: list[tuple[str, str]] = []
    branches: dict[int, str] = {}
    for line in _page("README.md").partition("task parameters\n")[2].partition("```")[0].splitlines():
        found = re.fullmatch(r"([ │]*)[├└]─+ (\S+) .*", line)
        assert found, line
        depth = len(found[1])
        branches[depth] = found[2]
        rooms.append((found[2], branches[max((one for one in branches if one < depth), default=depth)]))
    return rooms


def test_diagram_has_the_rooms_of_a_task_in_the_order_of_their_imports() -> None:
    rooms = _drawn()
    order = [room for room, _above in rooms if room in BELOW]
    assert rooms[0][0] == "plugins/modules" and set(BELOW) - set(order) == {"_cli", "_exit_command"}
    for room, above in rooms[1:]:
        assert above == "plugins/modules" or room in BELOW[above], f"{above} does not import {room}"
    for number, room in enumerate(order):
        above = {one.partition(".")[0] for one in BELOW[room] if "." not in one} & set(order[:number])
        assert not above, f"{room} imports {above}, which the diagram has above it"


def test_documentation_of_where_to_look_names_files_that_exist() -> None:
    named = re.findall(r"`(_\w+(?:/\w+)+\.py)`", _page("where-to-look.md"))
    assert named and [path for path in named if not os.path.isfile(os.path.join(ROOMS, path))] == []


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
        for line, target in _imports(path, _at_load)
        if target.split(".")[0] not in known
    ]
    assert not wrong


def _module(path: str) -> str:
    return path[:-3].replace(os.sep, ".")


def _is_import_module(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr == "import_module"
    return isinstance(node, ast.Name) and node.id == "import_module"


def _imported_by_string(path: str, modules: Collection[str]) -> set[str]:
    """Return the modules named by a file's strings: ``ROOM.file``, or a file beside one that imports by string."""
    tree = _tree(path)
    loaders = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(_is_import_module(inner) for inner in ast.walk(node))
    }
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    beside = {
        f"{_module(os.path.dirname(path) + '.py')}.{node.args[0].value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in loaders
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }
    return {name for name in beside | {string.lstrip(".") for string in strings} if name in modules}


def _graph(*, everywhere: bool) -> dict[str, set[str]]:
    """Return the imports of each of the engine's files when it is loaded; with ``everywhere`` also deferred ones."""
    paths = {_module(path): path for room in BELOW for path in _sources(room)}
    edges = {}
    for name, path in paths.items():
        targets = {target for _line, target in _imports(path, ast.walk if everywhere else _at_load)}
        if everywhere:
            targets |= _imported_by_string(path, paths)
        edges[name] = targets & set(paths) - {name}
    return edges


def test_files_have_no_cycle_among_them() -> None:
    edges = _graph(everywhere=True)
    for name, target in NOT_IMPORTS:
        edges[name].remove(target)
    circle = {name for name in edges if name in _reached(name, edges)}
    assert not circle, "\n".join(f"{name} imports {', '.join(sorted(edges[name] & circle))}" for name in sorted(circle))


def _reached(name: str, edges: Mapping[str, set[str]]) -> set[str]:
    """Return the transitive imports of a file."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        new = edges[waiting.pop()] - reached
        reached |= new
        waiting += new
    return reached


def test_deferred_import_saves_loading_a_file() -> None:
    """A deferred import must save loading a file: one that its own file always loads needs no deferring."""
    at_load = _graph(everywhere=False)
    vain = [
        f"{path}:{line} imports {target}, which is loaded with it"
        for path, name in ((path, _module(path)) for room in BELOW for path in _sources(room))
        for line, target in _imports(path, _in_functions)
        if target in _reached(name, at_load)
    ]
    assert not vain


def _uses_of_host(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each use of ``open`` and of impure functions of imported libraries."""
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "open":
            yield node.lineno, "open"
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module in LIBRARIES:
            yield node.lineno, node.module
        elif isinstance(node, ast.Attribute):
            library, _dot, name = ast.unparse(node).partition(".")
            if library in imported & set(LIBRARIES) and name != "path" and name not in LIBRARIES[library]:
                yield node.lineno, f"{library}.{name}"


@pytest.mark.parametrize("room", PURE)
def test_pure_room_does_not_access_the_host(room: str) -> None:
    uses = []
    for path in _sources(room):
        uses_here = list(_uses_of_host(_tree(path)))
        assert bool(uses_here) or _module(path) not in LOOKS_AT_HOST
        uses += [f"{path}:{line} uses {name}" for line, name in uses_here if _module(path) not in LOOKS_AT_HOST]
    assert not uses
