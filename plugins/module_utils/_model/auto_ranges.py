# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing host IDs for ``userns: auto``, as containers/storage does (userns.go)."""

from __future__ import annotations

from typing import Iterable

from .errors import InvalidArgument
from .id_map import IdMap

MIN_SIZE, MAX_SIZE = 1024, 65536  # containers-storage.conf(5): auto-userns-min-size, auto-userns-max-size
Range = tuple[int, int]  # the first ID, and the one after the last


def map_ids(size: int, available: Iterable[Range], used: Iterable[Range], extra: list[IdMap], file: str) -> list[IdMap]:
    """Return a map of the IDs from 0 to ``size``: that of ``extra``, and the lowest free range for the others.

    Several ranges are used only where none is long enough. Where the tool mounts images, 1.43 takes no such map.
    ``available`` are the ranges to choose from, ``used`` those of other containers; ``file`` is where the former are.

    :raises InvalidArgument: too few are free.
    """
    inside = _without([(0, size)], [(entry.inside, entry.inside + entry.length) for entry in extra])
    outside = _without(available, [*used, *((entry.outside, entry.outside + entry.length) for entry in extra)])
    needed = sum(end - first for first, end in inside)
    outside = [one for one in outside if one[1] - one[0] >= needed] or outside
    maps = [*extra]
    while inside:
        if not outside:
            raise InvalidArgument(
                f"userns: fewer than {size} subordinate IDs of 'containers' in {file} are free: add a range with "
                "usermod(8), give a smaller auto:size, or remove containers with userns auto"
            )
        (first, end), (start, stop) = inside[0], outside[0]
        amount = min(end - first, stop - start)
        maps.append(IdMap(first, start, amount))
        inside[0], outside[0] = (first + amount, end), (start + amount, stop)
        inside, outside = ([one for one in ranges if one[0] < one[1]] for ranges in (inside, outside))
    return sorted(maps)


def _without(ranges: Iterable[Range], taken: Iterable[Range]) -> list[Range]:
    """Return what is in ``ranges`` and not in ``taken``, sorted, each ID once."""
    gaps = sorted(taken)
    result: list[Range] = []
    reached = 0
    for first, end in sorted(ranges):
        first = max(first, reached)
        for start, stop in gaps:
            if stop <= first or start >= end:
                continue
            if start > first:
                result.append((first, start))
            first = stop
        if first < end and result and result[-1][1] == first:
            result[-1] = result[-1][0], end
        elif first < end:
            result.append((first, end))
        reached = max(reached, end)
    return result
