# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writer of image archives of any number of images (docker-archive, oci-archive), from skopeo's directories."""

from __future__ import annotations

import io
import json
import os
import tarfile
from contextlib import contextmanager
from typing import Iterator, Sequence

from ..._model.failpoints import failpoint
from .. import foreign_files
from ..trees.beside import create
from .archive_reader import REF_NAME, SOURCE_ID


class DockerArchive:
    """A docker-archive, to which images are added from the directories that skopeo's ``dir:`` makes."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._known: set[str] = set()
        self._manifest: list[dict[str, object]] = []

    def add(self, folder: str, names: Sequence[str]) -> None:
        """Add the image in ``folder``, of manifest schema 2 and with layers that are not compressed."""
        manifest = foreign_files.read_json(f"{folder}/manifest.json")
        digests = [one["digest"].text(required=True) for one in (manifest["config"], *manifest["layers"])]
        config, *layers = (digest.rpartition(":")[2] for digest in digests)
        members = [f"{config}.json", *(f"{layer}.tar" for layer in layers)]
        for blob, member in zip((config, *layers), members):
            if member not in self._known:
                self._known.add(member)
                add_file(self._tar, f"{folder}/{blob}", member)
        self._manifest.append({"Config": members[0], "RepoTags": list(names), "Layers": members[1:]})

    def finish(self) -> None:
        """Write what lists the images."""
        content = json.dumps(self._manifest).encode()
        self._tar.addfile(_entry("manifest.json", len(content)), io.BytesIO(content))


def name_layout(folder: str, names: Sequence[Sequence[str]], ids: Sequence[str]) -> None:
    """Give the images of an OCI layout, whose tags are 0, 1, 2, …, their names and the IDs they have in the store.

    :raises MalformedData: skopeo has not written the images there in this form.
    """
    index = foreign_files.read_json(f"{folder}/index.json")
    tagged = {entry["annotations"][REF_NAME].text(): entry for entry in index["manifests"]}
    described = []
    for number, image_id in enumerate(ids):
        entry = tagged.get(str(number)) or index["manifests"].fail(f"an image with the tag {number}", "none")
        digest = entry["digest"].text(required=True)
        try:
            manifest = foreign_files.read_json(f"{folder}/blobs/{digest.replace(':', '/')}")
        except OSError:
            entry["digest"].fail("the digest of a manifest of the layout")
        copied = manifest["config"]["digest"].text() == f"sha256:{image_id}"
        source = {} if copied else {SOURCE_ID: image_id}
        for name in names[number] or ("",):
            annotations = {**({REF_NAME: name} if name else {}), **source}
            described.append({**entry.mapping(), "annotations": annotations})
    with open(f"{folder}/index.json", "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "manifests": described}, file)


def pack_layout(folder: str, path: str) -> None:
    """Write an oci-archive of an OCI layout to ``path``."""
    with new_tar(path) as tar:
        for name in ("oci-layout", "index.json"):
            add_file(tar, f"{folder}/{name}", name)
        for digest in sorted(os.listdir(f"{folder}/blobs/sha256")):
            add_file(tar, f"{folder}/blobs/sha256/{digest}", f"blobs/sha256/{digest}")


@contextmanager
def new_tar(path: str) -> Iterator[tarfile.TarFile]:
    """Yield a new tar file that only root can read."""
    failpoint("make archive")
    with open(create(path), "wb") as file, tarfile.open(fileobj=file, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        yield tar


def add_file(tar: tarfile.TarFile, path: str, name: str) -> None:
    with open(path, "rb") as file:
        tar.addfile(_entry(name, os.fstat(file.fileno()).st_size), file)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    """Return a member with neither a time nor a user, so that the same images give the same file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o444
    return entry
