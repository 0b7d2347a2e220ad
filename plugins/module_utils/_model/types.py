# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a plan as results have it, for annotations; nothing imports this at run time."""

from __future__ import annotations

from typing import TypedDict


class DifferenceJson(TypedDict):
    """A difference of a plan, as results have it."""

    option: str
    before: object
    after: object
    effect: str
    drift: bool
    ignored: bool
    reason: str


class PlanJson(TypedDict):
    """A plan, as results have it."""

    steps: list[dict[str, str]]
    status: dict[str, str]
    differences: list[DifferenceJson]
    recreated_because_of: list[str]
    digest: str
