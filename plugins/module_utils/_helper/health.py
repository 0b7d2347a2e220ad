# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner: checks one container's health again and again until its process has ended.

Between the checks it waits, by the clock that nobody sets, and holds little memory: each check is a child's work, which
takes the whole engine with it when it ends.
"""

from __future__ import annotations

import os
from typing import Optional, Sequence

from .._drivers import process
from .._model.parts import Parts

_OVER = "over"
# Until the next attempt where a check came to no end, such as on a full disk.
_AGAIN_SECONDS = 10.0


def watch(parts: Parts, words: Sequence[str]) -> int:
    """``health ID PID START``: check the container for as long as the process that began at START ticks runs."""
    container_id, pid, started = words[0], int(words[1]), int(words[2])
    delay: Optional[float] = 0.0
    while delay is not None and not process.wait_end(pid, started, delay):
        delay = _in_child(parts, container_id, (pid, started))
    return 0


def _in_child(parts: Parts, container_id: str, life: tuple[int, int]) -> Optional[float]:
    """Seconds until the next check, None where there is none."""
    runner = os.getpid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, _tick(parts, container_id, life, runner).encode())
        finally:
            os._exit(0)
    os.close(write)
    with open(read, encoding="ascii") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return None if said == _OVER else float(said or _AGAIN_SECONDS)


def _tick(parts: Parts, container_id: str, life: tuple[int, int], runner: int) -> str:
    from .._container.health import tick
    from .._model.errors import ContainerRemoved, NoSuchContainer
    from .._runtime.runtime import Runtime

    try:
        delay = tick(Runtime(parts).by_id(container_id), life, runner)
    except (NoSuchContainer, ContainerRemoved):
        delay = None
    return _OVER if delay is None else f"{delay:.3f}"
