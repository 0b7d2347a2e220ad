# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes limits to a cgroup that no OCI container stands for, such as a pod's (cgroups(7), cgroup-v2.rst), and has what
is in one fit below a new limit.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint
from .manager import CgroupHost, drift, read_file, shares_to_weight, write_file


def write(host: CgroupHost, path: str, wanted: Mapping[str, Any]) -> None:
    """Put the ``wanted`` limits (by option name, None for none) in force where they are not yet.

    :raises InvalidArgument: the kernel refuses one, such as memory below what is in use.
    """
    changed = drift(host, path, wanted)
    if not changed:
        return
    files = _v2(wanted) if host.unified else _v1(wanted)
    for _attempt in range(2):
        # v1 keeps memory at most at memory with swap: which of the two must go first depends on the old values.
        refused = [(one, error) for one in files if (error := _put(host, path, *one))]
        if not refused:
            return
        files = [one for one, _error in refused]
    (controller, name, value), error = refused[0]
    raise InvalidArgument(f"the pod's cgroup {path} does not take {value} for {controller}'s {name}: {error.strerror}")


def make_room(host: CgroupHost, path: str, limit: Optional[int], whose: str) -> None:
    """Before a memory limit is lowered: have what is in the cgroup fit below it.

    v1's kernel does so itself, or refuses the limit; v2's takes it and kills until it is kept.

    :raises InvalidArgument: more is in use that cannot be given back.
    """
    if not host.unified or not limit or limit < 0:
        return
    used = _used(host, path)
    if used <= limit:
        return
    # Kernels from 5.19 on give back on demand; before, what is cached of files is what they could.
    file = f"{host.hierarchies[0]}{path}/memory.reclaim"
    if os.path.exists(file):
        failpoint(f"write {file}")
        try:
            handle = os.open(file, os.O_WRONLY)
            try:
                os.write(handle, str(used - limit).encode())
            finally:
                os.close(handle)
        except OSError:
            pass  # not all of it
        used = _used(host, path)
    else:
        cached = (line.split() for line in (host.read(path, "memory", "memory.stat") or "").splitlines())
        used -= sum(int(size) for name, size in cached if name in ("active_file", "inactive_file"))
    if used > limit:
        raise InvalidArgument(f"cannot set the limits of {whose}: memory is to be {limit} bytes, {used} are in use")


def _used(host: CgroupHost, path: str) -> int:
    return int(host.read(path, "memory", "memory.current") or 0)


def _v1(wanted: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    quota, period = wanted["cpu_quota"], wanted["cpu_period"]
    return [
        ("memory", "memory.limit_in_bytes", str(wanted["memory"] or -1)),
        ("memory", "memory.memsw.limit_in_bytes", str(wanted["memory_swap"] or -1)),
        ("cpu", "cpu.cfs_period_us", str(period or 100000)),
        ("cpu", "cpu.cfs_quota_us", str(quota or -1)),
        ("cpu", "cpu.shares", str(wanted["cpu_shares"] or 1024)),
        ("cpuset", "cpuset.cpus", wanted["cpuset_cpus"] or ""),
    ]


def _v2(wanted: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    memory, swap = wanted["memory"], wanted["memory_swap"]
    limited = memory and swap not in (None, -1)
    return [
        ("memory", "memory.max", str(memory or "max")),
        ("memory", "memory.swap.max", str(swap - memory) if limited else "max"),
        ("cpu", "cpu.max", f"{wanted['cpu_quota'] or 'max'} {wanted['cpu_period'] or 100000}"),
        ("cpu", "cpu.weight", str(shares_to_weight(wanted["cpu_shares"] or 0) or 100)),
        ("cpuset", "cpuset.cpus", wanted["cpuset_cpus"] or ""),
    ]


def _put(host: CgroupHost, path: str, controller: str, name: str, value: str) -> OSError | None:
    mount = host.hierarchies[0] if host.unified else host.controllers.get(controller, "")
    file = f"{mount}{path}/{name}"
    if not mount or not os.path.exists(file):
        return None
    if not value and not read_file(file):
        return None
    if not value:
        # On v1 an empty cpuset runs nothing, and on v2 none can be emptied while something runs: all the parent has.
        parent = f"{mount}{os.path.dirname(path)}/{name}"
        value = read_file(parent) or read_file(f"{parent}.effective") or "0"
    try:
        write_file(file, value)
    except OSError as error:
        return error
    return None
