# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks: flock(2) on files in the run root, one per name and one per container.

Order: a name's lock, then its containers' locks. Two names are locked at once only for a dependency, which is older
than what depends on it, and by ``hold_all``.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Iterator, Optional, Sequence

from .._model import shared_locks
from .._model.failpoints import failpoint


class FileLock:
    """A reentrant exclusive lock; ``with`` takes and releases it.

    Programs inherit it, unless it is for work between two of them alone (``inherited``).
    """

    def __init__(self, path: str, *, inherited: bool = True) -> None:
        self.path = path
        self._inherited = inherited
        self._descriptor = -1
        self._depth = 0

    @property
    def depth(self) -> int:
        """Return how many times it is entered, 0 where it is free."""
        return self._depth

    @property
    def held(self) -> bool:
        return self._depth > 0

    @property
    def busy(self) -> bool:
        """Return whether another lock object or process holds it now."""
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
        self._enter(wait=True)
        return self

    def enter_now(self) -> bool:
        """Take the lock as ``with`` does, without waiting; return whether it was taken."""
        return self._enter(wait=False)

    @contextmanager
    def if_free(self) -> Iterator[bool]:
        """Hold the lock where it is free now; yield whether it is."""
        taken = self.enter_now()
        try:
            yield taken
        finally:
            if taken:
                self.__exit__(None, None, None)

    def _enter(self, wait: bool) -> bool:
        if self._depth == 0:
            descriptor = self._acquire(wait)
            if descriptor < 0:
                return False
            self._descriptor = descriptor
            if self._inherited:
                shared_locks.descriptors.add(descriptor)
        self._depth += 1
        return True

    def alone_inherited(self) -> None:
        """Have programs inherit this held lock and later ones, but none of the others held now."""
        shared_locks.descriptors.clear()
        shared_locks.descriptors.add(self._descriptor)

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            shared_locks.descriptors.discard(self._descriptor)
            os.close(self._descriptor)

    def _acquire(self, wait: bool) -> int:
        """Return the locked file's descriptor, -1 where another has it and ``wait`` is false."""
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except FileNotFoundError:
                # The run root was lost in a reboot.
                failpoint("mkdir locks")
                folder = os.path.dirname(self.path)
                os.makedirs(os.path.dirname(folder), 0o700, exist_ok=True)
                os.makedirs(folder, 0o700, exist_ok=True)
                continue
            except OSError as error:
                from .._drivers.reserve import full, take

                if full(error) and take(self.path):
                    continue
                raise
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if not wait:
                        raise
                    from .._drivers.overdue import lock

                    lock(descriptor, self.path)
                # The previous holder may have removed the file: a lock on it would have no effect.
                if os.fstat(descriptor).st_ino == os.stat(self.path).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            except BlockingIOError:
                os.close(descriptor)
                return -1
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def discard(self) -> None:
        """Remove the file while the lock is held; waiting processes create a new one."""
        failpoint(f"remove lock {os.path.basename(self.path)}")
        try:
            if os.stat(self.path).st_size:  # taken from the reserve when the file system had no inode left
                from .._drivers.reserve import give_back

                give_back(self.path)
            else:
                os.unlink(self.path)
        except FileNotFoundError:
            pass


@contextmanager
def alone_at(run_root: str, path: str) -> Iterator[None]:
    """Hold the lock of what this engine writes to ``path``."""
    from hashlib import sha256

    # No container's name has a dot in front.
    digest = sha256(path.encode(errors="surrogateescape")).hexdigest()[:32]
    with FileLock(f"{run_root}/locks/.path-{digest}.lock") as lock:
        try:
            yield
        finally:
            lock.discard()


@contextmanager
def hold_all(locks: Sequence[FileLock]) -> Iterator[None]:
    """Hold all the locks; while one is waited for, none of the others is held, so that there is no deadlock."""
    busy: Optional[FileLock] = None
    while True:
        with ExitStack() as held:
            if busy:
                held.enter_context(busy)
            busy = None
            for lock in locks:
                if not held.enter_context(lock.if_free()):
                    busy = lock
                    break
            if busy is None:
                yield
                return
