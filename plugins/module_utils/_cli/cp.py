# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod cp``."""

from __future__ import annotations

import argparse
import os
from typing import NamedTuple, Sequence

from .._container.rootfs.copy import Copy, host_path
from .._model.engine_config import EngineConfig
from .._model.errors import InvalidArgument
from .._runtime.runtime import Runtime
from .arguments import new_parser


class _Side(NamedTuple):
    """A path of an argument; an empty container is the host."""

    container: str
    path: str


def cp(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Copy a file or a directory between the host and a container, whatever the container's status."""
    parser = new_parser("cp", "Copy a file or a directory into a container or out of it.", formats=False)
    parser.add_argument(
        "-a",
        "--archive",
        action="store_true",
        default=True,
        help="give it a new owner, unless with =false (the default)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="let a directory replace something that is none, and vice versa"
    )
    parser.add_argument(
        "src", metavar="[CONTAINER:]SRC", help="DIRECTORY/. is its content, - an archive on standard input"
    )
    parser.add_argument(
        "dest", metavar="[CONTAINER:]DEST", help="into it where it is a directory, else as that name; - for an archive"
    )
    options = parser.parse_args(arguments)
    if "-" in (options.src, options.dest):
        return _stream(parts, options)
    source, target = _side(options.src), _side(options.dest)
    if bool(source.container) == bool(target.container):
        raise InvalidArgument(
            f"cannot copy {options.src} to {options.dest}: expected one of them in a container, as in web:/etc, and "
            "one on the host; a path on the host that has a colon begins with / or ./"
        )
    request = Copy(
        src=source.path,
        dest=target.path,
        out=bool(source.container),
        archive=options.archive,
        overwrite=options.overwrite,
    )
    Runtime(parts).container(source.container or target.container).copy(request)
    return 0


def _stream(parts: EngineConfig, options: argparse.Namespace) -> int:
    """Copy a tar archive from standard input into a directory of a container, or to standard output out of one."""
    into = options.src == "-"
    side = _side(options.dest if into else options.src)
    if not side.container:
        raise InvalidArgument(f"cannot copy {options.src} to {options.dest}: - needs CONTAINER:PATH on the other side")
    if os.isatty(0 if into else 1):
        raise InvalidArgument(f"an archive is not {'read from' if into else 'written to'} a terminal: redirect it")
    if options.overwrite:
        raise InvalidArgument("--overwrite cannot be used with -: what is in the way of an archive has to be removed")
    from .._container.rootfs import streams

    container = Runtime(parts).container(side.container)
    if into:
        streams.take(container, 0, side.path, archive=options.archive)
    else:
        streams.give(container, side.path, 1, archive=options.archive)
    return 0


def _side(argument: str) -> _Side:
    """Return the side that an argument names, as podman does; a relative path in a container begins at its root."""
    name, colon, path = argument.partition(":")
    if not colon or not name or argument.startswith(("/", ".")):
        if not argument:
            raise InvalidArgument("an empty path cannot be copied: expected a path, or CONTAINER:PATH")
        return _Side("", host_path(argument))
    return _Side(name, path if path.startswith("/") else f"/{path}")
