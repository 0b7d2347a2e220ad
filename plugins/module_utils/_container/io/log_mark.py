# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a container's log ends before a run, to tell the output of the run from earlier output."""

from __future__ import annotations

import os
from typing import BinaryIO

from ..._model.errors import InvalidArgument
from .log_parts import seconds


class Mark:
    """The present end of a log, after which the output of the coming run begins.

    The file stays open, so that none that replaces it (max_size) gets its inode number. With ``since``, an RFC 3339
    time, it is the place of the first entry from that time on.
    """

    def __init__(self, path: str, since: str = "") -> None:
        try:
            self._file = open(path, "rb")
        except FileNotFoundError:
            self._file = open(os.devnull, "rb")
        self._end = os.fstat(self._file.fileno()).st_size
        if since:
            self._end = _first_from(self._file, seconds(since), self._end)

    def offset(self, path: str) -> int:
        """Return the offset in this log of what came since."""
        return self._end if self.same(path) else 0

    def same(self, path: str) -> bool:
        """Return whether the log has not been rotated since."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False


def _first_from(file: BinaryIO, since: float, end: int) -> int:
    """Return the byte at which the first entry from ``since`` on begins, by bisection."""
    begin = 0
    while begin < end:
        middle = (begin + end) // 2
        file.seek(middle)
        if middle:
            file.seek(middle - 1)
            file.readline()
        start = file.tell()
        line = file.readline()
        try:
            earlier = start < end and seconds(line.split(b" ", 1)[0].decode("ascii", "replace")) < since
        except InvalidArgument:
            earlier = True  # not an entry
        if earlier:
            begin = start + len(line)
        else:
            end = middle
    return begin
