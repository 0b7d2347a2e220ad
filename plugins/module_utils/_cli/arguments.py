# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of the subcommands' arguments, and the containers that arguments name."""

from __future__ import annotations

import argparse
from typing import Iterator, Sequence

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, NoSuchContainer
from .._runtime.runtime import Runtime


def new_parser(command: str, description: str, *, formats: bool = True) -> argparse.ArgumentParser:
    """Return a new parser for ``libpod COMMAND``; with ``formats`` it takes ``--format table|json``."""
    result = argparse.ArgumentParser(prog=f"libpod {command}", description=description, allow_abbrev=False)
    if formats:
        _add_format(result)
    return result


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table, or JSON for programs")


def containers(parts: EngineConfig, names: Sequence[str]) -> Iterator[Container]:
    """Yield the named containers, or all but those that are removed during that.

    :raises NoSuchContainer: a name is no container's.
    """
    runtime = Runtime(parts)
    if names:
        for name in names:
            yield runtime.container(name).peek()
        return
    for container in runtime.containers():
        try:
            yield container.peek()
        except (NoSuchContainer, ContainerRemoved):
            continue


def listing(command: str, about: str, things: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command with the verbs ``ls`` and ``inspect``."""
    parser = new_parser(command, about, formats=False)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="ls|inspect")
    ls = verbs.add_parser("ls", help=f"list {things}", allow_abbrev=False)
    ls.add_argument("-q", "--quiet", action="store_true", help="names alone")
    _add_format(ls)
    verbs.add_parser("inspect", help=f"all about {things}, as a JSON list").add_argument("name", nargs="+")
    return parser.parse_args(arguments)
