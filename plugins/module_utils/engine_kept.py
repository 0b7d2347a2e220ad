# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a target keeps it: compiled once, and imported in half the time that a zip file's modules take.

It is a zip file nonetheless, for Python runs it as a program: the members are ``__main__`` and the package's
``__init__``, which is this file. The code of all other modules stands before them, where ``Finder`` reads it.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Mapping, Optional

PACKAGE = "libpod_engine"


class Finder:
    """Finds and loads the modules of one file (importlib.abc.MetaPathFinder and Loader)."""

    def __init__(self, archive: str, places: Mapping[str, tuple[int, int, bool]]) -> None:
        """``places``: of each module's code the offset and the size in bytes, and whether it is a package's."""
        self.archive = archive
        self._places = places

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """The module ``name``, None where it is not of this file."""
        del path, target
        place = self._places.get(name)
        return ModuleSpec(name, self, is_package=place[2]) if place else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """As Python does it."""

    def exec_module(self, module: ModuleType) -> None:
        """:raises OSError: the file has gone."""
        offset, size, _is_package = self._places[module.__name__]
        file = os.open(self.archive, os.O_RDONLY | os.O_CLOEXEC)
        try:
            code = os.pread(file, size, offset)
        finally:
            os.close(file)
        exec(marshal.loads(code), module.__dict__)


def keep(archive: str, kept: str) -> None:
    """Make the file ``kept`` of the sources in ``archive``, and beside it the operator's command, each in one rename.

    :raises OSError: the folder cannot be written.
    """
    folder = os.path.dirname(kept)
    os.makedirs(folder, 0o700, exist_ok=True)
    os.chmod(os.path.dirname(folder), 0o700)
    temporary = f"{kept}.{os.getpid()}"
    try:
        _write(archive, temporary)
        os.chmod(temporary, 0o600)
        os.rename(temporary, kept)
        _write_launcher(kept, temporary)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _write(archive: str, path: str) -> None:
    import zipfile

    places: dict[str, tuple[int, int, bool]] = {}
    with zipfile.ZipFile(archive) as sent:
        with open(path, "wb") as file:
            for name in sent.namelist():
                if name.startswith(f"{PACKAGE}/"):
                    code = _compiled(sent.read(name), name)
                    module, _slash, last = name[: -len(".py")].replace("/", ".").rpartition(".")
                    is_package = last == "__init__"
                    places[module if is_package else f"{module}.{last}"] = (file.tell(), len(code), is_package)
                    file.write(code)
        del places[PACKAGE]
        finder = (
            sent.read(f"{__name__}.py") + f"\nsys.meta_path.insert(0, Finder(__loader__.archive, {places}))\n".encode()
        )
        with zipfile.ZipFile(path, "a") as made:
            for name, source in (("__main__.py", sent.read("__main__.py")), (f"{PACKAGE}/__init__.py", finder)):
                made.writestr(f"{name}c", _header() + _compiled(source, name))


def _header() -> bytes:
    """Of a .pyc that is never checked against its source (PEP 552): the file's name vouches for it."""
    import importlib.util

    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)


def _compiled(source: bytes, name: str) -> bytes:
    """The code without what nobody reads at run time: docstrings, and annotations."""
    import ast

    class Unannotated(ast.NodeTransformer):
        """Each annotation of a named tuple's field would be compiled when the class is made."""

        def visit_arg(self, node: ast.arg) -> ast.arg:
            node.annotation = None
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.returns = None
            return self.generic_visit(node)

        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
            return self.generic_visit(node)

        def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
            return ast.copy_location(ast.Pass(), node) if node.module == "__future__" else node

    tree = Unannotated().visit(ast.parse(source))
    return marshal.dumps(compile(tree, f"{PACKAGE}/{name}", "exec", dont_inherit=True, optimize=2))


def _write_launcher(kept: str, temporary: str) -> None:
    """``<static_root>/engine/libpod``: the operator's command, by this archive."""
    import shlex

    folder = os.path.dirname(kept)
    words = " ".join(map(shlex.quote, (sys.executable, "-I", kept)))
    root = shlex.quote(os.path.dirname(folder))
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o700), "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nLIBPOD_STATIC_ROOT={root} exec {words} "$@"\n')
    os.chmod(temporary, 0o700)
    os.rename(temporary, f"{folder}/libpod")
