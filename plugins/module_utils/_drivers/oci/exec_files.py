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
_NAME = re.compile(r"(\.?)exec-(\d+)-(\d+)-[0-9a-f]{16}\.(pid|sock|held|inner)")


def new_name(kind: str) -> str:
    """Return an unused file name."""
    engine = processes.ref(os.getpid())
    return f"exec-{engine.pid}-{engine.start_time}-{os.urandom(8).hex()}.{kind}"


def forget_left_over(folder: str) -> None:
    """Remove the files of engine processes that no longer run."""
    for engine, path in [*_files(folder, "pid", "sock", "inner", ".pid", ".sock")]:
        if not processes.alive(engine):
            failpoint("forget left-over exec")
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass


def end_suspended(folder: str) -> None:
    """SIGKILL the engine processes that follow a command, now dead, and that job control has stopped (Ctrl-Z).

    Such a one cannot reap its command. ``folder`` is the container's run directory.
    """
    for client, _path in _files(folder, "pid", "held"):
        if processes.stopped(client):
            processes.send_signal(client, signal.SIGKILL)


def inner(pid_file: str) -> str:
    """Return the path of the file that has a sandbox's own PID of the process, beside its PID file."""
    return f"{pid_file.rpartition('.')[0]}.inner"


def held_by(engine: ProcessRef) -> str:
    """Return what the names of the ``held`` files of an engine process begin with."""
    return f"exec-{engine.pid}-{engine.start_time}-"


def held(folder: str) -> Iterator[tuple[ProcessRef, str]]:
    """Return each ``held`` file's engine process and path."""
    return _files(folder, "held")


def _files(folder: str, *kinds: str) -> Iterator[tuple[ProcessRef, str]]:
    """Yield the engine process and path of each file of these kinds; a draft's kind begins with a dot."""
    for name in os.listdir(folder):
        match = _NAME.fullmatch(name)
        if match and match[1] + match[4] in kinds:
            yield ProcessRef(int(match[2]), int(match[3])), f"{folder}/{name}"
