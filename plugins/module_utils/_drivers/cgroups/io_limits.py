# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that no OCI runtime's update takes: read and written in the cgroup's own files.

By device (blkio-controller.rst, cgroup-v2.rst "IO Interface Files"), the OOM killer, swappiness, and files by name.
Imported only for containers that have, or have lost, one of them.
"""

from __future__ import annotations

import os
from typing import Any, Iterator, Mapping, Optional

from ..._model.errors import InvalidArgument
from ..._model.options.parsers import natural
from .manager import CgroupHost, write_file

# option: its part of v1's blkio.throttle.PART_device, its key in v2's io.max
_RATES = {
    "device_read_bps": ("read_bps", "rbps"),
    "device_write_bps": ("write_bps", "wbps"),
    "device_read_iops": ("read_iops", "riops"),
    "device_write_iops": ("write_iops", "wiops"),
}
_WEIGHTS = "blkio_weight_device"
OPTIONS = (*_RATES, _WEIGHTS, "oom_kill_disable", "memory_swappiness", "cgroup_conf")
Numbers = Mapping[str, tuple[int, int]]


def drift(host: CgroupHost, path: str, wanted: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
    """Of the ``wanted`` options, the live values of those not in force.

    ``numbers`` are the major and minor number of each device that is named and there. What the kernel has no file for,
    or shows otherwise than it takes it (files by name), cannot be told and does not count.
    """
    found: dict[str, Any] = {}
    for name in (*_RATES, _WEIGHTS):
        live = _by_device(host, path, name) if name in wanted else None
        if live is not None and live != _numbered(wanted[name], numbers):
            paths = {f"{major}:{minor}": device for device, (major, minor) in numbers.items()}
            found[name] = {paths.get(device, device): limit for device, limit in live.items()}
    if "oom_kill_disable" in wanted:
        disabled = _oom_kill_disabled(host, path)
        if disabled is not None and disabled != wanted["oom_kill_disable"]:
            found["oom_kill_disable"] = disabled
    files = {name: host.read(path, "", name) for name in wanted.get("cgroup_conf", ())}
    told = {
        name: text for name, text in files.items() if _comparable(text) and _comparable(wanted["cgroup_conf"][name])
    }
    if any(not _same(name, wanted["cgroup_conf"][name], text or "") for name, text in told.items()):
        found["cgroup_conf"] = {**wanted["cgroup_conf"], **told}
    return found


def write(host: CgroupHost, path: str, wanted: Mapping[str, Any], numbers: Numbers) -> None:
    """Put the ``wanted`` options in force where they are not.

    :raises InvalidArgument: the kernel refuses a value.
    """
    for name in (*_RATES, _WEIGHTS):
        live = _by_device(host, path, name) if name in wanted else None
        if live is not None:
            want = _numbered(wanted[name], numbers)
            for device in sorted({*live, *want}):
                if live.get(device) != want.get(device):
                    _put(host, path, name, *_device_line(host, path, name, device, want.get(device)))
    disabled = _oom_kill_disabled(host, path)
    if disabled is not None and wanted.get("oom_kill_disable") not in (None, disabled):
        _put(host, path, "oom_kill_disable", "memory.oom_control", str(int(wanted["oom_kill_disable"])))
    if "memory_swappiness" in wanted and not host.unified:
        # What a new cgroup has is its parent's.
        value = wanted["memory_swappiness"]
        value = host.read(os.path.dirname(path), "memory", "memory.swappiness") if value is None else str(value)
        if value not in (None, host.read(path, "memory", "memory.swappiness")):
            _put(host, path, "memory_swappiness", "memory.swappiness", value)
    for name, text in wanted.get("cgroup_conf", {}).items():
        live_text = host.read(path, "", name)
        if not (_comparable(live_text) and _same(name, text, live_text or "")):
            _put(host, path, "cgroup_conf", name, text)


def _numbered(limits: Mapping[str, int], numbers: Numbers) -> dict[str, int]:
    return {f"{numbers[path][0]}:{numbers[path][1]}": limit for path, limit in limits.items() if path in numbers}


def _by_device(host: CgroupHost, path: str, name: str) -> Optional[dict[str, int]]:
    """Device to limit as the kernel has it; None where it has no such file."""
    if name in _RATES and host.unified:
        text = host.read(path, "io", "io.max")
        return None if text is None else dict(_of_key(text, _RATES[name][1]))
    text = host.read(path, "blkio", _file(host, path, name))
    if text is None:
        return None
    found = {}
    for line in text.splitlines():
        device, _space, limit = line.partition(" ")
        # The weights' file says in "default" what a device without one has.
        number = natural(limit)
        if ":" in device and number is not None:
            found[device] = number
    return found


def _of_key(text: str, key: str) -> Iterator[tuple[str, int]]:
    for line in text.splitlines():
        device, *pairs = line.split()
        value = dict(pair.split("=") for pair in pairs).get(key, "max")
        if value != "max":
            yield device, int(value)


def _file(host: CgroupHost, path: str, name: str) -> str:
    if name in _RATES:
        return "io.max" if host.unified else f"blkio.throttle.{_RATES[name][0]}_device"
    if host.unified:
        return "io.bfq.weight"
    # cfq's, of kernels before 5.0.
    old = "blkio.weight_device"
    return old if host.read(path, "blkio", old) is not None else f"blkio.bfq{old[5:]}"


def _device_line(host: CgroupHost, path: str, name: str, device: str, limit: Optional[int]) -> tuple[str, str]:
    """The file, and what sets one device's limit, or takes it away."""
    file = _file(host, path, name)
    if file == "io.max":
        return file, f"{device} {_RATES[name][1]}={limit or 'max'}"
    return file, f"{device} {limit or ('default' if '.bfq.' in file else 0)}"


def _oom_kill_disabled(host: CgroupHost, path: str) -> Optional[bool]:
    text = None if host.unified else host.read(path, "memory", "memory.oom_control")
    return None if text is None else "oom_kill_disable 1" in text.splitlines()


def _comparable(text: Optional[str]) -> bool:
    return text is not None and (text == "max" or natural(text) is not None)


def _same(name: str, wanted: str, live: str) -> bool:
    """Bytes of memory are kept in whole pages."""
    there, here = natural(wanted), natural(live)
    if name.startswith("memory.") and there is not None and here is not None:
        return 0 <= there - here < os.sysconf("SC_PAGE_SIZE")
    return wanted == live


def _put(host: CgroupHost, path: str, option: str, name: str, value: str) -> None:
    controller = "" if host.unified else name.partition(".")[0]
    mount = host.hierarchies[0] if host.unified else host.controllers[controller]
    file = f"{mount}{path}/{name}"
    try:
        write_file(file, value)
    except OSError as error:
        raise InvalidArgument(f"{option}: the kernel does not take {value!r} for {file}: {error.strerror}") from error
