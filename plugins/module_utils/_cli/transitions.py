# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod start``, ``stop``, ``restart``, ``mark`` and ``rewind``, which do what a task by name only does."""

from __future__ import annotations

import argparse
from typing import Callable, Optional, Sequence

from .._container.container import Container
from .._container.io.logs import Output
from .._container.lifecycle import notify
from .._drivers import process
from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument, NoSuchContainer
from .._model.options.syntax.durations import whole_seconds
from .._reconcile.desired import Desired
from .._reconcile.reconcile import check_root, reconcile
from .._runtime.runtime import Runtime
from .arguments import add_selection, for_each, new_parser, selected
from .containers.session import add_session, begin, settings
from .containers.side_by_side import for_each_at_once


def start(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Start containers, and what they depend on."""
    return _transition(parts, "start", arguments, "started")


def _attached(parts: EngineConfig, keys: Sequence[str], options: argparse.Namespace) -> int:
    """Start one container, wait for its end and show its output; return its exit code.

    With ``--interactive``, and for a container with a terminal, our streams are connected as ``libpod attach`` does.

    :raises InvalidArgument: there are several.
    """
    from .containers.attached import run_of, show

    if len(keys) != 1:
        raise InvalidArgument(f"--attach: cannot be used with {len(keys)} containers: expected one")
    runtime = Runtime(parts)
    container = runtime.container(keys[0])
    if options.interactive or container.config.options["tty"]:
        how = settings(options, stdin=options.interactive)
        check_root()
        return run_of(lambda: (keys[0], Output(begin(runtime, container, how), "", "")))
    name = container.name
    desired = Desired(name, "started", detach=False, show=show)
    return run_of(lambda: (keys[0], reconcile(parts, desired).output))


def _in_unit(parts: EngineConfig, keys: Sequence[str], ready: str) -> int:
    """Start one container for the systemd unit that runs this process, or have the unit watch one that runs already.

    ``ready`` is who says that it is ready: ``conmon``, the ``container`` itself or, once it is, its health check.

    :raises InvalidArgument: there are several containers, or this one does not pass the message on.
    """
    if len(keys) != 1:
        raise InvalidArgument(f"--sdnotify: cannot be used with {len(keys)} containers: expected one")
    container = Runtime(parts).container(keys[0])
    if ready == "container" and container.config.options["sdnotify"] != "container":
        raise InvalidArgument(
            f"--sdnotify: container {container.name} passes no message on: expected one with sdnotify: container"
        )
    caller.unit_of = container.name
    wait = "healthy" if ready == "healthy" else "started"
    outcome = reconcile(parts, Desired(container.name, "started", wait=wait, wait_timeout=0.0))
    # Its own message goes to the socket that it was started with.
    own = ready == "container" and bool(outcome.plan.steps)
    state = notify.adopt(Runtime(parts).container(container.name).peek(), ready=not own)
    return 0 if state.status.has_process else state.exit_code


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
            container = Runtime(parts).container(key)
        except NoSuchContainer:
            if getattr(options, "ignore", False):
                return None
            raise
        if getattr(options, "unwatched", False) and not _unwatched(container):
            return None
        name = container.name
        desired = Desired(name, state, force_restart=verb == "restart", stop_time=seconds, restart_time=seconds)
        reconcile(parts, desired)
        return key

    if getattr(options, "running", False):
        options.all = True
    keys = selected(parts, options, _suits(running=running))
    if getattr(options, "sdnotify", None):
        return _in_unit(parts, keys, options.sdnotify)
    if getattr(options, "attach", False) or getattr(options, "interactive", False):
        return _attached(parts, keys, options)
    if verb == "stop":
        return for_each_at_once(Runtime(parts), keys, work)
    return for_each(keys, work)


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
        parser.add_argument("-i", "--interactive", action="store_true", help="pass on our input too; implies --attach")
        add_session(parser)
        about = "have the systemd unit that runs this watch the container, and who says that it is ready"
        parser.add_argument("--sdnotify", choices=("conmon", "container", "healthy"), help=about)
    else:
        parser.add_argument("-t", "--time", help="seconds, or a duration such as 1m30s, until a stop kills")
    if verb == "stop":
        parser.add_argument("-i", "--ignore", action="store_true", help="a name of no container is no error")
        parser.add_argument("--unwatched", action="store_true", help="only one that has outlived its conmon")
    if verb == "restart":
        parser.add_argument("--running", action="store_true", help="every container that runs")
    return parser.parse_args(arguments)


def _unwatched(container: Container) -> bool:
    """Return whether a container runs, and its conmon does not."""
    state = container.peek().state
    return state.status.has_process and not process.alive(state.conmon)


def _suits(*, running: bool) -> Callable[[Container], bool]:
    return lambda one: not one.config.infra and (one.state.status.has_process or not running)
