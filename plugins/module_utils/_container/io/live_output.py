# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container prints, byte for byte, passed on while it runs."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Callable, Optional

from ..._drivers import process
from .log_parts import entry

if TYPE_CHECKING:
    from ..base import ContainerBase

# Gets the stream, ``stdout`` or ``stderr``, and what was printed to it.
Show = Callable[[str, bytes], None]
_PAUSE = 0.05  # seconds between two looks at the log


class LiveOutput:
    """Passes on the entries of a log in the CRI format, once each, also of the files of a rotated one."""

    def __init__(self, path: str, offset: int, show: Show) -> None:
        """Begin at byte ``offset`` of the file that the log is now."""
        self._path, self._offset, self._show = path, offset, show
        self._file: Optional[BinaryIO] = None
        self._open()

    def until_end(self, container: ContainerBase) -> None:
        """Pass on what is printed until the container's process has ended; ``more`` has what is written after that."""
        state = container.peek().state
        while state.status.has_process and not process.wait_end(state.process, _PAUSE):
            self.more()

    def more(self) -> None:
        """Pass on what was written since the last call."""
        self._read()
        # Once another file has the name, conmon no longer writes to the open one.
        if not self._is_open():
            self._read()
            if self._file is not None:
                self._file.close()
            self._file, self._offset = None, 0
            self._open()
            self._read()

    def _open(self) -> None:
        with suppress(FileNotFoundError):
            self._file = open(self._path, "rb")

    def _is_open(self) -> bool:
        try:
            return self._file is not None and os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True

    def _read(self) -> None:
        if self._file is None:
            return
        self._file.seek(self._offset)
        for raw in self._file:
            if not raw.endswith(b"\n"):
                break
            self._offset += len(raw)
            part = entry(raw[:-1])
            if part is not None:
                self._show(part.stream, part.content + b"\n" if part.ends else part.content)
