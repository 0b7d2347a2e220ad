# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inotify(7): events on files, at no cost while there are none."""

from __future__ import annotations

import os
import sys

# <linux/inotify.h>: modified; its link count changed, as when another file takes its name; renamed.
_EVENTS = 0x2 | 0x4 | 0x800
# Both, since the kernel merges two successive events that differ in their cookie alone.
_MOVED_FROM, _MOVED_TO = 0x40, 0x80
_EVENT = 16  # bytes of struct inotify_event, before the name
_BUFFER = 1 << 12


def has_room(count: int) -> bool:
    """Return whether this user can have so many more instances (fs.inotify.max_user_instances)."""
    made: list[_Instance] = []
    try:
        for _number in range(count):
            made.append(_Instance())
        return True
    except OSError:
        return False
    finally:
        for one in made:
            os.close(one.fileno())


class _Instance:
    """An inotify instance, readable (``fileno``) once there is an event."""

    def __init__(self) -> None:
        """Create the instance. :raises OSError: there are too many (fs.inotify.max_user_instances)."""
        import ctypes

        self._libc = ctypes.CDLL(None, use_errno=True)
        self._errno = ctypes.get_errno
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "")

    def fileno(self) -> int:
        return self._descriptor

    def _add(self, path: str, events: int) -> None:
        self._checked(self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), events), path)

    def _checked(self, result: int, path: str) -> int:
        if result < 0:
            raise OSError(self._errno(), "inotify", path)
        return result


class Watch(_Instance):
    """Readable once a watched file has changed, until ``forget``."""

    def look_at(self, path: str) -> None:
        """Watch the file that has this name now as well.

        :raises OSError: it does not exist, or cannot be watched.
        """
        self._add(path, _EVENTS)

    def forget(self) -> None:
        """Drop the events so far, or of very many a part."""
        try:
            os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            pass


class Renames(_Instance):
    """A count of how often another file of the directory is renamed to ``path``."""

    def __init__(self, path: str) -> None:
        """Watch the directory. :raises OSError: as ``Watch``, or it does not exist."""
        super().__init__()
        self._name = os.fsencode(os.path.basename(path))
        try:
            self._add(os.path.dirname(path), _MOVED_FROM | _MOVED_TO)
        except OSError:
            self.close()
            raise

    def count(self) -> int:
        """Return how often it happened since the last call."""
        renames = 0
        while True:
            try:
                events = os.read(self._descriptor, _BUFFER)
            except BlockingIOError:
                return renames
            while events:
                size = int.from_bytes(events[12:16], sys.byteorder)
                moved_to = int.from_bytes(events[4:8], sys.byteorder) & _MOVED_TO
                renames += bool(moved_to) and events[_EVENT : _EVENT + size].rstrip(b"\0") == self._name
                events = events[_EVENT + size :]

    def close(self) -> None:
        os.close(self._descriptor)
