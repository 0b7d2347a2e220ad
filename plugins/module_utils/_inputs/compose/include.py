# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose files that others include, each with a directory and variables of its own (Compose Specification, 14)."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..._model.foreign_yaml import Tagged
from ..fields import Fields, scalars, unread
from .document import PAGE, Document, combined, joined, prepared, read_file, rebased
from .merge import resolved, untagged
from .mounts import host_path
from .variables import Lookup, with_files

_KINDS = ("services", "networks", "volumes", "secrets", "configs")
_UNREAD = ("name", "version", "include")  # of an included file
_MOST = 100  # included files


def load(sources: Sequence[tuple[str, object]], folder: str, look_up: Lookup) -> Document:
    """Return the merged documents of ``sources`` (name, content) with what they include.

    :raises MalformedData: one is no Compose file, includes itself, or has what another has too.
    :raises InvalidArgument: a file that it names cannot be read.
    """
    return _Inclusion().document(sources, folder, look_up, ())


class _Inclusion:
    """The files that those of a project include."""

    def __init__(self) -> None:
        self._number = 0

    def document(
        self, sources: Sequence[tuple[str, object]], folder: str, look_up: Lookup, before: tuple[str, ...]
    ) -> Document:
        """Return the merged documents with what they include; ``before`` are the files that include them.

        What a file includes comes in before the next file is merged over it.
        """
        before = (*before, *(name for name, _content in sources))
        documents = []
        for name, content in sources:
            found = prepared(name, content, look_up)
            included = Foreign(resolved(found.content.get("include"), name, "include"), name, "include")
            found = found._replace(content={key: one for key, one in found.content.items() if key != "include"})
            for one in included:
                found = self._with(found, one, folder, look_up, before)
            documents.append(found)
        return combined(documents, folder, look_up)

    def _with(self, found: Document, node: Foreign, folder: str, look_up: Lookup, before: tuple[str, ...]) -> Document:
        """Return a document with the resources of what one element of its ``include`` names."""
        given = node if isinstance(node.value, dict) else Foreign({"path": node.value}, node.origin, node.path)
        fields = dict.fromkeys(("env_file", "path", "project_directory"), unread)
        Fields(found.file_of, PAGE).of(given, fields)
        paths = [_path(folder, one, given["path"]) for one in scalars(given["path"])]
        if not paths:
            given["path"].fail("a path, or a list of them")
        self._number += len(paths)
        if set(paths) & set(before) or self._number > _MOST:
            raise MalformedData(f"{node.origin}: {node.path}: {paths[0]} includes itself, or more than {_MOST} files")
        directory = given["project_directory"]
        inside = _path(folder, directory.text(), directory) if directory else os.path.dirname(paths[0])
        env_files = [_path(folder, one, given["env_file"]) for one in scalars(given["env_file"])]
        default = f"{inside}/.env"
        if not given["env_file"] and os.path.isfile(default):
            env_files = [default]
        where = f"{node.origin}: {node.path}"
        own = with_files(look_up, env_files, where)
        child = self.document([(path, read_file(path, where)) for path in paths], inside, own, before)
        return _imported(found, child, inside, own)


def _path(folder: str, path: str, node: Foreign) -> str:
    if "://" in path:
        node.fail("the path of a file on the target")
    return host_path(folder, path, node)


def _imported(found: Document, child: Document, folder: str, look_up: Lookup) -> Document:
    """Return a file's document with the resources of an included one, whose directory is ``folder``.

    :raises MalformedData: both have a resource of a name, and not the same one.
    """
    content = dict(found.content)
    for kind, value in child.content.items():
        if kind not in _KINDS:  # what is unknown is refused with the rest
            content.setdefault(kind, value) if kind not in _UNREAD else None
            continue
        there = content.get(kind)
        own = dict(Foreign(untagged(there), found.root().origin, kind).mapping())
        for name, one in child.root()[kind].mapping().items():
            moved = _moved(kind, one, folder, look_up)
            if own.setdefault(name, moved) != moved:
                field = f"{kind}.{name}"
                raise MalformedData(
                    f"{child.file_of(field)}: {field}: {found.file_of(field)} has another one: rename one of the two, "
                    "or change it in a later file, such as compose.override.yaml"
                )
        content[kind] = there._replace(value=own) if isinstance(there, Tagged) else own
    return Document(content, (*child.files, *found.files))


def _moved(kind: str, one: object, folder: str, look_up: Lookup) -> object:
    """Return a resource with its paths as absolute ones, and with the values of variables that it names."""
    if not isinstance(one, Mapping):
        return one
    if kind == "services":
        moved = rebased(dict(one), folder)
        if isinstance(one.get("environment"), dict):
            values = one["environment"].items()
            moved["environment"] = {key: look_up(key) if value is None else value for key, value in values}
        return moved
    if kind in ("secrets", "configs"):
        value = look_up(one["environment"]) if isinstance(one.get("environment"), str) else None
        if value:
            return {**{key: one[key] for key in one if key != "environment"}, "content": value}
        if isinstance(one.get("file"), str):
            return {**one, "file": joined(folder, one["file"])}
    return one
