# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process gets which test, where several work side by side (pytest-xdist)."""

from __future__ import annotations

import functools
from pathlib import Path

from xdist.scheduler import LoadFileScheduling


class Dealing(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Files whose tests share a fixture go to one process each; of the others each test goes to a process that is free.

    No process is then left with a long file at the end.
    """

    def _split_scope(self, nodeid: str) -> str:
        path: str = super()._split_scope(nodeid)
        return path if _is_shared(self.config.rootpath / path) else nodeid


@functools.cache
def _is_shared(path: Path) -> bool:
    """Return whether a file has a fixture that its tests share, such as a test host."""
    return 'scope="module"' in path.read_text(encoding="utf-8")
