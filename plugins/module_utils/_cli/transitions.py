# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod start``, ``stop``, ``restart``, ``mark`` and ``rewind``, which do what a task by name only does."""

from __future__ import annotations

import argparse
from typing import Callable, Optional, Sequence

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, NoSuchContainer
from .._model.options.durations import whole_seconds
from .._reconcile.desired import Desired
from .._reconcile.reconcile import reconcile
from .._runtime.runtime import Runtime
from .arguments import add_selection, for_each, new_parser, selected


def start(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Start containers, and what they depend on."""
    return _transition(parts, "start", arguments, "started")


def _attached(parts: EngineConfig, keys: Sequence[str]) -> int:
    """Start one container, wait for its end and show its output; return its exit code.

    :raises InvalidArgument: there are several.
    """
    from .containers.attached import run_of, show

    if len(keys) != 1:
        raise InvalidArgument(f"--attach: cannot be used with {len(keys)} containers: expected one")
    name = Runtime(parts).container(keys[0]).name
    desired = Desired(name, "started", detach=False, show=show)
    return run_of(lambda: (keys[0], reconcile(parts, desired).output))


def stop(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Stop containers; their restart policies leave them down."""
    return _transition(parts, "stop", arguments, "stopped")


def restart(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Stop containers that run, and start them."""
    return _transition(parts, "restart", arguments, "started")


def mark(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Freeze the files of rewindable containers as they are, for ``rewind``."""
    return _transition(parts, "mark", arguments, "marked")


def rewind(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Take rewindable containers back to their marks."""
    return _transition(parts, "rewind", arguments, "rewound")


def _transition(parts: EngineConfig, verb: str, arguments: Sequence[str], state: str) -> int:
    """Bring each container to the state; 125 where one could not be."""
    options = _parsed(verb, arguments)
    time = getattr(options, "time", None)
    seconds = None if time is None else whole_seconds(time, "--time")
    running = state == "stopped" or getattr(options, "running", False)

    def work(key: str) -> Optional[str]:
        try:
            name = Runtime(parts).container(key).name
        except NoSuchContainer:
            if getattr(options, "ignore", False):
                return None
            raise
        desired = Desired(name, state, force_restart=verb == "restart", stop_time=seconds, restart_time=seconds)
        reconcile(parts, desired)
        return key

    if getattr(options, "running", False):
        options.all = True
    keys = selected(parts, options, _suits(running=running))
    return _attached(parts, keys) if getattr(options, "attach", False) else for_each(keys, work)


_MORE = {
    "mark": " Their files as they are now are what rewind goes back to. They need rewindable, and are restarted.",
    "rewind": " Their files become those of the mark, or the image's without one; volumes stay. They are restarted.",
}


def _parsed(verb: str, arguments: Sequence[str]) -> argparse.Namespace:
    about = f"{verb.capitalize()} containers, and print their names.{_MORE.get(verb, '')}"
    parser = new_parser(verb, about, formats=False)
    every = "every container that runs" if verb == "stop" else "every container"
    # podman's start -a is --attach.
    flags = ("--all",) if verb == "start" else ("-a", "--all")
    add_selection(parser, every + ", but for the infra containers of pods", flags)
    if verb == "start":
        about = "wait for the container's end, show its output and have its exit code"
        parser.add_argument("-a", "--attach", action="store_true", help=about)
    else:
        parser.add_argument("-t", "--time", help="seconds, or a duration such as 1m30s, until a stop kills")
    if verb == "stop":
        parser.add_argument("-i", "--ignore", action="store_true", help="a name of no container is no error")
    if verb == "restart":
        parser.add_argument("--running", action="store_true", help="every container that runs")
    return parser.parse_args(arguments)


def _suits(*, running: bool) -> Callable[[Container], bool]:
    return lambda one: not one.config.infra and (one.state.status.has_process or not running)
