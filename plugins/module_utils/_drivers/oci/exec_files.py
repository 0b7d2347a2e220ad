# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID files and sockets of running execs, named after the engine's process so that those of a killed one are known.

The kinds are ``pid``, ``sock``, and ``held``: the PID file of a command that must not outlive the engine's process.
"""

from __future__ import annotations

import os
import re
import signal
from typing import Iterator

from ..._model.failpoints import failpoint
from ..._model.records.process_ref import ProcessRef
from .. import process as processes

# With runc's draft of a PID file, whose name begins with a dot.
_NAME = r"\.?exec-(\d+)-(\d+)-[0-9a-f]{16}\.(?:pid|sock)"
_CLIENT = re.compile(r"exec-(\d+)-(\d+)-[0-9a-f]{16}\.(?:pid|held)")
_HELD = re.compile(r"exec-(\d+)-(\d+)-[0-9a-f]{16}\.held")


def new_name(kind: str) -> str:
    """Return an unused file name."""
    engine = processes.ref(os.getpid())
    return f"exec-{engine.pid}-{engine.start_time}-{os.urandom(8).hex()}.{kind}"


def forget_left_over(folder: str) -> None:
    """Remove the files of engine processes that no longer run."""
    for name in os.listdir(folder):
        match = re.fullmatch(_NAME, name)
        if match and not processes.alive(ProcessRef(int(match[1]), int(match[2]))):
            failpoint("forget left-over exec")
            try:
                os.unlink(f"{folder}/{name}")
            except FileNotFoundError:
                pass


def end_suspended(folder: str) -> None:
    """SIGKILL the engine processes that follow a command, now dead, and that job control has stopped (Ctrl-Z).

    Such a one cannot reap its command. ``folder`` is the container's run directory.
    """
    for match in filter(None, map(_CLIENT.fullmatch, os.listdir(folder))):
        client = ProcessRef(int(match[1]), int(match[2]))
        if processes.stopped(client):
            processes.send_signal(client, signal.SIGKILL)


def held_by(engine: ProcessRef) -> str:
    """Return what the names of the ``held`` files of an engine process begin with."""
    return f"exec-{engine.pid}-{engine.start_time}-"


def held(folder: str) -> Iterator[tuple[ProcessRef, str]]:
    """Yield each ``held`` file's engine process and path."""
    for name in os.listdir(folder):
        match = _HELD.fullmatch(name)
        if match:
            yield ProcessRef(int(match[1]), int(match[2])), f"{folder}/{name}"
