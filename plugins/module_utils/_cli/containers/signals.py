# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod kill``, ``pause`` and ``unpause``."""

from __future__ import annotations

import argparse
from typing import Callable, Sequence

from ..._container.container import Container
from ..._model.engine_config import EngineConfig
from ..._model.options.syntax.parsers import signal
from ..._model.records.status import ContainerStatus
from ..._reconcile.reconcile import check_root
from ..._runtime.runtime import Runtime
from ..arguments import add_selection, for_each, new_parser, selected


def _running(container: Container) -> bool:
    return container.state.status is ContainerStatus.RUNNING


def _paused(container: Container) -> bool:
    return container.state.status is ContainerStatus.PAUSED


def kill(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Send a signal to containers' processes."""
    parser = new_parser("kill", "Send a signal to the first process of containers.", formats=False)
    add_selection(parser, "every container that runs")
    parser.add_argument("-s", "--signal", default="KILL", help="such as TERM, SIGTERM or 15 (default: KILL)")
    options = parser.parse_args(arguments)
    number = signal(options.signal, "--signal")
    return _for_each(parts, options, _running, lambda container: container.kill(number))


def pause(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Freeze all processes of containers."""
    parser = new_parser("pause", "Freeze all processes of containers.", formats=False)
    add_selection(parser, "every container that runs")
    return _for_each(parts, parser.parse_args(arguments), _running, Container.pause)


def unpause(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Thaw all processes of containers."""
    parser = new_parser("unpause", "Thaw all processes of paused containers.", formats=False)
    add_selection(parser, "every container that is paused")
    return _for_each(parts, parser.parse_args(arguments), _paused, Container.unpause)


def _for_each(
    parts: EngineConfig,
    options: argparse.Namespace,
    suits: Callable[[Container], bool],
    change: Callable[[Container], object],
) -> int:
    """Change each selected container, and print its name as it was given; return the exit code."""
    check_root()
    runtime = Runtime(parts)

    def work(key: str) -> str:
        change(runtime.container(key))
        return key

    return for_each(selected(parts, options, suits), work)
