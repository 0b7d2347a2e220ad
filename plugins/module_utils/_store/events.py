# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of containers, one JSON object per line, in the run root.

An event is written after the change it describes; a kill in between loses it. So nothing depends on events, except that
rules of a removed container are removed only where an event says that it was the engine's.
"""

from __future__ import annotations

import json
import os
from typing import Any, Iterator

from .._model.failpoints import failpoint

_NAME = "events.jsonl"
# At this size the file is rotated to one other file; together they stay below twice this.
_BYTES = 1 << 20


def emit(run_root: str, event: dict[str, object]) -> None:
    """Append one event by a single write(2), so that concurrent writers do not mix their lines."""
    failpoint(f"event {event['Action']}")
    path = f"{run_root}/{_NAME}"
    line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, line)
        full = os.fstat(descriptor).st_size >= _BYTES
    finally:
        os.close(descriptor)
    if full:
        # Of two concurrent writers the second finds a new, short file, or none.
        try:
            if os.path.getsize(path) >= _BYTES:
                os.rename(path, f"{path}.1")
        except FileNotFoundError:
            pass


def read(run_root: str) -> Iterator[dict[str, Any]]:
    """Yield all events that are kept, oldest first."""
    for path in (f"{run_root}/{_NAME}.1", f"{run_root}/{_NAME}"):
        yield from Reader(path).more()


class Reader:
    """Reads the new lines of an event file, also after its rotation."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._inode, self._offset = 0, 0

    @classmethod
    def current(cls, run_root: str) -> Reader:
        return cls(f"{run_root}/{_NAME}")

    def more(self) -> Iterator[dict[str, object]]:
        try:
            file = open(self._path, "rb")
        except FileNotFoundError:
            return
        with file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self._inode:
                self._inode, self._offset = inode, 0
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # cut short by a full disk
