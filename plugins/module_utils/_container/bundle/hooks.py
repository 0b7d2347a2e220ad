# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the OCI runtime runs as a container begins and ends: files of oci-hooks(5), version 1.0.0."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Iterable, NamedTuple, Sequence, TypedDict

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData
from ..._model.foreign import Foreign

if TYPE_CHECKING:
    from ..._spec.types import Hook, Spec

_STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# The members of ``when`` and of ``hook``.
_CONDITIONS = ("always", "annotations", "commands", "hasBindMounts")
_FIELDS = ("path", "args", "env", "timeout")


class _When(TypedDict, total=False):
    always: bool
    annotations: dict[str, str]
    commands: list[str]
    hasBindMounts: bool


class Definition(NamedTuple):
    """A file's hook, the conditions for it, and its stages."""

    hook: Hook
    when: _When
    stages: list[str]


def read(directories: Iterable[str]) -> list[Definition]:
    """Return the hooks of these directories in the order of their files' names; the last directory with a name wins.

    :raises InvalidArgument: a directory or file cannot be used; it is named.
    """
    hooks: dict[str, Definition] = {}
    for directory in directories:
        try:
            names = [name for name in os.listdir(directory) if name.endswith(".json")]
        except OSError as error:
            raise _wrong(directory, error.strerror, "a directory on the host") from error
        for name in names:
            hooks[name] = _read_file(f"{directory}/{name}")
    return [hooks[name] for name in sorted(hooks)]


def chosen(hooks: Iterable[Definition], spec: Spec, bind_mounts: bool) -> dict[str, list[Hook]]:
    """Return ``hooks`` of the OCI spec: those whose conditions hold, by stage."""
    matching = [hook for hook in hooks if _matches(hook.when, spec, bind_mounts)]
    stages = {stage: [hook.hook for hook in matching if stage in hook.stages] for stage in _STAGES}
    return {stage: programs for stage, programs in stages.items() if programs}


def _wrong(path: str, reason: object, expected: str) -> InvalidArgument:
    return InvalidArgument(f"hooks_dir: {path} cannot be used: {reason}: expected {expected}")


def _read_file(path: str) -> Definition:
    try:
        return _checked(foreign_files.read_json(path))
    except OSError as error:
        raise _wrong(path, error.strerror, "a hook as oci-hooks(5) has it") from error
    except MalformedData as error:
        raise InvalidArgument(f"hooks_dir: {error}") from error


def _checked(hook: Foreign) -> Definition:
    if hook["version"].text() != "1.0.0":
        hook["version"].fail("1.0.0, oci-hooks(5)'s")
    stages = hook["stages"].texts()
    if not stages or set(stages) - set(_STAGES):
        hook["stages"].fail(f"some of {', '.join(_STAGES)}")
    program, when = _program(hook["hook"]), _conditions(hook["when"])
    name = program.get("path", "")
    if not name.startswith("/") or not os.access(name, os.X_OK) or os.path.isdir(name):
        hook["hook"]["path"].fail("the absolute path of a program on the host that can be run")
    patterns = [*when.get("commands", ()), *(word for pair in when.get("annotations", {}).items() for word in pair)]
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            hook["when"].fail(f"regular expressions ({error} in {pattern[:80]!r})")
    return Definition(program, when, stages)


def _program(value: Foreign) -> Hook:
    given = _members(value, _FIELDS)
    program: Hook = {}
    if "path" in given:
        program["path"] = value["path"].text()
    if "args" in given:
        program["args"] = value["args"].texts()
    if "env" in given:
        program["env"] = value["env"].texts()
    if "timeout" in given:
        program["timeout"] = value["timeout"].integer(low=1, required=True)
    return program


def _conditions(value: Foreign) -> _When:
    given = _members(value, _CONDITIONS)
    when: _When = {}
    if "always" in given:
        when["always"] = value["always"].flag(required=True)
    if "annotations" in given:
        when["annotations"] = value["annotations"].text_map()
    if "commands" in given:
        when["commands"] = value["commands"].texts()
    if "hasBindMounts" in given:
        when["hasBindMounts"] = value["hasBindMounts"].flag(required=True)
    return when


def _members(value: Foreign, fields: Sequence[str]) -> set[str]:
    """Return the names of an object's members, which may be only ``fields``."""
    if not value.mapping():
        value.fail(f"an object with some of {', '.join(fields)}")
    for unknown in sorted(set(value.mapping()) - set(fields)):
        value[unknown].fail(f"none but {', '.join(fields)} here")
    return set(value.mapping())


def _matches(when: _When, spec: Spec, bind_mounts: bool) -> bool:
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
