# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options with a syntax of their own: network modes, security options, log options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Literal, Mapping

from ...errors import InvalidArgument
from .parsers import absolute_path, flag, host_path, is_flag, name, size_limit, wrong

if TYPE_CHECKING:
    from ..types import LogOptions, Network, NetworkSettings, Security

_LABEL_KEYS = ("user", "role", "type", "level", "filetype")


def network(value: Iterable[object], option: str) -> Network:
    """Return the mode, its target, and the CNI networks with their settings.

    The target is a container's name or ID, or the path of a namespace; the network "" is the default one. An empty list
    is the mode none.
    """
    items = [str(item) for item in value]
    if len(items) == 1:
        kind, colon, target = items[0].partition(":")
        if kind in ("none", "host") and not colon:
            return {"mode": kind, "target": "", "networks": []}
        if kind == "container":
            return {"mode": kind, "target": name(target, option), "networks": []}
        if kind == "ns":
            return {"mode": kind, "target": host_path(target, option), "networks": []}
    networks: list[str] = []
    settings: dict[str, NetworkSettings] = {}
    for item in items:
        if item.partition(":")[0] in ("none", "host", "container", "ns"):
            raise wrong(option, item, "to stand alone: it cannot be combined with another network")
        key, colon, more = item.partition(":")
        network_name = "" if key in ("bridge", "private", "default") else name(key, option)
        if network_name not in networks:
            networks.append(network_name)
        if colon:
            from ..network import options as network_options

            requested = network_options.settings(more, item, option)
            if settings.setdefault(network_name, requested) != requested:
                raise wrong(option, item, f"all that is asked of {key} behind one mention of it, separated by commas")
    result: Network = {"mode": "cni" if networks else "none", "target": "", "networks": networks}
    return {**result, "settings": settings} if settings else result


def security(value: Iterable[object], option: str) -> Security:
    """Return the security options; the seccomp profile "" is the packaged one.

    ``mask`` and ``unmask`` are sorted paths, ``proc-opts`` sorted mount options of /proc.
    """
    result: Security = {"no_new_privileges": False, "seccomp": ""}
    for item in value:
        text = str(item)
        key, separator, setting = text.partition("=") if "=" in text else text.partition(":")
        if key == "no-new-privileges" and is_flag(setting or True):
            result["no_new_privileges"] = flag(setting or True, option)
        elif key == "seccomp" and setting:
            result["seccomp"] = setting if setting == "unconfined" else host_path(setting, option)
        elif key == "apparmor" and setting:
            result["apparmor"] = setting
        elif key == "label" and (
            setting == "disable" or setting.partition(":")[0] in _LABEL_KEYS and setting.partition(":")[2]
        ):
            part, colon, value_of_part = setting.partition(":")
            result["label"] = {**result.get("label", {}), part: value_of_part}
        elif key in ("mask", "unmask") and setting:
            paths = ["ALL" if path == "ALL" else absolute_path(path, option) for path in setting.split(":")]
            which: Literal["mask", "unmask"] = "mask" if key == "mask" else "unmask"
            result[which] = sorted({*result.get(which, ()), *paths})
        elif key == "proc-opts" and setting:
            result["proc-opts"] = sorted({*result.get("proc-opts", ()), *setting.split(",")})
        else:
            raise wrong(
                option,
                item,
                "no-new-privileges, seccomp=unconfined|/PROFILE.json, apparmor=PROFILE, label=disable, "
                "label=KEY:VALUE, mask=/PATH[:/PATH], unmask=ALL|/PATH[:/PATH] or proc-opts=OPTION[,OPTION]",
            )
    if "label" in result:
        result["label"] = {"disable": ""} if "disable" in result["label"] else dict(sorted(result["label"].items()))
    if "ALL" in result.get("mask", ()):
        raise wrong(option, "mask=ALL", "paths to mask")
    return result


def log_options(value: Mapping[str, object], option: str) -> LogOptions:
    """Return ``path``, ``max_size`` in bytes and ``tag``; None where omitted."""
    path, max_size, tag = (value.get(key) for key in ("path", "max_size", "tag"))
    return {
        "path": host_path(path, option + ".path") if path else None,
        "max_size": size_limit(max_size, option + ".max_size") if max_size else None,
        "tag": str(tag) if tag else None,
    }


def log_driver(value: object, option: str) -> str:
    """Return ``k8s-file``, ``journald`` or ``none``; ``json-file`` is the first, as podman has it."""
    if str(value) == "passthrough":
        raise InvalidArgument(
            f"{option}: passthrough gives the container the engine's own output, which is a task's and ends with it: "
            "use k8s-file or journald"
        )
    return "k8s-file" if str(value) == "json-file" else str(value)
