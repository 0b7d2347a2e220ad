# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inotify(7): being told that a file is written to, at no cost while it is not."""

from __future__ import annotations

import os

# <linux/inotify.h>: written to; its links changed, as when another file takes its name; its name changed.
_EVENTS = 0x2 | 0x4 | 0x800
_BUFFER = 1 << 12


class Watch:
    """Readable (``fileno``) once a file that is looked at has changed, until that is forgotten."""

    def __init__(self) -> None:
        """:raises OSError: the kernel gives no more of them (fs.inotify.max_user_instances)."""
        import ctypes

        self._libc = ctypes.CDLL(None, use_errno=True)
        self._errno = ctypes.get_errno
        self._descriptor = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "")

    def fileno(self) -> int:
        return self._descriptor

    def look_at(self, path: str) -> None:
        """Tell also of the file that has this name now.

        :raises OSError: it is not there, or cannot be watched.
        """
        self._checked(self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), _EVENTS), path)

    def forget(self) -> None:
        """Forget what has happened so far; of very much, a part."""
        try:
            os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            pass

    def _checked(self, result: int, path: str) -> int:
        if result < 0:
            raise OSError(self._errno(), "inotify", path)
        return result
