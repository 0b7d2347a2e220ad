# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runners have in common: each is a small process that waits, and has a child do what needs the engine."""

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, NoSuchContainer, sentence
from .._model.records.process_ref import ProcessRef

if TYPE_CHECKING:
    from .._container.container import Container

# Until the next attempt where a child came to no end, such as on a full disk.
AGAIN_SECONDS = 10.0
# The failure that was logged last: one that goes on is logged once.
_logged = [""]


def life(words: Sequence[str]) -> ProcessRef:
    """Return the container's process of the arguments ``ID PID START``."""
    return ProcessRef(int(words[1]), int(words[2]))


def asked(
    parts: EngineConfig, words: Sequence[str], ask: Callable[[Container, ProcessRef, int], Any], failed: Any
) -> Optional[Any]:
    """What ``ask(container, life, runner's PID)`` says; None where the container is gone, ``failed`` where nothing.

    It is asked by a child, which takes the engine's memory with it when it ends; the answer is what marshal takes.
    """
    runner = os.getpid()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, marshal.dumps(_answer(parts, words, ask, runner)))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        return failed
    answer, _logged[0] = marshal.loads(said)
    return failed if _logged[0] else answer


def _answer(
    parts: EngineConfig, words: Sequence[str], ask: Callable[[Container, ProcessRef, int], Any], runner: int
) -> tuple[Any, str]:
    """What ``_said`` says, and the sentence of the error where it fails instead, which is logged where it is new."""
    try:
        return _said(parts, words, ask, runner), ""
    except Exception as error:  # pylint: disable=broad-exception-caught
        from .._drivers import host_log

        if (message := sentence(error)) != _logged[0]:
            host_log.write("error", f"{message}; tried again every {AGAIN_SECONDS:g} seconds")
        return None, message


def _said(
    parts: EngineConfig, words: Sequence[str], ask: Callable[[Container, ProcessRef, int], Any], runner: int
) -> Any:
    from .._drivers import host_log
    from .._runtime.runtime import Runtime

    try:
        container = Runtime(parts).by_id(words[0])
        host_log.about(container.name, container.id)
        return ask(container, life(words), runner)
    except (NoSuchContainer, ContainerRemoved):
        return None
