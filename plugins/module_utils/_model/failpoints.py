# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one hook every external effect passes before it happens.

The kill sweep sets an observer that ends the process at the k-th effect; nothing else does.
"""

from __future__ import annotations

from typing import Callable, Optional

_observer: Optional[Callable[[str], None]] = None


def observe(observer: Optional[Callable[[str], None]]) -> None:
    """Call ``observer(name)`` before each later effect; None ends it."""
    global _observer
    _observer = observer


def failpoint(name: str) -> None:
    """Announce that what ``name`` says is about to be done to the host."""
    if _observer is not None:
        _observer(name)
