# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's cgroups: which kind they are, whether a cgroup is frozen, and the limits it has now.

Only what an unchanged task reads stands here; ``cgroups_tree`` changes, ``cgroups_figures`` measures,
``cgroups_paths`` names. A cgroup's path is relative to the mounts: ``/libpod_parent/libpod-<id>``.
"""

from __future__ import annotations

import math
import os
from typing import Any, Callable, Iterable, Mapping, Optional

from ..._model.failpoints import failpoint

CGROUP_ROOT = "/sys/fs/cgroup"
DEFAULT_SHARES = 1024
_CHUNK = 1 << 16
DEFAULT_WEIGHT = 100


class CgroupHost:
    """Where a host's hierarchies are.

    ``kind`` is ``v1``, ``hybrid`` (v1, and a v2 hierarchy at ``unified`` that has no controllers of ours) or ``v2``;
    ``hierarchies`` are the mounts, each once; ``controllers`` gives a controller's mount.
    """

    def __init__(self, kind: str, hierarchies: tuple[str, ...], controllers: Mapping[str, str]) -> None:
        self.kind = kind
        self.hierarchies = hierarchies
        self.controllers = controllers
        self.unified = kind == "v2"

    def read(self, path: str, controller: str, name: str) -> Optional[str]:
        """A cgroup file's content without the newline at its end; None where kernel, controller or cgroup lacks it."""
        mount = self.hierarchies[0] if self.unified else self.controllers.get(controller)
        return None if mount is None else read_file(f"{mount}{path}/{name}")


def write_file(file: str, text: str, announced: bool = False) -> None:
    """Write a file of a cgroup; ``announced``: its caller has called ``failpoint``.

    :raises OSError: the kernel does not take it, or the file is not there.
    """
    if not announced:
        failpoint(f"write {file}")
    # No O_CREAT: on a recorded tree as in the kernel, a file that is not there is an error.
    handle = os.open(file, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read_file(file: str) -> Optional[str]:
    """Content of a small file without the newline at its end, or None where it cannot be read."""
    try:
        # Without a file object: a look at a container reads two dozen of them.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            content = b""
            while part := os.read(descriptor, _CHUNK):
                content += part
        finally:
            os.close(descriptor)
        return content.decode("ascii", "replace").rstrip("\n")
    except OSError:
        # A cgroup that is removed while it is read answers ENODEV: it is gone all the same.
        return None


def detect(root: str = CGROUP_ROOT) -> CgroupHost:
    """Look at the mounts below ``root``, by names alone (cgroups(7)); a host without cgroups has no hierarchies."""
    if os.path.exists(f"{root}/cgroup.controllers"):
        return CgroupHost("v2", (root,), {})
    try:
        names = sorted(os.listdir(root))
    except OSError:
        names = []
    mounts = [name for name in names if not os.path.islink(f"{root}/{name}")]
    # A directory that nothing is mounted on has no cgroup.procs.
    mounts = [name for name in mounts if os.path.exists(f"{root}/{name}/cgroup.procs")]
    hybrid = "unified" in mounts and os.path.exists(f"{root}/unified/cgroup.controllers")
    # Controllers mounted together share a directory named after all of them: "cpu,cpuacct".
    controllers = {part: f"{root}/{name}" for name in mounts if name != "unified" for part in name.split(",")}
    return CgroupHost("hybrid" if hybrid else "v1", tuple(f"{root}/{name}" for name in mounts), controllers)


def lost(host: CgroupHost, path: str) -> bool:
    """Return whether a container's cgroup is missing where its limits, its processes' number and its freezer are."""
    known = host.controllers
    mounts = host.hierarchies if host.unified else [known[name] for name in _OURS if name in known]
    return not all(os.path.isdir(mount + path) for mount in mounts)


# The controllers in which each runtime makes a container's cgroup.
_OURS = ("memory", "cpu", "pids", "freezer")
# Files that are as a new cgroup has them wherever nobody asked for a limit by device or switched the OOM killer off.
_V1_PLAIN = (
    *(("blkio", f"blkio.throttle.{way}_{unit}_device", "") for way in ("read", "write") for unit in ("bps", "iops")),
    ("memory", "memory.oom_control", "oom_kill_disable 0"),
)
_V2_PLAIN = (("io", "io.max", ""),)


def plain(host: CgroupHost, path: str) -> bool:
    """Whether none of the limits of ``cgroups_direct`` is in force that can be seen at a glance."""
    for controller, name, usual in _V2_PLAIN if host.unified else _V1_PLAIN:
        text = host.read(path, controller, name)
        if text and text.partition("\n")[0] != usual:
            return False
    return True


def frozen(host: CgroupHost, path: str) -> bool:
    """Was this cgroup itself paused? (A frozen ancestor does not count: the OCI runtime could not resume this one.)"""
    name = "cgroup.freeze" if host.unified else "freezer.self_freezing"
    return host.read(path, "freezer", name) == "1"


def shares_to_weight(shares: int) -> int:
    """cgroup v1's cpu.shares as v2's cpu.weight, as runc 1.x and systemd convert it (0 stays 0: not set)."""
    if shares == 0:
        return 0
    return 1 + ((min(max(shares, 2), 262144) - 2) * 9999) // 262142


def weight_to_shares(weight: int) -> int:
    """v2's cpu.weight as shares: the least that ``shares_to_weight`` turns into it, and for the default the default."""
    if weight == DEFAULT_WEIGHT:
        return DEFAULT_SHARES
    return 2 - (-(weight - 1) * 262142) // 9999 if weight > 1 else 2


def _same_shares(host: CgroupHost, wanted: int, live: int) -> bool:
    if not host.unified or wanted == live:
        return min(max(wanted, 2), 262144) == live
    weight = DEFAULT_WEIGHT if live == DEFAULT_SHARES else shares_to_weight(live)
    # Runtimes since 2025 (opencontainers/cgroups 0.0.5, crun 1.23) bend the line so that 1024 meets the default 100.
    log = math.log2(min(max(wanted, 2), 262144))
    return weight in (shares_to_weight(wanted), math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)))


def _number(text: Optional[str]) -> Optional[int]:
    """A limit; None where there is none or nothing to read. v1 says "none" with the largest number of pages."""
    if text is None or text in ("max", "-1"):
        return None
    return None if int(text) >= 1 << 62 else int(text)


def _memory_swap(host: CgroupHost, path: str) -> Optional[int]:
    """Memory and swap together: -1 without a limit, None where the kernel does not account for swap."""
    text = host.read(path, "memory", "memory.swap.max" if host.unified else "memory.memsw.limit_in_bytes")
    if text is None:
        return None
    swap = _number(text)
    memory = limits(host, path, ("memory",))["memory"] if host.unified else 0
    return -1 if swap is None or memory is None else memory + swap


def _cpu_max(host: CgroupHost, path: str, v1: str, field: int) -> Optional[int]:
    if not host.unified:
        return _number(host.read(path, "cpu", v1))
    text = host.read(path, "cpu", "cpu.max")
    return _number(text.split()[field]) if text else None


def _cpu_shares(host: CgroupHost, path: str) -> Optional[int]:
    live = _number(host.read(path, "cpu", "cpu.weight" if host.unified else "cpu.shares"))
    return weight_to_shares(live) if host.unified and live is not None else live


def _plain(controller: str, v1: str, v2: str) -> Callable[[CgroupHost, str], Optional[int]]:
    return lambda host, path: _number(host.read(path, controller, v2 if host.unified else v1))


def _weight(host: CgroupHost, path: str) -> Optional[int]:
    text = host.read(path, "blkio", "io.bfq.weight" if host.unified else "blkio.bfq.weight")
    return _number(text.partition("\n")[0].split()[-1]) if text else None


_READERS: dict[str, Callable[[CgroupHost, str], Any]] = {
    "memory": _plain("memory", "memory.limit_in_bytes", "memory.max"),
    "memory_swap": _memory_swap,
    "memory_reservation": lambda host, path: (
        _plain("memory", "memory.soft_limit_in_bytes", "memory.low")(host, path) or None
    ),
    "memory_swappiness": _plain("memory", "memory.swappiness", "memory.swappiness"),
    "cpu_quota": lambda host, path: _cpu_max(host, path, "cpu.cfs_quota_us", 0),
    "cpu_period": lambda host, path: _cpu_max(host, path, "cpu.cfs_period_us", 1),
    "cpu_shares": _cpu_shares,
    "cpuset_cpus": lambda host, path: host.read(path, "cpuset", "cpuset.cpus"),
    "cpuset_mems": lambda host, path: host.read(path, "cpuset", "cpuset.mems"),
    "pids_limit": _plain("pids", "pids.max", "pids.max"),
    "blkio_weight": _weight,
    "cpu_rt_period": _plain("cpu", "cpu.rt_period_us", "cpu.rt_period_us"),
    "cpu_rt_runtime": _plain("cpu", "cpu.rt_runtime_us", "cpu.rt_runtime_us"),
}
LIMITS = tuple(_READERS)
# What a new cgroup has, and what a kernel may have no file for.
_DEFAULTS = {"cpu_period": 100000, "cpu_rt_period": 1000000, "cpu_rt_runtime": 0, "blkio_weight": 100}


def limits(host: CgroupHost, path: str, names: Iterable[str] = LIMITS) -> dict[str, Any]:
    """The values in force, by option name; files of other names are not read.

    Bytes, microseconds, shares and counts are numbers, cpusets the kernel's lists as text. None is no limit, or a file
    that this kernel does not have; ``memory_swap`` tells them apart: -1 is no limit, None is not accounted for.
    """
    return {name: _READERS[name](host, path) for name in names}


def drift(host: CgroupHost, path: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Of the ``wanted`` limits (by option name; None, 0 and "" for none), the live values of those not in force.

    A value counts as in force where the kernel rounds it (pages), inherits it (cpusets) or the runtime converts it
    (shares); one the kernel has no file for cannot be told and does not count as drift.
    """
    live = limits(host, path, wanted)
    return {name: live[name] for name in wanted if not _in_force(host, path, name, wanted[name], live[name])}


def _in_force(host: CgroupHost, path: str, name: str, wanted: Any, live: Any) -> bool:
    if name.startswith("cpuset"):
        # On v2 an empty one has what its parent has; once set, it can be emptied only while nothing runs in it.
        if live is None or not (live or wanted):
            return True
        whole = frozenset() if live and wanted else _whole_cpuset(host, path, name)
        if not wanted:
            return bool(whole) and cpu_list(live) >= whole
        return cpu_list(wanted) == (cpu_list(live) or whole)
    if name in ("cpu_shares", "memory_swap", "memory_swappiness", *_DEFAULTS) and live is None:
        return True
    if name == "cpu_shares":
        return _same_shares(host, wanted or DEFAULT_SHARES, live)
    if name in _DEFAULTS:
        return bool((wanted or _DEFAULTS[name]) == live)
    if name == "memory_swappiness":
        # What a new cgroup has is its parent's.
        inherited = limits(host, os.path.dirname(path), (name,))[name] if wanted is None else wanted
        return inherited in (None, live)
    if name == "memory_swap":
        # Not set means what the kernel has by itself: any value is as good.
        return not wanted or (live == -1 if wanted == -1 else live == _pages(wanted))
    none = wanted in (None, 0, -1)
    return live is None if none else live == (_pages(wanted) if name.startswith("memory") else wanted)


def _whole_cpuset(host: CgroupHost, path: str, name: str) -> frozenset[int]:
    """What a cgroup could have at most of ``cpuset_cpus`` or ``cpuset_mems``: what its parent has."""
    parent, file = os.path.dirname(path.rstrip("/")), name.replace("_", ".")
    return cpu_list(host.read(parent, "cpuset", file) or host.read(parent, "cpuset", f"{file}.effective") or "")


def _pages(size: int) -> int:
    return size - size % os.sysconf("SC_PAGE_SIZE")


def cpu_list(text: str) -> frozenset[int]:
    """The numbers in a kernel list such as ``0-3,6`` (cpuset(7), "List format").

    :raises ValueError: it is no such list.
    """
    numbers: set[int] = set()
    for part in text.split(",") if text.strip() else ():
        first, dash, last = part.strip().partition("-")
        numbers.update(range(int(first), int(last if dash else first) + 1))
    return frozenset(numbers)
