# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of ``libpod volume``, ``network``, ``secret``, ``pod`` and ``image``."""

from __future__ import annotations

import argparse
from typing import Callable, Mapping, NamedTuple, Sequence

from ..._model.errors import InvalidArgument
from .. import table
from ..arguments import for_each, new_parser
from ..output import filters
from ..output.listing import Shape, T, add_listing, show
from ..output.template import Template

EVERY_IMAGE = "all images without at least one container associated with them"


class Verb(NamedTuple):
    """A verb: what it does, and a function that adds its arguments."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]


def parsed(command: str, about: str, verbs: Mapping[str, Verb], arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of ``libpod COMMAND VERB``, with ``verb``."""
    parser = new_parser(command, about, formats=False)
    parsers = parser.add_subparsers(dest="verb", required=True, metavar="VERB", title="verbs")
    for name, verb in verbs.items():
        one = parsers.add_parser(name, help=verb.help, description=f"{verb.help[0].upper()}{verb.help[1:]}.")
        verb.arguments(one)
    return parser.parse_args(arguments)


def listing(things: str, quiet: str, known: filters.Known[T]) -> Verb:
    """Return the verb ``ls``."""

    def add(parser: argparse.ArgumentParser) -> None:
        add_listing(parser, quiet)
        filters.add_filter(parser, known)

    return Verb(f"list {things}", add)


def inspection(things: str) -> Verb:
    """Return the verb ``inspect``."""

    def add(parser: argparse.ArgumentParser) -> None:
        add_inspection(parser)
        parser.add_argument("name", nargs="+")

    return Verb(f"show all about {things}, as a JSON list, or what a template names", add)


def add_inspection(parser: argparse.ArgumentParser) -> None:
    """Add the ``--format`` of what is a JSON list by default."""
    parser.add_argument("-f", "--format", default="json", help="json, or a Go template such as '{{.Name}}'")


def removal(things: str, force: str) -> Verb:
    """Return the verb ``rm``; ``force`` says what ``--force`` does."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="*")
        parser.add_argument("-a", "--all", action="store_true", help="all of them")
        parser.add_argument("-f", "--force", action="store_true", help=force)

    return Verb(f"remove {things}", add)


def pruning(kind: str, things: str) -> Verb:
    """Return the verb ``prune``; ``kind`` is that of things, or ``system``."""
    return Verb(f"remove {things}, after asking", lambda parser: add_prune(parser, kind))


def add_prune(parser: argparse.ArgumentParser, kind: str) -> None:
    """Add the arguments of ``prune``."""
    if kind in ("image", "system"):
        parser.add_argument("-a", "--all", action="store_true", help=f"{EVERY_IMAGE}, also those with names")
    if kind == "system":
        parser.add_argument("--volumes", action="store_true", help="also volumes of no container")
    parser.add_argument("-f", "--force", action="store_true", help="do not ask")
    keys = "until=TIME, label=KEY[=VALUE]" + (", or dangling=false, which is --all" if kind == "image" else "")
    parser.add_argument("--filter", action="append", default=[], metavar="KEY=VALUE", help=f"only what fits: {keys}")


def chosen(options: argparse.Namespace, expected: str, everything: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Return the names given, or those that ``--all`` stands for.

    :raises InvalidArgument: there are neither, or both.
    """
    if bool(options.name) == options.all:
        raise InvalidArgument(f"expected {expected}")
    return options.name or everything()


def naming(text: str) -> Verb:
    """Return a verb whose arguments are names."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", nargs="+")

    return Verb(text, add)


def write_list(options: argparse.Namespace, found: Sequence[T], shape: Shape[T], known: filters.Known[T]) -> int:
    """Write what was found and passes the filters; return 0."""
    suits = filters.matcher(options.filter, known)
    show(options, [one for one in found if suits(one)], shape)
    return 0


def write_inspected(written: str, found: Sequence[object]) -> None:
    """Write what was inspected as a JSON list, or a line of a template for each."""
    if written == "json":
        table.write_json(found)
        return
    template = Template(written)
    for one in found:
        table.write_text(template.render(one))


def inspect_each(
    options: argparse.Namespace, find: Callable[[str], object], codes: Mapping[type[Exception], int]
) -> int:
    """Write what ``find`` returns for each name; the names that it raises an error for are reported beside."""
    found: list[object] = []
    failed = for_each(options.name, lambda name: found.append(find(name)), codes)
    if found or options.format == "json":
        write_inspected(options.format, found)
    return failed
