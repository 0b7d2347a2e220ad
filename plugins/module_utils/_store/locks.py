# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks: flock(2) on files in the run root, one per name and one per container.

Order: a name's lock, then its containers' locks; two names never at once, but for a dependency's, which
is older than what depends on it.
"""

from __future__ import annotations

import fcntl
import os
from types import TracebackType
from typing import Optional

from .._drivers.effects import effect
from .._drivers.shared_locks import descriptors


class FileLock:
    """An exclusive lock that can be entered again while it is held; ``with`` takes and releases it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1
        self._depth = 0

    @property
    def depth(self) -> int:
        """How many times it is entered; 0 where it is free."""
        return self._depth

    @property
    def held(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> FileLock:
        if self._depth == 0:
            self._descriptor = self._acquire()
            descriptors.add(self._descriptor)
        self._depth += 1
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            descriptors.discard(self._descriptor)
            os.close(self._descriptor)

    def _acquire(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # The holder before us may have removed the file: a lock on it would exclude nobody.
                if os.fstat(descriptor).st_ino == os.stat(self.path).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def discard(self) -> None:
        """Remove the file while the lock is held; whoever waits for it makes a new one."""
        effect(f"remove lock {os.path.basename(self.path)}")
        try:
            os.unlink(self.path)
        except FileNotFoundError:
            pass
