# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A further process in a running container on our own standard streams, and on our own terminal."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import tty
from contextlib import contextmanager
from functools import partial
from typing import Any, Iterator, Mapping

from .exec_streams import Streams, Terminal
from .oci import OciRuntime
from .oci_exec import Bounds, Ended, execute
from .streams import Passed

# One that our caller ignored has a handler by now (``hardened``), and keeps it.
_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
_NO_SIZE = bytes(8)


def execute_attached(
    oci: OciRuntime, container_id: str, process: Mapping[str, Any], interactive: bool, bounds: Bounds
) -> Ended:
    """Run ``process`` as ``oci_exec.execute`` does; with ``interactive`` it reads our standard input.

    The signals that would end us are sent to it. Its terminal has the size of ours, also where that changes.
    """
    out, err, source = Passed(1), Passed(2), 0 if interactive else -1
    if not process.get("terminal"):
        streams = Streams(out, err, source=source)
        return execute(oci, container_id, process, streams, bounds, partial(_signals, streams))
    terminal = Terminal(out, err, os.path.dirname(bounds.pid_file), source=source)
    height, width = struct.unpack("HHHH", _size())[:2]
    if height and width:
        process = {**process, "consoleSize": {"height": height, "width": width}}
    with _raw(interactive):
        return execute(oci, container_id, process, terminal, bounds, partial(_signals, terminal))


@contextmanager
def _signals(streams: Streams, pidfd: int) -> Iterator[None]:
    """Pass signals on to the process meanwhile."""
    handlers: dict[int, Any] = {
        number: lambda got, _frame: _send(pidfd, got) for number in _PASSED_ON if signal.getsignal(number) in _DEFAULTS
    }
    if isinstance(streams, Terminal):
        handlers[signal.SIGWINCH] = lambda _got, _frame: fcntl.ioctl(streams.master, termios.TIOCSWINSZ, _size())
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(pidfd: int, number: int) -> None:
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass


def _size() -> bytes:
    """The size of our terminal (TIOCGWINSZ), zeros where we have none."""
    try:
        return fcntl.ioctl(0, termios.TIOCGWINSZ, _NO_SIZE)
    except OSError:
        return _NO_SIZE


@contextmanager
def _raw(interactive: bool) -> Iterator[None]:
    """Leave Control-C and its like to the other terminal, where what is typed on ours goes there."""
    if not (interactive and os.isatty(0)):
        yield
        return
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)
