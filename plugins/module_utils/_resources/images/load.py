# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load: the images of an archive into the store."""

from __future__ import annotations

import json
import os
from typing import Mapping, NamedTuple

from ..._drivers.images import archive_reader as reader
from ..._drivers.images.archive_reader import ArchivedImage
from ..._drivers.images.store import ImageStore
from ..._drivers.images.transport import Images
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, NoSuchImage, ToolFailed, not_yet, note_done
from ..._model.failpoints import failpoint
from .work_folder import clear, work_folder

_TRIES = 3


class Loaded(NamedTuple):
    """The images of an archive: the names of each by its ID, and the IDs of those that the store lacked as they are."""

    names: Mapping[str, tuple[str, ...]]
    changed: tuple[str, ...]


def load(parts: EngineConfig, path: str, dry: bool) -> Loaded:
    """Have the store have every image of the archive under its names; other images lose these.

    With ``dry`` nothing is written.

    :raises InvalidArgument: there is no such file. :raises MalformedData: it is no archive of images.
    """
    try:
        archive = reader.read(path)
        if not archive.images:
            raise MalformedData(f"{path}: has no image for this machine")
    except MalformedData as error:
        raise InvalidArgument(f"input: {error}") from error
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise not_yet(InvalidArgument(f"input: {path} cannot be read: {error.strerror}")) from error
    if not dry:
        clear(parts)
    store = ImageStore(parts)
    missing = [image for image in archive.images if not _is_there(store, image)]
    if missing and not dry:
        _load(parts, path, archive.kind, missing)
    return Loaded({image.id: image.names for image in archive.images}, tuple(image.id for image in missing))


def _is_there(store: ImageStore, image: ArchivedImage) -> bool:
    known = store.find(image.id)
    return known is not None and known.id == image.id and set(image.names) <= set(known.names)


def _load(parts: EngineConfig, path: str, kind: str, missing: list[ArchivedImage]) -> None:
    images, done = Images(parts), list[str]()
    try:
        with work_folder(parts) as folder, open(path, "rb") as file:
            if kind == reader.OCI:
                failpoint("unpack archive")
                reader.unpack(path, f"{folder}/layout")
            for image in missing:
                if kind == reader.OCI:
                    source = f"oci:{folder}/layout:image"
                else:
                    # The file that was looked at, whatever its path leads to by now, and with no colon in it.
                    source = f"docker-archive:/proc/{os.getpid()}/fd/{file.fileno()}:@{image.number}"
                tries = 0
                while not _is_stored(images, image, tries):
                    if kind == reader.OCI:
                        _write_index(f"{folder}/layout", image)
                    images.copy(source, images.reference(image.id), doing=f"loading {path}", scratch=folder)
                    _check_stored(images, image.id, path)
                    tries += 1
                done.append(f"loaded image {image.names[0] if image.names else image.id[:12]}")
    except Exception as error:
        note_done(error, done)
        raise


def _is_stored(images: Images, image: ArchivedImage, tries: int) -> bool:
    """Give an image its names, and return whether it is in the store, where another task may prune one without names.

    :raises NoSuchImage, ToolFailed: it cannot be named, or is gone again after so many ``tries``.
    """
    if not image.names and tries:
        return True
    if images.store.find(image.id) is None:
        return False
    try:
        if image.names:
            images.tag(image.id, image.names)
    except (NoSuchImage, ToolFailed):
        if tries >= _TRIES or images.store.find(image.id) is not None:
            raise
        return False
    return True


def _check_stored(images: Images, image_id: str, path: str) -> None:
    """Check that the image stored under an ID is the one of it, and remove another one.

    skopeo takes the ID that it is told, whatever the file holds by then.

    :raises InvalidArgument: the file was changed after it was looked at.
    """
    stored = images.store.describe(image_id)
    if stored and f"sha256:{image_id}" not in stored.record["big-data-names"].texts():
        images.remove(image_id)
        raise InvalidArgument(f"input: {path} was changed while it was loaded: load it again once it is complete")


def _write_index(layout: str, image: ArchivedImage) -> None:
    """Make the image the only one of the layout."""
    entry = {**image.descriptor, "annotations": {reader.REF_NAME: "image"}}
    for name, content in (
        ("oci-layout", {"imageLayoutVersion": "1.0.0"}),
        ("index.json", {"schemaVersion": 2, "manifests": [entry]}),
    ):
        with open(f"{layout}/{name}", "w", encoding="utf-8") as file:
            json.dump(content, file)
