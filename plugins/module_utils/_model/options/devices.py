# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices as users write them, and limits by device; imported only for tasks that have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable, Iterable, Mapping

from .syntax.parsers import absolute_path, count, natural, plain_path, size, whole, wrong

if TYPE_CHECKING:
    from .types import Device, DeviceRule

_MAX_NUMBER = (1 << 32) - 1
_RULE = re.compile(r"([acb])\s+(\*|[0-9]+):(\*|[0-9]+)\s+([rwm]{1,3})")


def _host_path(value: str, whole: object, option: str) -> str:
    if not value.startswith("/") or "\0" in value:
        raise wrong(option, whole, "an absolute path of a device on the host")
    return plain_path(value)


def _by_device(
    value: Iterable[object], option: str, rate: Callable[[object, str], int], expected: str
) -> dict[str, int]:
    limits: dict[str, int] = {}
    for item in value:
        path, colon, number = str(item).rpartition(":")
        if not colon:
            raise wrong(option, item, expected)
        path, limit = _host_path(path, item, option), rate(number, option)
        if limits.setdefault(path, limit) != limit:
            raise wrong(option, item, f"one limit for each device, and {path} has two")
    return dict(sorted((path, limit) for path, limit in limits.items() if limit))


def byte_rates(value: Iterable[object], option: str) -> dict[str, int]:
    """Return bytes a second by device from ``PATH:SIZE``; 0 is no limit, which is left out."""
    return _by_device(value, option, size, "DEVICE:BYTES such as /dev/sda:10m")


def rates(value: Iterable[object], option: str) -> dict[str, int]:
    """Return operations a second by device from ``PATH:NUMBER``; 0 is no limit, which is left out."""
    return _by_device(value, option, count, "DEVICE:NUMBER such as /dev/sda:1000")


def weight(value: object, option: str) -> int | None:
    """Return a share of the devices' time; None for 0, which is the kernel's default."""
    number = count(value, option)
    if number and not 10 <= number <= 1000:
        raise wrong(option, value, "a weight from 10 to 1000")
    return number or None


def weights(value: Mapping[object, object], option: str) -> dict[str, int]:
    """Return weights by device."""
    weights = {_host_path(str(path), path, option): weight(number, option) for path, number in value.items()}
    return {path: number for path, number in sorted(weights.items()) if number}


def cgroup_files(value: Mapping[object, object], option: str) -> dict[str, str]:
    """Return what is written to each cgroup v2 file, by its name."""
    for file in value:
        if not re.fullmatch(r"[a-z0-9_]+(?:\.[a-zA-Z0-9_]+)+", str(file)):
            raise wrong(option, file, "a file of a cgroup such as memory.high")
    return {str(file): str(text) for file, text in sorted(value.items())}


def swappiness(value: object, option: str) -> int | None:
    """Return a number from 0 to 100; None for -1, which is the kernel's default."""
    number = whole(value, option, -1, 100, "a number from 0 to 100, or -1 for the kernel's own")
    return None if number == -1 else number


def devices(value: Iterable[object], option: str) -> list[Device]:
    """Return the devices of ``HOST[:CONTAINER][:PERMISSIONS]`` items, sorted by path in the container."""
    result: dict[str, Device] = {}
    for item in value:
        host, *more = str(item).split(":")
        permissions = more.pop() if more and re.fullmatch("[rwm]+", more[-1]) else "rwm"
        if len(more) > 1 or len(set(permissions)) != len(permissions):
            raise wrong(option, item, "HOST[:CONTAINER][:PERMISSIONS], permissions from r, w and m")
        host = _host_path(host, item, option)
        target = absolute_path(more[0], option) if more else host
        device: Device = {
            "host": host,
            "container": target,
            "permissions": "".join(p for p in "rwm" if p in permissions),
        }
        if result.setdefault(target, device) != device:
            raise wrong(option, item, f"one device for each path in the container, and {target} has two")
    return [result[target] for target in sorted(result)]


def cgroup_rule(value: object, option: str) -> DeviceRule | None:
    """Return a rule of ``linux.resources.devices`` from ``TYPE MAJOR:MINOR ACCESS``; ``*`` is any number."""
    if not str(value).strip():
        return None
    match = _RULE.fullmatch(str(value).strip())
    if not match:
        raise wrong(option, value, "TYPE MAJOR:MINOR ACCESS such as 'c 189:* rmw', the type being a, b or c")
    kind, major, minor, access = match.groups()
    rule: DeviceRule = {"allow": True, "type": kind, "access": "".join(p for p in "rwm" if p in access)}
    if major != "*":
        rule["major"] = _device_number(major, value, option)
    if minor != "*":
        rule["minor"] = _device_number(minor, value, option)
    return rule


def _device_number(text: str, rule: object, option: str) -> int:
    number = natural(text, _MAX_NUMBER)
    if number is None:
        raise wrong(option, rule, f"device numbers of at most {_MAX_NUMBER}")
    return number


def gpus(value: object, option: str) -> list[str]:
    """Return the names of devices in CDI files, separated by commas, sorted; ``all`` makes others redundant."""
    names = {name.strip() for name in str(value).strip('"').split("=", 1)[-1].split(",")} - {""}
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", name):
            raise wrong(option, value, "all, or names of devices separated by commas")
    return ["all"] if "all" in names else sorted(names)
