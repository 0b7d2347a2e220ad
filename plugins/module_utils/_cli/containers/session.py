# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod attach``, and the streams of a container that ``libpod run`` or ``libpod start`` begins."""

from __future__ import annotations

import argparse
from typing import Callable, Sequence

from ..._container.container import Container
from ..._container.io import reading, session
from ..._container.lifecycle.wait import FOREVER
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidState
from ..._model.records.status import ContainerStatus
from ..._reconcile import dependencies
from ..._reconcile.reconcile import check_root
from ..._runtime.runtime import Runtime
from ..arguments import add_one, new_parser, the_one


def attach(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Pass a running container's streams on; return its exit code, or 0 after a detach."""
    about = "Pass on what a running container prints, and our input to it, until it ends or the detach keys are typed."
    parser = new_parser("attach", about, formats=False)
    parser.add_argument("--no-stdin", action="store_true", help="pass no input on")
    add_session(parser)
    add_one(parser)
    options = parser.parse_args(arguments)
    how = settings(options, stdin=not options.no_stdin)
    check_root()
    container = Runtime(parts).container(the_one(parts, options)).peek()
    if container.state.status is not ContainerStatus.RUNNING:
        status = container.state.status.podmans
        raise InvalidState(f"container {container.name} is {status}: expected a running one, to attach to")
    return _joined(container, how)


def _joined(container: Container, how: session.Session, start: Callable[[], object] = lambda: None) -> int:
    """Connect our streams, then ``start``; return the container's exit code, or 0 after a detach."""
    how = how._replace(stdin=how.stdin and container.config.options["interactive"])
    with reading.hold(container):
        with session.opened(container) as stream:
            start()
            ended = session.follow(container, stream, how)
        return container.wait(FOREVER) if ended else 0


def add_session(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of commands that pass a container's streams on."""
    parser.add_argument(
        "--detach-keys",
        default=session.DETACH_KEYS,
        metavar="KEYS",
        help=f"that end the session on a terminal, not the container; empty for none (default: {session.DETACH_KEYS})",
    )
    parser.add_argument(
        "--sig-proxy",
        nargs="?",
        const="true",
        default="true",
        choices=("true", "false"),
        help="whether signals to this command go to the container, without a terminal (default: true)",
    )


def settings(options: argparse.Namespace, *, stdin: bool) -> session.Session:
    """Return how streams are connected. :raises InvalidArgument: the detach keys are none."""
    keys = session.keys(options.detach_keys, "--detach-keys")
    return session.Session(stdin=stdin, proxy=options.sig_proxy == "true", detach_keys=keys)


def begin(runtime: Runtime, container: Container, how: session.Session) -> int:
    """Start a container with our streams on its own, or join one that runs; return as ``attach`` does."""
    if container.peek().state.status.has_process and container.state.status is not ContainerStatus.CREATED:
        return _joined(container, how)
    for other in dependencies.to_start(runtime, runtime.dependencies(container.config)):
        runtime.start_dependency(other.name)
    if container.state.status is not ContainerStatus.CREATED:
        container.init()
    # Connected before the start, so that nothing of its output is missed.
    return _joined(container, how, container.start)
