# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod save``, ``load`` and ``import``."""

from __future__ import annotations

import argparse
from typing import Sequence

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument
from ..._reconcile.reconcile import check_root
from .. import table
from ..arguments import add_image_making, new_parser
from ..output.archive_streams import called, from_file, to_file

_QUIET = "has no effect: there is no other output"


def save(parts: EngineConfig, arguments: Sequence[str], command: str = "save") -> int:
    """Write images as an archive or a directory."""
    from ..._resources.images.save import FORMATS, Save
    from ..._resources.images.save import save as save_all

    options = _save_arguments(command, arguments, FORMATS)
    if not options.output and options.format.endswith("-dir"):
        raise InvalidArgument(f"--format: {options.format} is a directory, which needs --output")
    check_root()
    compress = True if options.compress else False if options.uncompressed else None
    with to_file(parts, options.output) as dest:
        save_all(parts, Save(options.image, dest, options.format, compress), dry=False)
    return 0


def _save_arguments(command: str, arguments: Sequence[str], formats: Sequence[str]) -> argparse.Namespace:
    parser = new_parser(command, "Write images as an archive or a directory.", formats=False)
    parser.add_argument("image", nargs="+", help="a name or an ID of the store")
    parser.add_argument("-o", "--output", default="", metavar="PATH", help="a file (default: standard output)")
    parser.add_argument("--format", choices=formats, default=formats[0], help=f"(default: {formats[0]})")
    parser.add_argument("--compress", action="store_true", help="of a directory: its layers")
    parser.add_argument("--uncompressed", action="store_true", help="of an OCI archive or directory: not its layers")
    parser.add_argument(
        *("-m", "--multi-image-archive"), action="store_true", help="has no effect: each name is an image's"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help=_QUIET)
    return parser.parse_args(arguments)


def load(parts: EngineConfig, arguments: Sequence[str], command: str = "load") -> int:
    """Load the images of an archive and print their names."""
    from ..._resources.images.load import load as load_all

    parser = new_parser(command, "Load the images of an archive, and print their names.", formats=False)
    parser.add_argument("-i", "--input", default="-", metavar="PATH", help="a file (default: standard input)")
    parser.add_argument("-q", "--quiet", action="store_true", help=_QUIET)
    options = parser.parse_args(arguments)
    check_root()
    with from_file(parts, options.input) as path, called(path, options.input):
        loaded = load_all(parts, path, dry=False)
    for image_id, names in loaded.names.items():
        for name in names or (f"sha256:{image_id}",):
            table.write_line(f"Loaded image: {name}")
    return 0


def import_tarball(parts: EngineConfig, arguments: Sequence[str], command: str = "import") -> int:
    """Make an image of a root filesystem's tar file and print its ID."""
    from ..._resources.images.import_tarball import Import
    from ..._resources.images.import_tarball import import_tarball as import_one

    parser = new_parser(command, "Make an image of a tar file, its one layer, and print its ID.", formats=False)
    add_image_making(parser)
    parser.add_argument("src", metavar="PATH", help="the tar file, - for standard input")
    parser.add_argument("image", nargs="?", default="", help="[REGISTRY/]NAME[:TAG] (default: it has no name)")
    options = parser.parse_args(arguments)
    if options.src.partition("://")[0].lower() in ("http", "https", "ftp"):
        raise InvalidArgument(
            f"PATH: {options.src} is a URL: expected a file on the host, or - after a download by curl"
        )
    check_root()
    with from_file(parts, options.src) as path, called(path, options.src):
        made = import_one(parts, Import(path, options.image, options.message, options.change), dry=False)
    table.write_line(made.id)
    return 0
