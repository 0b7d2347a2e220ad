# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphics processors, as files of the Container Device Interface (CDI), version 0.x, describe them.

The engine does what a file says and nothing else: it knows no device by itself.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Iterable

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData, NotImplementedByHost, shortened
from ..._model.foreign import Foreign

KIND = "nvidia.com/gpu"
# A device of the later directory replaces one of the same name.
_DIRECTORIES = ("/etc/cdi", "/var/run/cdi")
_YAML = (".yaml", ".yml")
_STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
_MAX_ID = (1 << 32) - 1
_KNOWN = ("env", "deviceNodes", "mounts", "hooks", "additionalGids")


def check(names: Iterable[str]) -> None:
    """Check the devices before there is a spec.

    :raises NotImplementedByHost, InvalidArgument: as ``edits`` and ``apply``.
    """
    process = {"env": [], "user": {"additionalGids": []}}
    apply({"process": process, "linux": {"resources": {"devices": []}}, "mounts": []}, edits(names))


def edits(names: Iterable[str]) -> list[Foreign]:
    """Return what the CDI files add to a container with these devices; ``all`` stands for every one.

    :raises NotImplementedByHost: no file has such a device. :raises InvalidArgument: a file cannot be used.
    """
    names = list(names)
    if not names:
        return []
    # A device's name: what is added for it, and what its file adds once for any of its devices.
    devices: dict[str, tuple[Foreign, str, Foreign]] = {}
    unread = []
    for path in _files():
        try:
            for device, once in _devices(path):
                devices[device["name"].text()] = (device["containerEdits"], path, once)
        except ImportError:
            unread.append(path)
    if unread and not devices.keys() >= set(names):
        raise NotImplementedByHost(
            f"gpus: {', '.join(unread)} cannot be read without PyYAML: install the package python3-yaml "
            "(python3-pyyaml on Red Hat's distributions), or have the file written in JSON"
        )
    if "all" in names and "all" not in devices:
        names = [*(name for name in names if name != "all"), *devices] if devices else names
    result: dict[tuple[str, str], Foreign] = {}
    for name in names:
        if name not in devices:
            raise NotImplementedByHost(
                f"gpus: no CDI file in {' or '.join(_DIRECTORIES)} has the device {KIND}={name} (those there: "
                f"{', '.join(sorted(devices)) or 'none'}): have its driver's tool write one, such as "
                "nvidia-ctk cdi generate, or omit the option"
            )
        own, path, once = devices[name]
        for key, edit in (((path, ""), once), ((path, name), own)):
            try:
                _check(edit)
            except MalformedData as error:
                raise _wrong(error) from error
            result[key] = edit
    return list(result.values())


def _files() -> list[str]:
    return [
        f"{directory}/{name}"
        for directory in _DIRECTORIES
        if os.path.isdir(directory)
        for name in sorted(os.listdir(directory))
        if name.endswith((".json", *_YAML))
    ]


def _devices(path: str) -> list[tuple[Foreign, Foreign]]:
    """Return the devices of a file, and what it adds once for any of them.

    :raises ImportError: the file is YAML, and Python has no reader of it.
    """
    try:
        content = _content(path)
        if content["kind"].text() != KIND:
            return []
        return [(device, content["containerEdits"]) for device in content["devices"] if device["name"].text()]
    except OSError as error:
        raise InvalidArgument(f"gpus: {path} cannot be read: {error.strerror}") from error
    except MalformedData as error:
        raise _wrong(error) from error


def _content(path: str) -> Foreign:
    if not path.endswith(_YAML):
        return foreign_files.read_json(path)
    from ..._model import foreign_yaml

    return foreign_yaml.parse(foreign_files.read(path, max_bytes=foreign_yaml.MAX_BYTES), path)


def _wrong(error: MalformedData) -> InvalidArgument:
    return InvalidArgument(f"gpus: the CDI file {error}: write it again with its driver's tool, or remove it")


def _check(edit: Foreign) -> None:
    unknown = sorted(key for key, value in edit.items() if key not in _KNOWN and value.value)
    if unknown:
        raise NotImplementedByHost(
            f"gpus: {edit.origin} asks for {', '.join(unknown)}, which this engine does not do: "
            f"expected {', '.join(_KNOWN)}"
        )


def apply(spec: dict[str, Any], additions: Iterable[Foreign]) -> None:
    """Apply the edits of CDI files to an OCI spec.

    :raises InvalidArgument: a file is not valid.
    """
    try:
        for edit in additions:
            _apply(spec, edit)
    except MalformedData as error:
        raise _wrong(error) from error
    spec["mounts"].sort(key=lambda one: one["destination"].count("/") if one["destination"] != "/" else 0)


def _apply(spec: dict[str, Any], edit: Foreign) -> None:
    process, linux = spec["process"], spec["linux"]
    env = edit["env"].texts()
    replaced = {item.partition("=")[0] for item in env}
    process["env"] = [item for item in process["env"] if item.partition("=")[0] not in replaced] + env
    process["user"]["additionalGids"] += [one.integer(low=0, high=_MAX_ID) for one in edit["additionalGids"]]
    for node in edit["deviceNodes"]:
        device, rule = _device(node)
        linux["devices"] = [one for one in linux.get("devices", ()) if one["path"] != device["path"]] + [device]
        linux["resources"]["devices"].append(rule)
    spec["mounts"] += [_mount(mount) for mount in edit["mounts"]]
    for hook in edit["hooks"]:
        stage = hook["hookName"].text()
        if stage not in _STAGES:
            hook["hookName"].fail(f"one of {', '.join(_STAGES)}")
        spec.setdefault("hooks", {}).setdefault(stage, []).append(_hook(hook))


def _hook(hook: Foreign) -> dict[str, object]:
    result: dict[str, object] = {"path": _absolute(hook["path"])}
    result.update({key: hook[key].texts() for key in ("args", "env") if hook[key]})
    if hook["timeout"]:
        result["timeout"] = hook["timeout"].integer(low=1)
    return result


def _absolute(path: Foreign) -> str:
    text = path.text()
    if not text.startswith("/"):
        path.fail("an absolute path")
    return text


def _device(node: Foreign) -> tuple[dict[str, object], dict[str, object]]:
    """Return the device of ``linux.devices`` and its rule; what the file omits is the host's."""
    path = _absolute(node["path"])
    host = node["hostPath"].text() or path
    try:
        info = os.stat(host)
    except OSError as error:
        raise InvalidArgument(
            f"gpus: the device {shortened(host, 200)} of a CDI file cannot be used: {error.strerror}"
        ) from error
    device = {
        "path": path,
        "type": node["type"].text() or ("b" if stat.S_ISBLK(info.st_mode) else "c"),
        "major": node["major"].integer(os.major(info.st_rdev)),
        "minor": node["minor"].integer(os.minor(info.st_rdev)),
        "fileMode": node["fileMode"].integer(low=0, high=0o7777) or stat.S_IMODE(info.st_mode),
        "uid": node["uid"].integer(info.st_uid, low=0, high=_MAX_ID),
        "gid": node["gid"].integer(info.st_gid, low=0, high=_MAX_ID),
    }
    numbers = {key: device[key] for key in ("type", "major", "minor")}
    return device, {"allow": True, **numbers, "access": node["permissions"].text() or "rwm"}


def _mount(mount: Foreign) -> dict[str, object]:
    options = mount["options"].texts()
    kind = mount["type"].text() or "bind"
    if kind == "bind" and not {"bind", "rbind"} & set(options):
        options.append("rbind")
    source = mount["hostPath"].text(required=True)
    return {"destination": _absolute(mount["containerPath"]), "source": source, "type": kind, "options": options}
