# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of the subcommands' arguments, and the containers that arguments name."""

from __future__ import annotations

import argparse
import importlib
import sys
from types import MappingProxyType
from typing import Any, Callable, Iterator, Mapping, NamedTuple, NoReturn, Optional, Sequence

from .._container.container import Container
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerRemoved, InvalidArgument, LibpodError, NoSuchContainer, printable, sentence
from .._runtime.runtime import Runtime
from . import table

# The commands by name: module, function, what it does; see ``_cli.main``.
Commands = Mapping[str, tuple[str, str, str]]


_USAGE = 8  # lines of a command's usage that an error shows


class Captured(Exception):
    """A command has made its parser, while ``Parser.captures``."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


class Parser(argparse.ArgumentParser):
    """A parser of a command, and so that of each of its verbs: wrong arguments end with 125, as podman's do."""

    captures = False  # for ``parser_of``, which has a command end where it would parse its arguments

    def parse_known_args(self, *args: Any, **more: Any) -> Any:
        """Parse arguments as the base class does. :raises Captured: ``captures``."""
        if Parser.captures:
            raise Captured(self)
        try:
            return super().parse_known_args(*args, **more)
        except IndexError:  # of argparse, before Python 3.11: -a= for a flag without a value
            self.error("ignored explicit argument ''")

    def add_argument(self, *names: Any, **more: Any) -> argparse.Action:
        """Add an argument as the base class does; a flag without a value also takes ``=true`` and ``=false``."""
        added = super().add_argument(*names, **more)
        flags = [name for name in added.option_strings if name.startswith("--")]
        if more.get("action") == "store_true" and flags:
            for value, words in ((True, ("true", "1")), (False, ("false", "0"))):
                written = [f"{flag}={word}" for flag in flags for word in words]
                super().add_argument(
                    *written,
                    dest=added.dest,
                    action="store_const",
                    const=value,
                    default=argparse.SUPPRESS,
                    help=argparse.SUPPRESS,
                )
        return added

    def error(self, message: str) -> NoReturn:
        usage = self.format_usage()
        if usage.count("\n") > _USAGE:  # it would push the message out of sight
            usage = f"usage: {self.prog} [OPTION ...] ...; {self.prog} --help lists the options\n"
        sys.stderr.write(usage)
        self.exit(125, f"{self.prog}: error: {printable(message, '')}\n")


def new_parser(
    command: str, description: str, *, formats: bool = True, help_flags: Sequence[str] = ("-h", "--help")
) -> argparse.ArgumentParser:
    """Return a new parser for ``libpod COMMAND``; with ``formats`` it takes ``--format table|json``."""
    result = Parser(prog=f"libpod {command}", description=description, allow_abbrev=False, add_help=False)
    result.add_argument(*help_flags, action="help", help="show this help message and exit")
    if formats:
        add_table_or_json(result)
    return result


def add_table_or_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--format table|json``."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="table, or JSON for programs")


def parser_of(parts: EngineConfig, commands: Commands, name: str, *verb: str) -> argparse.ArgumentParser:
    """Return the parser of a command, which is run until it has one; ``verb`` is that of ``image``."""
    module, function, _what = commands[name]
    package = __package__.rpartition(".")[0]
    run: Callable[[EngineConfig, Sequence[str]], int] = getattr(
        importlib.import_module(f"{package}.{module}"), function
    )
    Parser.captures = True
    try:
        run(parts, verb)
    except Captured as captured:
        return captured.parser
    finally:
        Parser.captures = False
    return argparse.ArgumentParser(add_help=False)


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


def add_image_making(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of commands that make an image."""
    parser.add_argument(
        *("-c", "--change"),
        action="append",
        default=[],
        metavar="LINE",
        help="a line of a Containerfile, such as 'CMD [\"sh\"]' or 'ENV A=1'; several can be given",
    )
    parser.add_argument("-m", "--message", default="", help="a comment, kept in the image's history")
    parser.add_argument("-q", "--quiet", action="store_true", help="has no effect: only the ID is printed")


def add_selection(
    parser: argparse.ArgumentParser, every: str = "every container", all_flags: Sequence[str] = ("-a", "--all")
) -> None:
    """Add the arguments that select containers: names, ``--all`` and ``--latest``."""
    parser.add_argument("name", nargs="*", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument(*all_flags, action="store_true", help=every)
    add_latest(parser)


def selected(
    parts: EngineConfig,
    options: argparse.Namespace,
    suits: Callable[[Container], bool] = lambda container: not container.config.infra,
) -> list[str]:
    """Return the names given, or the IDs that ``--all`` (those that suit) or ``--latest`` stand for.

    :raises InvalidArgument: nothing is selected, or in two ways. :raises NoSuchContainer: there is no latest one.
    """
    every, latest = getattr(options, "all", False), options.latest
    if bool(options.name) + every + latest != 1:
        ways = "containers' names or IDs, --latest" + (", or --all" if hasattr(options, "all") else "")
        raise InvalidArgument(f"expected one of: {ways}")
    if options.name:
        return list(options.name)
    known = [one for one in containers(parts, ()) if latest or suits(one)]
    if latest and not known:
        raise NoSuchContainer("--latest: there is no container yet")
    return [max(known, key=lambda one: one.config.created_time).id] if latest else [one.id for one in known]


def add_latest(parser: argparse.ArgumentParser) -> None:
    """Add ``--latest``, which stands for a name."""
    parser.add_argument("-l", "--latest", action="store_true", help="the container that was created last")


def add_one(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that select one container: its name, or ``--latest``."""
    add_latest(parser)
    parser.add_argument("name", nargs="*", help="a container's name, ID, or the beginning of an ID")


def the_one(parts: EngineConfig, options: argparse.Namespace) -> str:
    """Return the name given, or the ID that ``--latest`` stands for.

    :raises InvalidArgument: nothing is selected, or several. :raises NoSuchContainer: there is no latest one.
    """
    key, *more = selected(parts, options)
    if more:
        raise InvalidArgument(f"expected one container's name or ID, got {len(more) + 1}")
    return key


def for_each(
    keys: Sequence[str],
    work: Callable[[str], Optional[str]],
    codes: Mapping[type[Exception], int] = MappingProxyType({}),
) -> int:
    """Call ``work`` for each key, and print what it returns; an error stops none of the others.

    Return 0, or the highest exit code of the errors: that of ``codes``, else 125.
    """
    return max([written(attempt(key, work, codes)) for key in keys], default=0)


class Attempt(NamedTuple):
    """What became of one key: the line to print, or an error and its exit code."""

    line: Optional[str]
    error: str = ""
    code: int = 0


def attempt(
    key: str,
    work: Callable[[str], Optional[str]],
    codes: Mapping[type[Exception], int] = MappingProxyType({}),
) -> Attempt:
    """Call ``work`` for the key, and return its line or its error."""
    try:
        return Attempt(work(key))
    except Exception as error:  # pylint: disable=broad-exception-caught
        about = "" if isinstance(error, LibpodError) else f"{key}: "
        code = next((code for kind, code in codes.items() if isinstance(error, kind)), 125)
        return Attempt(None, f"libpod: {about}{sentence(error)}\n", code)


def written(result: Attempt) -> int:
    """Write a line to standard output, or an error to standard error; return the exit code."""
    sys.stderr.write(result.error)
    if result.line is not None:
        table.write_line(result.line)
    return result.code
