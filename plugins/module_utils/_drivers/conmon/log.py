# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a running conmon: its limit, and an order to rotate it by the control FIFO ``ctl`` (conmon(8)).

conmon rotates a log by renaming an empty file over it, when the next entry would exceed its limit. It counts the bytes
that it has written since it last did so by itself, or since its start.
"""

from __future__ import annotations

import os
from typing import Optional

from ..._model.failpoints import failpoint
from ..._model.options.syntax.parsers import natural

# Message 2 of conmon's src/ctrl.c: reopen the log; two numbers of a terminal's size follow.
_REOPEN = b"2 0 0\n"
LIMIT_OPTION = "--log-size-max"


def limit(pid: int) -> Optional[int]:
    """Return the limit in bytes that this conmon was started with; None where it has none, or is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            command_line = file.readall()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Another process that has the PID by now may have any arguments.
    _before, *after = command_line.split(b"\0" + LIMIT_OPTION.encode() + b"\0", 1)
    return natural(after[0].partition(b"\0")[0].decode("ascii", "replace")) if after else None


def reopen(run_dir: str) -> bool:
    """Have the conmon whose bundle is ``run_dir`` rotate its log; return False where it does not take the order.

    An order that it has not read yet serves for this one too: a second one would empty the log that the first began.
    """
    import fcntl
    import termios

    failpoint("reopen log")
    try:
        # Only conmon reads from it: without conmon the result is ENXIO, without waiting.
        fifo = os.open(f"{run_dir}/ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        unread = any(fcntl.ioctl(fifo, termios.FIONREAD, bytes(4)))
        return unread or os.write(fifo, _REOPEN) == len(_REOPEN)
    except OSError:
        return False
    finally:
        os.close(fifo)
