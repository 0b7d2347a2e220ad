# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of things, as the options say: names or IDs alone, JSON, a table, or a template's lines."""

from __future__ import annotations

import argparse
import re
from typing import Callable, Generic, Mapping, Sequence, TypeVar

from ..._model.errors import InvalidArgument
from .. import table
from .template import Template

# Where a heading is not the field's name in capitals.
_HEADINGS = {"Id": "ID", "ID": "ID", "ImageID": "IMAGE ID", "ExitCode": "EXIT CODE", "PodName": "POD NAME"}


T = TypeVar("T", bound=Mapping[str, object])  # one thing's JSON


class Shape(Generic[T]):
    """How one kind of thing is listed.

    ``columns`` are the fields of the default table, with their headings. ``row`` returns fields of one thing by name,
    beside those of its JSON; ``key`` is the field that ``--quiet`` shows.
    """

    def __init__(self, columns: Mapping[str, str], row: Callable[[T], Mapping[str, object]], key: str) -> None:
        self.columns, self.row, self.key = columns, row, key


def add_listing(parser: argparse.ArgumentParser, quiet: str, *, short: bool = True) -> None:
    """Add the options of a list; ``short``: ``-n`` is ``--noheading``."""
    parser.add_argument("-q", "--quiet", action="store_true", help=f"{quiet} alone")
    add_format(parser)
    parser.add_argument("--no-trunc", action="store_true", help="whole IDs, and cells of any length")
    parser.add_argument(
        *(["-n"] if short else []), "--noheading", action="store_true", help="a table without its headings"
    )


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add ``--format`` with templates."""
    parser.add_argument(
        "--format",
        default="table",
        metavar="FORMAT",
        help="table, json, a Go template such as '{{.ID}}', or table and a template: 'table {{.ID}}\\t{{.Size}}'",
    )


def show(options: argparse.Namespace, found: Sequence[T], shape: Shape[T]) -> None:
    """Write what was found, as the options say.

    :raises InvalidArgument: the template cannot be used.
    """
    written: str = options.format.strip()
    if options.quiet:
        for one in found:
            table.write_line(str(shape.row(one)[shape.key]))
    elif written == "json":
        table.write_json(found)
    elif written in ("table", ""):
        rows: list[Sequence[object]] = [[shape.row(one)[field] for field in shape.columns] for one in found]
        _write(options, list(shape.columns.values()), rows)
    elif re.match(r"table\s", written):
        template = Template(written[5:].lstrip())
        headings = _headings(template, shape)
        rows = [template.render({**one, **shape.row(one)}, kept="").split("\t") for one in found]
        _write(options, headings, rows)
    else:
        template = Template(written)
        for one in found:
            table.write_text(template.render({**one, **shape.row(one)}, kept=""))


def _write(options: argparse.Namespace, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table.write_table(headings, rows, headed=not options.noheading)


def _headings(template: Template, shape: Shape[T]) -> list[str]:
    """Return the headings of a template's cells, which are between tabs: the names of their fields."""
    try:
        cells = [Template(cell).fields for cell in template.text.split("\t")]
    except InvalidArgument:
        cells = [[field] for field in template.fields]  # a tab is inside a block
    return [" ".join(_heading(field, shape) for field in dict.fromkeys(cell)) for cell in cells]


def _heading(field: str, shape: Shape[T]) -> str:
    known = shape.columns.get(field) or _HEADINGS.get(field)
    return known or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", field).upper()
