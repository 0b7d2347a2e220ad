# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a target keeps it: compiled once, and imported in half the time that a zip file's modules take.

It is a zip file nonetheless, for Python runs it as a program: the members are ``__main__`` and the package's
``__init__``, which is this file. The code of all other modules stands before them, where ``Finder`` reads it.
"""

from __future__ import annotations

import importlib
import marshal
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Mapping, Optional

PACKAGE = "libpod_engine"
KEPT = "engine_kept"  # this file, in what is sent


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


def keep(sources: str, folder: str, digest: str) -> None:
    """Keep the engine in ``folder``: its sources, their code for this Python, and what starts it without Ansible.

    :raises OSError: the folder cannot be written.
    """
    import zipfile
    import zlib
    from functools import partial

    names, start = importlib.import_module("engine_archive"), importlib.import_module("engine_boot")
    os.makedirs(folder, 0o700, exist_ok=True)
    os.chmod(os.path.dirname(folder), 0o700)
    kept = f"{folder}/{digest}.zip"
    if os.path.abspath(sources) != kept:
        _replace(kept, partial(_copy_sources, sources, digest))
    _replace(names.compiled(folder, digest), partial(_write, sources, digest))
    with zipfile.ZipFile(sources) as sent:
        boot = start.script(sent.read(f"{names.ARCHIVE}.py"), sent.read(f"{names.BOOT}.py"))
    text = start.launcher(folder, _interpreter(names.OLDEST), digest, zlib.crc32(boot)).encode()
    _replace(f"{folder}/{start.SCRIPT}", partial(_put, boot))
    _replace(f"{folder}/{start.LAUNCHER}", partial(_put, text), 0o700)


def _replace(path: str, write: Callable[[str], None], mode: int = 0o600) -> None:
    """Have ``write`` make the file, and put it in its place by one rename once it is on the disk."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode))
        os.chmod(temporary, mode)
        write(temporary)
        _sync(temporary)
        os.rename(temporary, path)
        _sync(os.path.dirname(path))
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put(content: bytes, path: str) -> None:
    with open(path, "wb") as file:
        file.write(content)


def _copy_sources(sources: str, digest: str, path: str) -> None:
    with open(sources, "rb") as file:
        _put(file.read(), path)
    _seal(path, digest)


def _seal(path: str, digest: str) -> None:
    """Give the zip file its comment, which Python and unzip(1) pass over."""
    import zipfile
    import zlib

    names = importlib.import_module("engine_archive")
    with zipfile.ZipFile(path, "a") as made:
        made.comment = bytes(names.SEAL_BYTES)
    with open(path, "r+b") as file:
        content = file.read()[: -names.SEAL_BYTES]
        file.seek(len(content))
        file.write(names.seal(digest, zlib.crc32(content)))


def _interpreter(oldest: tuple[int, int]) -> str:
    """A Python that outlasts this task's, which may be a virtual environment's: the distribution's own, if it will do.

    Its path has no version where the distribution has such a one, so that an upgrade changes what it leads to.
    """
    import subprocess

    ours = os.path.realpath(sys.executable)
    for path in ("/usr/bin/python3", "/usr/libexec/platform-python"):
        if os.path.realpath(path) == ours:
            return path
        test = f"import sys; raise SystemExit(sys.version_info < {oldest})"
        if os.access(path, os.X_OK) and not subprocess.run([path, "-I", "-c", test], check=False).returncode:
            return path
    # The one that a virtual environment was made of.
    base = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    return base if os.access(base, os.X_OK) else ours


def _write(archive: str, digest: str, path: str) -> None:
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
        finder = sent.read(f"{KEPT}.py") + f"\nsys.meta_path.insert(0, Finder(__loader__.archive, {places}))\n".encode()
        with zipfile.ZipFile(path, "a") as made:
            members = {name: sent.read(name) for name in ("__main__.py", "engine_boot.py")}
            for name, source in ({**members, f"{PACKAGE}/__init__.py": finder}).items():
                made.writestr(zipfile.ZipInfo(f"{name}c"), _header() + _compiled(source, name))
    _seal(path, digest)


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
