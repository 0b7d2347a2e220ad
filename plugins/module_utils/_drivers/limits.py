# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each program that the engine runs may take, and how much of its output is kept: the one table."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Union

from .._model.errors import InvalidArgument

OPTION = "tool_timeouts"
OTHER = "other"
_EXPECTED = "a duration up to 8784h such as 4m, or a number of seconds, 0 for no limit"
ERRORS_KEPT = 1 << 16  # bytes of standard error, which only people read
_MIB = 1 << 20

# tool: (seconds, MiB of its standard output that are kept). What copies or deletes data gets hours, since how long that
# takes is the data's size and not a fault; what only asks or orders something gets minutes.
TABLE: dict[str, tuple[int, int]] = {
    "conmon": (240, 1),  # podman's own limit
    "oci_runtime": (240, 16),
    "cni": (180, 16),  # the dhcp plugin asks for more than a minute
    "skopeo": (21600, 16),
    "containers-storage": (3600, 16),
    "tar": (21600, 1),
    "copy_up": (21600, 1),  # no program, but as long
    "chown": (3600, 1),
    "journalctl": (600, 256),
    "busctl": (120, 1),
    "openssl": (60, 1),
    "iptables": (60, 64),
    "apparmor_parser": (120, 1),
    OTHER: (600, 16),
}

_given: dict[str, float] = {}


class Limit(NamedTuple):
    """``seconds`` the program may take (0: any time), and bytes of its standard output that are kept."""

    tool: str
    seconds: float
    kept: int


def of(tool: str) -> Limit:
    """Return the limit of a tool of the table; one that is not in it has those of ``other``."""
    tool = tool if tool in TABLE else OTHER
    seconds, size = TABLE[tool]
    return Limit(tool, _given.get(tool, seconds), size * _MIB)


def override(spelled: str) -> None:
    """Use the times that ``spelled`` has for the rest of this process, the table's for other tools."""
    _given.clear()
    _given.update(parse(spelled))


def parse(spelled: str) -> dict[str, float]:
    """Return the seconds by tool in words such as ``cni=60,conmon=240``.

    :raises InvalidArgument: as ``spell``.
    """
    pairs = (pair.partition("=") for pair in spelled.split(",") if pair.strip())
    return _checked({tool.strip(): limit.strip() for tool, _equals, limit in pairs})


def spell(given: Mapping[str, Union[str, int, float]]) -> str:
    """Return the words that ``parse`` reads for times by tool.

    :raises InvalidArgument: a tool is not in the table, or its time is no duration.
    """
    pairs = ((tool, f"{limit:.9f}".rstrip("0").rstrip(".")) for tool, limit in sorted(_checked(given).items()))
    return ",".join(f"{tool}={limit}" for tool, limit in pairs)


def _checked(given: Mapping[str, Union[str, int, float]]) -> dict[str, float]:
    from .._model.options.durations import seconds

    checked = {}
    for tool, value in given.items():
        if tool not in TABLE:
            raise InvalidArgument(f"{OPTION}: {tool!r} is not a tool with a limit: expected one of {', '.join(TABLE)}")
        # A year at most, which keeps the sum with the clock's time exact.
        limit = seconds(value, f"{OPTION}: {tool}", _EXPECTED, most=366 * 86400 * 10**9)
        checked[tool] = int(limit) if limit.is_integer() else limit
    return checked
