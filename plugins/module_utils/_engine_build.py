# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make of the engine's sources what a target keeps (see ``_engine_kept.py``); run from the sources themselves."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import marshal
import os
import re
import sys
import zipfile
import zlib
from functools import partial
from typing import Any, Callable, Mapping, Sequence

PACKAGE = "libpod_engine"
KEPT = "_engine_kept"  # the package's __init__, in what is sent
ANSIBLE = "libpod_ansible"  # the module that makes Ansible's own files importable, in what is kept of them
_DISTRIBUTIONS = ("/usr/bin/python3", "/usr/libexec/platform-python")


def keep(sources: str, folder: str, digest: str) -> None:
    """Keep the engine in ``folder``: its sources, their code for this Python, and what starts it without Ansible.

    :raises OSError: the folder cannot be written.
    """
    archive, setup = importlib.import_module("_engine_archive"), importlib.import_module("_engine_setup")
    replace = partial(_replace, archive.mark(digest))
    os.makedirs(folder, 0o700, exist_ok=True)
    os.chmod(os.path.dirname(folder), 0o700)
    kept = f"{folder}/{digest}.zip"
    if os.path.abspath(sources) != kept:
        replace(kept, partial(_copy_sources, sources, digest))
    replace(archive.compiled(folder, digest), partial(_write, sources, digest))
    with zipfile.ZipFile(sources) as sent:
        boot = setup.script(*(sent.read(f"{name}.py") for name in ("_engine_archive", "_engine_setup", "_engine_boot")))
    launcher = setup.launcher(folder, _interpreter(setup.OLDEST), digest, zlib.crc32(boot)).encode()
    replace(f"{folder}/{setup.SCRIPT}", partial(_put, boot))
    replace(f"{folder}/{setup.LAUNCHER}", partial(_put, launcher), 0o700)


def keep_ansible(sources: str, payload: str, path: str, digest: str) -> None:
    """Keep the code of Ansible's own files, for this Python, in ``path``.

    :param sources: the engine's archive
    :param payload: the zip file that Ansible sent with a module
    :param digest: of the files that it was made of
    :raises OSError: the folder cannot be written.
    """
    mark = importlib.import_module("_engine_archive").mark(digest)
    _replace(mark, path, partial(_write_ansible, sources, payload, digest))


def _replace(mark: int, path: str, write: Callable[[str], None], mode: int = 0o600) -> None:
    """Have ``write`` make the file, mark it, and put it in its place by one rename once it is on the disk."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode))
        os.chmod(temporary, mode)
        write(temporary)
        os.utime(temporary, ns=(mark, mark))
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
    setup = importlib.import_module("_engine_setup")
    with zipfile.ZipFile(path, "a") as made:
        made.comment = bytes(setup.SEAL_BYTES)
    with open(path, "r+b") as file:
        content = file.read()[: -setup.SEAL_BYTES]
        file.seek(len(content))
        file.write(setup.seal(digest, zlib.crc32(content)))


def _interpreter(oldest: tuple[int, int]) -> str:
    """Return the path of a Python that outlasts this task's, which may be a virtual environment's.

    It is the distribution's own, if that will do. Its path has no version where the distribution has such a one, so
    that an upgrade changes what it leads to. The version is in the name of the file there: no program is started
    before the task's limits are known.
    """
    ours = os.path.realpath(sys.executable)
    for path in _DISTRIBUTIONS:
        file = os.path.realpath(path)
        named = re.fullmatch(r"(?:platform-)?python3\.(\d+)", os.path.basename(file))
        if file == ours or named and (3, int(named[1])) >= oldest and os.access(path, os.X_OK):
            return path
    # The one that a virtual environment was made of.
    base = f"{sys.base_prefix}/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
    return base if os.access(base, os.X_OK) else ours


def _write(archive: str, digest: str, path: str) -> None:
    codes: dict[str, bytes] = {}
    packages: list[str] = []
    with zipfile.ZipFile(archive) as sent:
        for name in sorted(sent.namelist()):
            if name.startswith(f"{PACKAGE}/"):
                module, is_package = _module(name)
                if is_package:
                    packages.append(module)
                else:
                    codes[module] = _compiled(sent.read(name), name)
        packages.remove(PACKAGE)
        finder, main = sent.read(f"{KEPT}.py"), sent.read("__main__.py")
    _put_codes(path, digest, codes, packages, {f"{PACKAGE}/__init__.py": finder, "__main__.py": main})


def _write_ansible(sources: str, payload: str, digest: str, path: str) -> None:
    """Write Ansible's modules as Ansible compiles them: its dataclasses need their annotations."""
    codes: dict[str, bytes] = {}
    packages: list[str] = []
    with zipfile.ZipFile(payload) as sent:
        for name in sent.namelist():
            if name == "ansible/__init__.py" or name.startswith("ansible/module_utils/"):
                source = sent.read(name)
                if name in ("ansible/__init__.py", "ansible/module_utils/__init__.py"):
                    # Else Python would look for more of the package in sys.path: a host may have another Ansible.
                    source = re.sub(rb"(?m)^.*\bextend_path\b.*$", b"", source)
                module, is_package = _module(name)
                if is_package:
                    packages.append(module)
                codes[module] = marshal.dumps(compile(source, name, "exec", dont_inherit=True))
    with zipfile.ZipFile(sources) as engine:
        _put_codes(path, digest, codes, packages, {f"{ANSIBLE}.py": engine.read(f"{KEPT}.py")})


def _module(name: str) -> tuple[str, bool]:
    """Return the module of a file in an archive, and whether it is a package."""
    module = name[: -len(".py")].replace("/", ".")
    package = module.removesuffix(".__init__")
    return package, package != module


def _put_codes(
    path: str, digest: str, codes: Mapping[str, bytes], packages: Sequence[str], members: Mapping[str, bytes]
) -> None:
    """Write a file of modules' codes, and the members of its zip file, of which the first finds the codes."""
    places: dict[str, tuple[int, int]] = {}
    with open(path, "wb") as file:
        for module, code in codes.items():
            places[module] = (file.tell(), len(code))
            file.write(code)
    load = f"\nsys.meta_path.insert(0, Finder(__loader__.archive, {places}, {sorted(packages)}))\n".encode()
    with zipfile.ZipFile(path, "a") as made:
        for name, source in members.items():
            made.writestr(zipfile.ZipInfo(f"{name}c"), _header() + _compiled(source + load, name))
            load = b""
    _seal(path, digest)


def _header() -> bytes:
    """Of a .pyc that is never checked against its source (PEP 552): the file's name vouches for it."""
    return importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)


def _compiled(source: bytes, name: str) -> bytes:
    """Return the code without what is not used at run time, such as docstrings and annotations.

    Named tuples are defined in a fifth of the time (see ``_engine_kept.NamedTuple``).
    """
    tree = ast.fix_missing_locations(_Stripped().visit(ast.parse(source)))
    return marshal.dumps(compile(tree, f"{PACKAGE}/{name}", "exec", dont_inherit=True, optimize=2))


class _Stripped(ast.NodeTransformer):
    """Without annotations; each one of a field would be compiled when the class is made."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.copy_location(ast.Constant(None), node.annotation)
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        is_record = [ast.unparse(base) for base in node.bases] == ["NamedTuple"]
        return self.generic_visit(_defined(node) if is_record else node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.module == "__future__":
            return ast.copy_location(ast.Pass(), node)
        return _without_typing(node) if node.module == "typing" else node


def _without_typing(node: ast.ImportFrom) -> list[ast.stmt]:
    """Return an import from typing with the engine's own NamedTuple in place of typing's."""
    names = [alias for alias in node.names if alias.name != "NamedTuple"]
    own = ast.parse(f"from {PACKAGE} import NamedTuple").body if len(names) < len(node.names) else []
    return [*own, *([ast.ImportFrom(node.module, names, node.level)] if names else [])]


def _defined(node: ast.ClassDef) -> ast.ClassDef:
    """Give a class of a named tuple the method that NamedTuple would compile each time the class is made."""
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    names = [each.target.id for each in fields if isinstance(each.target, ast.Name)]
    (new,) = ast.parse(f"def __new__(_cls, {', '.join(names)}): return _cls._made(_cls, ({', '.join(names)},))").body
    if isinstance(new, ast.FunctionDef):
        new.args.defaults = [each.value for each in fields if each.value]
    begin = ast.parse(f"__slots__ = ()\n_fields = {tuple(names)!r}").body
    node.body = [*begin, new, *(each for each in node.body if each not in fields)]
    return node
