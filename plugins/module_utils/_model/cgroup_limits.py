# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup limits, a row an option: its files in cgroup v1 and v2, its systemd property, OCI field and conversions.

What reads, writes, compares, checks or shows a limit goes over ``LIMITS``. Sources: the kernel's cgroup-v1/*.rst and
cgroup-v2.rst, systemd.resource-control(5), the OCI runtime specification's config-linux.md.
"""

from __future__ import annotations

import math
import os
from typing import Any, Callable, Iterable, Mapping, Optional, Union

from .options.parsers import CPU_PERIOD, natural

Values = Mapping[str, Any]  # by option; None is no limit
Read = Callable[[str], Optional[str]]  # another file of the same controller and cgroup
Same = Callable[[Any, Any], bool]  # whether the live value is the one that is wanted

DEFAULT_SHARES, DEFAULT_WEIGHT = 1024, 100
_RT_PERIOD = 1000000  # microseconds
_INFINITY = 2**64 - 1  # systemd's


# Plain classes, since each task loads the table: defining named tuples would take longer than all the rest of it.


class Codec:
    """How a file keeps an option's value.

    ``parse`` returns the value, None for no limit; ``format`` what is written for the options, of a limit by device for
    one device alone. ``same`` tells whether a live value is the one wanted, for the kernel rounds some.
    """

    def __init__(self, parse: Callable[[str, Read], Any], format: Callable[[Values], str], same: Same) -> None:
        self.parse, self.format, self.same = parse, format, same


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
        oci: tuple[str, str],
        inspected: tuple[str, Any],
        unlimited: Any = None,
        unlimited_v2: Any = None,
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

    def unlimited_on(self, unified: bool) -> Any:
        """Return what an update gives the OCI runtime for no limit, on a host with cgroup v2 alone or another."""
        return self.unlimited_v2 if unified and self.unlimited_v2 is not None else self.unlimited

    def shown(self, value: Any) -> Any:
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


# Conversions


def cpu_list(text: str) -> frozenset[int]:
    """Return the numbers in a kernel list such as ``0-3,6`` (cpuset(7), "List format").

    :raises ValueError: it is no such list.
    """
    numbers: set[int] = set()
    for part in text.split(",") if text.strip() else ():
        first, dash, last = part.strip().partition("-")
        numbers.update(range(int(first), int(last if dash else first) + 1))
    return frozenset(numbers)


def shares_to_weight(shares: int) -> int:
    """Convert v1's cpu.shares to v2's cpu.weight, as runc 1.x and systemd do (0 stays 0: not set)."""
    return 1 + ((_clamped(shares) - 2) * 9999) // 262142 if shares else 0


def weight_to_shares(weight: int) -> int:
    """Return the least shares that ``shares_to_weight`` turns into this weight, and for the default the default."""
    if weight == DEFAULT_WEIGHT:
        return DEFAULT_SHARES
    return 2 - (-(weight - 1) * 262142) // 9999 if weight > 1 else 2


def _clamped(shares: int) -> int:
    return min(max(shares, 2), 262144)


def _same_shares(wanted: Optional[int], live: Optional[int]) -> bool:
    return live is None or _clamped(wanted or DEFAULT_SHARES) == live


def _same_weight(wanted: Optional[int], live: Optional[int]) -> bool:
    if live is None or _same_shares(wanted, live):
        return True
    shares = _clamped(wanted or DEFAULT_SHARES)
    weight = DEFAULT_WEIGHT if live == DEFAULT_SHARES else shares_to_weight(live)
    # Runtimes since 2025 (opencontainers/cgroups 0.0.5, crun 1.23) bend the line so that 1024 meets the default 100.
    log = math.log2(shares)
    return weight in (shares_to_weight(shares), math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34)))


def _number(text: Optional[str]) -> Optional[int]:
    """Return a limit; None where there is none. v1 says "none" with the largest number of pages."""
    if not text or text in ("max", "-1"):
        return None
    return None if int(text) >= 1 << 62 else int(text)


def _parse(text: str, _read: Read) -> Optional[int]:
    return _number(text)


def _same_limit(wanted: Optional[int], live: Optional[int]) -> bool:
    return live is None if wanted in (None, 0, -1) else live == wanted


def _pages(size: int) -> int:
    return size - size % os.sysconf("SC_PAGE_SIZE")


def _same_bytes(wanted: Optional[int], live: Optional[int]) -> bool:
    return _same_limit(_pages(wanted) if wanted and wanted > 0 else wanted, live)


def _limit(option: str, none: str, same: Same, parse: Callable[[str, Read], Any] = _parse) -> Codec:
    """Return the codec of a file that has a number, or ``none``."""
    return Codec(parse, lambda values: none if values[option] in (None, 0, -1) else str(values[option]), same)


def _default(option: str, default: int) -> Codec:
    """Return the codec of a number that is ``default`` without a limit."""

    def parse(text: str, _read: Read) -> Optional[int]:
        # Files of weights begin with "default 100", and go on with devices.
        return _number(text.partition("\n")[0].rpartition(" ")[2])

    def same(wanted: Optional[int], live: Optional[int]) -> bool:
        return live is None or live == (wanted or default)

    return Codec(parse, lambda values: str(values[option] or default), same)


def _reservation(none: str) -> Codec:
    return _limit("memory_reservation", none, _same_bytes, lambda text, _read: _number(text) or None)


def _v1_swap(text: str, _read: Read) -> int:
    """Return memory and swap together; -1 for no limit, since None says that swap is not accounted for."""
    number = _number(text)
    return -1 if number is None else number


def _v2_swap(text: str, read: Read) -> int:
    swap, memory = _number(text), _number(read("memory.max"))
    return -1 if swap is None or memory is None else memory + swap


def _same_v2_swap(wanted: Optional[int], live: Optional[int]) -> bool:
    # Memory and swap are rounded to pages each by itself.
    if wanted and live and -1 not in (wanted, live):
        return 0 <= wanted - live < 2 * os.sysconf("SC_PAGE_SIZE")
    return _same_swap(wanted, live)


def _swap_alone(values: Values, none: object) -> str:
    memory, swap = values["memory"], values["memory_swap"]
    return str(swap - memory if memory and swap not in (None, -1) else none)


def _same_swap(wanted: Optional[int], live: Optional[int]) -> bool:
    # Not set means what the kernel has by itself: any value is as good.
    return live is None or not wanted or live == (-1 if wanted == -1 else _pages(wanted))


def _cpu_max(field: int, same: Same) -> Codec:
    def parse(text: str, _read: Read) -> Optional[int]:
        return _number(text.split()[field]) if text else None

    return Codec(parse, lambda values: f"{values['cpu_quota'] or 'max'} {values['cpu_period'] or CPU_PERIOD}", same)


def _quota_a_second(values: Values) -> list[str]:
    quota, period = values["cpu_quota"], values["cpu_period"] or CPU_PERIOD
    return [str(quota * 1000000 // period if quota and quota > 0 else _INFINITY)]


def _weight(values: Values, none: int) -> str:
    return str(shares_to_weight(values["cpu_shares"] or 0) or none)


def _shares(text: str, _read: Read) -> Optional[int]:
    weight = _number(text)
    return None if weight is None else weight_to_shares(weight)


def _cpuset(option: str) -> tuple[File]:
    def same(wanted: str, live: str) -> bool:
        return cpu_list(wanted) == cpu_list(live)

    return (File(option.replace("_", "."), Codec(lambda text, _read: text, lambda values: values[option] or "", same)),)


def _whole_cpuset(live: str, parent: str) -> bool:
    return bool(parent) and cpu_list(live) >= cpu_list(parent)


def _cpu_mask(values: Values) -> list[str]:
    mask = sum(1 << number for number in cpu_list(values["cpuset_cpus"] or ""))
    cpus = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    return [str(len(cpus)), *map(str, cpus)]


def _same_if_known(wanted: Any, live: Any) -> bool:
    return live is None or live == wanted


def _by_device(option: str, none: str) -> Codec:
    """Return the codec of lines such as ``8:0 1048576``."""

    def parse(text: str, _read: Read) -> dict[str, int]:
        pairs = (line.partition(" ") for line in text.splitlines())
        limits = ((device, natural(limit)) for device, _space, limit in pairs)
        # The weights' file says in "default" what a device without one has.
        return {device: limit for device, limit in limits if ":" in device and limit is not None}

    def format(values: Values) -> str:
        ((device, limit),) = values[option].items()
        return f"{device} {limit or none}"

    return Codec(parse, format, _same_if_known)


def _io_max(option: str, key: str) -> Codec:
    """Return the codec of a key in lines such as ``8:0 rbps=1048576 wbps=max riops=max wiops=120``."""

    def parse(text: str, _read: Read) -> dict[str, int]:
        lines = (line.split() for line in text.splitlines())
        limits = ((device, dict(pair.split("=") for pair in pairs).get(key, "max")) for device, *pairs in lines)
        return {device: int(limit) for device, limit in limits if limit != "max"}

    def format(values: Values) -> str:
        ((device, limit),) = values[option].items()
        return f"{device} {key}={limit or 'max'}"

    return Codec(parse, format, _same_if_known)


# The table

_NO_POD = Absent("systemd is asked for pods alone, which have no such limit; the scope of a container is its runtime's")
_V1_ONLY = Absent("cgroup v2 has nothing of the kind")


def _rate(option: str, part: str, key: str, oci: str, inspected: str) -> Limit:
    v1 = File(f"blkio.throttle.{part}_device", _by_device(option, "0"), initial="")
    v2 = File("io.max", _io_max(option, key), initial="")
    places = ((v1,), (v2,), _NO_POD, ("blockIO", oci), (inspected, ()))
    return Limit(option, *places, set_by="engine", optional=True, rare=True, device_field="rate")


def _cpuset_row(option: str, oci: str, inspected: str, systemd: Union[Property, Absent], *, optional: bool) -> Limit:
    places = (_cpuset(option), _cpuset(option), systemd, ("cpu", oci), (inspected, ""))
    return Limit(option, *places, optional=optional, inherits=_whole_cpuset)


def _real_time(option: str, default: int, oci: str, inspected: str) -> Limit:
    v1 = File(f"cpu.{option[4:]}_us", _default(option, default))
    places = ((v1,), _V1_ONLY, _NO_POD, ("cpu", oci), (inspected, 0))
    return Limit(option, *places, unlimited=default, optional=True)


_ROWS = (
    Limit(
        "memory",
        (File("memory.limit_in_bytes", _limit("memory", "-1", _same_bytes)),),
        (File("memory.max", _limit("memory", "max", _same_bytes)),),
        Property("MemoryMax", "t", lambda values: [str(values["memory"] or _INFINITY)]),
        ("memory", "limit"),
        ("Memory", 0),
        unlimited=-1,
    ),
    Limit(
        "memory_swap",
        # As the option, v1 counts memory and swap together; v2 counts swap alone.
        (File("memory.memsw.limit_in_bytes", _limit("memory_swap", "-1", _same_swap, _v1_swap)),),
        (File("memory.swap.max", Codec(_v2_swap, lambda values: _swap_alone(values, "max"), _same_v2_swap)),),
        Property("MemorySwapMax", "t", lambda values: [_swap_alone(values, _INFINITY)]),
        ("memory", "swap"),
        ("MemorySwap", 0),
        unlimited=-1,
    ),
    # v1 refuses some quotas beside the old period, so that it is written first.
    Limit(
        "cpu_period",
        (File("cpu.cfs_period_us", _default("cpu_period", CPU_PERIOD)),),
        (File("cpu.max", _cpu_max(1, _default("cpu_period", CPU_PERIOD).same)),),
        Property("CPUQuotaPeriodUSec", "t", lambda values: [str(values["cpu_period"] or CPU_PERIOD)]),
        ("cpu", "period"),
        ("CpuPeriod", 0),
        unlimited=CPU_PERIOD,
    ),
    Limit(
        "cpu_quota",
        (File("cpu.cfs_quota_us", _limit("cpu_quota", "-1", _same_limit)),),
        (File("cpu.max", _cpu_max(0, _same_limit)),),
        Property("CPUQuotaPerSecUSec", "t", _quota_a_second),
        ("cpu", "quota"),
        ("CpuQuota", 0),
        unlimited=-1,
    ),
    Limit(
        "cpu_shares",
        (File("cpu.shares", Codec(_parse, lambda values: str(values["cpu_shares"] or DEFAULT_SHARES), _same_shares)),),
        (File("cpu.weight", Codec(_shares, lambda values: _weight(values, DEFAULT_WEIGHT), _same_weight)),),
        Property("CPUWeight", "t", lambda values: [_weight(values, _INFINITY)]),
        ("cpu", "shares"),
        ("CpuShares", 0),
        unlimited=DEFAULT_SHARES,
    ),
    _cpuset_row("cpuset_cpus", "cpus", "CpusetCpus", Property("AllowedCPUs", "ay", _cpu_mask), optional=False),
    _cpuset_row("cpuset_mems", "mems", "CpusetMems", _NO_POD, optional=True),
    Limit(
        "pids_limit",
        (File("pids.max", _limit("pids_limit", "max", _same_limit)),),
        (File("pids.max", _limit("pids_limit", "max", _same_limit)),),
        _NO_POD,
        ("pids", "limit"),
        ("PidsLimit", 0),
        unlimited=-1,
    ),
    Limit(
        "memory_reservation",
        (File("memory.soft_limit_in_bytes", _reservation("-1")),),
        (File("memory.low", _reservation("0")),),
        _NO_POD,
        ("memory", "reservation"),
        ("MemoryReservation", 0),
        unlimited=-1,
        unlimited_v2=1,  # -1 would reserve everything, 0 is not written by runc, and 1 byte is no page
        optional=True,
    ),
    Limit(
        "memory_swappiness",
        (File("memory.swappiness", Codec(_parse, lambda values: str(values["memory_swappiness"]), _same_if_known)),),
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
        (File("blkio.bfq.weight", _default("blkio_weight", DEFAULT_WEIGHT)), File("blkio.weight")),
        (File("io.bfq.weight", _default("blkio_weight", DEFAULT_WEIGHT)), File("io.weight")),
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
            File("blkio.weight_device", _by_device("blkio_weight_device", "0")),
            File("blkio.bfq.weight_device", _by_device("blkio_weight_device", "default")),
        ),
        (File("io.bfq.weight", _by_device("blkio_weight_device", "default")),),
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
                    _same_if_known,
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
