# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphics processors as their makers describe them: files of the Container Device Interface (CDI), version 0.x.

Only what a file says is done: the engine knows no device of its own accord.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any, Iterable, Mapping

from .._model.errors import InvalidArgument, NotImplementedByHost

KIND = "nvidia.com/gpu"
# A device of the later directory takes the place of one with its name.
_DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
_KNOWN = ("env", "deviceNodes", "mounts", "hooks", "additionalGids")


def edits(names: Iterable[str]) -> list[Mapping[str, Any]]:
    """What the files say is to be added to a container that has these devices; ``all`` stands for every one.

    :raises NotImplementedByHost: no file has such a device. :raises InvalidArgument: a file cannot be used.
    """
    names = list(names)
    if not names:
        return []
    # A device's name: what is added for it, and what its file adds once for any of its devices.
    devices: dict[str, tuple[Mapping[str, Any], str, Mapping[str, Any]]] = {}
    for path in _files():
        for device, once in _devices(path):
            devices[str(device.get("name"))] = (device.get("containerEdits") or {}, path, once)
    if "all" in names and "all" not in devices:
        names = [*(name for name in names if name != "all"), *devices] if devices else names
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name in names:
        if name not in devices:
            raise NotImplementedByHost(
                f"gpus: no CDI file in {' or '.join(_DIRECTORIES)} has the device {KIND}={name} (those there: "
                f"{', '.join(sorted(devices)) or 'none'}): have its driver's tool write one in JSON, such as "
                "nvidia-ctk cdi generate --format=json, or omit the option"
            )
        own, path, once = devices[name]
        for key, edit in (((path, ""), once), ((path, name), own)):
            _check(edit, path)
            found[key] = edit
    return list(found.values())


def _files() -> list[str]:
    return [
        f"{directory}/{name}"
        for directory in _DIRECTORIES
        if os.path.isdir(directory)
        for name in sorted(os.listdir(directory))
        if name.endswith(".json")
    ]


def _devices(path: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["kind"] != KIND:
            return []
        return [(device, found.get("containerEdits") or {}) for device in found["devices"] if device.get("name")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InvalidArgument(f"gpus: {path} is no CDI file: {error!r}: have it written anew, or remove it") from error


def _check(edit: Mapping[str, Any], path: str) -> None:
    unknown = sorted(key for key in edit if key not in _KNOWN and edit[key])
    if unknown:
        raise NotImplementedByHost(
            f"gpus: {path} asks for {', '.join(unknown)}, which this engine does not do: expected {', '.join(_KNOWN)}"
        )


def apply(spec: dict[str, Any], found: Iterable[Mapping[str, Any]]) -> None:
    """Add to an OCI spec what the files say.

    :raises InvalidArgument: they say what no such file may.
    """
    try:
        _apply(spec, found)
    except (LookupError, TypeError, AttributeError) as error:
        raise InvalidArgument(
            f"gpus: the CDI files in {' or '.join(_DIRECTORIES)} cannot be used: {error!r}: have them written anew"
        ) from error


def _apply(spec: dict[str, Any], found: Iterable[Mapping[str, Any]]) -> None:
    process, linux = spec["process"], spec["linux"]
    for edit in found:
        env = list(edit.get("env") or ())
        replaced = {item.partition("=")[0] for item in env}
        process["env"] = [item for item in process["env"] if item.partition("=")[0] not in replaced] + env
        process["user"]["additionalGids"] += edit.get("additionalGids") or ()
        for node in edit.get("deviceNodes") or ():
            device, rule = _device(node)
            linux["devices"] = [one for one in linux.get("devices", ()) if one["path"] != device["path"]] + [device]
            linux["resources"]["devices"].append(rule)
        spec["mounts"] += [_mount(mount) for mount in edit.get("mounts") or ()]
        for hook in edit.get("hooks") or ():
            program = {key: value for key, value in hook.items() if key != "hookName"}
            spec.setdefault("hooks", {}).setdefault(hook["hookName"], []).append(program)
    spec["mounts"].sort(key=lambda one: one["destination"].count("/") if one["destination"] != "/" else 0)


def _device(node: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The device of ``linux.devices`` and its rule; what the file leaves out is the host's."""
    host = node.get("hostPath") or node["path"]
    try:
        info = os.stat(host)
    except OSError as error:
        raise InvalidArgument(f"gpus: the device {host} of a CDI file cannot be used: {error.strerror}") from error
    device = {
        "path": node["path"],
        "type": node.get("type") or ("b" if stat.S_ISBLK(info.st_mode) else "c"),
        "major": node.get("major", os.major(info.st_rdev)),
        "minor": node.get("minor", os.minor(info.st_rdev)),
        "fileMode": node.get("fileMode") or stat.S_IMODE(info.st_mode),
        "uid": node.get("uid", info.st_uid),
        "gid": node.get("gid", info.st_gid),
    }
    numbers = {key: device[key] for key in ("type", "major", "minor")}
    return device, {"allow": True, **numbers, "access": node.get("permissions") or "rwm"}


def _mount(mount: Mapping[str, Any]) -> dict[str, Any]:
    options = list(mount.get("options") or ())
    kind = mount.get("type") or "bind"
    if kind == "bind" and not {"bind", "rbind"} & set(options):
        options.append("rbind")
    return {"destination": mount["containerPath"], "source": mount["hostPath"], "type": kind, "options": options}
