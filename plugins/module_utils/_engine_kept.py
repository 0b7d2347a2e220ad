# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as a target keeps it: compiled once, and imported in half the time that a zip file's modules take.

It is a zip file nonetheless, for Python runs it as a program: the members are ``__main__`` and the package's
``__init__``, which is this file. The code of all other modules stands before them, where ``Finder`` reads it. Each
task loads this file, so what makes the archive is in ``_engine_build.py``.
"""

from __future__ import annotations

import collections
import marshal
import operator
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

# Makes the descriptor of a named tuple's field; CPython has one that is faster than a property.
_field: Any = getattr(collections, "_tuplegetter", lambda number, _doc: property(operator.itemgetter(number)))


class Finder:
    """Finds and loads the modules of one file (importlib.abc.MetaPathFinder and Loader)."""

    def __init__(self, archive: str, places: Mapping[str, tuple[int, int]], packages: Sequence[str]) -> None:
        """``places``: offset and size in bytes of each module's code; ``packages`` without code are there at once."""
        self.archive = archive
        self._places = places
        self._packages = set(packages)
        self._file = os.open(archive, os.O_RDONLY | os.O_CLOEXEC)
        for name in packages:
            if name in places:
                continue
            package = sys.modules[name] = ModuleType(name)
            package.__path__ = []
            package.__package__ = name
            parent, _dot, last = name.rpartition(".")
            setattr(sys.modules[parent], last, package)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """Return the module ``name``, None where it is not of this file."""
        del path, target
        if name not in self._places:
            return None
        return ModuleSpec(name, self, is_package=name in self._packages)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code.

        :raises ImportError: the file is damaged, and the next task makes it again
        """
        offset, size = self._places[module.__name__]
        try:
            code = marshal.loads(os.pread(self._file, size, offset))
        except (ValueError, EOFError, TypeError) as error:
            os.utime(self.archive)  # takes the mark of a whole file away
            raise ImportError(f"{self.archive} is damaged: {error}") from error
        module.__file__ = code.co_filename
        exec(code, module.__dict__)


class NamedTuple(tuple):  # type: ignore[type-arg]
    """The base of the engine's named tuples, in what is kept: defined as ``typing.NamedTuple`` defines them.

    That one makes and compiles the source of ``__new__`` whenever a module with such a class is imported. Here
    ``_engine_build`` has done so beforehand.
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: Mapping[str, Any] = {}
    _made = staticmethod(tuple.__new__)

    def __init_subclass__(cls) -> None:
        defaults = cls.__new__.__defaults__ or ()
        cls._field_defaults = dict(zip(cls._fields[len(cls._fields) - len(defaults) :], defaults))
        for number, name in enumerate(cls._fields):
            setattr(cls, name, _field(number, ""))

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Any:
        return cls(*values)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self))

    def _replace(self, **values: Any) -> Any:
        replaced = self._made(type(self), [values.pop(name, value) for name, value in zip(self._fields, self)])
        if values:
            raise ValueError(f"Got unexpected field names: {sorted(values)!r}")
        return replaced

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
        return f"{type(self).__name__}({values})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def starts(folder: str, mark: Callable[[str], int]) -> bool:
    """Return whether the host can start a version without Ansible: boot script, sources, launcher, interpreter.

    :param mark: tells the modification time of what is whole (see ``_engine_archive.mark``)
    """
    import json

    try:
        with open(f"{folder}/libpod", encoding="utf-8") as file:
            record = json.loads(file.read(4096).split("\n")[1][1:])
        version, interpreter = record["digest"], record["interpreter"]
        for name in ("boot.py", f"{version}.zip", "libpod"):
            info = os.lstat(f"{folder}/{name}")
            if info.st_mtime_ns != mark(version):
                return False
        return bool(info.st_mode & 0o100) and os.access(interpreter, os.X_OK)
    except (OSError, ValueError, LookupError, TypeError):
        return False
