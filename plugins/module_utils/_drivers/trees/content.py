# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy what is left in one open file, pipe or socket to another, within the kernel where that is possible."""

from __future__ import annotations

import errno
import os
import select
import stat
from typing import Callable

# Errors of files between which the kernel does not copy.
UNSUPPORTED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_WITHIN_KERNEL = 1 << 23  # bytes at once: an interruption is noticed between two such parts
_BLOCK = 1 << 20
_EVERY = 500  # milliseconds between looks for an interruption while there is nothing to read


class ReadFailed(OSError):
    """The file that is copied cannot be read."""


class Interrupted(OSError):
    """The caller was interrupted."""


def copy(reader: int, writer: int, going: Callable[[], bool] = lambda: True) -> int:
    """Copy from the one's position to its end, and return the number of bytes; neither is closed.

    :raises Interrupted: ``going`` returned False. :raises ReadFailed: as read(2).
    :raises OSError: as write(2); what was copied before stays.
    """
    copied = 0
    regular = stat.S_ISREG(os.fstat(reader).st_mode)
    if regular:
        for way in (_copy_file_range, _sendfile):
            copied += _by(way, reader, writer, going)
    # Also after these, which find nothing in some files that the kernel makes up.
    return copied + _by_block(reader, writer, going, wait=not regular)


def _copy_file_range(reader: int, writer: int) -> int:
    return os.copy_file_range(reader, writer, _WITHIN_KERNEL)


def _sendfile(reader: int, writer: int) -> int:
    return os.sendfile(writer, reader, None, _WITHIN_KERNEL)


def _by(way: Callable[[int, int], int], reader: int, writer: int, going: Callable[[], bool]) -> int:
    copied = 0
    while True:
        _check(going)
        try:
            part = way(reader, writer)
        except BlockingIOError:
            _wait(writer, select.POLLOUT, going)
            continue
        except OSError as error:
            if error.errno in (*UNSUPPORTED, errno.EBADF):  # EBADF also for a file that is appended to
                return copied
            raise
        if not part:
            return copied
        copied += part


def _by_block(reader: int, writer: int, going: Callable[[], bool], *, wait: bool) -> int:
    copied = 0
    while True:
        _check(going)
        try:
            if wait:
                _wait(reader, select.POLLIN, going)
            block = os.read(reader, _BLOCK)
        except BlockingIOError:
            continue
        except Interrupted:
            raise
        except OSError as error:
            raise ReadFailed(error.errno, error.strerror) from error
        if not block:
            return copied
        _write(writer, block, going)
        copied += len(block)


def _write(writer: int, block: bytes, going: Callable[[], bool]) -> None:
    left = memoryview(block)
    while left:
        try:
            left = left[os.write(writer, left) :]
        except BlockingIOError:
            _wait(writer, select.POLLOUT, going)


def _wait(descriptor: int, event: int, going: Callable[[], bool]) -> None:
    """Wait until the descriptor is ready, or has failed, which reading or writing then says."""
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(_EVERY):
        _check(going)


def _check(going: Callable[[], bool]) -> None:
    if not going():
        raise Interrupted(errno.EINTR, os.strerror(errno.EINTR))
