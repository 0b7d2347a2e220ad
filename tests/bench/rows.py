# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples, rows and the table."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

Samples = dict[str, list[float]]
_PAUSE = 0.1  # seconds


def interleave(measures: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int, warm_up: int = 1) -> Samples:
    """Take each measure once a round, in turn, so that a drift of the machine's speed affects all of them equally.

    Each returns its figures by name; those of the first ``warm_up`` rounds are dropped. Each begins after a pause: the
    kernel would wait less within some 10 ms of another's last move between cgroups.
    """
    samples: Samples = {}
    for number in range(-warm_up, rounds):
        for measure in measures.values():
            time.sleep(_PAUSE)
            for name, value in measure().items():
                if number >= 0:
                    samples.setdefault(name, []).append(value)
    return samples


@dataclass
class Row:
    """One line of the result: the engine's median, the reference's median, and the limit of their ratio."""

    what: str
    ours: list[float]
    against: str = ""
    theirs: list[float] = field(default_factory=list)
    limit: Optional[float] = None
    unit: str = "ms"

    @property
    def ratio(self) -> Optional[float]:
        """Return the ratio of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs) if self.theirs else None

    @property
    def holds(self) -> Optional[bool]:
        """Return whether the ratio is within the limit, or None without a limit."""
        return None if self.limit is None or self.ratio is None else self.ratio <= self.limit

    def record(self) -> dict[str, object]:
        """Return the row for build/bench.json, with its samples."""
        return {
            "what": self.what,
            "unit": self.unit,
            "median": statistics.median(self.ours),
            "against": self.against or None,
            "against_median": statistics.median(self.theirs) if self.theirs else None,
            "ratio": self.ratio,
            "limit": self.limit,
            "holds": self.holds,
            "samples": self.ours,
            "against_samples": self.theirs,
        }


def table(rows: list[Row]) -> str:
    """Return the rows as text."""
    heads = ("what", "median", "against", "median", "ratio", "limit", "")
    lines = [heads]
    for row in rows:
        verdict = {True: "ok", False: "OVER", None: ""}[row.holds]
        theirs = f"{statistics.median(row.theirs):.1f} {row.unit}" if row.theirs else ""
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        limit = f"{row.limit:g}" if row.limit is not None else ""
        lines.append(
            (row.what, f"{statistics.median(row.ours):.1f} {row.unit}", row.against, theirs, ratio, limit, verdict)
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    right = (False, True, False, True, True, True, False)
    return "\n".join(
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width) for text, width, to_right in zip(line, widths, right)
        ).rstrip()
        for line in lines
    )
