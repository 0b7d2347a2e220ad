# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Graphics processors, as files of the Container Device Interface (CDI), version 0.x, describe them.

The engine does what a file says and nothing else: it knows no device by itself.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Iterable, NamedTuple

from ..._drivers import foreign_files
from ..._model.errors import InvalidArgument, MalformedData, NotImplementedByHost, shortened
from ..._model.foreign import Foreign

if TYPE_CHECKING:
    from ..._model.options.types import DeviceRule
    from ..._spec.types import Device, Hook, Mount, Spec

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
    _read(edits(names))


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


class _Edit(NamedTuple):
    """What an edit adds; ``devices`` with the rules that allow them, ``hooks`` with their stages."""

    env: list[str]
    groups: list[int]
    devices: list[tuple[Device, DeviceRule]]
    mounts: list[Mount]
    hooks: list[tuple[str, Hook]]


def _read(additions: Iterable[Foreign]) -> list[_Edit]:
    try:
        return [
            _Edit(
                edit["env"].texts(),
                [one.integer(low=0, high=_MAX_ID) for one in edit["additionalGids"]],
                [_device(node) for node in edit["deviceNodes"]],
                [_mount(mount) for mount in edit["mounts"]],
                [(_stage(hook["hookName"]), _hook(hook)) for hook in edit["hooks"]],
            )
            for edit in additions
        ]
    except MalformedData as error:
        raise _wrong(error) from error


def apply(spec: Spec, additions: Iterable[Foreign]) -> None:
    """Apply the edits of CDI files to an OCI spec.

    :raises InvalidArgument: a file is not valid.
    """
    for edit in _read(additions):
        _apply(spec, edit)
    spec["mounts"].sort(key=lambda one: one["destination"].count("/") if one["destination"] != "/" else 0)


def _apply(spec: Spec, edit: _Edit) -> None:
    process, linux = spec["process"], spec["linux"]
    replaced = {item.partition("=")[0] for item in edit.env}
    process["env"] = [item for item in process["env"] if item.partition("=")[0] not in replaced] + edit.env
    process["user"]["additionalGids"] += edit.groups
    for device, rule in edit.devices:
        linux["devices"] = [one for one in linux.get("devices", ()) if one["path"] != device["path"]] + [device]
        linux["resources"]["devices"].append(rule)
    spec["mounts"] += edit.mounts
    for stage, hook in edit.hooks:
        spec.setdefault("hooks", {}).setdefault(stage, []).append(hook)


def _stage(name: Foreign) -> str:
    stage = name.text()
    if stage not in _STAGES:
        name.fail(f"one of {', '.join(_STAGES)}")
    return stage


def _hook(hook: Foreign) -> Hook:
    result: Hook = {"path": _absolute(hook["path"])}
    if hook["args"]:
        result["args"] = hook["args"].texts()
    if hook["env"]:
        result["env"] = hook["env"].texts()
    if hook["timeout"]:
        result["timeout"] = hook["timeout"].integer(low=1)
    return result


def _absolute(path: Foreign) -> str:
    text = path.text()
    if not text.startswith("/"):
        path.fail("an absolute path")
    return text


def _device(node: Foreign) -> tuple[Device, DeviceRule]:
    """Return the device of ``linux.devices`` and its rule; what the file omits is the host's."""
    path = _absolute(node["path"])
    host = node["hostPath"].text() or path
    try:
        info = os.stat(host)
    except OSError as error:
        raise InvalidArgument(
            f"gpus: the device {shortened(host, 200)} of a CDI file cannot be used: {error.strerror}"
        ) from error
    device: Device = {
        "path": path,
        "type": node["type"].text() or ("b" if stat.S_ISBLK(info.st_mode) else "c"),
        "major": node["major"].integer(os.major(info.st_rdev)),
        "minor": node["minor"].integer(os.minor(info.st_rdev)),
        "fileMode": node["fileMode"].integer(low=0, high=0o7777) or stat.S_IMODE(info.st_mode),
        "uid": node["uid"].integer(info.st_uid, low=0, high=_MAX_ID),
        "gid": node["gid"].integer(info.st_gid, low=0, high=_MAX_ID),
    }
    return device, {
        "allow": True,
        "type": device["type"],
        "major": device["major"],
        "minor": device["minor"],
        "access": node["permissions"].text() or "rwm",
    }


def _mount(mount: Foreign) -> Mount:
    options = mount["options"].texts()
    kind = mount["type"].text() or "bind"
    if kind == "bind" and not {"bind", "rbind"} & set(options):
        options.append("rbind")
    source = mount["hostPath"].text(required=True)
    return {"destination": _absolute(mount["containerPath"]), "source": source, "type": kind, "options": options}
