# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inotify(7): being told that a file is written to, at no cost while it is not."""

from __future__ import annotations

import os
import sys

# <linux/inotify.h>: written to; its links changed, as when another file takes its name; its name changed.
_EVENTS = 0x2 | 0x4 | 0x800
# Both: of two events in succession that are the same but for their cookie, the kernel drops one.
_MOVED_FROM, _MOVED_TO = 0x40, 0x80
_EVENT = 16  # bytes of struct inotify_event, before the name
_BUFFER = 1 << 12


class _Instance:
    """An inotify instance, readable (``fileno``) once something has happened."""

    def __init__(self) -> None:
        """:raises OSError: the kernel gives no more of them (fs.inotify.max_user_instances)."""
        import ctypes

        self._libc = ctypes.CDLL(None, use_errno=True)
        self._errno = ctypes.get_errno
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "")

    def fileno(self) -> int:
        return self._descriptor

    def _look_at(self, path: str, events: int) -> None:
        self._checked(self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), events), path)

    def _checked(self, result: int, path: str) -> int:
        if result < 0:
            raise OSError(self._errno(), "inotify", path)
        return result


class Watch(_Instance):
    """Readable once a file that is looked at has changed, until that is forgotten."""

    def look_at(self, path: str) -> None:
        """Tell also of the file that has this name now.

        :raises OSError: it is not there, or cannot be watched.
        """
        self._look_at(path, _EVENTS)

    def forget(self) -> None:
        """Forget what has happened so far; of very much, a part."""
        try:
            os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            pass


class Renames(_Instance):
    """Counts how often another file of its directory takes the name ``path``."""

    def __init__(self, path: str) -> None:
        """:raises OSError: as ``Watch``, or there is no such directory."""
        super().__init__()
        self._name = os.fsencode(os.path.basename(path))
        try:
            self._look_at(os.path.dirname(path), _MOVED_FROM | _MOVED_TO)
        except OSError:
            self.close()
            raise

    def count(self) -> int:
        """Return how often it has happened since the last call."""
        found = 0
        while True:
            try:
                events = os.read(self._descriptor, _BUFFER)
            except BlockingIOError:
                return found
            while events:
                size = int.from_bytes(events[12:16], sys.byteorder)
                moved_to = int.from_bytes(events[4:8], sys.byteorder) & _MOVED_TO
                found += bool(moved_to) and events[_EVENT : _EVENT + size].rstrip(b"\0") == self._name
                events = events[_EVENT + size :]

    def close(self) -> None:
        os.close(self._descriptor)
