# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's streams on our own, until it ends or the user detaches: podman-attach(1)."""

from __future__ import annotations

import os
import re
import select
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Callable, Iterator, Mapping, NamedTuple

from ..._drivers import process
from ..._drivers.conmon import terminal as conmon_terminal
from ..._drivers.oci import attached
from ..._model.errors import InvalidArgument
from .attach import connect, received

if TYPE_CHECKING:
    from socket import socket
    from types import FrameType

    from ..base import ContainerBase

DETACH_KEYS = "ctrl-p,ctrl-q"
_CHUNK = 8192  # conmon's buffer
_END_OF_FILE = b"\x04"
_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class Session(NamedTuple):
    """How streams are connected: ``stdin`` passes our input on, ``proxy`` the signals that would end us.

    ``detach_keys`` are the bytes of a terminal that end the session alone.
    """

    stdin: bool = False
    proxy: bool = True
    detach_keys: bytes = b"\x10\x11"


def keys(text: str, option: str) -> bytes:
    """Return the bytes of detach keys: letters, or ``ctrl-`` and a letter or sign, with commas between them.

    :raises InvalidArgument: it is something else.
    """
    found = b""
    for word in text.split(",") if text else ():
        if re.fullmatch(r"ctrl-[a-z@\[\\\]^_]", word):
            found += bytes([ord(word[-1].upper()) & 0x1F])
        elif len(word) == 1 and word.isascii():
            found += word.encode()
        else:
            raise InvalidArgument(
                f"{option}: {word!r} cannot be used: expected letters, or ctrl- and a letter, such as {DETACH_KEYS}"
            )
    return found


@contextmanager
def opened(container: ContainerBase) -> Iterator[socket]:
    """Connect to a created or running container; what it prints from now on is kept for ``follow``."""
    with container.batch():
        container.state.status.check("attach", container.name)
        stream = connect(container)
    with stream:
        yield stream


def follow(container: ContainerBase, stream: socket, how: Session) -> bool:
    """Copy between our streams and the container's; return whether it has ended, and the user has not detached."""
    terminal = bool(container.config.options["tty"])
    source = _Input(terminal, how.detach_keys if terminal else b"") if how.stdin else None
    with ExitStack() as restored:
        if terminal:
            restored.enter_context(attached.raw(how.stdin))
            restored.enter_context(_handled({signal.SIGWINCH: lambda *_args: _resize(container)}))
            _resize(container)
        if how.proxy and not (terminal and how.stdin and os.isatty(0)):
            life = container.peek().state.process
            restored.enter_context(
                _handled({one: lambda number, _frame: process.send_signal(life, number) for one in _PASSED_ON})
            )
        return _copied(stream, source)


def _copied(stream: socket, source: _Input | None) -> bool:
    poll = select.poll()
    while True:
        poll.register(stream, select.POLLIN | (select.POLLOUT if source and source.pending else 0))
        if source and source.reads:
            poll.register(0, select.POLLIN)
        events = dict(poll.poll())
        if source and source.reads:
            poll.unregister(0)
        if events.get(stream.fileno(), 0) & ~select.POLLOUT and not _show(stream):
            return True
        if source and 0 in events and not source.read():
            return False
        if source:
            source.send(stream)


def _show(stream: socket) -> bool:
    """Write what the container has printed; return whether there may be more."""
    name, data = received(stream)
    target = 2 if name == "stderr" else 1
    while data:
        data = data[os.write(target, data) :]
    return bool(name)


class _Input:
    """Our input on its way to the container; ``pending`` is not yet sent."""

    def __init__(self, terminal: bool, detach_keys: bytes) -> None:
        self._terminal, self._keys = terminal, detach_keys
        self._typed, self._ends = b"", False
        self.pending = b""

    @property
    def reads(self) -> bool:
        """Whether more is to be read: not before the rest is sent, since the container may not read it."""
        return not (self.pending or self._ends)

    def read(self) -> bool:
        """Read some input; return whether the session goes on, and its keys were not typed."""
        data = os.read(0, _CHUNK - len(self._keys))
        if not data:
            self._ends, self.pending = True, self._typed + (_END_OF_FILE if self._terminal else b"")
            return True
        if not self._keys:
            self.pending = data
            return True
        data = self._typed + data
        if self._keys in data:
            return False
        kept = next((size for size in range(len(self._keys) - 1, 0, -1) if data.endswith(self._keys[:size])), 0)
        self._typed, self.pending = (data[-kept:], data[:-kept]) if kept else (b"", data)
        return True

    def send(self, stream: socket) -> None:
        """Send what is pending, as far as conmon takes it, and the end of the input after it."""
        from socket import MSG_DONTWAIT, SHUT_WR

        if self.pending:
            try:
                self.pending = self.pending[stream.send(self.pending[:_CHUNK], MSG_DONTWAIT) :]
            except BlockingIOError:
                return
            except OSError:
                self.pending, self._ends = b"", True  # the container has ended
                return
        if self._ends and not self.pending and not self._terminal:
            try:
                stream.shutdown(SHUT_WR)
            except OSError:
                pass


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Callable[[int, FrameType | None], object]]) -> Iterator[None]:
    """Have signals handled that our caller does not ignore."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _resize(container: ContainerBase) -> None:
    """Give the container's terminal the size of ours, if we have one."""
    height, width = attached.size()
    if height and width:
        conmon_terminal.resize(container.run_dir, height, width)
