# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FIFO at which the process of a created container waits for its start, by runc and by crun.

runc's process writes to ``exec.fifo`` in the container's state directory once it has a reader, and crun's reads from
it. Both then execute the container's command. The FIFO is removed, since its absence says that the container runs.
"""

from __future__ import annotations

import errno
import os
import select
import time
from contextlib import suppress
from typing import Callable

from ..._model.failpoints import failpoint

_MILLISECONDS = 100  # between two looks whether the process lives
_HOOKS = b'"poststart"'  # as config.json has the name


def suffices(bundle: str) -> bool:
    """Return whether no hook of the container is to run after its start, which the runtime's command would run.

    :param bundle: the directory with its ``config.json`` (config.md of the OCI runtime specification)
    """
    try:
        with open(f"{bundle}/config.json", "rb") as file:
            return _HOOKS not in file.read()
    except OSError:
        return False


def release(path: str, lives: Callable[[], bool], seconds: float) -> bool:
    """Have the process go on, and return whether it does: otherwise the runtime's command says what is wrong.

    Until it does the FIFO has the name of ``interrupted``, since nobody else can tell in between.

    :param path: the FIFO
    :param lives: whether the process lives
    :param seconds: how long to wait for it; 0 waits as long as it lives
    """
    deadline = time.monotonic() + seconds if seconds else float("inf")
    held = interrupted(path)
    try:
        os.rename(path, held)
    except OSError:
        return False
    failpoint("release exec.fifo")
    try:
        released = _write(held) or _read(held, lives, deadline)
    except OSError:
        released = False
    failpoint("unlink exec.fifo")
    # Where the container has ended, its exit command may have removed it with the state.
    with suppress(FileNotFoundError):
        if released:
            os.unlink(held)
        else:
            os.rename(held, path)
    return released


def interrupted(path: str) -> str:
    """Return the name of the FIFO in the middle of a start."""
    return f"{path}.starting"


def _write(path: str) -> bool:
    """Write to a process that reads, crun's; return whether there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return False
        raise
    try:
        return os.write(descriptor, b"\0") == 1
    finally:
        os.close(descriptor)


def _read(path: str, lives: Callable[[], bool], deadline: float) -> bool:
    """Read from a process that waits to write, runc's; return whether it has written."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while not poll.poll(_MILLISECONDS):
            if not lives() or time.monotonic() >= deadline:
                break
        with suppress(BlockingIOError):
            return bool(os.read(descriptor, 1))
        return False
    finally:
        os.close(descriptor)
