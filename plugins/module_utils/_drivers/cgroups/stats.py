# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cgroup has used: memory, CPU time, processes, input and output, and OOM kills."""

from __future__ import annotations

import os
from typing import Optional

from .manager import CgroupHost, limits


def figures(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    """Return the cgroup's figures; None for what this kernel does not count, or has no limit on.

    ``memory_*`` and ``io_*_bytes`` in bytes (usage without the inactive page cache, as podman and docker show it),
    ``cpu_*_ns`` in nanoseconds since the cgroup was made, the rest are counts.
    """
    pids = host.read(path, "pids", "pids.current")
    counts = {**_memory(host, path), **(_cpu_v2 if host.unified else _cpu_v1)(host, path)}
    counts["pids_current"] = int(pids) if pids else None
    return {**counts, **(_io_v2 if host.unified else _io_v1)(host, path)}


def oom_kills(host: CgroupHost, path: str) -> int:
    """Return how many of its processes the kernel has killed for lack of memory (0 where it does not count)."""
    name = "memory.events" if host.unified else "memory.oom_control"
    return _table(host, path, "memory", name).get("oom_kill", 0)


def _table(host: CgroupHost, path: str, controller: str, name: str) -> dict[str, int]:
    """Return a flat keyed file, which has one "key number" a line."""
    pairs = (line.split() for line in (host.read(path, controller, name) or "").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _single(host: CgroupHost, path: str, controller: str, name: str) -> Optional[int]:
    text = host.read(path, controller, name)
    return int(text) if text else None


def _memory(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    if host.unified:
        usage, peak, inactive = "memory.current", "memory.peak", "inactive_file"
    else:
        usage, peak, inactive = "memory.usage_in_bytes", "memory.max_usage_in_bytes", "total_inactive_file"
    used = _single(host, path, "memory", usage)
    if used is not None:
        used = max(used - _table(host, path, "memory", "memory.stat").get(inactive, 0), 0)
    peak_bytes = _single(host, path, "memory", peak)
    limit = limits(host, path, ("memory",))["memory"]
    limit = limit if isinstance(limit, int) else None
    return {"memory_usage": used, "memory_limit": limit, "memory_peak": peak_bytes}


def _cpu_v1(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    total, user, system = (_single(host, path, "cpuacct", f"cpuacct.usage{which}") for which in ("", "_user", "_sys"))
    if user is None:
        # Before Linux 4.6 only in clock ticks.
        ticks, tick_ns = _table(host, path, "cpuacct", "cpuacct.stat"), 10**9 // os.sysconf("SC_CLK_TCK")
        user, system = (ticks[key] * tick_ns if key in ticks else None for key in ("user", "system"))
    return {"cpu_total_ns": total, "cpu_user_ns": user, "cpu_system_ns": system}


def _cpu_v2(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    stat = _table(host, path, "cpu", "cpu.stat")
    keys = {"cpu_total_ns": "usage_usec", "cpu_user_ns": "user_usec", "cpu_system_ns": "system_usec"}
    return {name: stat[key] * 1000 if key in stat else None for name, key in keys.items()}


def _io_v1(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    counts: dict[str, Optional[int]] = {}
    for unit, file in (("bytes", "io_service_bytes"), ("ops", "io_serviced")):
        # bfq counts only where it schedules the device; the throttle always, but on some kernels without descendants.
        names = (f"blkio.throttle.{file}_recursive", f"blkio.bfq.{file}_recursive", f"blkio.throttle.{file}")
        texts = (host.read(path, "blkio", name) for name in names)
        text = next((text for text in texts if text is not None), None)
        # Lines are such as "8:0 Read 4096"; the last is "Total 4096".
        rows = [line.split() for line in (text or "").splitlines()]
        for operation in ("Read", "Write"):
            total = sum(int(row[2]) for row in rows if len(row) == 3 and row[1] == operation)
            counts[f"io_{operation.lower()}_{unit}"] = None if text is None else total
    return counts


def _io_v2(host: CgroupHost, path: str) -> dict[str, Optional[int]]:
    text = host.read(path, "io", "io.stat")
    # Lines are "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0".
    pairs = [pair.partition("=") for pair in (text or "").split() if "=" in pair]
    keys = {"io_read_bytes": "rbytes", "io_write_bytes": "wbytes", "io_read_ops": "rios", "io_write_ops": "wios"}
    return {
        figure: None if text is None else sum(int(value) for name, _equals, value in pairs if name == key)
        for figure, key in keys.items()
    }
