# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Save: images of the store as one archive or directory."""

from __future__ import annotations

import os
import shutil
from typing import Mapping, NamedTuple, Optional, Sequence

from ..._drivers.images import archive_reader as reader
from ..._drivers.images import archive_writer as writer
from ..._drivers.images.store import ImageStore
from ..._drivers.images.transport import Images
from ..._drivers.kernel import syscalls
from ..._drivers.registries.short_names import name_in
from ..._drivers.trees import removal
from ..._drivers.trees.beside import beside
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, LibpodError, NoSuchImage, not_yet
from ..._model.failpoints import failpoint
from ..._model.records.image import local_names, normalise
from ..._store.locks import alone_at
from .work_folder import clear, work_folder

FORMATS = (reader.DOCKER, reader.OCI, reader.OCI_DIR, reader.DOCKER_DIR)
_FOLDERS = (reader.OCI_DIR, reader.DOCKER_DIR)
# The names that each image has in the archive, by the image's ID.
_Chosen = dict[str, list[str]]


class Save(NamedTuple):
    """What is saved to ``dest``. With ``one_image``, the names after the first are further names of the first image.

    ``names`` are those of an image that is given by its ID.
    """

    images: Sequence[str]
    dest: str
    format: str = reader.DOCKER
    compress: Optional[bool] = None
    one_image: bool = False
    force: bool = True
    names: Sequence[str] = ()


def save(parts: EngineConfig, wanted: Save, dry: bool) -> tuple[bool, Mapping[str, Sequence[str]]]:
    """Write the images to ``dest``; return whether that changed it, and the names of each image by its ID.

    A file or directory that has the same images under the same names is left alone. Any other one is replaced by one
    rename. With ``dry`` nothing is written.

    :raises InvalidArgument: an option cannot be used. :raises NoSuchImage: the store lacks an image.
    """
    _check(wanted)
    try:
        chosen = _chosen(ImageStore(parts), wanted)
    except NoSuchImage as error:
        raise not_yet(error) from None
    if not dry:
        clear(parts)
        _clear(parts, wanted.dest)
    if os.path.lexists(wanted.dest) and (not wanted.force or _has(wanted, chosen)):
        return False, chosen
    if not dry:
        with alone_at(parts.run_root, wanted.dest), work_folder(parts) as folder:
            _write(Images(parts), wanted, chosen, folder)
    return True, chosen


def _check(wanted: Save) -> None:
    folder = os.path.dirname(wanted.dest) or "/"
    is_folder, exists = os.path.isdir(wanted.dest), os.path.lexists(wanted.dest)
    wrong = ""
    if not os.path.isdir(folder):
        wrong = f"the directory {folder} does not exist"
    elif exists and is_folder != (wanted.format in _FOLDERS):
        wrong = f"it is {'a' if is_folder else 'no'} directory, and the format is {wanted.format}"
    elif exists and not is_folder and not os.path.isfile(wanted.dest):
        wrong = "it is no regular file"
    elif is_folder and os.listdir(wanted.dest) and not {"oci-layout", "version"} & {*os.listdir(wanted.dest)}:
        wrong = "it is a directory with other things than images in it, which would be removed"
    if wrong:
        raise InvalidArgument(f"dest: {wanted.dest} cannot be used: {wrong}")
    if wanted.compress and wanted.format not in _FOLDERS:
        raise InvalidArgument(f"compress: cannot be used with format {wanted.format}: expected {' or '.join(_FOLDERS)}")
    if not wanted.images:
        raise InvalidArgument("image: is empty: expected the names of images")


def _chosen(store: ImageStore, wanted: Save) -> _Chosen:
    chosen: _Chosen = {}
    for number, name in enumerate(wanted.images):
        if number and wanted.one_image:
            names = [normalise(local_names(name)[0])]
        else:
            image = store.get(name)
            names = [one for one in [name_in(name, image)] if one and "@" not in one]
            names += wanted.names
        known = chosen.setdefault(image.id, [])
        known += [one for one in names if one not in known]
    if wanted.format == reader.DOCKER_DIR and len(chosen) > 1:
        raise InvalidArgument(f"image: has {len(chosen)} images: expected one for format {wanted.format}")
    return chosen


def _has(wanted: Save, chosen: _Chosen) -> bool:
    """Return whether ``dest`` has these images under these names, in this format."""
    try:
        read = reader.read_folder if wanted.format in _FOLDERS else reader.read
        there = read(wanted.dest)
    except (LibpodError, OSError):
        return False
    named = {} if there.kind == reader.DOCKER_DIR else chosen
    expected = {image_id: sorted(named.get(image_id, ())) for image_id in chosen}
    return there.kind == wanted.format and {one.source: sorted(one.names) for one in there.images} == expected


def _beside(dest: str) -> tuple[str, str]:
    """Return where the new file or directory is made, and where an old directory is put aside."""
    temporary = beside(dest, "save")
    return temporary, f"{temporary}.old"


def _clear(parts: EngineConfig, dest: str) -> None:
    """Remove what a killed run has left beside ``dest``."""
    old, left = _beside(dest)[1], [path for path in _beside(dest) if os.path.lexists(path)]
    if left:
        with alone_at(parts.run_root, dest):
            if os.path.lexists(old) and not os.path.lexists(dest):
                os.rename(old, dest)
            for path in left:
                failpoint("remove left archive")
                removal.remove(path)


def _write(images: Images, wanted: Save, chosen: _Chosen, folder: str) -> None:
    temporary, old = _beside(wanted.dest)
    try:
        if wanted.format == reader.DOCKER:
            _write_docker(images, chosen, folder, temporary)
        elif wanted.format == reader.DOCKER_DIR:
            _copy(images, [*chosen][0], folder, "dir:image", *_compressed(wanted), "--format=v2s2")
            shutil.move(f"{folder}/image", temporary)
        else:
            for number, image_id in enumerate(chosen):
                _copy(images, image_id, folder, f"oci:image:{number}", *_compressed(wanted))
            writer.name_layout(f"{folder}/image", [*chosen.values()], [*chosen])
            if wanted.format == reader.OCI:
                writer.pack_layout(f"{folder}/image", temporary)
            else:
                failpoint("move layout")
                shutil.move(f"{folder}/image", temporary)
        os.chmod(temporary, 0o700 if wanted.format in _FOLDERS else 0o600)
        failpoint("rename saved images")
        if os.path.isdir(wanted.dest):
            _exchange(temporary, wanted.dest, old)
        else:
            os.rename(temporary, wanted.dest)
    finally:
        for left in (temporary, old):
            failpoint("remove temporary archive")
            removal.remove(left)


def _exchange(new: str, dest: str, old: str) -> None:
    """Put a directory in the place of another one; of ``new`` and ``old``, what is there then is to be removed."""
    try:
        syscalls.rename(new, dest, syscalls.RENAME_EXCHANGE)
    except OSError:  # such as EINVAL on NFS
        failpoint("put old directory aside")
        os.rename(dest, old)
        try:
            os.rename(new, dest)
        except OSError:
            os.rename(old, dest)
            raise


def _write_docker(images: Images, chosen: _Chosen, folder: str, path: str) -> None:
    with writer.new_tar(path) as tar:
        archive = writer.DockerArchive(tar)
        for image_id, names in chosen.items():
            # The archive's manifest is of schema 2, which leaves the configuration, and so the ID, as it is.
            _copy(images, image_id, folder, "dir:image", "--format=v2s2")
            archive.add(f"{folder}/image", names)
            removal.remove(f"{folder}/image")
        archive.finish()


def _compressed(wanted: Save) -> list[str]:
    if wanted.format == reader.DOCKER_DIR:
        return ["--dest-compress"] if wanted.compress else []
    return ["--dest-oci-accept-uncompressed-layers"] if wanted.compress is False else []


def _copy(images: Images, image_id: str, folder: str, target: str, *options: str) -> None:
    """Copy an image to a target of skopeo's in ``folder``, which has its temporary files too."""
    doing, target = f"saving image {image_id[:12]}", target.replace(":", f":{folder}/", 1)
    images.copy(images.reference(image_id), target, *options, doing=doing, scratch=folder)
