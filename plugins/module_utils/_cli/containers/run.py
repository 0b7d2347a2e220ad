# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod create`` and ``libpod run``, whose flags are those of the table of options."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from glob import glob
from typing import Optional, Sequence

from ..._container.container import Container
from ..._container.io import reading
from ..._container.io.logs import Output, show_to_end
from ..._container.io.session import Session
from ..._model.engine_config import EngineConfig
from ..._model.errors import ContainerExists, LibpodError
from ..._model.options.normalise import normalise
from ..._model.options.syntax.parsers import name as checked_name
from ..._model.options.table import OPTIONS
from ..._reconcile.desired import Desired
from ..._reconcile.env_files import read
from ..._reconcile.reconcile import after_end, apply_one, check_root, find_synced
from ..._runtime.runtime import Runtime
from ..arguments import new_parser
from ..resources.registry_access import access, add_access
from .attached import run_of, show
from .flags import add_option, option_values
from .session import add_session, begin, settings

_TERMINAL = ("tty", "interactive")
_UNNAMED = ("command",)  # has no flag
_PULLING = ("pull", "platform", "os", "arch", "variant", "retry", "retry_delay")


def create(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Create a container and print its ID."""
    parser = _parser("create", "Create a container, and print its ID.")
    container_id, _output = _made(Runtime(parts), parser.parse_args(arguments), "created")
    sys.stdout.write(container_id + "\n")
    return 0


def run(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Create and start a container; print its ID, or with its end its output, and return its exit code."""
    parser = _parser("run", "Create a container and start it: wait for its end and show its output, or detach.")
    parser.add_argument("-d", "--detach", action="store_true", help="leave it running, and print its ID")
    add_session(parser)
    options = parser.parse_args(arguments)
    if not options.detach and any(getattr(options, one) for one in _TERMINAL):
        return run_of(lambda: _with_session(parts, options))
    return run_of(lambda: _made(Runtime(parts), options, "started"))


def _with_session(parts: EngineConfig, options: argparse.Namespace) -> tuple[str, Output]:
    """Create the container and start it with our streams on its own; return its ID and how it ended."""
    how = settings(options, stdin=bool(options.interactive))
    check_root()
    options.name = checked_name(options.name, "--name") if options.name else _new_name()
    runtime = Runtime(parts)
    runtime.store.prepare()
    container_id, _output = _made(runtime, options, "created")
    container = runtime.by_id(container_id, options.name)
    output = _begun(runtime, container, how)
    after_end(runtime, container)
    return container_id, output


def _begun(runtime: Runtime, container: Container, how: Session) -> Output:
    """Start the container, and return how it ended; one that cannot be started is removed again."""
    try:
        return Output(begin(runtime, container, how), "", "")
    except LibpodError:
        if not container.peek().state.status.has_process:
            apply_one(runtime, Desired(container.name, "absent"))
        raise


def _new_name() -> str:
    return f"container_{os.urandom(4).hex()}"


def _made(runtime: Runtime, options: argparse.Namespace, state: str) -> tuple[str, Optional[Output]]:
    """Create the container; return its ID and, of one that is waited for, its output.

    :raises ContainerExists: the name is taken.
    """
    check_root()
    name = checked_name(options.name, "--name") if options.name else _new_name()
    values = _values(options)
    attached = state == "started" and not options.detach
    desired = Desired(
        name,
        state,
        options=normalise(values, glob if values.get("mount") else None),
        specified=frozenset(values),
        image=options.image,
        pulling=access(options, **{one: getattr(options, one) for one in _PULLING}),
        recreate=options.replace,
    )
    runtime.store.prepare()
    with ExitStack() as held:
        with runtime.store.lock(name):
            if not options.replace and find_synced(runtime, name) is not None:
                raise ContainerExists(
                    f"a container has the name {name!r}: remove it, give another name, or add --replace"
                )
            container_id = apply_one(runtime, desired).container_id
            container = runtime.by_id(container_id, name)
            if not attached:
                return container_id, None
            held.enter_context(reading.hold(container))
        output = show_to_end(container, None, show)
    after_end(runtime, container)
    return container_id, output


def _parser(command: str, about: str) -> argparse.ArgumentParser:
    parser = new_parser(command, about, formats=False, help_flags=("--help",))
    parser.add_argument("--name", help="of the container (default: a random one)")
    parser.add_argument("--replace", action="store_true", help="remove a container of the name first")
    parser.add_argument("--cpus", help="such as 1.5, in the place of --cpu-quota and --cpu-period")
    parser.add_argument("--env-file", action="append", default=[], metavar="PATH", help="a file of variables")
    parser.add_argument("--label-file", action="append", default=[], metavar="PATH", help="a file of labels")
    parser.add_argument("--pull", choices=("missing", "always", "never", "newer"), help="when (default: missing)")
    for name in _PULLING[1:]:
        parser.add_argument(f"--{name.replace('_', '-')}", help="of the pull")
    add_access(parser)
    for option in OPTIONS.values():
        if option.name not in _UNNAMED:
            add_option(parser, option)
    parser.add_argument("image", help="an image, which is pulled where it is missing")
    argv = parser.add_argument(
        "argv", nargs=argparse.REMAINDER, metavar="command", help="the command and its arguments"
    )
    argv.required = False  # before Python 3.13, the error of a missing image names it too
    return parser


def _values(options: argparse.Namespace) -> dict[str, object]:
    """Return the values of the options that are given, in the types that a task has."""
    values = option_values(options)
    for name, paths in (("env", options.env_file), ("label", options.label_file)):
        if paths:
            values[name] = {**read(paths, option=f"--{name}-file"), **values.get(name, {})}
    if options.argv:
        values["command"] = options.argv
    return values
