# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files read: YAML, variables, several files merged, ``extends`` followed."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Callable, NamedTuple, Sequence

from ..._model import foreign_yaml
from ..._model.errors import InvalidArgument, MalformedData
from ..._model.foreign import Foreign
from ..._model.foreign_yaml import Tagged
from ..yaml_files import read
from .merge import TAGS, canonical, merged, resolved, untagged, within
from .variables import Lookup, interpolate

PAGE = "docs/howto/compose-files.md"
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_DEEPEST = 64  # levels of a document with its aliases written out
_ABSENT = object()
_MOST_EXTENDED = 32  # services, one extending the next


class Document(NamedTuple):
    """The merged files: their content, and each one's by its name, to say where a field stands."""

    content: dict[str, object]
    files: tuple[tuple[str, dict[str, object]], ...]

    def root(self) -> Foreign:
        """Return the content, with messages that name the files."""
        return Foreign(self.content, ", ".join(dict.fromkeys(name for name, _content in self.files)))

    def file_of(self, path: str) -> str:
        """Return the last file that has a field, such as ``services.web.deploy``; all of them where none has it."""
        name: str
        for name, content in reversed(self.files):
            node: object = content
            for key in path.partition("[")[0].split("."):
                node = untagged(node)
                node = node.get(key, _ABSENT) if isinstance(node, dict) else _ABSENT
            if node is not _ABSENT:
                return name
        return self.root().origin


def default_files(folder: str) -> list[str]:
    """Return the Compose file of a directory, and the one over it where there is one.

    :raises InvalidArgument: it has none.
    """
    for names in (NAMES, _OVERRIDES):
        found = next((f"{folder}/{name}" for name in names if os.path.exists(f"{folder}/{name}")), None)
        if names is NAMES:
            if found is None:
                raise InvalidArgument(f"project_src: {folder} has no {' or '.join(NAMES)}: name the files with files")
            paths = [found]
        elif found:
            paths.append(found)
    return paths


def read_file(path: str, option: str = "files") -> object:
    """Return a Compose file's content; ``option`` is the one that names the file, or the place in another file.

    :raises MalformedData: it is no YAML, or too large. :raises InvalidArgument: it cannot be read.
    """
    return read(path, option, partial(foreign_yaml.parse_core, tags=TAGS))


def prepared(name: str, content: object, look_up: Lookup) -> Document:
    """Return one file as a document, with its variables and with the long form of its services.

    :raises MalformedData: it is no Compose file.
    """
    if not isinstance(content, dict):
        raise MalformedData(f"{name}: expected a Compose file, a mapping with the key services")
    own: dict[str, object] = _interpolated(content, look_up, name, "", 0)
    if isinstance(untagged(own.get("services")), dict):
        own["services"] = within(
            own["services"], lambda services: {key: within(one, canonical) for key, one in services.items()}
        )
    return Document(own, ((name, own),))


def combined(documents: Sequence[Document], folder: str, look_up: Lookup) -> Document:
    """Return prepared documents as one: merged in their order, with what their services extend.

    :raises MalformedData: they cannot be merged. :raises InvalidArgument: a file that they name cannot be read.
    """
    whole: dict[str, object] = {}
    for one in documents:
        whole = merged(whole, one.content)
    found = Document(whole, tuple(file for one in documents for file in one.files))
    services = untagged(whole.get("services")) or {}
    if not isinstance(services, dict):
        Foreign(services, found.root().origin, "services").fail("a mapping")
    extended = _Extension(found.root().origin, folder, look_up)
    whole = {**whole, "services": {name: extended.of(services, name, folder, ()) for name in services}}
    return found._replace(content=resolved(whole, found.root().origin))


def _interpolated(value: Any, look_up: Lookup, origin: str, path: str, depth: int) -> Any:
    """Return a copy of a value, whose texts have their variables; keys are left as they are."""
    if depth > _DEEPEST:
        raise MalformedData(f"{origin}: nested too deeply to be read")
    if isinstance(value, dict):
        for key in value:
            Foreign(key, origin, f"{path} (a key)").text(required=True)
        dot = f"{path}." if path else ""
        return {key: _interpolated(one, look_up, origin, f"{dot}{key}", depth + 1) for key, one in value.items()}
    if isinstance(value, Tagged):
        return value._replace(value=_interpolated(value.value, look_up, origin, path, depth + 1))
    if isinstance(value, (list, tuple)):
        return [_interpolated(one, look_up, origin, f"{path}[{at}]", depth + 1) for at, one in enumerate(value)]
    if isinstance(value, str):
        text = interpolate(value, look_up, f"{origin}: {path}")
        try:
            return Foreign(text, origin, path).text()
        except MalformedData:  # its message has the text, which may be a password
            raise MalformedData(f"{origin}: {path}: expected text without NUL bytes and lone surrogates") from None
    return value


class _Extension:
    """The services of files, each with what it extends."""

    def __init__(self, origin: str, folder: str, look_up: Lookup) -> None:
        self._origin = origin
        self._folder = folder
        self._look_up = look_up
        self._read: dict[str, dict[str, object]] = {}

    def of(
        self, services: dict[str, object], name: str, folder: str, before: tuple[str, ...], origin: str = ""
    ) -> object:
        """Return a service with what it extends below it; ``before`` are the services that extend it.

        :raises MalformedData: there is no such service, or it extends itself.
        """
        origin, service = origin or self._origin, services[name]
        extends = untagged(untagged(service).get("extends")) if isinstance(untagged(service), dict) else None
        if extends is None:
            return service
        node = Foreign(extends, origin, f"services.{name}.extends")
        base = node["service"].text(required=True) if isinstance(extends, dict) else node.text(required=True)
        file = node["file"].text() if isinstance(extends, dict) else ""
        mark = f"{folder} {file} {base}"
        if mark in before or len(before) > _MOST_EXTENDED:
            raise MalformedData(f"{origin}: services.{name}.extends: the service extends itself")
        there, where = folder, origin
        if file:
            path = os.path.join(folder, os.path.expanduser(file))
            there, where = os.path.dirname(path), path
            services = self._services(path, f"{origin}: {node.path}")
        if not isinstance(untagged(services.get(base)), dict):
            raise MalformedData(f"{origin}: services.{name}.extends: {where} has no service {base!r}")
        below = resolved(self.of(services, base, there, (*before, mark), where), where)
        if there != folder:
            below = rebased(below, there)
        return within(service, lambda own: merged(below, {key: one for key, one in own.items() if key != "extends"}))

    def _services(self, path: str, named_by: str) -> dict[str, object]:
        if path not in self._read:
            self._read[path] = prepared(path, read_file(path, named_by), self._look_up).content
        services = untagged(self._read[path].get("services"))
        return services if isinstance(services, dict) else {}


def rebased(service: dict[str, Any], folder: str) -> dict[str, object]:
    """Return a service of a file elsewhere, with the paths that are relative to it as absolute ones."""
    changed = dict(service)
    for field in ("env_file", "label_file"):
        if isinstance(service.get(field), list):
            changed[field] = [_at(one, "path", partial(joined, folder)) for one in service[field]]
    if isinstance(service.get("volumes"), list):
        changed["volumes"] = [_mounted(one, folder) for one in service["volumes"]]
    if isinstance(service.get("build"), dict):
        context = service["build"].get("context", ".")
        if isinstance(context, str):
            changed["build"] = {**service["build"], "context": joined(folder, context)}
    return changed


def joined(folder: str, path: str) -> str:
    """Return a path that is relative to a directory as an absolute one; one of the user's home is such a path too."""
    return os.path.join(folder, os.path.expanduser(path))


def _mounted(volume: object, folder: str) -> object:
    """Return a volume whose source is a path as one with an absolute one."""
    bound = isinstance(volume, dict) and volume.get("type") == "bind"
    return _at(volume, "source", lambda path: joined(folder, path) if bound or path.startswith((".", "~")) else path)


def _at(value: object, key: str, change: Callable[[str], str]) -> object:
    """Return a text changed, or a mapping with the text of one key changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict) and isinstance(value.get(key), str):
        return {**value, key: change(value[key])}
    return value
