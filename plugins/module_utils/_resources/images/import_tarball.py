# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Import: an image made of a root filesystem's tar file."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from ..._container.live_status import timestamp
from ..._container.rootfs.commit import apply_changes
from ..._drivers import foreign_files
from ..._drivers.images import archive_reader as reader
from ..._drivers.images.oci_layout import Layout, new_layout
from ..._drivers.images.store import ImageStore
from ..._drivers.images.transport import Images
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, NoSuchImage, not_yet
from ..._model.foreign import Foreign
from ..._model.options.pulling import ARCHITECTURES
from ..._model.records.image import Image, local_names
from .work_folder import clear, work_folder

_MADE_BY = "libpod.engine import"
_BLOCK = 1 << 20


class Import(NamedTuple):
    """``image`` is the new image's name, empty for none; ``changes`` are lines of a Containerfile."""

    src: str
    image: str = ""
    message: str = ""
    changes: Sequence[str] = ()


class Imported(NamedTuple):
    """The image, with an empty ID where it was not made, and whether it is new or has a new name."""

    id: str
    name: str
    changed: bool


def import_tarball(parts: EngineConfig, wanted: Import, dry: bool) -> Imported:
    """Make an image with one layer, the tar file, which may be compressed by gzip, bzip2 or xz.

    An image of the store that was made of the same file with the same options is taken as it is.

    :raises InvalidArgument: the name, a change or the file cannot be used.
    """
    names = local_names(wanted.image) if wanted.image else ()
    if wanted.image and (not names or "@" in names[0]):
        raise InvalidArgument(f"image: {wanted.image!r} cannot be used: expected a name for the new image, not an ID")
    name, config = (names[0] if names else ""), apply_changes({}, wanted.changes)
    version = _version(wanted.src)
    made = {"created_by": f"{_MADE_BY} {_digest(wanted.src)}", "comment": wanted.message}
    if not dry:
        clear(parts)
    store = ImageStore(parts)
    known = _known(store, name, {key: value for key, value in made.items() if value}, config)
    if known is not None and (not name or name in known.names):
        return Imported(known.id, name, False)
    if not dry and known is None:
        known = _import(parts, wanted.src, version, {"config": config, "history": [made]}, name)
    if not dry and name and known is not None and name not in known.names:
        Images(parts).tag(known.id, [name])
    return Imported(known.id if known else "", name, True)


def _version(path: str) -> tuple[int, ...]:
    """Return numbers that differ once a file was changed or replaced; none where it is missing."""
    try:
        there = os.stat(path)
    except OSError:
        return ()
    return there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns


def _digest(path: str) -> str:
    """Return the digest of the file. :raises InvalidArgument: it cannot be read."""
    digest = sha256()
    try:
        with open(foreign_files.open_regular(path), "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except MalformedData as error:
        raise InvalidArgument(f"src: {error}") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise not_yet(InvalidArgument(f"src: {path} cannot be read: {error.strerror}")) from error
    return f"sha256:{digest.hexdigest()}"


def _known(store: ImageStore, name: str, made: Mapping[str, object], config: Mapping[str, object]) -> Optional[Image]:
    """Return the image that an earlier import made of the same, the one with the name before others."""
    images = sorted((image for image, _created in store.all()), key=lambda image: name not in image.names)
    for image in images:
        try:
            whole = Foreign(store.configuration(image.id), "the image's configuration")
            history = [dict(entry.mapping()) for entry in whole["history"]]
            entry = {key: value for key, value in history[0].items() if value and key != "created"} if history else {}
            if len(history) == 1 and entry == made and whole["config"].mapping() == config:
                return image
        except (MalformedData, NoSuchImage):
            continue
    return None


def _import(parts: EngineConfig, src: str, version: tuple[int, ...], described: Mapping[str, Any], name: str) -> Image:
    """Return the new image, which has its name from the start: a prune removes one without."""
    images = Images(parts)
    with work_folder(parts) as folder, new_layout(f"{folder}/layout") as layout:
        try:
            layout.add_layer(lambda path: _unpack(src, path))
        except MalformedData as error:
            raise InvalidArgument(f"src: {str(error).replace(f'{layout.path}/layer', src)}") from error
        # What is unpacked is recorded by the digest of what was read before.
        if _version(src) != version:
            raise InvalidArgument(f"src: {src} was changed while it was read: import it again once it is complete")
        image_id = _finish(layout, described)
        if images.store.find(image_id) is None:
            doing = f"importing {src}"
            if name:
                return images.add_layout(layout.path, name, doing)
            images.copy(f"oci:{layout.path}:image", images.reference(image_id), doing=doing, scratch=folder)
    return images.store.get(image_id)


def _unpack(src: str, path: str) -> None:
    """Write the tar file without its compression. :raises MalformedData: it is no tar file."""
    with reader.tar_stream(src) as stream, open(path, "wb") as file:
        while block := stream.read():
            file.write(block)
    with reader.opened(path) as archive:
        for _member in reader.members(archive, src, whole_system=True):
            pass


def _finish(layout: Layout, described: Mapping[str, Any]) -> str:
    now = timestamp()
    machine = os.uname().machine
    entry = {"created": now, **{key: value for key, value in described["history"][0].items() if value}}

    def configuration(diff_ids: list[str]) -> dict[str, object]:
        return {
            "created": now,
            "architecture": ARCHITECTURES.get(machine, machine),
            "os": "linux",
            "config": described["config"],
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [entry],
        }

    layout.finish(configuration)
    return layout.image_id
