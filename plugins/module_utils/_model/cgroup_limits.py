# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup limits, a row an option: its files in cgroup v1 and v2, their codecs, its systemd property and OCI field.

What reads, writes, compares, checks or shows a limit goes over ``LIMITS``. Sources: the kernel's cgroup-v1/*.rst and
cgroup-v2.rst, systemd.resource-control(5), the OCI runtime specification's config-linux.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping, Optional, Union

from .cgroup_codecs import (
    DEFAULT_SHARES,
    DEFAULT_WEIGHT,
    INFINITY,
    Codec,
    Values,
    by_device_codec,
    cpu_mask,
    cpu_max_codec,
    cpuset_codec,
    default_codec,
    io_max_codec,
    limit_codec,
    parse_number,
    parse_shares,
    parse_v1_swap,
    parse_v2_swap,
    quota_a_second,
    reservation_codec,
    same_bytes,
    same_if_known,
    same_limit,
    same_shares,
    same_swap,
    same_v2_swap,
    same_weight,
    swap_alone,
    weight_or,
    whole_cpuset,
)
from .options.syntax.parsers import CPU_PERIOD

_RT_PERIOD = 1000000  # microseconds


# Plain classes, since each task loads the table: defining named tuples would take longer than all the rest of it.


class File:
    """A file of a cgroup; without a codec it only shows that the kernel has the limit.

    ``initial`` is its first line in a new cgroup, by which a glance sees that the limit was never set.
    """

    def __init__(self, name: str, codec: Optional[Codec] = None, initial: Optional[str] = None) -> None:
        self.name, self.codec, self.initial = name, codec, initial


class Property:
    """A property of a systemd unit, its D-Bus signature, and the value's words as busctl(1) takes them."""

    def __init__(self, name: str, signature: str, format: Callable[[Values], list[str]]) -> None:
        self.name, self.signature, self.format = name, signature, format


class Absent(str):
    """Nothing of the kind: the reason."""


class Limit:
    """An option's row. Of several files, the first that the kernel has counts.

    - ``oci``: section and key in ``linux.resources``.
    - ``inspected``: the key in podman's HostConfig, and what stands there for no limit.
    - ``unlimited``: what an update gives the OCI runtime for no limit.
    - ``set_by``: what changes it in a running container, ``runtime`` or ``engine``; empty where nothing can.
    - ``optional``: not every kernel has it.
    - ``rare``: read only where a container has it, or a glance shows it.
    - ``device_field``: it is a limit by device, and this its field in the OCI list.
    - ``inherits``: a new cgroup has its parent's value; tells whether a live value still is the parent's.
    """

    def __init__(
        self,
        option: str,
        v1: Union[tuple[File, ...], Absent],
        v2: Union[tuple[File, ...], Absent],
        systemd: Union[Property, Absent],
        oci: tuple[Section, str],
        inspected: tuple[str, object],
        unlimited: object = None,
        unlimited_v2: object = None,
        set_by: str = "runtime",
        optional: bool = False,
        rare: bool = False,
        device_field: str = "",
        inherits: Optional[Callable[[Any, Any], bool]] = None,
    ) -> None:
        self.option, self.v1, self.v2, self.systemd, self.oci, self.inspected = option, v1, v2, systemd, oci, inspected
        self.unlimited, self.unlimited_v2, self.set_by = unlimited, unlimited_v2, set_by
        self.optional, self.rare, self.device_field, self.inherits = optional, rare, device_field, inherits
        self.controller = self.files(False)[0].name.partition(".")[0]  # in whose v1 hierarchy the files are

    def unlimited_on(self, unified: bool) -> object:
        """Return what an update gives the OCI runtime for no limit, on a host with cgroup v2 alone or another."""
        return self.unlimited_v2 if unified and self.unlimited_v2 is not None else self.unlimited

    def shown(self, value: Any) -> object:
        """Return what inspect shows for a value; a limit by device is a list of podman's pairs."""
        if value is None:
            return self.inspected[1]
        if self.device_field:
            return [{"Path": path, self.device_field.capitalize(): limit} for path, limit in value.items()]
        return value

    def files(self, unified: bool) -> tuple[File, ...]:
        """Return the files in cgroup v2 or, unless ``unified``, in v1."""
        column = self.v2 if unified else self.v1
        return () if isinstance(column, Absent) else column


# The table

if TYPE_CHECKING:
    from typing import Literal

    Section = Literal["cpu", "memory", "pids", "blockIO"]  # of linux.resources
    _Files = Union[tuple[File, ...], Absent]
    _Places = tuple[tuple[File, ...], _Files, Union[Property, Absent], tuple[Section, str], tuple[str, object]]

_NO_POD = Absent("systemd is asked for pods alone, which have no such limit; the scope of a container is its runtime's")
_V1_ONLY = Absent("cgroup v2 has nothing of the kind")


def _rate(option: str, part: str, key: str, oci: str, inspected: str) -> Limit:
    v1 = File(f"blkio.throttle.{part}_device", by_device_codec(option, "0"), initial="")
    v2 = File("io.max", io_max_codec(option, key), initial="")
    places: _Places = ((v1,), (v2,), _NO_POD, ("blockIO", oci), (inspected, ()))
    return Limit(option, *places, set_by="engine", optional=True, rare=True, device_field="rate")


def _cpuset_row(option: str, oci: str, inspected: str, systemd: Union[Property, Absent], *, optional: bool) -> Limit:
    files = (File(option.replace("_", "."), cpuset_codec(option)),)
    places: _Places = (files, files, systemd, ("cpu", oci), (inspected, ""))
    return Limit(option, *places, optional=optional, inherits=whole_cpuset)


def _real_time(option: str, default: int, oci: str, inspected: str) -> Limit:
    v1 = File(f"cpu.{option[4:]}_us", default_codec(option, default))
    places: _Places = ((v1,), _V1_ONLY, _NO_POD, ("cpu", oci), (inspected, 0))
    return Limit(option, *places, unlimited=default, optional=True)


_ROWS = (
    Limit(
        "memory",
        (File("memory.limit_in_bytes", limit_codec("memory", "-1", same_bytes)),),
        (File("memory.max", limit_codec("memory", "max", same_bytes)),),
        Property("MemoryMax", "t", lambda values: [str(values["memory"] or INFINITY)]),
        ("memory", "limit"),
        ("Memory", 0),
        unlimited=-1,
    ),
    Limit(
        "memory_swap",
        # As the option, v1 counts memory and swap together; v2 counts swap alone.
        (File("memory.memsw.limit_in_bytes", limit_codec("memory_swap", "-1", same_swap, parse_v1_swap)),),
        (File("memory.swap.max", Codec(parse_v2_swap, lambda values: swap_alone(values, "max"), same_v2_swap)),),
        Property("MemorySwapMax", "t", lambda values: [swap_alone(values, INFINITY)]),
        ("memory", "swap"),
        ("MemorySwap", 0),
        unlimited=-1,
    ),
    # v1 refuses some quotas beside the old period, so that it is written first.
    Limit(
        "cpu_period",
        (File("cpu.cfs_period_us", default_codec("cpu_period", CPU_PERIOD)),),
        (File("cpu.max", cpu_max_codec(1, default_codec("cpu_period", CPU_PERIOD).same)),),
        Property("CPUQuotaPeriodUSec", "t", lambda values: [str(values["cpu_period"] or CPU_PERIOD)]),
        ("cpu", "period"),
        ("CpuPeriod", 0),
        unlimited=CPU_PERIOD,
    ),
    Limit(
        "cpu_quota",
        (File("cpu.cfs_quota_us", limit_codec("cpu_quota", "-1", same_limit)),),
        (File("cpu.max", cpu_max_codec(0, same_limit)),),
        Property("CPUQuotaPerSecUSec", "t", quota_a_second),
        ("cpu", "quota"),
        ("CpuQuota", 0),
        unlimited=-1,
    ),
    Limit(
        "cpu_shares",
        (
            File(
                "cpu.shares",
                Codec(parse_number, lambda values: str(values["cpu_shares"] or DEFAULT_SHARES), same_shares),
            ),
        ),
        (File("cpu.weight", Codec(parse_shares, lambda values: weight_or(values, DEFAULT_WEIGHT), same_weight)),),
        Property("CPUWeight", "t", lambda values: [weight_or(values, INFINITY)]),
        ("cpu", "shares"),
        ("CpuShares", 0),
        unlimited=DEFAULT_SHARES,
    ),
    _cpuset_row("cpuset_cpus", "cpus", "CpusetCpus", Property("AllowedCPUs", "ay", cpu_mask), optional=False),
    _cpuset_row("cpuset_mems", "mems", "CpusetMems", _NO_POD, optional=True),
    Limit(
        "pids_limit",
        (File("pids.max", limit_codec("pids_limit", "max", same_limit)),),
        (File("pids.max", limit_codec("pids_limit", "max", same_limit)),),
        _NO_POD,
        ("pids", "limit"),
        ("PidsLimit", 0),
        unlimited=-1,
    ),
    Limit(
        "memory_reservation",
        (File("memory.soft_limit_in_bytes", reservation_codec("-1")),),
        (File("memory.low", reservation_codec("0")),),
        _NO_POD,
        ("memory", "reservation"),
        ("MemoryReservation", 0),
        unlimited=-1,
        unlimited_v2=1,  # -1 would reserve everything, 0 is not written by runc, and 1 byte is no page
        optional=True,
    ),
    Limit(
        "memory_swappiness",
        (
            File(
                "memory.swappiness", Codec(parse_number, lambda values: str(values["memory_swappiness"]), same_if_known)
            ),
        ),
        _V1_ONLY,
        _NO_POD,
        ("memory", "swappiness"),
        ("MemorySwappiness", -1),
        set_by="engine",
        optional=True,
        inherits=lambda live, parent: parent in (None, live),
    ),
    # The kernels that had it took a first limit only for an empty cgroup.
    Limit(
        "kernel_memory",
        (File("memory.kmem.limit_in_bytes"),),
        _V1_ONLY,
        _NO_POD,
        ("memory", "kernel"),
        ("KernelMemory", 0),
        set_by="",
        optional=True,
    ),
    _real_time("cpu_rt_period", _RT_PERIOD, "realtimePeriod", "CpuRealtimePeriod"),
    _real_time("cpu_rt_runtime", 0, "realtimeRuntime", "CpuRealtimeRuntime"),
    # Weights of cfq (before Linux 5.0) and io.weight have other defaults and scales, which the OCI runtime knows.
    Limit(
        "blkio_weight",
        (File("blkio.bfq.weight", default_codec("blkio_weight", DEFAULT_WEIGHT)), File("blkio.weight")),
        (File("io.bfq.weight", default_codec("blkio_weight", DEFAULT_WEIGHT)), File("io.weight")),
        _NO_POD,
        ("blockIO", "weight"),
        ("BlkioWeight", 0),
        unlimited=DEFAULT_WEIGHT,
        optional=True,
    ),
    _rate("device_read_bps", "read_bps", "rbps", "throttleReadBpsDevice", "BlkioDeviceReadBps"),
    _rate("device_write_bps", "write_bps", "wbps", "throttleWriteBpsDevice", "BlkioDeviceWriteBps"),
    _rate("device_read_iops", "read_iops", "riops", "throttleReadIOPSDevice", "BlkioDeviceReadIOps"),
    _rate("device_write_iops", "write_iops", "wiops", "throttleWriteIOPSDevice", "BlkioDeviceWriteIOps"),
    Limit(
        "blkio_weight_device",
        (
            File("blkio.weight_device", by_device_codec("blkio_weight_device", "0")),
            File("blkio.bfq.weight_device", by_device_codec("blkio_weight_device", "default")),
        ),
        (File("io.bfq.weight", by_device_codec("blkio_weight_device", "default")),),
        _NO_POD,
        ("blockIO", "weightDevice"),
        ("BlkioWeightDevice", ()),
        set_by="engine",
        optional=True,
        rare=True,
        device_field="weight",
    ),
    Limit(
        "oom_kill_disable",
        (
            File(
                "memory.oom_control",
                Codec(
                    lambda text, _read: "oom_kill_disable 1" in text.splitlines(),
                    lambda values: str(int(values["oom_kill_disable"])),
                    same_if_known,
                ),
                initial="oom_kill_disable 0",
            ),
        ),
        _V1_ONLY,
        _NO_POD,
        ("memory", "disableOOMKiller"),
        ("OomKillDisable", False),
        set_by="engine",
        optional=True,
        rare=True,
    ),
)
LIMITS: Mapping[str, Limit] = {row.option: row for row in _ROWS}
# Those that every look at a container reads, and those that few have.
USUAL = tuple(row.option for row in _ROWS if not row.rare and row.set_by)
RARE = tuple(row.option for row in _ROWS if row.rare)
# Those of a pod's own cgroup.
OF_PODS = tuple(row.option for row in _ROWS if isinstance(row.systemd, Property))
_TOGETHER = (("memory", "memory_swap"), ("cpu_quota", "cpu_period"), ("cpu_rt_period", "cpu_rt_runtime"))


def with_partners(names: Iterable[str]) -> set[str]:
    """Return the limits with those that the kernel checks them against, or keeps in the same file."""
    chosen = set(names)
    return chosen.union(*(pair for pair in _TOGETHER if chosen & set(pair)))
