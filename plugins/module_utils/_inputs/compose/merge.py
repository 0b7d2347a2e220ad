# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Compose files as one: the rules of merging (the Compose Specification, 13)."""

from __future__ import annotations

from typing import Any, Callable

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


def canonical(service: Any) -> Any:
    """Return a service with the long form of the fields that have a short one, as far as it can be understood."""
    if not isinstance(service, dict):
        return service
    changed = dict(service)
    for field in _PAIRS:
        if isinstance(service.get(field), list):
            changed[field] = _pairs(service[field])
    for field, default in _KEYS.items():
        if isinstance(service.get(field), list) and all(isinstance(one, str) for one in service[field]):
            changed[field] = dict.fromkeys(service[field], default)
    for field in _LISTS:
        if isinstance(service.get(field), str):
            changed[field] = [service[field]]
    if isinstance(service.get("build"), str):
        changed["build"] = {"context": service["build"]}
    if isinstance(changed.get("build"), dict):
        build = changed["build"]
        changed["build"] = {
            key: _pairs(one) if key in ("args", "labels") and isinstance(one, list) else one
            for key, one in build.items()
        }
    return changed


def _pairs(values: list[Any]) -> Any:
    """Return the mapping of a list of KEY=VALUE; of a key alone the value is None."""
    if not all(isinstance(one, (str, int)) for one in values):
        return values
    split = (str(one).partition("=") for one in values)
    return {key: value if equals else None for key, equals, value in split}


def merged(base: Any, over: Any, field: str = "") -> Any:
    """Return what ``over`` makes of ``base``: mappings are merged key by key, and lists are appended."""
    if over is None:
        return base
    if isinstance(base, dict) and isinstance(over, dict):
        both = {key: merged(base[key], one, key) if key in base else one for key, one in over.items()}
        return {**base, **both}
    if isinstance(base, list) and isinstance(over, list) and field not in _REPLACED:
        return _unique([*base, *over], _target if field in _BY_TARGET else repr)
    return over


def _unique(values: list[Any], key: Callable[[Any], str]) -> list[Any]:
    """Return the last value of each key, in the order of the first ones."""
    return list({key(one): one for one in values}.values())


def _target(value: Any) -> str:
    """Return where in the container an element of a list is, or what names it."""
    if isinstance(value, dict):
        return str(value.get("target") or value.get("source") or value)
    parts = str(value).split(":")
    return parts[1] if len(parts) > 1 else parts[0]
