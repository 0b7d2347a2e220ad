# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of limits of the programs that the engine runs: time, and bytes of output that are kept."""

from __future__ import annotations

from typing import Mapping, NamedTuple, Union

from .._model.errors import InvalidArgument

OPTION = "tool_timeouts"
OTHER = "other"
_EXPECTED = "a duration up to 8784h such as 4m, or a number of seconds, 0 for no limit"
ERRORS_KEPT = 1 << 16  # bytes of standard error, which only people read
_MIB = 1 << 20

# tool: (seconds, MiB of its standard output that are kept). Those that copy or delete data get hours, since their time
# depends on the data's size; those that only ask or order something get minutes.
TABLE: dict[str, tuple[int, int]] = {
    "conmon": (240, 1),  # podman's own limit
    "oci_runtime": (240, 16),
    "cni": (180, 16),  # the dhcp plugin asks for more than a minute
    "netavark": (180, 16),
    "skopeo": (21600, 16),
    "registry": (300, 16),  # skopeo, where it only asks: of a tag, or whether credentials are accepted
    "credential_helper": (60, 1),
    "buildah": (21600, 1),
    "image_archive": (21600, 1),  # no program: reading what is to be loaded or imported
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

_overrides: dict[str, float] = {}


class Limit(NamedTuple):
    """``seconds`` the program may take (0: any time), and bytes of its standard output that are kept."""

    tool: str
    seconds: float
    kept: int


def of(tool: str) -> Limit:
    """Return the limit of a tool of the table; one that is not in it has those of ``other``."""
    tool = tool if tool in TABLE else OTHER
    seconds, size = TABLE[tool]
    return Limit(tool, _overrides.get(tool, seconds), size * _MIB)


def override(text: str) -> None:
    """Use the times in ``text`` for the rest of this process, and the table's for other tools."""
    _overrides.clear()
    _overrides.update(parse(text))


def parse(text: str) -> dict[str, float]:
    """Return the seconds by tool from a text such as ``cni=60,conmon=240``.

    :raises InvalidArgument: as ``spell``.
    """
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return _checked({tool.strip(): limit.strip() for tool, _equals, limit in pairs})


def spell(times: Mapping[str, Union[str, int, float]]) -> str:
    """Return the text that ``parse`` reads, from times by tool.

    :raises InvalidArgument: a tool is not in the table, or its time is no duration.
    """
    pairs = ((tool, f"{limit:.9f}".rstrip("0").rstrip(".")) for tool, limit in sorted(_checked(times).items()))
    return ",".join(f"{tool}={limit}" for tool, limit in pairs)


def _checked(times: Mapping[str, Union[str, int, float]]) -> dict[str, float]:
    from .._model.options.syntax.durations import seconds

    checked = {}
    for tool, value in times.items():
        if tool not in TABLE:
            raise InvalidArgument(f"{OPTION}: {tool!r} is not a tool with a limit: expected one of {', '.join(TABLE)}")
        # A year at most, which keeps the sum with the clock's time exact.
        limit = seconds(value, f"{OPTION}: {tool}", _EXPECTED, most=366 * 86400 * 10**9)
        checked[tool] = int(limit) if limit.is_integer() else limit
    return checked
