# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the OCI runtime runs as a container begins and ends: files of oci-hooks(5), version 1.0.0."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Iterable, Mapping

from .._model.errors import InvalidArgument

_STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
# Each kind of condition, and what it is in JSON.
_CONDITIONS = {"always": bool, "annotations": dict, "commands": list, "hasBindMounts": bool}
_FIELDS = {"path": str, "args": list, "env": list, "timeout": int}


def read(directories: Iterable[str]) -> list[dict[str, Any]]:
    """The hooks of these directories by their files' names; of two with one name, the later directory's.

    :raises InvalidArgument: a directory or file cannot be used; it is named.
    """
    found: dict[str, dict[str, Any]] = {}
    for directory in directories:
        try:
            names = [name for name in os.listdir(directory) if name.endswith(".json")]
        except OSError as error:
            raise _wrong(directory, error.strerror, "a directory on the host") from error
        for name in names:
            found[name] = _read_file(f"{directory}/{name}")
    return [found[name] for name in sorted(found)]


def chosen(hooks: Iterable[Mapping[str, Any]], spec: Mapping[str, Any], bind_mounts: bool) -> dict[str, Any]:
    """``hooks`` of the OCI spec: those whose conditions hold, by stage."""
    matching = [hook for hook in hooks if _matches(hook["when"], spec, bind_mounts)]
    stages = {stage: [hook["hook"] for hook in matching if stage in hook["stages"]] for stage in _STAGES}
    return {stage: programs for stage, programs in stages.items() if programs}


def _wrong(path: str, reason: object, expected: str) -> InvalidArgument:
    return InvalidArgument(f"hooks_dir: {path} cannot be used: {reason}: expected {expected}")


def _read_file(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            hook = json.load(file)
    except (OSError, ValueError) as error:
        raise _wrong(path, error, "a hook as oci-hooks(5) has it") from error
    if not isinstance(hook, dict) or hook.get("version") != "1.0.0":
        raise _wrong(path, "it is no such hook", "a JSON object whose version is 1.0.0")
    program, when = _object(hook, "hook", _FIELDS, path), _object(hook, "when", _CONDITIONS, path)
    stages = hook.get("stages")
    if not isinstance(stages, list) or not stages or set(map(str, stages)) - set(_STAGES):
        raise _wrong(path, f"its stages are {stages!r}", f"some of {', '.join(_STAGES)}")
    name = program.get("path", "")
    if not name.startswith("/") or not os.access(name, os.X_OK) or os.path.isdir(name):
        raise _wrong(path, f"{name!r} in hook.path cannot be run", "the absolute path of a program on the host")
    if program.get("timeout", 1) < 1:
        raise _wrong(path, f"its timeout is {program['timeout']}", "at least one second")
    for pattern in (word for pair in when.get("annotations", {}).items() for word in pair):
        _pattern(pattern, path)
    for pattern in when.get("commands", ()):
        _pattern(pattern, path)
    return {"hook": program, "when": when, "stages": stages}


def _object(hook: Mapping[str, Any], key: str, kinds: Mapping[str, type], path: str) -> dict[str, Any]:
    found = hook.get(key)
    if not isinstance(found, dict) or not found:
        raise _wrong(path, f"it has no {key}", f"an object with some of {', '.join(kinds)}")
    for name, value in found.items():
        words = value if isinstance(value, list) else ()
        # JSON's true is no number, though Python's is.
        fits = name in kinds and isinstance(value, kinds[name]) and isinstance(value, bool) == (kinds[name] is bool)
        if not fits or not all(isinstance(word, str) for word in words):
            raise _wrong(path, f"{key}.{name} is {value!r}", f"{key} to have {', '.join(kinds)} of their types alone")
    return found


def _pattern(text: Any, path: str) -> None:
    try:
        re.compile(text)
    except (re.error, TypeError) as error:
        raise _wrong(path, f"{text!r} in when: {error}", "a regular expression") from error


def _matches(when: Mapping[str, Any], spec: Mapping[str, Any], bind_mounts: bool) -> bool:
    """Every condition must hold, of ``commands`` any one."""
    conditions = []
    if "always" in when:
        conditions.append(when["always"])
    if "hasBindMounts" in when:
        conditions.append(when["hasBindMounts"] and bind_mounts)
    for key, value in when.get("annotations", {}).items():
        given = spec["annotations"].items()
        conditions.append(any(re.search(key, name) and re.search(value, text) for name, text in given))
    if when.get("commands"):
        conditions.append(any(re.search(pattern, spec["process"]["args"][0]) for pattern in when["commands"]))
    return bool(conditions) and all(conditions)
