# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the OCI runtime runs as a container begins and ends: files of oci-hooks(5), version 1.0.0."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Iterable, Mapping

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData
from ..._model.foreign import Foreign

_STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# The members of ``when`` and of ``hook``, and how each is read.
_CONDITIONS: dict[str, Callable[[Foreign], object]] = {
    "always": lambda one: one.flag(required=True),
    "annotations": Foreign.text_map,
    "commands": Foreign.texts,
    "hasBindMounts": lambda one: one.flag(required=True),
}
_FIELDS: dict[str, Callable[[Foreign], Any]] = {
    "path": Foreign.text,
    "args": Foreign.texts,
    "env": Foreign.texts,
    "timeout": lambda one: one.integer(low=1, required=True),
}


def read(directories: Iterable[str]) -> list[dict[str, Any]]:
    """Return the hooks of these directories in the order of their files' names; the last directory with a name wins.

    :raises InvalidArgument: a directory or file cannot be used; it is named.
    """
    hooks: dict[str, dict[str, Any]] = {}
    for directory in directories:
        try:
            names = [name for name in os.listdir(directory) if name.endswith(".json")]
        except OSError as error:
            raise _wrong(directory, error.strerror, "a directory on the host") from error
        for name in names:
            hooks[name] = _read_file(f"{directory}/{name}")
    return [hooks[name] for name in sorted(hooks)]


def chosen(hooks: Iterable[Mapping[str, Any]], spec: Mapping[str, object], bind_mounts: bool) -> dict[str, object]:
    """Return ``hooks`` of the OCI spec: those whose conditions hold, by stage."""
    matching = [hook for hook in hooks if _matches(hook["when"], spec, bind_mounts)]
    stages = {stage: [hook["hook"] for hook in matching if stage in hook["stages"]] for stage in _STAGES}
    return {stage: programs for stage, programs in stages.items() if programs}


def _wrong(path: str, reason: object, expected: str) -> InvalidArgument:
    return InvalidArgument(f"hooks_dir: {path} cannot be used: {reason}: expected {expected}")


def _read_file(path: str) -> dict[str, Any]:
    try:
        return _checked(foreign_files.read_json(path))
    except OSError as error:
        raise _wrong(path, error.strerror, "a hook as oci-hooks(5) has it") from error
    except MalformedData as error:
        raise InvalidArgument(f"hooks_dir: {error}") from error


def _checked(hook: Foreign) -> dict[str, Any]:
    if hook["version"].text() != "1.0.0":
        hook["version"].fail("1.0.0, oci-hooks(5)'s")
    stages = hook["stages"].texts()
    if not stages or set(stages) - set(_STAGES):
        hook["stages"].fail(f"some of {', '.join(_STAGES)}")
    program, when = _object(hook["hook"], _FIELDS), _object(hook["when"], _CONDITIONS)
    name = program.get("path", "")
    if not name.startswith("/") or not os.access(name, os.X_OK) or os.path.isdir(name):
        hook["hook"]["path"].fail("the absolute path of a program on the host that can be run")
    patterns = [*when.get("commands", ()), *(word for pair in when.get("annotations", {}).items() for word in pair)]
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            hook["when"].fail(f"regular expressions ({error} in {pattern[:80]!r})")
    return {"hook": program, "when": when, "stages": stages}


def _object(value: Foreign, fields: Mapping[str, Callable[[Foreign], Any]]) -> dict[str, Any]:
    """Return the members of an object, which may have only those in ``fields``."""
    if not value.mapping():
        value.fail(f"an object with some of {', '.join(fields)}")
    for unknown in sorted(set(value.mapping()) - set(fields)):
        value[unknown].fail(f"none but {', '.join(fields)} here")
    return {name: fields[name](one) for name, one in value.items()}


def _matches(when: Mapping[str, Any], spec: Mapping[str, Any], bind_mounts: bool) -> bool:
    """Return whether all conditions hold; of ``commands`` one has to match."""
    conditions = []
    if "always" in when:
        conditions.append(when["always"])
    if "hasBindMounts" in when:
        conditions.append(when["hasBindMounts"] and bind_mounts)
    for key, value in when.get("annotations", {}).items():
        annotations = spec["annotations"].items()
        conditions.append(any(re.search(key, name) and re.search(value, text) for name, text in annotations))
    if when.get("commands"):
        conditions.append(any(re.search(pattern, spec["process"]["args"][0]) for pattern in when["commands"]))
    return bool(conditions) and all(conditions)
