# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run another process in a running container on our own standard streams and terminal."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import tty
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Callable, Iterator, Mapping, Optional

from ..streams import Passed
from .exec import Bounds, Ended, execute
from .exec_streams import Streams, Terminal
from .runtime import OciRuntime

if TYPE_CHECKING:
    from types import FrameType

# A signal that our caller ignored has a handler by now (``hardened``), and keeps it.
_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
_NO_SIZE = bytes(8)


def execute_attached(
    oci: OciRuntime, container_id: str, process: Mapping[str, object], interactive: bool, bounds: Bounds
) -> Ended:
    """Run ``process`` as ``exec.execute`` does; with ``interactive`` it reads our standard input.

    It gets the signals that would end us. Its terminal has the size of ours and follows it.
    """
    out, err, source = Passed(1), Passed(2), 0 if interactive else -1
    if not process.get("terminal"):
        return _execute(oci, container_id, process, Streams(out, err, source=source), bounds)
    terminal = Terminal(out, err, os.path.dirname(bounds.pid_file), source=source)
    height, width = size()
    if height and width:
        process = {**process, "consoleSize": {"height": height, "width": width}}
    with raw(interactive):
        return _execute(oci, container_id, process, terminal, bounds)


def _execute(
    oci: OciRuntime, container_id: str, process: Mapping[str, object], streams: Streams, bounds: Bounds
) -> Ended:
    signals = _Signals(streams)
    try:
        return execute(oci, container_id, process, streams, bounds, signals.running)
    finally:
        signals.restore()


class _Signals:
    """Signals that would end us, passed on to the process; those that come before its start are kept for it."""

    def __init__(self, streams: Streams) -> None:
        self._pidfd, self._pending = -1, list[int]()
        handlers: dict[int, Callable[[int, Optional[FrameType]], None]] = {
            number: self._pass_on for number in _PASSED_ON if signal.getsignal(number) in _DEFAULTS
        }
        if isinstance(streams, Terminal):
            handlers[signal.SIGWINCH] = partial(_follow_size, streams)
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}

    @contextmanager
    def running(self, pidfd: int) -> Iterator[None]:
        """Pass signals on until the process has ended."""
        self._pidfd = pidfd
        for number in self._pending:
            _send(pidfd, number)
        try:
            yield
        finally:
            self.restore()

    def restore(self) -> None:
        """Restore the earlier handlers."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _pass_on(self, number: int, _frame: object) -> None:
        if self._pidfd >= 0:
            _send(self._pidfd, number)
        else:
            self._pending.append(number)


def _follow_size(terminal: Terminal, _number: int, _frame: object) -> None:
    if terminal.master >= 0:
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, _size())


def _send(pidfd: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass


def _size() -> bytes:
    """Return the size of our terminal (TIOCGWINSZ), zeros where we have none."""
    try:
        return fcntl.ioctl(0, termios.TIOCGWINSZ, _NO_SIZE)
    except OSError:
        return _NO_SIZE


def size() -> tuple[int, int]:
    """Return the height and width of our terminal, zeros where we have none."""
    height, width, _x, _y = struct.unpack("HHHH", _size())
    return height, width


@contextmanager
def raw(interactive: bool) -> Iterator[None]:
    """Set our terminal to raw mode where its input goes to the other terminal, which then handles Control-C."""
    if not (interactive and os.isatty(0)):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)
