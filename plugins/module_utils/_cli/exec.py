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
from .._model.options.parsers import absolute_path, environment
from .._runtime.runtime import Runtime
from . import words


def execute(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Run a command in a running container; its exit code is ours."""
    parser = words.parser("exec", "A command in a running container.", formats=False)
    parser.add_argument("-i", "--interactive", action="store_true", help="it reads our standard input")
    parser.add_argument("-t", "--tty", action="store_true", help="it has a terminal")
    parser.add_argument("-d", "--detach", action="store_true", help="in the background: prints the session's ID")
    parser.add_argument("-e", "--env", action="append", default=[], help="KEY=VALUE, or KEY for our own variable")
    parser.add_argument("-u", "--user", help="USER[:GROUP]")
    parser.add_argument("-w", "--workdir", help="an absolute path")
    parser.add_argument(
        "--timeout", metavar="TIME", help="end it after so many seconds or such as 1m30s; exit code 124"
    )
    parser.add_argument("--privileged", action="store_true", help="with all the capabilities of the host")
    parser.add_argument("name", help="the container's name or ID")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command and its arguments")
    given = parser.parse_args(arguments)
    wanted = Exec(
        argv=given.command,
        env=environment(_variables(given.env), "--env"),
        user=given.user,
        workdir=absolute_path(given.workdir, "--workdir") if given.workdir else "",
        privileged=given.privileged,
        tty=given.tty,
        timeout=0 if given.timeout is None else time_limit(given.timeout, "--timeout"),
    )
    if given.detach and given.timeout is not None:
        raise InvalidArgument("--timeout: a command in the background has none: omit it, or --detach")
    container = Runtime(parts).container(given.name)
    if given.detach:
        sys.stdout.write(container.exec_detached(wanted) + "\n")
        return 0
    try:
        return execute_attached(container, wanted, given.interactive)
    except CommandTimedOut as error:
        sys.stderr.write(f"libpod: {error}\n")
        return error.exit_code


def _variables(given: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE as it is said; KEY alone has our own value, and is left out where we have none."""
    found = {}
    for item in given:
        key, equals, value = item.partition("=")
        if equals or key in caller.environment:
            found[key] = value if equals else caller.environment[key]
    return found
