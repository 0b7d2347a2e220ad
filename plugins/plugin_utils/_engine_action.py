# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plugin of the collection's modules: sees to it that the target has the engine."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
from typing import Iterator, Mapping, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.vars import merge_hash

from ..module_utils._engine_archive import PACKAGE, VARIABLE
from ..module_utils._engine_setup import MISSING
from . import _engine_direct

_ROOMS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "module_utils")
# What makes of the archive what a target keeps, and imports it.
_LOADERS = ("_engine_archive", "_engine_boot", "_engine_build", "_engine_kept", "_engine_setup")


def sources() -> Iterator[tuple[str, bytes]]:
    """Return the engine's files as (name in the archive, content), sorted; every folder of a room is a package."""
    for module in _LOADERS:
        yield f"{module}.py", _read(f"{_ROOMS}/{module}.py")
    rooms = (name for name in os.listdir(_ROOMS) if name.startswith("_") and not name.startswith("__"))
    walks = (walk for room in rooms for walk in os.walk(os.path.join(_ROOMS, room)))
    paths = (os.path.join(folder, name) for folder, _folders, names in walks for name in names if name.endswith(".py"))
    for path in sorted(paths):
        yield f"{PACKAGE}/{os.path.relpath(path, _ROOMS)}", _read(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def digest(files: list[tuple[str, bytes]]) -> str:
    """One version of the engine: the first 32 digits of a SHA-256 over names and contents."""
    found = hashlib.sha256()
    for name, content in files:
        found.update(b"%d %s %d " % (len(name), name.encode(), len(content)))
        found.update(content)
    return found.hexdigest()[:32]


def packed(files: list[tuple[str, bytes]]) -> bytes:
    """Return the archive that is sent: the sources, and an ``__init__.py`` for each package."""
    made = io.BytesIO()
    names = {name for name, _content in files}
    packages = {os.path.dirname(name) for name in names if "/" in name}
    packages |= {package[:end] for package in packages for end, each in enumerate(package) if each == "/"}
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in sorted(packages):
            if f"{package}/__init__.py" not in names:
                archive.writestr(f"{package}/__init__.py", b"")
        for name, content in files:
            archive.writestr(name, content)
        # As a program it is the host's helper (see _cli/main.py).
        archive.writestr("__main__.py", f"from {PACKAGE}._cli.main import main\n\nraise SystemExit(main())\n")
    return made.getvalue()


# Read once, by ansible-playbook when it loads the plugin, and not by the process of each task.
_FILES = list(sources())
_DIGEST = digest(_FILES)


class EngineAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs the module of the same name; a target that lacks this version of the engine is sent it, once.

    What a target keeps runs the module directly; where it cannot, Ansible sends the module.
    """

    _supports_check_mode = True
    _supports_async = True
    _directly = False
    _room = ""
    _shared_loader_obj: object

    def __init_subclass__(cls) -> None:
        """Find the module's room once, when the plugin is loaded; what mitogen derives of the plugin inherits it."""
        super().__init_subclass__()
        cls._room = _engine_direct.room(cls.__module__) or cls._room

    def run(self, tmp: object = None, task_vars: Optional[Mapping[str, object]] = None) -> dict[str, object]:
        result: dict[str, object] = super().run(tmp, task_vars)
        del tmp
        request = {
            "static_root": self._task.args.get("static_root") or "",
            "digest": _DIGEST,
            "archive": "",
            "keep": not self._task.check_mode,
        }
        target = f"{(task_vars or {}).get('inventory_hostname')} {self._task.delegate_to} {request['static_root']}"
        request.update(_engine_direct.asked(self._room, task_vars or {}, target))
        wrap_async = self._task.async_val and not self._connection.has_native_async
        try:
            if wrap_async:
                # A job in the background cannot ask for the engine: it gets it beforehand.
                request["archive"] = self._send()
                done = self._module(request, task_vars, wrap_async)
            else:
                done = self._module(request, task_vars, directly="room" in request)
                if done.get(MISSING) == _engine_direct.MISSING:
                    _engine_direct.declined(target)
                    done = self._module(request, task_vars)
                if done.get(MISSING):
                    request["archive"] = self._send()
                    done = self._module(request, task_vars)
        finally:
            if not wrap_async:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        merged: dict[str, object] = merge_hash(result, done)
        return merged

    def _module(
        self, request: dict[str, object], task_vars: object, wrap_async: bool = False, *, directly: bool = False
    ) -> dict[str, object]:
        given = self._task.environment
        given = given if isinstance(given, list) else [given] if given else []
        self._task.environment = [*given, {VARIABLE: json.dumps(request)}]
        self._directly = directly
        try:
            done: dict[str, object] = self._execute_module(task_vars=task_vars, wrap_async=wrap_async)
        finally:
            self._task.environment = given
        return done

    def _configure_module(self, module_name: str, module_args: object, task_vars: object) -> object:
        """Have Ansible put the arguments into what is sent instead of the module."""
        loaders = self._shared_loader_obj
        if self._directly and _engine_direct.takes(module_args):
            self._shared_loader_obj = _engine_direct.Loaders()
            # Raised by another ansible-core than those that it was tried with.
            with contextlib.suppress(AttributeError, TypeError):
                try:
                    made: object = super()._configure_module(module_name, module_args, task_vars)
                    return made
                finally:
                    self._shared_loader_obj = loaders
        unchanged: object = super()._configure_module(module_name, module_args, task_vars)
        return unchanged

    def _send(self) -> str:
        """Transfer the archive into the task's temporary directory and return its path there."""
        if not self._connection._shell.tmpdir:
            self._make_tmp_path()
        path: str = self._connection._shell.join_path(self._connection._shell.tmpdir, "libpod_engine.zip")
        self._put(path, packed(_FILES))
        self._fixup_perms2((self._connection._shell.tmpdir, path))
        return path

    def _put(self, path: str, data: bytes) -> None:
        import tempfile

        with tempfile.NamedTemporaryFile(prefix="libpod-engine-", suffix=".zip") as local:
            local.write(data)
            local.flush()
            self._transfer_file(local.name, path)
