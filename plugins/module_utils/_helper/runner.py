# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runners have in common: each is a small process that waits, and has a child do what needs the engine."""

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence

from .._model.parts import Parts

if TYPE_CHECKING:
    from .._container.container import Container

# Until the next attempt where a child came to no end, such as on a full disk.
AGAIN_SECONDS = 10.0
Life = tuple[int, int]


def life(words: Sequence[str]) -> Life:
    """PID and start time of the container's process, of the words ``ID PID START``."""
    return int(words[1]), int(words[2])


def asked(parts: Parts, words: Sequence[str], ask: Callable[[Container, Life, int], Any], failed: Any) -> Optional[Any]:
    """What ``ask(container, life, runner's PID)`` says; None where the container is gone, ``failed`` where nothing.

    It is asked by a child, which takes the engine's memory with it when it ends; the answer is what marshal takes.
    """
    runner = os.getpid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, marshal.dumps(_said(parts, words, ask, runner)))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return marshal.loads(said) if said else failed


def _said(parts: Parts, words: Sequence[str], ask: Callable[[Container, Life, int], Any], runner: int) -> Any:
    from .._model.errors import ContainerRemoved, NoSuchContainer
    from .._runtime.runtime import Runtime

    try:
        return ask(Runtime(parts).by_id(words[0]), life(words), runner)
    except (NoSuchContainer, ContainerRemoved):
        return None
