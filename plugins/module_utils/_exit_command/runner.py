# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The common part of the runners: each is a small process that waits, and forks a child for what needs the engine."""

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Callable, Optional, Sequence, TypeVar

from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, HostExhausted, NoSuchContainer, sentence
from .._model.records.process_ref import ProcessRef

T = TypeVar("T", float, tuple[int, str, str])  # an answer
if TYPE_CHECKING:
    from .._container.container import Container

    Question = Callable[[Container, ProcessRef, int], Optional[T]]

# Until the next attempt after a failure of a child, such as on a full disk.
AGAIN_SECONDS = 10.0
# The failure that was logged last: one that repeats is logged once.
_logged = [""]


def life(arguments: Sequence[str]) -> ProcessRef:
    """Return the container's process of the arguments ``ID PID START``."""
    return ProcessRef(int(arguments[1]), int(arguments[2]))


def ask(parts: EngineConfig, arguments: Sequence[str], question: Question[T], failed: Optional[T]) -> Optional[T]:
    """Return ``question(container, life, runner's PID)``, None if the container is gone, ``failed`` after an error.

    A child asks, and frees the engine's memory when it ends. The answer is of a type that marshal takes.
    """
    runner, opened = os.getpid(), list[int]()
    try:
        opened += os.pipe()
        child = os.fork()
    except OSError as error:
        for descriptor in opened:
            os.close(descriptor)
        _logged[0] = _noted(HostExhausted("cannot start a process", error.errno or 0))
        return failed
    read, write = opened
    if child == 0:
        try:
            os.write(write, marshal.dumps(_answer(parts, arguments, question, runner)))
        finally:
            os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        output = pipe.read()
    os.waitpid(child, 0)
    if not output:
        return failed
    answered: tuple[Optional[T], str] = marshal.loads(output)
    answer, _logged[0] = answered
    return failed if _logged[0] else answer


def _answer(
    parts: EngineConfig,
    arguments: Sequence[str],
    question: Question[T],
    runner: int,
) -> tuple[Optional[T], str]:
    """Return the answer of ``_asked``, and the message of an error, which is logged if it is new."""
    try:
        return _asked(parts, arguments, question, runner), ""
    except Exception as error:  # pylint: disable=broad-exception-caught
        return None, _noted(error)


def _noted(error: Exception) -> str:
    """Return the message of an error, which is logged if it is new."""
    from .._drivers import host_log

    if (message := sentence(error)) != _logged[0]:
        host_log.write("error", f"{message}; tried again every {AGAIN_SECONDS:g} seconds")
    return message


def _asked(
    parts: EngineConfig,
    arguments: Sequence[str],
    question: Question[T],
    runner: int,
) -> Optional[T]:
    from .._drivers import host_log
    from .._runtime.runtime import Runtime

    try:
        container = Runtime(parts).by_id(arguments[0])
        host_log.about(container.name, container.id)
        return question(container, life(arguments), runner)
    except (NoSuchContainer, ContainerRemoved):
        return None
