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
from .._model import shared_locks


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

    @property
    def busy(self) -> bool:
        """Whether another one holds it at this moment."""
        if self.held:
            return False
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)

    def __enter__(self) -> FileLock:
        if self._depth == 0:
            self._descriptor = self._acquire()
            shared_locks.descriptors.add(self._descriptor)
        self._depth += 1
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            shared_locks.descriptors.discard(self._descriptor)
            os.close(self._descriptor)

    def _acquire(self) -> int:
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                # The run root went with a reboot.
                effect("mkdir locks")
                folder = os.path.dirname(self.path)
                os.makedirs(os.path.dirname(folder), 0o700, exist_ok=True)
                os.makedirs(folder, 0o700, exist_ok=True)
                continue
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
