# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in the store, read from its files under its own locks; no program is run and nothing is written."""

from __future__ import annotations

import binascii
import fcntl
import os
import re
from typing import Callable, Iterator, NamedTuple, Optional, Sequence, TypeVar

from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, MalformedData, NoSuchImage, StateCorrupt, printable
from ..._model.foreign import Foreign
from ..._model.records.image import Image, checked_config, is_short, local_names, of_any_registry, usable_config
from .. import foreign_files
from ..storage.roots import member, records, storage_roots

Record = dict[str, object]
Read = TypeVar("Read")
_ID = re.compile("[0-9a-f]{4,64}")  # or the beginning of one
_NAME = 128  # characters of an ID; in base64 it is still a file's name


class Description(NamedTuple):
    """An image with its ``record`` in the store, its whole OCI image ``configuration`` and its ``manifest``.

    ``folder`` is the store's with its images. A missing manifest is an absent value.
    """

    image: Image
    folder: str
    record: Foreign
    configuration: Foreign
    manifest: Foreign


class ImageStore:
    """A read-only view of containers/storage's images; each call reads the files again."""

    def __init__(self, parts: EngineConfig) -> None:
        roots = storage_roots(parts)
        self._folders = [f"{root}/{roots.driver}-images" for root in (roots.root, *roots.more)]

    def find(self, image: str) -> Optional[Image]:
        """Return the image with this name, source, digest, full ID or unambiguous ID prefix, None if there is none.

        :raises InvalidArgument: it is no reference, or several IDs begin with it.
        :raises StateCorrupt: the store's file cannot be read. :raises MalformedData: the image's files cannot be read.
        """
        return self._read(image, _image)

    def describe(self, image: str) -> Optional[Description]:
        """Return all that the store has on the image that ``find`` finds, and raise as that."""
        return self._read(image, _description)

    def _read(self, image: str, read: Callable[[str, Foreign], Optional[Read]]) -> Optional[Read]:
        """Return what ``read`` makes of the image's folder and record, under the store's lock."""
        names = local_names(image)
        for folder in self._folders:
            try:
                lock = os.open(f"{folder}/images.lock", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                # Shared and waiting, as containers/storage's readers.
                fcntl.lockf(lock, fcntl.LOCK_SH)
                record = _select(image, names, _listed(folder))
                if record:
                    return read(folder, record)
            finally:
                os.close(lock)
        return None

    def get(self, image: str) -> Image:
        """Return the image that ``find`` returns. :raises NoSuchImage: there is none."""
        stored = self.find(image)
        if stored is None:
            raise NoSuchImage(f"image {image!r} is not in the store")
        return stored

    def configuration(self, image_id: str) -> Record:
        """Return the whole OCI image configuration of the image with this ID. :raises NoSuchImage: there is none."""
        for folder in self._folders:
            for record in records(f"{folder}/images.json"):
                if member(record, "id") == image_id and (whole := _configuration(folder, record)) is not None:
                    return whole
        raise NoSuchImage(f"image {image_id} is not in the store")

    def descriptions(self) -> Iterator[Description]:
        """Yield all images, those of read-only stores too; one that is being pulled or is damaged is left out."""
        seen = set()
        for folder in self._folders:
            for record in _listed(folder):
                try:
                    described = _description(folder, record)
                except MalformedData:
                    continue
                if described is not None and described.image.id not in seen:
                    seen.add(described.image.id)
                    yield described

    def all(self) -> list[tuple[Image, str]]:
        """Return every image of the store itself, with the time of its creation there (RFC 3339).

        Images of read-only stores and damaged ones are left out.
        """
        folder, images = self._folders[0], []
        for record in records(f"{folder}/images.json"):
            try:
                image, created = _image(folder, record, strict=False), record["created"].text()
            except MalformedData:
                continue
            if image is not None:
                images.append((image, created))
        return images


def _listed(folder: str) -> list[Foreign]:
    try:
        return records(f"{folder}/images.json")
    except MalformedData as error:
        raise StateCorrupt(f"the image store cannot be read: {error}: restore or remove it") from error


def _select(image: str, names: tuple[str, ...], records: list[Foreign]) -> Optional[Foreign]:
    """Return the image's record, found by name, by repository and digest, or by ID, in podman's order."""
    if is_short(image):
        return _select_short(image, names[0], records)
    return _by_name(names, records) or _by_id(image, records)


def _select_short(image: str, local: str, records: list[Foreign]) -> Optional[Foreign]:
    """Return the record of an image that is named without its registry.

    It is that of ``localhost``, or the only one whose name ends so. Only between several of these, and where there is
    none, does registries.conf decide, since an alias may lead to any name.
    """
    if found := _by_name([local], records):
        return found
    digest = local.partition("@")[2]
    ending = [
        record
        for record in records
        if of_any_registry(image, _names(record)) and (not digest or _has_digest(record, digest))
    ]
    named = len(ending) == 1 and not _ID.fullmatch(image)
    found = ending[0] if named or digest and ending else None if ending else _by_id(image, records)
    if found:
        return found
    from ..registries import short_names

    try:
        names = short_names.local(image)
    except MalformedData:
        if ending:
            raise
        return None
    return _by_name(names, records) or _by_id(image, records) or next(iter(ending), None)


def _by_name(names: Sequence[str], records: list[Foreign]) -> Optional[Foreign]:
    """Return the record with the first of these names that one has."""
    for name in names:
        for record in records:
            if name in _names(record):
                return record
        repository, at, digest = name.partition("@")
        for record in records if at else ():
            tagged = (one.partition("@")[0] for one in _names(record))
            if _has_digest(record, digest) and any(re.sub(r":[^/]*$", "", one) == repository for one in tagged):
                return record
    return None


def _by_id(image: str, records: list[Foreign]) -> Optional[Foreign]:
    """Return the record of the ID, or the one whose ID begins so. :raises InvalidArgument: several do."""
    key = image[7:] if image.startswith("sha256:") else image
    if not _ID.fullmatch(key):
        return None
    matches = [record for record in records if member(record, "id").startswith(key)]
    if len(matches) > 1:
        listed = ", ".join(f"{member(one, 'id')[:16]} ({', '.join(_names(one)) or 'no name'})" for one in matches)
        listed = printable(listed, kept="")
        raise InvalidArgument(f"the image ID prefix {key!r} matches {len(matches)} images: {listed}: give more of it")
    if not matches and len(key) == 64:
        matches = [record for record in records if _has_digest(record, f"sha256:{key}")]
    return matches[0] if matches else None


def _names(record: Foreign) -> list[str]:
    """Return the names of an image; those of a damaged record that are strings."""
    return _texts(record, "names")


def _has_digest(record: Foreign, digest: str) -> bool:
    return member(record, "digest") == digest or f"manifest-{digest}" in _texts(record, "big-data-names")


def _texts(record: Foreign, key: str) -> list[str]:
    values = record.mapping().get(key)
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []


def _image(folder: str, record: Foreign, *, strict: bool = True) -> Optional[Image]:
    """Return the image of a record with its configuration, the item named by its digest, which is usually the ID.

    An image without a configuration is being pulled, or its pull was cut short: None. Without ``strict`` the
    configuration may be malformed, and is reduced to what can be used.

    :raises MalformedData: the record or the configuration is not as the specification has it.
    """
    whole = _configuration(folder, record)
    return None if whole is None else _made(record, whole, strict)


def _made(record: Foreign, whole: Record, strict: bool) -> Image:
    image_id, names = record["id"].text(required=True), tuple(record["names"].texts())
    config = Foreign(whole, f"the configuration of image {image_id[:12]}")["config"]
    checked = checked_config(config) if strict else usable_config(config.value or {})
    return Image(image_id, names, record["digest"].text(), record["layer"].text(), checked)


def _description(folder: str, record: Foreign) -> Optional[Description]:
    """Return the description of a record's image, with what can be used of a malformed configuration; None as there."""
    whole = _configuration(folder, record)
    if whole is None:
        return None
    image = _made(record, whole, strict=False)
    origin = f"the manifest of image {image.id[:12]}"
    try:
        manifest = foreign_files.read_json(f"{folder}/{image.id}/manifest", origin)
    except FileNotFoundError:
        manifest = Foreign(None, origin)
    configuration = Foreign(whole, f"the configuration of image {image.id[:12]}")
    return Description(image, folder, record, configuration, manifest)


def _configuration(folder: str, record: Foreign) -> Optional[Record]:
    """Return the configuration of a record's image: None if it is not there (yet), {} if the image has none."""
    image_id = record["id"].text(required=True)
    blobs = [name for name in record["big-data-names"].texts() if name.startswith("sha256:")]
    blobs.sort(key=lambda name: name != f"sha256:{image_id}")
    if not blobs:
        return {}
    for name, source in ((image_id, record["id"]), (blobs[0], record["big-data-names"])):
        if len(name) > _NAME or "/" in name:
            source.fail("the ID of an image, which is a file's name")
    # containers/storage's makeBigDataBaseName: the item's name in base64.
    item = binascii.b2a_base64(blobs[0].encode(), newline=False).decode()
    try:
        whole = foreign_files.read_json(f"{folder}/{image_id}/={item}", f"the configuration of image {image_id[:12]}")
    except FileNotFoundError:
        return None
    return dict(whole.mapping())
