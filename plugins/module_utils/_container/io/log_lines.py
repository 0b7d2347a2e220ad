# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's log as lines, made of the entries that conmon wrote (the CRI log format, k8s-file).

Lines in the host's journal are read by ``journal_lines``.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from contextlib import closing
from itertools import chain
from typing import IO, TYPE_CHECKING, Iterable, Iterator, NamedTuple, Optional

from ..._drivers import process
from ..._model.errors import InvalidArgument, warn
from ..._model.options.syntax import durations
from ..._model.options.syntax.parsers import wrong
from .log_parts import Entry, Joiner, Line, entry, seconds, tail_offset

if TYPE_CHECKING:
    from ..._drivers.kernel.inotify import Renames
    from ..base import ContainerBase
    from .journal_lines import JournalReader


LENGTH = 32 << 20  # characters of a log that a result can have, which has each line twice
_LINE = 100  # characters of a line's time, stream and names in a result
_MOST_LINES = 1 << 30  # journalctl(1) and deque take no number of any size


class Wanted(NamedTuple):
    """The requested lines: the last ``tail``, or those from ``since`` until before ``until`` (seconds since the epoch).

    ``follow`` waits for more, until the container ends or for that many seconds.
    """

    tail: Optional[int] = None
    since: Optional[float] = None
    until: Optional[float] = None
    follow: float = 0.0


def lines(container: ContainerBase, wanted: Wanted) -> list[Line]:
    """Return the lines of ``stream``, and of more than ``LENGTH`` the last ones."""
    kept, length, left_out = deque[Line](), 0, 0
    for line in stream(container, wanted):
        kept.append(line)
        length += len(line.text) + _LINE
        while length > LENGTH and len(kept) > 1:
            length -= len(kept.popleft().text) + _LINE
            left_out += 1
    if left_out:
        warn(
            f"container {container.name}: the first {left_out} lines are left out, since a result has at most "
            f"{LENGTH >> 20} MiB of a log: select lines by tail, since or until"
        )
    return list(kept)


def stream(container: ContainerBase, wanted: Wanted) -> Iterator[Line]:
    """Yield the lines, oldest first; as with podman, ``tail`` counts before what ``follow`` adds.

    :raises InvalidArgument: the container keeps no log that can be read.
    """
    if wanted.tail is not None:
        wanted = wanted._replace(tail=min(wanted.tail, _MOST_LINES))
    with container.batch():
        reader = _reader(container, wanted)
        state = container.state
    follows = wanted.follow > 0 and state.status.has_process
    with closing(reader):
        selected = _within(reader.more() if follows else chain(reader.more(), reader.rest()), wanted)
        yield from selected if wanted.tail is None else deque(selected, wanted.tail)
        if not follows:
            return
        deadline = time.monotonic() + wanted.follow
        ended = False
        while not ended and time.monotonic() < deadline:
            ended = process.wait_end(state.conmon, reader.pause, reader.wake)
            yield from _within(reader.more(), wanted)
        yield from _within(reader.rest(), wanted)


def _reader(container: ContainerBase, wanted: Wanted) -> LogReader | JournalReader:
    driver = container.config.options["log_driver"]
    if driver == "none":
        raise InvalidArgument(f"container {container.name} has log_driver none: k8s-file and journald keep lines")
    # The last lines within a time are known only once all are read.
    tail = wanted.tail if wanted.since is None and wanted.until is None else None
    if driver == "journald":
        from .journal_lines import JournalReader

        return JournalReader(container.id, tail)
    return LogReader(container.log_path, container.name, follows=wanted.follow > 0, tail=tail)


def _within(lines: Iterable[Line], wanted: Wanted) -> Iterator[Line]:
    for line in lines:
        when = seconds(line.time) if wanted.since is not None or wanted.until is not None else 0.0
        if (wanted.since is None or when >= wanted.since) and (wanted.until is None or when < wanted.until):
            yield line


class LogReader:
    """Reads new entries or lines, also of a rotated log (max_size): the rest of the earlier file, then the next.

    The file stays open, so that no other one gets its inode number. A file that came and went between two looks cannot
    be read; with ``follows`` such files are counted, and a warning says how many there were.
    """

    pause = 0.02

    def __init__(
        self, path: str, name: str = "", *, follows: bool = False, tail: Optional[int] = None, start: int = 0
    ) -> None:
        """Begin at byte ``start`` of the first file; with ``tail``, at about that many lines before its end."""
        self._path = path
        self._start = start
        self._tail = tail
        self._name = name
        self._renames: Optional[Renames] = None
        if follows:
            from ..._drivers.kernel.inotify import Renames

            try:
                self._renames = Renames(path)
            except OSError:
                pass  # lost files are then not counted
        self._begun = 0  # counted renames that are not known yet to be of a file that was read
        self._lost = 0
        self._file: Optional[IO[bytes]] = None
        self._offset = 0
        self._joiner = Joiner()

    def more(self) -> Iterator[Line]:
        """Yield the lines completed since the last call."""
        for part in self.entries():
            yield from self._joiner.add(part)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries written since the last call."""
        # Once another file has the name, conmon no longer writes to the open one.
        if not self._is_last():
            first = self._file is None
            yield from self._new()
            self._close_file()
            try:
                self._file, self._offset, self._start = open(self._path, "rb"), self._start, 0
            except FileNotFoundError:
                return
            if self._tail is not None:
                size = os.fstat(self._file.fileno()).st_size
                self._offset, self._tail = tail_offset(self._file, size, max(self._tail, 1)), None
            self._count(first)
        elif self._renames:
            self._renames.count()  # that of the open file
        yield from self._new()

    def _count(self, first: bool) -> None:
        """Count the files between the one read before and the one just opened."""
        if self._renames is None:
            return
        begun = self._begun + self._renames.count() - 1
        # Where yet another file has the name by now, its rename may be among those counted: the next look shows.
        last = self._is_last()
        self._begun = 0 if first or last else begun
        if last and not first:
            self._lost += max(begun, 0)

    @property
    def wake(self) -> int:
        """Return a descriptor that is readable once the log was rotated, -1 for none."""
        return self._renames.fileno() if self._renames else -1

    def close(self) -> None:
        self._close_file()
        if self._renames is not None:
            self._renames.close()
            self._renames = None
        if self._lost:
            warn(
                f"the log of container {self._name} was rotated faster than it could be read (log_opt.max_size): "
                f"{self._lost} file{'s' if self._lost > 1 else ''} of lines are missing from what was followed"
            )

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _is_last(self) -> bool:
        try:
            return self._file is not None and os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True

    def _new(self) -> Iterator[Entry]:
        if self._file is None:
            return
        size = os.fstat(self._file.fileno()).st_size
        if size < self._offset:
            self._offset = 0  # emptied by another program
        self._file.seek(self._offset)
        for raw in self._file:
            # Stop there: what is written meanwhile may never end.
            if self._offset >= size or not raw.endswith(b"\n"):
                break
            self._offset += len(raw)
            part = entry(raw[:-1])
            if part is not None:
                yield part

    def rest(self) -> Iterator[Line]:
        """Yield the lines that have no end yet."""
        return self._joiner.rest()


def moment(value: Optional[str], option: str, now: Optional[float] = None) -> Optional[float]:
    """Seconds since the epoch of an RFC 3339 time, of such seconds, or of a duration before ``now`` (``1h30m``).

    :raises InvalidArgument: it is none of them.
    """
    if value is None:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return float(value)
    age = durations.parse(value)
    if age is not None:
        return (time.time() if now is None else now) - age / 1e9
    try:
        return seconds(value)
    except InvalidArgument as error:
        raise wrong(
            option, value, "a time such as 2026-01-31T12:00:00Z, seconds since the epoch, or a duration such as 10m"
        ) from error
