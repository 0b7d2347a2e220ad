# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options whose value is a small language of its own: network modes, security options, log options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Literal, Mapping

from ..errors import InvalidArgument
from .parsers import absolute_path, flag, host_path, is_flag, name, size_limit, wrong

if TYPE_CHECKING:
    from .types import LogOptions, Network, NetworkSettings, Security

_LABEL_KEYS = ("user", "role", "type", "level", "filetype")


def network(value: Iterable[object], option: str) -> Network:
    """``{"mode": none|host|container|ns|cni, "target": …, "networks": […]}``.

    ``target`` is a container's name or ID, or a namespace's path; a network called "" is the default one. Where any
    is asked for something, ``settings`` maps it to ``network_options.settings``. An empty list is none.
    """
    words = [str(word) for word in value]
    if len(words) == 1:
        kind, colon, target = words[0].partition(":")
        if kind in ("none", "host") and not colon:
            return {"mode": kind, "target": "", "networks": []}
        if kind == "container":
            return {"mode": kind, "target": name(target, option), "networks": []}
        if kind == "ns":
            return {"mode": kind, "target": host_path(target, option), "networks": []}
    networks: list[str] = []
    settings: dict[str, NetworkSettings] = {}
    for word in words:
        if word.partition(":")[0] in ("none", "host", "container", "ns"):
            raise wrong(option, word, "to stand alone: it cannot be combined with another network")
        key, colon, more = word.partition(":")
        network_name = "" if key in ("bridge", "private", "default") else name(key, option)
        if network_name not in networks:
            networks.append(network_name)
        if colon:
            from . import network_options

            asked = network_options.settings(more, word, option)
            if settings.setdefault(network_name, asked) != asked:
                raise wrong(option, word, f"all that is asked of {key} behind one mention of it, separated by commas")
    found: Network = {"mode": "cni" if networks else "none", "target": "", "networks": networks}
    return {**found, "settings": settings} if settings else found


def security(value: Iterable[object], option: str) -> Security:
    """``no-new-privileges`` and ``seccomp`` ("" is the packaged profile), and of the rest what is given.

    ``label`` is a mapping, ``mask`` and ``unmask`` are sorted paths, ``proc-opts`` sorted mount options of /proc.
    """
    found: Security = {"no_new_privileges": False, "seccomp": ""}
    for item in value:
        text = str(item)
        key, separator, word = text.partition("=") if "=" in text else text.partition(":")
        if key == "no-new-privileges" and is_flag(word or True):
            found["no_new_privileges"] = flag(word or True, option)
        elif key == "seccomp" and word:
            found["seccomp"] = word if word == "unconfined" else host_path(word, option)
        elif key == "apparmor" and word:
            found["apparmor"] = word
        elif key == "label" and (word == "disable" or word.partition(":")[0] in _LABEL_KEYS and word.partition(":")[2]):
            part, colon, value_of_part = word.partition(":")
            found["label"] = {**found.get("label", {}), part: value_of_part}
        elif key in ("mask", "unmask") and word:
            paths = ["ALL" if path == "ALL" else absolute_path(path, option) for path in word.split(":")]
            which: Literal["mask", "unmask"] = "mask" if key == "mask" else "unmask"
            found[which] = sorted({*found.get(which, ()), *paths})
        elif key == "proc-opts" and word:
            found["proc-opts"] = sorted({*found.get("proc-opts", ()), *word.split(",")})
        else:
            raise wrong(
                option,
                item,
                "no-new-privileges, seccomp=unconfined|/PROFILE.json, apparmor=PROFILE, label=disable, "
                "label=KEY:VALUE, mask=/PATH[:/PATH], unmask=ALL|/PATH[:/PATH] or proc-opts=OPTION[,OPTION]",
            )
    if "label" in found:
        found["label"] = {"disable": ""} if "disable" in found["label"] else dict(sorted(found["label"].items()))
    if "ALL" in found.get("mask", ()):
        raise wrong(option, "mask=ALL", "paths to mask")
    return found


def log_options(value: Mapping[str, object], option: str) -> LogOptions:
    """``path``, ``max_size`` in bytes and ``tag``; None where not given."""
    path, max_size, tag = (value.get(key) for key in ("path", "max_size", "tag"))
    return {
        "path": host_path(path, option + ".path") if path else None,
        "max_size": size_limit(max_size, option + ".max_size") if max_size else None,
        "tag": str(tag) if tag else None,
    }


def log_driver(value: object, option: str) -> str:
    """``k8s-file``, ``journald`` or ``none``; ``json-file`` is the first, as podman has it."""
    if str(value) == "passthrough":
        raise InvalidArgument(
            f"{option}: passthrough gives the container the engine's own output, which is a task's and ends with it: "
            "use k8s-file or journald"
        )
    return "k8s-file" if str(value) == "json-file" else str(value)
