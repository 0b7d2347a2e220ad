# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cgroup's files by cgroup v1's names and in its words; a v2 host's own are translated (cgroup-v2.rst)."""

from __future__ import annotations

import os
from typing import Callable, Optional

import pytest

ROOT = "/sys/fs/cgroup"
NO_LIMIT = "9223372036854771712"
# Shares that tests ask for: many of them have the same weight.
_SHARES = (1024, 512, 256, 100, 200, 2048)
_RATES = {"read_bps": "rbps", "write_bps": "wbps", "read_iops": "riops", "write_iops": "wiops"}


def unified() -> bool:
    """Whether this host has cgroup v2 alone."""
    return os.path.exists(f"{ROOT}/cgroup.controllers")


v1_only = pytest.mark.skipif(unified(), reason="of v1 alone: swappiness, OOM killer's switch, weights to 1000")


def mounts(path: str) -> list[str]:
    """Return the mount points of the hierarchies that have the cgroup."""
    tops = [ROOT] if unified() else [entry.path for entry in os.scandir(ROOT) if not entry.is_symlink()]
    return [top for top in tops if os.path.isdir(top + path)]


def folder(controller: str, path: str) -> str:
    """Return the directory of a cgroup, in the controller's hierarchy where there are several."""
    return ROOT + path if unified() else f"{ROOT}/{controller}{path}"


def read(controller: str, path: str, name: str) -> Optional[str]:
    """Return the file's content, or None where the host has no equivalent file."""
    if not unified():
        return _content(f"{folder(controller, path)}/{name}")
    rate = name.removeprefix("blkio.throttle.").removesuffix("_device")
    if rate in _RATES:
        return _rates(_content(f"{ROOT}{path}/io.max") or "", _RATES[rate])

    def read_v2(file: str) -> Optional[str]:
        return _content(f"{ROOT}{path}/{file}")

    return _V2[name](read_v2) if name in _V2 else read_v2(name)


def write(controller: str, path: str, name: str, text: str) -> None:
    """Write what v1's file would take."""
    if unified():
        rate = name.removeprefix("blkio.throttle.").removesuffix("_device")
        if rate in _RATES:
            device, limit = text.split()
            name, text = "io.max", f"{device} {_RATES[rate]}={limit}"
        elif name == "cpu.shares":
            name, text = "cpu.weight", str(_weight(int(text)))
        else:
            name = {"memory.limit_in_bytes": "memory.max", "cpu.cfs_quota_us": "cpu.max"}.get(name, name)
    with open(f"{folder(controller, path)}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def _content(path: str) -> Optional[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


Reader = Callable[[str], Optional[str]]


def _bytes(text: Optional[str]) -> Optional[str]:
    return NO_LIMIT if text == "max" else text


def _memory_and_swap(read: Reader) -> Optional[str]:
    memory, swap = read("memory.max"), read("memory.swap.max")
    return NO_LIMIT if "max" in (memory, swap) else str(int(memory or 0) + int(swap or 0))


def _quota(read: Reader) -> str:
    quota = (read("cpu.max") or "").split()[0]
    return "-1" if quota == "max" else quota


def _weight(shares: int) -> int:
    return 1 + (shares - 2) * 9999 // 262142


def _shares(read: Reader) -> str:
    weight = int(read("cpu.weight") or 0)
    return "1024" if weight == 100 else next(str(shares) for shares in _SHARES if _weight(shares) == weight)


def _frozen(read: Reader) -> str:
    return "FROZEN" if "frozen 1" in (read("cgroup.events") or "").splitlines() else "THAWED"


def _used_cpu(read: Reader) -> str:
    words = (read("cpu.stat") or "").split()
    return str(int(words[words.index("usage_usec") + 1]) * 1000)


def _rates(text: str, key: str) -> str:
    lines = (line.split() for line in text.splitlines())
    limits = {device: dict(word.split("=") for word in words).get(key, "max") for device, *words in lines}
    return "\n".join(f"{device} {limit}" for device, limit in limits.items() if limit != "max")


_V2: dict[str, Callable[[Reader], Optional[str]]] = {
    "memory.limit_in_bytes": lambda read: _bytes(read("memory.max")),
    "memory.memsw.limit_in_bytes": _memory_and_swap,
    # What is not protected has 0, which v1 says with no limit.
    "memory.soft_limit_in_bytes": lambda read: NO_LIMIT if read("memory.low") == "0" else read("memory.low"),
    "memory.max_usage_in_bytes": lambda read: read("memory.peak"),
    "cpu.cfs_quota_us": _quota,
    "cpu.cfs_period_us": lambda read: (read("cpu.max") or "").split()[1],
    "cpu.shares": _shares,
    "cpuacct.usage": _used_cpu,
    "freezer.state": _frozen,
}
