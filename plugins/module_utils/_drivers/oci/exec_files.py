# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PID files and sockets of running execs, named after the engine's process so that those of a killed one are known."""

from __future__ import annotations

import os
import re

from ..._model.failpoints import failpoint
from ..._model.records.process_ref import ProcessRef
from .. import process as processes

_NAME = re.compile(r"exec-(\d+)-(\d+)-[0-9a-f]{16}\.(?:pid|sock)")


def new_name(kind: str) -> str:
    """Return an unused file name; ``kind`` is ``pid`` or ``sock``."""
    engine = processes.ref(os.getpid())
    return f"exec-{engine.pid}-{engine.start_time}-{os.urandom(8).hex()}.{kind}"


def forget_left_over(folder: str) -> None:
    """Remove the files of engine processes that no longer run."""
    for name in os.listdir(folder):
        match = _NAME.fullmatch(name)
        if match and not processes.alive(ProcessRef(int(match[1]), int(match[2]))):
            failpoint("forget left-over exec")
            try:
                os.unlink(f"{folder}/{name}")
            except FileNotFoundError:
                pass
