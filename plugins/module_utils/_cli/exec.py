# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod exec``."""

from __future__ import annotations

import argparse
import sys
from typing import Iterable, Sequence

from .._container.io.exec import CommandTimedOut, Exec, execute_attached, time_limit
from .._model import caller
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument
from .._model.options.syntax.parsers import absolute_path, environment
from .._reconcile.env_files import read
from .._runtime.runtime import Runtime
from .arguments import add_latest, new_parser, the_one


def execute(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Run a command in a running container and return its exit code."""
    options = _parsed(arguments)
    request = Exec(
        argv=options.command,
        env={
            **read(options.env_file, option="--env-file"),
            **environment(_variables(options.env), "--env"),
        },
        user=options.user,
        workdir=absolute_path(options.workdir, "--workdir") if options.workdir else "",
        privileged=options.privileged,
        tty=options.tty,
        timeout=0 if options.timeout is None else time_limit(options.timeout, "--timeout"),
    )
    if options.detach and options.timeout is not None:
        raise InvalidArgument("--timeout: a command in the background has none: omit it, or --detach")
    container = Runtime(parts).container(the_one(parts, options))
    if options.detach:
        sys.stdout.write(container.exec_detached(request) + "\n")
        return 0
    try:
        return execute_attached(container, request, options.interactive)
    except CommandTimedOut as error:
        sys.stderr.write(f"libpod: {error}\n")
        return error.exit_code


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments; ``name`` is a list, empty with ``--latest``."""
    parser = new_parser("exec", "A command in a running container.", formats=False)
    parser.add_argument("-i", "--interactive", action="store_true", help="pass on the standard input")
    parser.add_argument("-t", "--tty", action="store_true", help="give it a terminal")
    parser.add_argument(
        "-d", "--detach", action="store_true", help="run it in the background and print the session's ID"
    )
    parser.add_argument("-e", "--env", action="append", default=[], help="KEY=VALUE, or KEY for the caller's variable")
    parser.add_argument("--env-file", action="append", default=[], metavar="PATH", help="a file of variables")
    parser.add_argument("-u", "--user", help="USER[:GROUP]")
    parser.add_argument("-w", "--workdir", help="an absolute path")
    parser.add_argument(
        "--timeout", metavar="TIME", help="end it after so many seconds or such as 1m30s; exit code 124"
    )
    parser.add_argument("--privileged", action="store_true", help="with all the capabilities of the host")
    add_latest(parser)
    parser.add_argument("name", nargs="?", help="the container's name or ID; omitted with --latest")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")
    options = parser.parse_args(arguments)
    named = [] if options.name is None else [options.name]
    if options.latest:
        options.command, named = [*named, *options.command], []
    options.name = named
    return options


def _variables(items: Iterable[str]) -> dict[str, str]:
    """Return the variables of KEY=VALUE, and of KEY with the caller's value, if there is one."""
    variables = {}
    for item in items:
        key, equals, value = item.partition("=")
        if equals or key in caller.environment:
            variables[key] = value if equals else caller.environment[key]
    return variables
