# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the files of cgroups, and systemd's properties, keep the values of limits: what ``cgroup_limits`` refers to."""

from __future__ import annotations

import math
import os
from typing import Any, Callable, Mapping, Optional

from .options.syntax.parsers import CPU_PERIOD, natural

Values = Mapping[str, Any]  # by option; None is no limit
Read = Callable[[str], Optional[str]]  # another file of the same controller and cgroup
Same = Callable[[Any, Any], bool]  # whether the live value is the one that is wanted

DEFAULT_SHARES, DEFAULT_WEIGHT = 1024, 100
INFINITY = 2**64 - 1  # systemd's


# A plain class, as those of the table are.
class Codec:
    """How a file keeps an option's value.

    ``parse`` returns the value, None for no limit; ``format`` what is written for the options, of a limit by device for
    one device alone. ``same`` tells whether a live value is the one wanted, for the kernel rounds some.
    """

    def __init__(self, parse: Callable[[str, Read], object], format: Callable[[Values], str], same: Same) -> None:
        self.parse, self.format, self.same = parse, format, same


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


def same_shares(wanted: Optional[int], live: Optional[int]) -> bool:
    return live is None or _clamped(wanted or DEFAULT_SHARES) == live


def same_weight(wanted: Optional[int], live: Optional[int]) -> bool:
    if live is None or same_shares(wanted, live):
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


def parse_number(text: str, _read: Read) -> Optional[int]:
    return _number(text)


def same_limit(wanted: Optional[int], live: Optional[int]) -> bool:
    return live is None if wanted in (None, 0, -1) else live == wanted


def _pages(size: int) -> int:
    return size - size % os.sysconf("SC_PAGE_SIZE")


def same_bytes(wanted: Optional[int], live: Optional[int]) -> bool:
    return same_limit(_pages(wanted) if wanted and wanted > 0 else wanted, live)


def limit_codec(option: str, none: str, same: Same, parse: Callable[[str, Read], object] = parse_number) -> Codec:
    """Return the codec of a file that has a number, or ``none``."""
    return Codec(parse, lambda values: none if values[option] in (None, 0, -1) else str(values[option]), same)


def default_codec(option: str, default: int) -> Codec:
    """Return the codec of a number that is ``default`` without a limit."""

    def parse(text: str, _read: Read) -> Optional[int]:
        # Files of weights begin with "default 100", and go on with devices.
        return _number(text.partition("\n")[0].rpartition(" ")[2])

    def same(wanted: Optional[int], live: Optional[int]) -> bool:
        return live is None or live == (wanted or default)

    return Codec(parse, lambda values: str(values[option] or default), same)


def reservation_codec(none: str) -> Codec:
    return limit_codec("memory_reservation", none, same_bytes, lambda text, _read: _number(text) or None)


def parse_v1_swap(text: str, _read: Read) -> int:
    """Return memory and swap together; -1 for no limit, since None says that swap is not accounted for."""
    number = _number(text)
    return -1 if number is None else number


def parse_v2_swap(text: str, read: Read) -> int:
    swap, memory = _number(text), _number(read("memory.max"))
    return -1 if swap is None or memory is None else memory + swap


def same_v2_swap(wanted: Optional[int], live: Optional[int]) -> bool:
    # Memory and swap are rounded to pages each by itself.
    if wanted and live and -1 not in (wanted, live):
        return 0 <= wanted - live < 2 * os.sysconf("SC_PAGE_SIZE")
    return same_swap(wanted, live)


def swap_alone(values: Values, none: object) -> str:
    memory, swap = values["memory"], values["memory_swap"]
    return str(swap - memory if memory and swap not in (None, -1) else none)


def same_swap(wanted: Optional[int], live: Optional[int]) -> bool:
    # Not set means what the kernel has by itself: any value is as good.
    return live is None or not wanted or live == (-1 if wanted == -1 else _pages(wanted))


def cpu_max_codec(field: int, same: Same) -> Codec:
    def parse(text: str, _read: Read) -> Optional[int]:
        return _number(text.split()[field]) if text else None

    return Codec(parse, lambda values: f"{values['cpu_quota'] or 'max'} {values['cpu_period'] or CPU_PERIOD}", same)


def quota_a_second(values: Values) -> list[str]:
    quota, period = values["cpu_quota"], values["cpu_period"] or CPU_PERIOD
    return [str(quota * 1000000 // period if quota and quota > 0 else INFINITY)]


def weight_or(values: Values, none: int) -> str:
    return str(shares_to_weight(values["cpu_shares"] or 0) or none)


def parse_shares(text: str, _read: Read) -> Optional[int]:
    weight = _number(text)
    return None if weight is None else weight_to_shares(weight)


def cpuset_codec(option: str) -> Codec:
    """Return the codec of a list of processors or memory nodes."""

    def same(wanted: str, live: str) -> bool:
        return cpu_list(wanted) == cpu_list(live)

    return Codec(lambda text, _read: text, lambda values: values[option] or "", same)


def whole_cpuset(live: str, parent: str) -> bool:
    return bool(parent) and cpu_list(live) >= cpu_list(parent)


def cpu_mask(values: Values) -> list[str]:
    mask = sum(1 << number for number in cpu_list(values["cpuset_cpus"] or ""))
    cpus = mask.to_bytes((mask.bit_length() + 7) // 8, "little")
    return [str(len(cpus)), *map(str, cpus)]


def same_if_known(wanted: object, live: object) -> bool:
    return live is None or live == wanted


def by_device_codec(option: str, none: str) -> Codec:
    """Return the codec of lines such as ``8:0 1048576``."""

    def parse(text: str, _read: Read) -> dict[str, int]:
        pairs = (line.partition(" ") for line in text.splitlines())
        limits = ((device, natural(limit)) for device, _space, limit in pairs)
        # The weights' file says in "default" what a device without one has.
        return {device: limit for device, limit in limits if ":" in device and limit is not None}

    def format(values: Values) -> str:
        ((device, limit),) = values[option].items()
        return f"{device} {limit or none}"

    return Codec(parse, format, same_if_known)


def io_max_codec(option: str, key: str) -> Codec:
    """Return the codec of a key in lines such as ``8:0 rbps=1048576 wbps=max riops=max wiops=120``."""

    def parse(text: str, _read: Read) -> dict[str, int]:
        lines = (line.split() for line in text.splitlines())
        limits = ((device, dict(pair.split("=") for pair in pairs).get(key, "max")) for device, *pairs in lines)
        return {device: int(limit) for device, limit in limits if limit != "max"}

    def format(values: Values) -> str:
        ((device, limit),) = values[option].items()
        return f"{device} {key}={limit or 'max'}"

    return Codec(parse, format, same_if_known)
