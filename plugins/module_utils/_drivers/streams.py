# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input and output of a process, copied in one loop until the process has ended."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import termios
import time
from typing import Callable, Mapping, Optional, Protocol

_CHUNK = 1 << 16
_ATOMIC = select.PIPE_BUF  # bytes that a write takes without blocking where poll(2) says ready
_TERMINAL_HOLDS = 1 << 17  # more than a terminal's buffers hold
_END_OF_FILE = b"\x04"


class Sink:
    """The destination of a process's output: ``add``, which takes all data at once."""

    def __init__(self, add: Callable[[bytes], object]) -> None:
        self.add = add


class Passed(Sink):
    """Output that is written to a descriptor of ours, which may block; ``pending`` is not yet written."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(self._take)
        self.descriptor, self.pending = descriptor, b""

    def _take(self, data: bytes) -> None:
        self.pending += data

    def write(self) -> None:
        """Write some of what is pending. :raises OSError: such as EPIPE."""
        self.pending = self.pending[os.write(self.descriptor, self.pending[:_ATOMIC]) :]


class Feed:
    """The input of a process on ``target``: ``data``, then that of ``source``, then the end of file.

    ``target``, a pipe or a terminal, does not block. A process that has closed its side loses the rest, as in a shell.
    One that is ``more_follows`` takes ``add``, and ends with its last piece.
    """

    def __init__(
        self, target: int, data: bytes = b"", source: int = -1, *, terminal: bool = False, more_follows: bool = False
    ) -> None:
        self._target, self._pending, self._source, self._terminal = target, memoryview(data), source, terminal
        self._line_begins, self._more_follows = True, more_follows
        if source < 0 and not more_follows:
            self._finish()

    def add(self, data: bytes, *, last: bool = False, source: int = -1) -> None:
        """Write ``data`` after what is pending, and where it is the ``last``, the end of file.

        The content of the descriptor ``source`` comes before that.
        """
        if not self._more_follows:
            return
        self._pending = memoryview(bytes(self._pending) + data if self._pending else data)
        self._more_follows, self._source = not last, source
        if last and source < 0:
            self._finish()

    @property
    def waits_for(self) -> Optional[tuple[int, int]]:
        """The descriptor and the event of poll(2) that the next step needs; None where all is done."""
        if self._pending:
            return self._target, select.POLLOUT
        return (self._source, select.POLLIN) if self._source >= 0 else None

    def step(self) -> None:
        """Read or write once, after the event of ``waits_for``."""
        if not self._pending:
            self._read()
            return
        try:
            count = os.write(self._target, self._pending[:_CHUNK])
        except BlockingIOError:
            return
        except OSError:
            self._source = -1
            self._pending = memoryview(b"")
        else:
            self._line_begins = self._pending[count - 1] == ord("\n")
            self._pending = self._pending[count:]
        if not self._pending and self._source < 0 and not self._more_follows:
            self.close()

    def _read(self) -> None:
        try:
            data = os.read(self._source, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal of ours that is gone
        self._pending = memoryview(data)
        if not data:
            self._source = -1
            self._finish()

    def _finish(self) -> None:
        """Send the end of file: to a terminal Control-D, and within a line one more before it, which ends the line."""
        if self._terminal:
            begins = self._pending[-1] == ord("\n") if self._pending else self._line_begins
            self._pending = memoryview(bytes(self._pending) + _END_OF_FILE * (1 if begins else 2))
        elif not self._pending:
            self.close()

    def close(self) -> None:
        """Close a pipe, so that the process reads no more. A terminal is its output as well, and stays open."""
        self._source, self._pending, self._more_follows = -1, memoryview(b""), False
        if self._target >= 0 and not self._terminal:
            os.close(self._target)
        self._target = -1


class Watch(Protocol):
    """What may end a flow before its process.

    ``look`` is called at each turn, also once ``descriptor`` is readable or time.monotonic() is at the ``deadline``.
    """

    descriptor: int
    deadline: float

    def look(self) -> None:
        """Raise an error where the process is no longer wanted."""


class Flow:
    """The streams of one process: ``outputs`` maps what we read, without blocking, to where it goes.

    ``close`` closes our ends.
    """

    def __init__(self, outputs: Mapping[int, Sink], feed: Optional[Feed] = None, watch: Optional[Watch] = None) -> None:
        self._outputs, self._feed, self._watch = dict(outputs), feed, watch
        self._open = set(outputs)
        self._passed = [sink for sink in outputs.values() if isinstance(sink, Passed)]

    def add(self, source: int, sink: Sink, feed: Optional[Feed]) -> None:
        """Copy from ``source`` and from ``feed`` as well."""
        self._outputs[source], self._feed = sink, feed
        self._open.add(source)
        if isinstance(sink, Passed):
            self._passed.append(sink)

    def watch(self, watch: Watch) -> None:
        """Have ``watch`` look on while this copies."""
        self._watch = watch

    def follow(self, ended: int, deadline: float) -> bool:
        """Copy until the process of the pidfd ``ended`` has ended; return whether it ended before the deadline.

        All its output is read by then. Processes that it leaves running may hold the streams open: these are not waited
        for.
        """
        while (remaining := deadline - time.monotonic()) > 0:
            if self._watch:
                self._watch.look()
                remaining = max(0.0, min(remaining, self._watch.deadline - time.monotonic()))
            # poll(2) takes its milliseconds as an int: a day at a time.
            ready = dict(self._poll(ended).poll(min(remaining, 86400) * 1000 + 1))
            for source, sink in list(self._outputs.items()):
                if isinstance(sink, Passed) and sink.pending:
                    if sink.descriptor in ready:
                        self._write(sink)
                elif source in ready:
                    self._take(source, _CHUNK)
            waits_for = self._feed.waits_for if self._feed else None
            if self._feed and waits_for and waits_for[0] in ready:
                self._feed.step()
            if ended in ready:
                for source in list(self._outputs):
                    self._take_rest(source)
                return True
        return False

    def flush(self) -> None:
        """Write what is pending, however long that takes."""
        for sink in self._passed:
            poll = select.poll()
            poll.register(sink.descriptor, select.POLLOUT)
            while sink.pending:
                poll.poll()
                self._write(sink)

    def close(self) -> None:
        """Close our ends of the streams; a process that was left running gets SIGPIPE or EIO when it writes."""
        if self._feed:
            self._feed.close()
        while self._open:
            os.close(self._open.pop())

    def _poll(self, ended: int) -> select.poll:
        wanted = {ended: select.POLLIN}
        if self._watch and self._watch.descriptor >= 0:
            wanted[self._watch.descriptor] = select.POLLIN
        for source, sink in self._outputs.items():
            if isinstance(sink, Passed) and sink.pending:
                wanted[sink.descriptor] = select.POLLOUT
            else:
                wanted[source] = select.POLLIN
        if self._feed and (waits_for := self._feed.waits_for):
            wanted[waits_for[0]] = wanted.get(waits_for[0], 0) | waits_for[1]
        poll = select.poll()
        for descriptor, events in wanted.items():
            poll.register(descriptor, events)
        return poll

    def _take(self, source: int, size: int) -> int:
        """Read once and return the number of bytes; a source that was closed on the other side is read no more."""
        try:
            data = os.read(source, size)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.EIO:  # the end of a terminal
                raise
            data = b""
        if not data:
            del self._outputs[source]
        else:
            self._outputs[source].add(data)
        return len(data)

    def _take_rest(self, source: int) -> None:
        remaining = unread(source)
        while remaining > 0 and (count := self._take(source, min(remaining, _CHUNK))):
            remaining -= count

    def _write(self, sink: Passed) -> None:
        """Write some pending output; where the reader is gone, close the source, so that the process gets EPIPE."""
        try:
            sink.write()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            sink.pending = b""
            for source in [source for source, other in self._outputs.items() if other is sink]:
                del self._outputs[source]
                if self._feed and os.isatty(source):
                    self._feed.close()
                self._open.remove(source)
                os.close(source)


def unread(source: int) -> int:
    """Return the most bytes to read of those written so far, however much more the process writes meanwhile.

    A pipe tells how many it holds; some of a terminal's may be on their way.
    """
    if os.isatty(source):
        return _TERMINAL_HOLDS
    return int(struct.unpack("i", fcntl.ioctl(source, termios.FIONREAD, b"\0" * 4))[0])
