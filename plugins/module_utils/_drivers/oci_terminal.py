# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal for a process of a container where our own standard input is none: the runtime insists on one."""

from __future__ import annotations

import errno
import os
import select
import subprocess
import tty
from typing import Any, Mapping, Sequence

from .command import refused

_CHUNK = 1 << 16


def relay(argv: Sequence[str], kept: Sequence[int], package: str, *, interactive: bool, how: Mapping[str, Any]) -> int:
    """Run the runtime on a terminal of its own and return its exit code; ``how`` has Popen's other arguments.

    What the terminal shows goes to our standard output at once; with ``interactive`` our standard input is typed there.
    """
    ours, theirs = os.openpty()
    try:
        # Control-D and its like are for the container's terminal; this one only passes them on.
        tty.setraw(theirs)
        try:
            child = subprocess.Popen(argv, stdin=theirs, stdout=theirs, pass_fds=kept, **how)
        except OSError as error:
            refused(error, argv[0], package)
        finally:
            os.close(theirs)
        _pass_on(ours, interactive)
        return child.wait()
    finally:
        os.close(ours)


def _pass_on(terminal: int, interactive: bool) -> None:
    """Copy both ways until the terminal is closed, which it says with EIO."""
    pending, line_begins, reading = b"", True, interactive
    # Whoever waits to be read from here must not wait for us to have written.
    os.set_blocking(terminal, False)
    while True:
        poll = select.poll()
        poll.register(terminal, select.POLLIN | (select.POLLOUT if pending else 0))
        if reading and not pending:
            poll.register(0, select.POLLIN)
        ready = dict(poll.poll())
        try:
            if pending and ready.get(terminal, 0) & select.POLLOUT:
                pending = pending[os.write(terminal, pending) :]
            if ready.get(terminal, 0) & ~select.POLLOUT:
                _write(os.read(terminal, _CHUNK))
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno == errno.EIO:
                return
            raise
        if 0 in ready:
            pending = os.read(0, _CHUNK)
            reading = bool(pending)
            if not pending:
                # A terminal's end of file is Control-D where a line begins; elsewhere the first one ends the line.
                pending = b"\x04" if line_begins else b"\x04\x04"
            line_begins = pending.endswith(b"\n")


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
