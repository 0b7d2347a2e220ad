# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ID maps of user namespaces; imported only where there is one."""

from __future__ import annotations

from typing import Iterable, NamedTuple, Optional


class IdMap(NamedTuple):
    """A range of IDs in a user namespace, and the host's IDs that it stands for (user_namespaces(7))."""

    inside: int
    outside: int
    length: int

    @classmethod
    def from_json(cls, row: Iterable[int]) -> IdMap:
        """Return the range that a record of the engine has.

        :raises TypeError: it has another shape.
        """
        id_map = cls(*row)
        if any(not isinstance(number, int) or isinstance(number, bool) for number in id_map):
            raise TypeError(f"{list(id_map)} is not a range of IDs")
        return id_map


def from_json(rows: Iterable[Iterable[int]]) -> list[IdMap]:
    """Return the map that a record has. :raises TypeError: it has another shape."""
    return [IdMap.from_json(row) for row in rows]


def to_host(number: int, id_maps: Iterable[IdMap]) -> int:
    """Return the host's number of an ID in a user namespace; the number itself where it is not mapped."""
    mapped = mapped_to(number, id_maps)
    return number if mapped is None else mapped


def mapped_to(number: int, id_maps: Iterable[IdMap]) -> Optional[int]:
    """Return the host's number of an ID in a user namespace, None where it is not mapped."""
    for one in id_maps:
        if one.inside <= number < one.inside + one.length:
            return number - one.inside + one.outside
    return None
