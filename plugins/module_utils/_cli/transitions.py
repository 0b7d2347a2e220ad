# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod start``, ``stop``, ``restart``, ``mark`` and ``rewind``, which do what a task by name only does."""

from __future__ import annotations

import sys
from typing import Sequence

from .._model.engine_config import EngineConfig
from .._model.errors import LibpodError, sentence
from .._model.options.durations import whole_seconds
from .._reconcile.desired import Desired
from .._reconcile.reconcile import reconcile
from .._runtime.runtime import Runtime
from . import table
from .arguments import new_parser


def start(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Start containers, and what they depend on."""
    return _transition(parts, "start", arguments, "started")


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
    """Bring each container to the state and print what was done; 125 where one could not be."""
    parser = new_parser(verb, f"{verb.capitalize()} containers, and say what was done.", formats=False)
    parser.add_argument("name", nargs="+", help="a container's name, ID, or the beginning of an ID")
    if verb != "start":
        parser.add_argument("-t", "--time", help="seconds, or a duration such as 1m30s, until a stop kills")
    options = parser.parse_args(arguments)
    seconds = whole_seconds(options.time, "--time") if verb != "start" and options.time is not None else None
    failed = 0
    for key in options.name:
        try:
            name = Runtime(parts).container(key).name
            desired = Desired(name, state, force_restart=verb == "restart", stop_time=seconds, restart_time=seconds)
            for action in reconcile(parts, desired).plan.actions:
                table.write_line(action)
        except Exception as error:  # pylint: disable=broad-exception-caught
            failed = 125
            about = "" if isinstance(error, LibpodError) else f"{key}: "
            sys.stderr.write(f"libpod: {about}{sentence(error)}\n")
    return failed
