# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of the host that a container gets: their nodes, and the cgroup rules that allow their use."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, Iterator

from ..._drivers.trees.descent import folders
from ..._model.errors import InvalidArgument

if TYPE_CHECKING:
    from ..._model.options.types import ContainerOptions, Device, DeviceRule
    from ..._spec.types import Device as OciDevice

# Left out for a privileged container, too: it has its own there, or they belong to the host's terminal and udev.
_LEFT_OUT = frozenset(("pts", "shm", "fd", "mqueue", ".udev", ".lxc"))
_CONSOLE = re.compile("/dev/tty[0-9]+")


def nodes(options: ContainerOptions, systemd: bool = False) -> tuple[OciDevice, ...]:
    """Return ``linux.devices`` of the OCI spec: every device of the host where privileged, and those of ``device``.

    A ``systemd`` is not given the host's consoles by that, on which it would start its logins.

    :raises InvalidArgument: the host does not have one.
    """
    devices: dict[str, OciDevice] = {}
    if options["privileged"]:
        found = _walk("/dev")
        devices.update((path, _node(path, info)) for path, info in found if not (systemd and _CONSOLE.fullmatch(path)))
    for device in options["device"]:
        devices.update((path, _node(path, info)) for path, _host, info in _of(device))
    return tuple(devices.values())


def bound(options: ContainerOptions) -> dict[str, str]:
    """Return the host's paths of devices of ``device`` that have another name in the container, by the latter.

    In a user namespace no node can be made, and OCI runtimes bind the one of the same name.
    """
    return {path: host for device in options["device"] for path, host, _info in _of(device) if path != host}


def rules(options: ContainerOptions) -> tuple[DeviceRule, ...]:
    """Return the rules of ``linux.resources.devices`` for the devices of ``device``."""
    result: list[DeviceRule] = []
    for device in options["device"]:
        for _path, _host, info in _of(device):
            kind, major, minor = _numbers(info)
            result.append(
                {"allow": True, "type": kind, "major": major, "minor": minor, "access": device["permissions"]}
            )
    return tuple(result)


def _of(device: Device) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield path in the container, path on the host and node of a device, or of all below a directory of the host."""
    host, target = device["host"], device["container"]
    try:
        info = os.stat(host)
    except OSError as error:
        raise InvalidArgument(f"device: {host} cannot be used: {error.strerror}: name a device of the host") from error
    if stat.S_ISDIR(info.st_mode):
        for path, inner in _walk(host):
            yield target + path[len(host) :], path, inner
    elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
        yield target, host, info
    else:
        raise InvalidArgument(f"device: {host} is neither a device nor a directory of the host: use volume for files")


def _walk(top: str) -> Iterator[tuple[str, os.stat_result]]:
    for folder in folders(top):
        if not _LEFT_OUT.isdisjoint(folder.names):
            continue
        for entry in folder.files:
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if entry.name != "console" and (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)):
                yield "/".join((top, *folder.names, entry.name)), info


def _numbers(info: os.stat_result) -> tuple[str, int, int]:
    return "c" if stat.S_ISCHR(info.st_mode) else "b", os.major(info.st_rdev), os.minor(info.st_rdev)


def _node(path: str, info: os.stat_result) -> OciDevice:
    kind, major, minor = _numbers(info)
    return {
        "path": path,
        "type": kind,
        "major": major,
        "minor": minor,
        "fileMode": stat.S_IMODE(info.st_mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
    }
