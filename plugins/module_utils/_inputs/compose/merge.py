# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Compose files as one: the rules of merging (the Compose Specification, 13)."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

from ..._model.errors import MalformedData
from ..._model.foreign_yaml import Tagged

# Tags of a value: what earlier files have there is taken away, or replaced by it.
TAGS = ("!reset", "!override")
_RESET, _OVERRIDE = TAGS
# Fields of a service that are a mapping, or a list of KEY=VALUE.
_PAIRS = ("annotations", "environment", "labels", "sysctls")
# Those that are a mapping, or a list of its keys.
_KEYS = {"depends_on": {"condition": "service_started"}, "networks": None}
# Those that are a list, or one value.
_LISTS = ("dns", "dns_search", "env_file", "label_file", "tmpfs")
# Lists that a later file replaces.
_REPLACED = ("command", "entrypoint", "test")
# Lists whose elements have a key, of which the last one with it counts.
_BY_TARGET = ("configs", "devices", "secrets", "volumes")


def canonical(service: object) -> object:
    """Return a service with the long form of the fields that have a short one, as far as it can be understood."""
    if not isinstance(service, dict):
        return service
    changed = dict(service)
    forms: dict[str, Callable[[object], object]] = {
        **dict.fromkeys(_PAIRS, _pairs),
        **{field: partial(_keys, default=default) for field, default in _KEYS.items()},
        **dict.fromkeys(_LISTS, lambda value: [value] if isinstance(value, str) else value),
        "build": _build,
    }
    for field, form in forms.items():
        if field in service:
            changed[field] = within(service[field], form)
    return changed


def _keys(values: object, default: object) -> object:
    """Return the mapping of a list of its keys."""
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        return values
    return dict.fromkeys(values, default)


def _build(value: object) -> object:
    build = {"context": value} if isinstance(value, str) else value
    if not isinstance(build, dict):
        return build
    return {key: within(one, _pairs) if key in ("args", "labels") else one for key, one in build.items()}


def _pairs(values: object) -> object:
    """Return the mapping of a list of KEY=VALUE; of a key alone the value is None."""
    if not isinstance(values, list) or not all(isinstance(one, (str, int)) for one in values):
        return values
    split = (str(one).partition("=") for one in values)
    return {key: value if equals else None for key, equals, value in split}


def merged(base: object, over: object, field: str = "") -> Any:
    """Return what ``over`` makes of ``base``: mappings are merged key by key, and lists are appended.

    The tags of values stay: what a service extends comes below the result.
    """
    if over is None:
        return base
    if isinstance(over, Tagged):
        return over
    if isinstance(base, Tagged):
        return Tagged(_OVERRIDE, merged(untagged(base), over, field))
    if isinstance(base, dict) and isinstance(over, dict):
        both = {key: merged(base[key], one, key) if key in base else one for key, one in over.items()}
        return {**base, **both}
    if isinstance(base, list) and isinstance(over, list) and field not in _REPLACED:
        return _unique([*base, *over], _target if field in _BY_TARGET else repr)
    return over


def within(value: object, change: Callable[[Any], object]) -> object:
    """Return a value changed, which keeps its tags."""
    return value._replace(value=within(value.value, change)) if isinstance(value, Tagged) else change(value)


def untagged(value: object) -> Any:
    """Return a value without its tag, None where it is taken away."""
    if not isinstance(value, Tagged):
        return value
    return None if value.tag == _RESET else untagged(value.value)


def resolved(value: object, origin: str, path: str = "") -> Any:
    """Return a value without tags, and without what they take away.

    :raises MalformedData: an element of a list has one.
    """
    value = untagged(value)
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if not (isinstance(one, Tagged) and one.tag == _RESET)}
        return {key: resolved(one, origin, f"{path}.{key}" if path else key) for key, one in kept.items()}
    if isinstance(value, list):
        if any(isinstance(one, Tagged) for one in value):
            raise MalformedData(f"{origin}: {path}: expected {' and '.join(TAGS)} on the list, not on its elements")
        return [resolved(one, origin, f"{path}[{at}]") for at, one in enumerate(value)]
    return value


def _unique(values: list[object], key: Callable[[object], str]) -> list[object]:
    """Return the last value of each key, in the order of the first ones."""
    return list({key(one): one for one in values}.values())


def _target(value: object) -> str:
    """Return where in the container an element of a list is, or what names it."""
    if isinstance(value, dict):
        return str(value.get("target") or value.get("source") or value)
    parts = str(value).split(":")
    return parts[1] if len(parts) > 1 else parts[0]
