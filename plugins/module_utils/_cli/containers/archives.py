# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod commit`` and ``libpod export``."""

from __future__ import annotations

from typing import Sequence

from ..._container.rootfs.commit import Commit
from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument
from ..._reconcile.reconcile import check_root
from ..._runtime.runtime import Runtime
from .. import table
from ..arguments import add_image_making, new_parser
from ..output.archive_streams import to_file


def commit(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Make an image of a container and print its ID."""
    parser = new_parser("commit", "Make an image of a container as it is, and print the image's ID.", formats=False)
    parser.add_argument("-a", "--author", default="", help="the image's author")
    add_image_making(parser)
    parser.add_argument("-f", "--format", default="oci", help="of the manifest: oci (default)")
    parser.add_argument("-i", "--iidfile", metavar="PATH", help="a file that gets the ID")
    parser.add_argument("-p", "--pause", action="store_true", help="freeze the container's processes for that time")
    parser.add_argument("name", help="a container's name, ID, or the beginning of an ID")
    parser.add_argument("image", nargs="?", help="[REGISTRY/]NAME[:TAG] of the image (default: it has no name)")
    options = parser.parse_args(arguments)
    if options.format != "oci":
        raise InvalidArgument(
            f"--format: {options.format!r} cannot be used: expected oci; libpod push --format v2s2 and "
            "libpod save convert an image"
        )
    check_root()
    wanted = Commit(options.image, options.author, options.message, options.pause, options.change)
    made = Runtime(parts).container(options.name).commit(wanted)
    if options.iidfile:
        with open(caller.absolute(options.iidfile), "w", encoding="utf-8") as file:
            file.write(made.id)
    table.write_line(made.id)
    return 0


def export(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Write a container's root filesystem as a tar file."""
    parser = new_parser("export", "Write a container's files as a tar archive, without its volumes.", formats=False)
    parser.add_argument("-o", "--output", default="", metavar="PATH", help="a file (default: standard output)")
    parser.add_argument("name", help="a container's name, ID, or the beginning of an ID")
    options = parser.parse_args(arguments)
    check_root()
    container = Runtime(parts).container(options.name)
    with to_file(parts, options.output) as path:
        container.export(path)
    return 0
