# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of a task on an image has done, or in check mode would do."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """``actions`` as a result lists them, and ``id`` and ``names`` of the image after them.

    The ID is empty where there is no image afterwards, or where only the run tells which.
    """

    actions: tuple[str, ...] = ()
    id: str = ""
    names: tuple[str, ...] = ()
