# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``idmap`` of the options mount and volume, as podman has it; imported only where one is given."""

from __future__ import annotations

import re
from typing import Collection, Optional

from ..syntax.parsers import wrong

_RANGES = "@?[0-9]{1,10}-[0-9]{1,10}-[0-9]{1,10}"
_IDMAP = re.compile(f"uids={_RANGES}(?:#{_RANGES})*;gids={_RANGES}(?:#{_RANGES})*")


def flag(ranges: Optional[str], others: Collection[str], item: object, option: str) -> str:
    """Return the flag of a mount whose files have other owners there than on the host; ``others`` are its other ones.

    :raises InvalidArgument: the ranges are none, or another flag excludes it.
    """
    if "U" in others:
        raise wrong(option, item, "either idmap or U, which gives the files themselves to the container's user")
    if ranges in (None, "true"):
        return "idmap"
    if not _IDMAP.fullmatch(ranges or ""):
        raise wrong(option, item, "idmap, or idmap=uids=FILE-HOST-AMOUNT[#...];gids=FILE-HOST-AMOUNT[#...]")
    return f"idmap={ranges}"
