# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's output, from the file conmon writes (the CRI log format that k8s-file names)."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Optional

from ..._model.errors import InvalidArgument, warn
from .log_parts import entry

if TYPE_CHECKING:
    from ..container import Container

_FOREVER = 10.0 * 365 * 86400


class Output(NamedTuple):
    """What one run of a container printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


class Mark:
    """Where a log ends now, until which it is nothing of the coming run's.

    The file stays open, so that none which takes its place (max_size) can have its inode's number. ``since``: it is
    where the log has the first entry from that time on (RFC 3339).
    """

    def __init__(self, path: str, since: str = "") -> None:
        try:
            self._file = open(path, "rb")
        except FileNotFoundError:
            self._file = open(os.devnull, "rb")
        self._end = os.fstat(self._file.fileno()).st_size
        if since:
            from .log_lines import seconds

            self._end = _first_from(self._file, seconds(since), self._end)

    def offset(self, path: str) -> int:
        """The byte at which this log has what came since."""
        return self._end if self.same(path) else 0

    def same(self, path: str) -> bool:
        """Whether the log has not been rotated since."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False


def _first_from(file: BinaryIO, since: float, end: int) -> int:
    """Return the byte at which the first entry from ``since`` on begins, by bisection."""
    from .log_lines import seconds

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


def output(path: str, offset: int = 0) -> dict[str, bytes]:
    """Return what each stream printed, by the entries of the log from byte ``offset`` on."""
    found: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    with suppress(FileNotFoundError), open(path, "rb") as file:
        file.seek(offset)
        for raw in file:
            part = entry(raw.rstrip(b"\n"))
            if part is not None:
                found[part.stream] += [part.content, b"\n"] if part.ends else [part.content]
    return {stream: b"".join(parts) for stream, parts in found.items()}


def follow_to_end(container: Container, mark: Optional[Mark]) -> Output:
    """Wait for the container to end and return what it printed since ``mark``, as far as its log's limit left it."""
    code = container.wait(_FOREVER)
    mark = container.log_mark or mark
    offset = mark.offset(container.log_path) if mark else 0
    if container.log_mark and not container.log_mark.same(container.log_path):
        size = container.config.options["log_opt"]["max_size"]
        warn(
            f"container {container.name}: the output returned is not all of it, since its log was rotated at "
            f"log_opt.max_size, {size} bytes: give it a larger one to have all"
        )
    printed = output(container.config.log_path, offset)
    return Output(code, *(printed[stream].decode(errors="replace") for stream in ("stdout", "stderr")))
