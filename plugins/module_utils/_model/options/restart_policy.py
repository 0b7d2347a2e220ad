# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restart policies: ``no``, ``on-failure[:TIMES]``, ``always``, ``unless-stopped``, and the wait before one."""

from __future__ import annotations

from typing import NamedTuple, Optional

from .syntax.parsers import natural, wrong

NONE = "no"
_MOST = (1 << 31) - 1
# As Docker: from a tenth of a second, doubled at each restart up to a minute; a run of ten seconds begins again.
FIRST_SECONDS, LONGEST_SECONDS, LASTING_SECONDS = 0.1, 60.0, 10.0


class Ended(NamedTuple):
    """How the last run ended.

    That is its exit code, its length in seconds, the restarts since the user's start, the last wait in seconds, and
    whether it could not even be started.
    """

    exit_code: int
    ran: float
    restarts: int
    waited: float
    failed: bool = False


def normalise(value: object, option: str) -> str:
    """Return a policy: ``none`` and an empty one are ``no``, and ``on-failure:0`` has no limit.

    An unquoted ``no`` is False in YAML, and ``False`` once Ansible has converted it to a string.

    :raises InvalidArgument: it is no policy.
    """
    text = str(value).strip().lower()
    if text in ("", "none", "no", "never", "false"):
        return NONE
    name, colon, times = text.partition(":")
    number = natural(times, _MOST) if colon else 0
    if name == "on-failure" and number is not None:
        return f"{name}:{number}" if number else name
    if text in ("always", "unless-stopped"):
        return text
    raise wrong(option, value, "no, on-failure, on-failure:TIMES, always or unless-stopped")


def parts(policy: str) -> tuple[str, int]:
    """Return a policy's name, and how often ``on-failure`` restarts at most (0: without limit)."""
    name, _colon, times = policy.partition(":")
    return name, int(times or 0)


def delay(policy: str, ended: Ended) -> Optional[float]:
    """Return the seconds until the next start; None where the policy wants none."""
    name, times = parts(policy)
    if name == NONE or name == "on-failure" and not (ended.failed or ended.exit_code):
        return None
    if times and ended.restarts >= times:
        return None
    if ended.ran >= LASTING_SECONDS and not ended.failed or not ended.waited:
        return FIRST_SECONDS
    return min(ended.waited * 2, LONGEST_SECONDS)
