# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options mount (``type=bind,source=/srv,target=/data,ro``) and volumes_from; imported only where one is given."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Iterable, Optional

from ... import caller
from ..syntax.parsers import (
    NAME_PATTERN,
    absolute_path,
    count,
    flag,
    host_path,
    is_flag,
    name,
    octal,
    plain_path,
    size,
    wrong,
)
from .volumes import PROPAGATIONS, bare, check_opposites

if TYPE_CHECKING:
    from ..types import Lender, Mount, Volume

_TYPES = ("bind", "glob", "volume", "image", "tmpfs", "ramfs", "devpts")
_SPELLINGS = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "readonly": "ro",
    "chown": "U",
    "volume-subpath": "subpath",
    "readwrite": "rw",
}
_FLAGS = ("nosuid", "suid", "nodev", "dev", "noexec", "exec")
_VALUES = {
    "tmpfs": {"size": "size", "tmpfs-size": "size", "mode": "mode", "tmpfs-mode": "mode", "uid": "uid", "gid": "gid"},
    "ramfs": {"mode": "mode", "tmpfs-mode": "mode"},
    "devpts": {"uid": "uid", "gid": "gid", "mode": "mode", "max": "max"},
}
_SWITCHES = {
    "bind": ("ro", "rw", "U", "bind-nonrecursive", *_FLAGS),
    "volume": ("ro", "rw", "U", "nocopy", *_FLAGS),
    "image": ("ro", "rw"),
    "tmpfs": ("ro", "rw", "tmpcopyup", "notmpcopyup", *_FLAGS),
    "ramfs": ("ro", "rw", *_FLAGS),
    "devpts": ("ro", "rw"),
}

Matching = Callable[[str], list[str]]


def mounts(value: Iterable[object], option: str, matching: Optional[Matching] = None) -> list[Mount]:
    """Return bind mounts and volumes as ``volumes.volumes`` has them, others as ``{"type", "target", "options"}``.

    Sorted by target, each target once. ``matching`` returns the paths on the host that match a pattern of type=glob.
    """
    result: dict[str, Mount] = {}
    for item in value:
        for mount in _mounts(str(item), option, matching):
            if result.setdefault(mount["target"], mount) != mount:
                raise wrong(option, item, f"one mount for each target, and {mount['target']} has two")
    return [result[target] for target in sorted(result)]


def _mounts(item: str, option: str, matching: Optional[Matching]) -> list[Mount]:
    """Return the mounts of an item: one, or with the type glob one for each path that matches now."""
    settings = _settings(item, option)
    kind = settings.pop("type", "volume")
    if kind not in _TYPES:
        raise wrong(option, item, f"a type from {', '.join(_TYPES)}")
    if kind == "glob":
        return _globbed(settings, item, option, matching)
    requested = settings.pop("target", None) or ""
    target = plain_path(requested)
    if not requested.startswith("/") or "\0" in requested or target == "/":
        raise wrong(
            option,
            item,
            "target=/PATH, a path in the container other than its root; as one string a mount has to be in a list, for "
            "Ansible splits others at their commas",
        )
    if kind in ("bind", "volume"):
        return [_volume(kind, target, settings, item, option)]
    if kind == "image":
        return [_image(target, settings, item, option)]
    switches = _switches(kind, settings, item, option)
    options = []
    for key, text in settings.items():
        name_of_value = _VALUES[kind].get(key)
        if name_of_value is None or not text:
            raise wrong(option, item, f"of {kind}: target, {', '.join(_VALUES[kind])}, {', '.join(_SWITCHES[kind])}")
        options.append(f"{name_of_value}={_value(name_of_value, text, option)}")
    return [{"type": kind, "target": target, "options": sorted({*options, *(switches - {"rw", "tmpcopyup"})})}]


def _settings(item: str, option: str) -> dict[str, str | None]:
    """Return the keys of an item, each once and by its usual name, with their values: None where there is no ``=``."""
    settings: dict[str, str | None] = {}
    for part in item.split(","):
        key, equals, value = part.strip().partition("=")
        key = _SPELLINGS.get(key, key)
        if key in settings and settings[key] != (value if equals else None):
            raise wrong(option, item, f"{key} only once")
        settings[key] = value if equals else None
    if settings.get("idmap") == "false":
        del settings["idmap"]
    return settings


def _globbed(settings: dict[str, str | None], item: str, option: str, matching: Optional[Matching]) -> list[Mount]:
    """Return bind mounts of the paths that match the source: below the target or, without one, at the same paths.

    Where no path matches, the pattern is taken as a path, which is refused as a source that does not exist.
    """
    pattern = host_path(settings.pop("source", None) or "", option)
    target = settings.pop("target", None)
    folder = absolute_path(target, option) if target else ""
    return [
        _volume(
            "bind",
            plain_path(f"{folder}/{os.path.basename(path)}") if folder else path,
            {**settings, "source": path},
            item,
            option,
        )
        for path in sorted(matching(pattern) if matching else ()) or [pattern]
    ]


def _value(key: str, text: str, option: str) -> str:
    if key == "size":
        return text if text.endswith("%") else str(size(text, option))
    if key == "mode":
        return octal(text, option)
    return str(count(text, option))


def _volume(kind: str, target: str, settings: dict[str, str | None], item: str, option: str) -> Volume:
    source, propagation = settings.pop("source", None) or "", settings.pop("bind-propagation", None) or "rprivate"
    if kind == "bind":
        if not source or "\0" in source:
            raise wrong(option, item, "a source, which is the path on the host")
        source = plain_path(caller.absolute(source))
    elif source and not NAME_PATTERN.fullmatch(source):
        name(source, option)
    if propagation not in PROPAGATIONS:
        raise wrong(option, item, f"a bind-propagation from {', '.join(PROPAGATIONS)}")
    relabel = {"shared": "z", "private": "Z", None: ""}.get(settings.pop("relabel", None))
    if relabel is None:
        raise wrong(option, item, "relabel=shared or relabel=private")
    switches = _switches(kind, settings, item, option)
    switches |= _idmap(settings, switches, item, option)
    subpath = _subpath(settings, source, item, option) if kind == "volume" and "subpath" in settings else ""
    if settings:
        own = "subpath, " if kind == "volume" else ""
        known = f"source, target, {own}idmap, bind-propagation, relabel, {', '.join(_SWITCHES[kind])}"
        raise wrong(option, item, f"of {kind}: {known}")
    flags = {"bind" if switch == "bind-nonrecursive" else switch for switch in switches} - {"ro", "rw"} | {relabel} - {
        ""
    }
    result: Volume = {
        "type": kind,
        "source": source,
        "target": target,
        "read_only": "ro" in switches,
        "propagation": propagation,
        "flags": sorted(flags),
    }
    return {**result, "subpath": subpath} if subpath else result


def _idmap(settings: dict[str, str | None], switches: set[str], item: str, option: str) -> set[str]:
    """Remove ``idmap`` from ``settings`` and return its flag, nothing where it is not given."""
    if "idmap" not in settings:
        return set()
    from . import idmap

    return {idmap.flag(settings.pop("idmap"), switches, item, option)}


def _image(target: str, settings: dict[str, str | None], item: str, option: str) -> Volume:
    """Return the mount of an image, which is read-only unless it is said to be writable."""
    source = settings.pop("source", None) or ""
    if not source or "\0" in source:
        raise wrong(option, item, "a source, which is the name or ID of an image")
    switches = _switches("image", settings, item, option)
    subpath = _subpath(settings, source, item, option) if "subpath" in settings else ""
    flags = _idmap(settings, switches, item, option)
    if settings:
        raise wrong(option, item, "of image: source, target, subpath, idmap, rw, ro")
    if flags and "rw" in switches:
        raise wrong(
            option, item, "either idmap or rw: the changes are in an overlay, whose IDs the kernel does not map"
        )
    result: Volume = {**bare("image", source, target), "read_only": "rw" not in switches, "flags": [*flags]}
    return {**result, "subpath": subpath} if subpath else result


def _subpath(settings: dict[str, str | None], source: str, item: str, option: str) -> str:
    """Remove the path inside ``source`` from ``settings`` and return it; empty for all of the volume or image."""
    path = settings.pop("subpath")
    if path is None or ".." in path.split("/") or "\0" in path:
        raise wrong(option, item, "subpath=PATH, a path inside the volume or image, without '..'")
    if not source:
        raise wrong(option, item, "a source, which is the name of the volume that has the subpath")
    return plain_path(f"/{path}")[1:]


def _switches(kind: str, settings: dict[str, str | None], item: str, option: str) -> set[str]:
    """Remove the flags from ``settings`` and return those that are on."""
    result = set()
    for key in [key for key in settings if key in _SWITCHES[kind]]:
        state = settings.pop(key)
        if state == "" or not is_flag(state or True):
            raise wrong(option, item, f"{key}, {key}=true or {key}=false")
        if state is None or flag(state, option):
            result.add(key)
        elif key in ("ro", "rw"):
            result.add("rw" if key == "ro" else "ro")
    check_opposites(result, item, option)
    return result


def volumes_from(value: Iterable[object], option: str) -> list[Lender]:
    """Return the lenders of ``CONTAINER[:ro|rw]`` items in their order: the first to have a target wins."""
    lenders: dict[str, Lender] = {}
    for item in value:
        container, _colon, flags = str(item).partition(":")
        access = set(flags.split(",")) - {"", "z"}
        if not access <= {"ro", "rw"} or len(access) > 1:
            raise wrong(option, item, "CONTAINER, CONTAINER:ro or CONTAINER:rw")
        lenders.setdefault(container, {"container": name(container, option), "access": "".join(access)})
    return list(lenders.values())
