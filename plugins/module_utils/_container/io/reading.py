# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of a container that is removed at its end (``rm``): its exit code and its log stay until they have them.

A reader holds a shared flock(2) on the container's folder, which ends with its process.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from ..base import ContainerBase

_PAUSE = 0.02  # seconds


@contextmanager
def hold(container: ContainerBase) -> Iterator[None]:
    """Have the container's exit command wait with the removal.

    Begin it before the start, or under the lock of the container's name. One that is removed already is left to what
    follows.
    """
    try:
        folder = _folder(container)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_SH)
        yield
    finally:
        os.close(folder)


def busy(container: ContainerBase) -> bool:
    """Return whether someone reads."""
    return not _alone(container, wait=False)


def wait_end(container: ContainerBase, seconds: float) -> None:
    """Wait until no one reads, or for ``seconds``."""
    deadline = time.monotonic() + seconds
    while busy(container) and time.monotonic() < deadline:
        time.sleep(_PAUSE)


def wait_for_all(container: ContainerBase) -> None:
    """Wait until no one reads, however long that takes."""
    _alone(container, wait=True)


def _alone(container: ContainerBase, *, wait: bool) -> bool:
    try:
        folder = _folder(container)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(folder)


def _folder(container: ContainerBase) -> int:
    return os.open(container.config.static_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
