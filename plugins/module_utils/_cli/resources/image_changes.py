# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod push``, ``rmi``, ``tag`` and ``untag``."""

from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

from ..._drivers.images.store import ImageStore
from ..._drivers.registries import short_names
from ..._model import caller
from ..._model.engine_config import EngineConfig
from ..._model.errors import ImageInUse, InvalidArgument, NoSuchImage
from ..._model.records.image import PATH_TRANSPORTS, Image, local_names, normalise
from ..._resources.images.outcome import Outcome
from ..arguments import for_each, new_parser
from .registry_access import access, add_access

# As podman-rmi(1) says.
_CODES: dict[type[Exception], int] = {NoSuchImage: 1, ImageInUse: 2}


def push(parts: EngineConfig, arguments: Sequence[str], command: str = "push") -> int:
    """Push an image."""
    from ..._resources.images.push import Push
    from ..._resources.images.push import push as push_one

    options = _push_arguments(command, arguments)
    how, store = access(options), ImageStore(parts)
    stored = store.get(options.image)
    destination = options.destination or short_names.stored_name(options.image, stored)
    if destination.partition(":")[0] not in (*PATH_TRANSPORTS, "docker"):
        destination = f"docker://{normalise(destination)}"
    if not options.quiet:
        sys.stderr.write(f"Pushing {options.image} to {destination} ...\n")
    wanted = Push(
        destination,
        compress=options.compress or None,
        format=options.image_format or "",
        remove_signatures=options.remove_signatures,
        sign_by=options.sign_by or "",
    )
    digest = push_one(parts, stored, wanted, how).digest
    if options.digestfile:
        with open(caller.absolute(options.digestfile), "w", encoding="utf-8") as file:
            file.write(digest)
    return 0


def _push_arguments(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    parser = new_parser(command, "Push an image to a registry, an archive or a directory.", formats=False)
    parser.add_argument("image", help="a name or an ID of the store")
    parser.add_argument("destination", nargs="?", help="REGISTRY/NAME[:TAG], or such as oci-archive:/srv/web.tar")
    add_access(parser)
    parser.add_argument("--digestfile", metavar="PATH", help="a file that gets the digest at the destination")
    parser.add_argument("-f", "--format", dest="image_format", choices=("oci", "v2s1", "v2s2"), help="of the manifest")
    parser.add_argument("--compress", action="store_true", help="of a directory: its layers")
    parser.add_argument("--remove-signatures", action="store_true", help="no signatures at the destination")
    parser.add_argument("--sign-by", metavar="KEY", help="the key to sign it with")
    return parser.parse_args(arguments)


def rmi(parts: EngineConfig, arguments: Sequence[str], command: str = "rmi") -> int:
    """Remove images: 1 where one does not exist, 2 where a container uses one, 125 for other errors."""
    parser = new_parser(command, "Remove images, or names of images that have several.", formats=False)
    parser.add_argument("image", nargs="*", help="a name, an ID, or the beginning of an ID")
    parser.add_argument("-a", "--all", action="store_true", help="all images")
    parser.add_argument("-f", "--force", action="store_true", help="their containers first, and by ID all names")
    parser.add_argument("-i", "--ignore", action="store_true", help="a name of no image is no error")
    options = parser.parse_args(arguments)
    if bool(options.image) == options.all:
        raise InvalidArgument("expected images' names or IDs, or --all")
    store = ImageStore(parts)
    several = {image.id for image, _created in store.all() if len(image.names) > 1} if options.all else set()

    def work(key: str) -> Optional[str]:
        from ..._resources.images.removal import remove

        stored = store.find(key)
        if stored is None:
            if options.ignore or options.force:
                return None
            raise NoSuchImage(f"image {key!r} is not in the store")
        lines: list[str] = []
        for name in stored.names[1:] if key in several else ():
            lines += _said(stored, name, remove(parts, name, force=False, dry=False))
        lines += _said(stored, key, remove(parts, key, force=options.force, dry=False))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return None

    return for_each(options.image or [image.id for image, _created in store.all()], work, _CODES)


def _said(before: Image, key: str, outcome: Outcome) -> list[str]:
    """Return podman's lines on a removal."""
    name = short_names.name_in(key, before)
    if outcome.id:  # the image stays under other names
        return [f"Untagged: {name}"]
    names = [name] if name else before.names
    return [*(f"Untagged: {name}" for name in names), f"Deleted: {before.id}"]


def tag(parts: EngineConfig, arguments: Sequence[str], command: str = "tag") -> int:
    """Give an image further names."""
    return _tagged(parts, arguments, command, "Give an image further names.")


def untag(parts: EngineConfig, arguments: Sequence[str], command: str = "untag") -> int:
    """Take names from an image."""
    return _tagged(parts, arguments, command, "Take names from an image, or all; the image itself stays.")


def _tagged(parts: EngineConfig, arguments: Sequence[str], command: str, about: str) -> int:
    from ..._resources.images.tags import tag as change

    takes = command.endswith("untag")
    parser = new_parser(command, about, formats=False)
    parser.add_argument("image", help="a name or an ID of the store")
    parser.add_argument("name", nargs="*" if takes else "+", help="[REGISTRY/]NAME[:TAG]")
    options = parser.parse_args(arguments)
    stored = ImageStore(parts).get(options.image)
    outcome = Outcome((), stored.id, stored.names)
    if not takes:
        change(parts, outcome, options.name, (), dry=False)
        return 0
    names = [next((one for one in local_names(name) if one in stored.names), name) for name in options.name]
    unknown = [name for name in names if name not in stored.names]
    if unknown:
        raise InvalidArgument(f"image {options.image} does not have the name {unknown[0]!r}")
    change(parts, outcome, (), names or stored.names, dry=False)
    return 0
