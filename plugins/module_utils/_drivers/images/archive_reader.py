# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reader of image archives (docker-archive, oci-archive), whatever is in them; no program is run.

Nothing of an archive is trusted: an image's ID is computed from its configuration, and only blobs are unpacked, by
names that are digests. skopeo itself would unpack an oci-archive with links, which may lead out of its folder.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Iterator, Mapping, NamedTuple, Optional, cast

from ..._model import foreign
from ..._model.errors import InvalidArgument, MalformedData, ToolTimedOut
from ..._model.foreign import Foreign
from ..._model.options.pulling import ARCHITECTURES
from ..._model.records.image import normalise, split_domain
from .. import foreign_files, limits
from ..trees.packed_file import CHUNK, PackedFile

if TYPE_CHECKING:
    import tarfile
    from typing import Protocol

    class _Documents(Protocol):
        """The manifests and configurations of an archive."""

        def get(self, name: str, /) -> Optional[bytes]:
            """Return the document at a path in the archive, None where there is none."""


DOCKER, OCI, DOCKER_DIR, OCI_DIR = "docker-archive", "oci-archive", "docker-dir", "oci-dir"
REF_NAME = "org.opencontainers.image.ref.name"
SOURCE_ID = "io.libpod.engine.image.id"  # of the image in the store, where its copy has another ID
_LIMIT = "image_archive"  # its row in the table of limits
_MEMBERS = 100_000
_DOCUMENT = 4 << 20  # bytes of a manifest or configuration, containers/image's limit
_DOCUMENTS = 64 << 20  # and of all of them in an archive
_READ = 16 << 20  # bytes that one header of an archive may have
_BLOB = re.compile(r"blobs/(sha256/[0-9a-f]{64})")
_ZSTD = b"\x28\xb5\x2f\xfd"
# io.containerd.image.name is a whole name where the other one may be a tag alone.
_NAMES = ("io.containerd.image.name", REF_NAME)


class ArchivedImage(NamedTuple):
    """An image of an archive: its ID in a store, its names in full, and where it is.

    It has a ``number`` in a docker-archive, in an OCI layout the ``descriptor`` of its manifest (descriptor.md).
    ``source`` is the ID of the image that the engine has saved, which another format can have changed.
    """

    id: str
    names: tuple[str, ...]
    number: int
    descriptor: Mapping[str, object]
    source: str


class ImageArchive(NamedTuple):
    """An archive or directory: its kind, one of the four above, and its images."""

    kind: str
    images: tuple[ArchivedImage, ...]


def read(path: str) -> ImageArchive:
    """Return what the archive at ``path`` holds; it may be compressed by gzip, bzip2 or xz.

    :raises MalformedData: it is no such archive, in one sentence. :raises ToolTimedOut: its reading took too long.
    :raises OSError: it cannot be read.
    """
    documents: dict[str, bytes] = {}
    names: set[str] = set()
    size = 0
    with opened(path) as archive:
        for member in members(archive, path):
            name = os.path.normpath(member.name)
            names.add(name)
            if not (member.isreg() and member.size <= _DOCUMENT and (name.endswith(".json") or _BLOB.fullmatch(name))):
                continue
            content = _content(archive, member)
            if content[:1] in (b"{", b"["):
                size += len(content)
                documents[name] = content
            if size > _DOCUMENTS:
                raise MalformedData(f"{path}: has manifests and configurations of more than {_DOCUMENTS} bytes")
    if "manifest.json" in documents:  # first, since Docker writes both and has whole names only here
        return ImageArchive(DOCKER, tuple(_docker_images(path, documents, names)))
    if "index.json" in documents:
        return ImageArchive(OCI, tuple(_Layout(path, documents).images()))
    raise MalformedData(f"{path}: no image archive: it has neither a manifest.json nor an index.json")


def read_folder(path: str) -> ImageArchive:
    """Return what an OCI layout or a directory of skopeo's transport ``dir:`` holds; the latter has no names.

    :raises MalformedData, OSError: as ``read``.
    """
    documents = _Files(path)
    if os.path.exists(f"{path}/index.json"):
        return ImageArchive(OCI_DIR, tuple(_Layout(path, documents).images()))
    config = _document(path, documents, "manifest.json")["config"]["digest"].text(required=True)
    image_id = config.rpartition(":")[2]
    return ImageArchive(DOCKER_DIR, (ArchivedImage(image_id, (), 0, {}, image_id),))


class _Files:
    """The documents of a directory, read when they are asked for."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get(self, name: str) -> Optional[bytes]:
        try:
            return foreign_files.read(f"{self._path}/{name}", max_bytes=_DOCUMENT)
        except FileNotFoundError:
            return None


def check_links(path: str) -> None:
    """Check that an archive has no links: skopeo 1.9 follows those of an oci-archive, and writes where they lead.

    :raises MalformedData, ToolTimedOut, OSError: as ``read``.
    """
    with opened(path) as archive:
        for member in members(archive, path):
            if member.issym() or member.islnk():
                raise MalformedData(f"{path}: has a link {member.name[:80]!r}, which no oci-archive has")


def unpack(path: str, folder: str) -> None:
    """Unpack the blobs of an oci-archive to ``folder``, an OCI layout without an index; all else is left out.

    :raises MalformedData, ToolTimedOut, OSError: as ``read``.
    """
    os.makedirs(f"{folder}/blobs/sha256", 0o700)
    with opened(path) as archive:
        for member in members(archive, path):
            name = os.path.normpath(member.name)
            if member.isreg() and _BLOB.fullmatch(name):
                with open(f"{folder}/{name}", "wb") as file:
                    source = cast("IO[bytes]", archive.extractfile(member))
                    while block := source.read(CHUNK):
                        file.write(block)


@contextmanager
def opened(path: str) -> Iterator[tarfile.TarFile]:
    """Yield the tar file at ``path``, decompressed; what is wrong with it becomes one sentence.

    :raises MalformedData, ToolTimedOut, OSError: as ``read``.
    """
    import tarfile

    with tar_stream(path) as stream:
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as archive:
                yield archive
        except MalformedData:
            raise
        except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
            raise MalformedData(f"{path}: no archive that can be read: {error or 'its headers are nested'}") from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise MalformedData(f"{path}: no archive that can be read: {error}") from error


@contextmanager
def tar_stream(path: str) -> Iterator[_Bounded]:
    """Yield the bytes of a regular file, decompressed where gzip, bzip2 or xz has compressed them.

    :raises MalformedData: it is no regular file, or compressed in another way. :raises OSError: it cannot be read.
    """
    with open(foreign_files.open_regular(path), "rb") as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(_ZSTD):
            raise MalformedData(f"{path}: is compressed by zstd: expected gzip, bzip2 or xz")
        yield _Bounded(file, path)


class _Bounded(PackedFile):
    """A file that no hostile header makes tarfile read into memory, and none reads for longer than the limit."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        super().__init__(file, path)
        self._limit = limits.of(_LIMIT)
        self._deadline = time.monotonic() + self._limit.seconds if self._limit.seconds else float("inf")

    def read(self, size: int = CHUNK) -> bytes:
        if time.monotonic() > self._deadline:
            argv, seconds = ["reading an image archive"], self._limit.seconds
            raise ToolTimedOut(argv, self.path, "", _LIMIT, seconds, limits.OPTION)
        if not 0 <= size <= _READ:
            raise MalformedData(f"{self.path}: no archive that can be read: one of its headers has {size} bytes")
        return super().read(size)


def members(archive: tarfile.TarFile, path: str, *, whole_system: bool = False) -> Iterator[tarfile.TarInfo]:
    """Yield the archive's members, none of which is kept; those of a ``whole_system`` are of any kind.

    :raises MalformedData: one leads out of the archive's folder, or is of no use in an image archive.
    """
    most = 100 * _MEMBERS if whole_system else _MEMBERS
    number = 0
    while (member := archive.next()) is not None:
        vars(archive)["members"] = []  # tarfile keeps them all
        number += 1
        if number > most:
            raise MalformedData(f"{path}: has more than {most} files: no archive of images has as many")
        if _leads_out(member.name, whole_system):
            raise MalformedData(f"{path}: has a file {member.name[:80]!r}, outside of its own folder")
        if member.islnk() and _leads_out(member.linkname, whole_system):
            raise MalformedData(f"{path}: has a hard link {member.name[:80]!r} to a file outside of its own folder")
        # Docker's own archives have links between layers.
        plain = (member.isreg() and not member.issparse()) or member.isdir() or member.issym() or member.islnk()
        if not plain and not whole_system:
            raise MalformedData(f"{path}: has {member.name[:80]!r}, neither a plain file nor a directory nor a link")
        yield member


def _leads_out(name: str, whole_system: bool) -> bool:
    """Return whether a name is not one below the archive's folder; in a ``whole_system`` that is the system's root."""
    return ".." in name.split("/") or (name.startswith("/") and not whole_system)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    return cast("IO[bytes]", archive.extractfile(member)).read()


def _document(path: str, documents: _Documents, name: str, digest: str = "") -> Foreign:
    """Return a manifest or configuration; one that is named by its ``digest`` has that."""
    content = documents.get(os.path.normpath(name))
    if content is None:
        raise MalformedData(f"{path}: lacks {name[:120]!r}, which its manifest names")
    if digest and f"sha256:{sha256(content).hexdigest()}" != digest:
        raise MalformedData(f"{path}: {name[:120]!r} has another digest than its name says")
    return foreign.parse(content, f"{path}: {name[:120]}")


def _docker_images(path: str, documents: dict[str, bytes], names: set[str]) -> Iterator[ArchivedImage]:
    ids: dict[str, str] = {}
    for number, image in enumerate(_document(path, documents, "manifest.json")):
        config = os.path.normpath(image["Config"].text(required=True))
        if config not in ids:  # each is read once, however many images name it
            _document(path, documents, config)
            ids[config] = sha256(documents[config]).hexdigest()
        for layer in image["Layers"].texts():
            if os.path.normpath(layer) not in names:
                raise MalformedData(f"{path}: lacks the layer {layer[:120]!r}, which its manifest names")
        tags = tuple(_full(path, tag) for tag in image["RepoTags"].texts())
        yield ArchivedImage(ids[config], tags, number, {}, ids[config])


class _Layout:
    """The documents of an OCI layout; each is read once, however many descriptors name it."""

    def __init__(self, path: str, documents: _Documents) -> None:
        self._path, self._documents = path, documents
        # By the digest of an index or manifest.
        self._described: dict[str, Optional[Foreign]] = {}
        self._ids: dict[str, str] = {}

    def images(self) -> Iterator[ArchivedImage]:
        """Yield the images, each with all its names."""
        found: dict[str, tuple[Foreign, str]] = {}
        names: dict[str, list[str]] = {}
        for entry in _document(self._path, self._documents, "index.json")["manifests"]:
            described = self._for_this_machine(entry)
            if described is None:
                continue
            image_id = self._image_id(described)
            annotations = entry["annotations"].text_map()
            found[image_id] = (described, annotations.get(SOURCE_ID, image_id))
            name = next((annotations[key] for key in _NAMES if annotations.get(key)), "")
            full = [_full(self._path, name if split_domain(name)[0] else f"localhost/{name}")] if name else []
            names.setdefault(image_id, []).extend(full)
        for image_id, (described, source) in found.items():
            descriptor = {key: described[key].value for key in ("mediaType", "digest", "size")}
            yield ArchivedImage(image_id, tuple(names[image_id]), 0, descriptor, source)

    def _image_id(self, described: Foreign) -> str:
        digest = described["digest"].text(required=True)
        if digest not in self._ids:
            named = self._blob(digest)["config"]["digest"]
            image_id = named.text(required=True).partition("sha256:")[2]
            if not re.fullmatch("[0-9a-f]{64}", image_id):
                named.fail("a digest such as sha256:…")
            self._ids[digest] = image_id
        return self._ids[digest]

    def _blob(self, digest: str) -> Foreign:
        return _document(self._path, self._documents, f"blobs/{digest.replace(':', '/')}", digest)

    def _for_this_machine(self, entry: Foreign, depth: int = 0) -> Optional[Foreign]:
        """Return the descriptor of a manifest; of the images in an index, that of this machine's platform."""
        if depth > 4:
            raise MalformedData(f"{self._path}: its indexes are nested more than 4 deep")
        digest = entry["digest"].text(required=True)
        if digest not in self._described:
            inner = self._blob(digest)["manifests"]
            here = next(filter(_is_for_this_machine, inner), None) if inner else entry
            self._described[digest] = self._for_this_machine(here, depth + 1) if inner and here else here
        return self._described[digest]


def _is_for_this_machine(described: Foreign) -> bool:
    machine = ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    platform = described["platform"]
    return (platform["os"].text(), platform["architecture"].text()) == ("linux", machine)


def _full(path: str, name: str) -> str:
    try:
        return normalise(name)
    except InvalidArgument as error:
        raise MalformedData(f"{path}: {error}") from error
