# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Push: an image of the store to a registry, or to an archive or directory of the host."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple, Optional

from ..._drivers.images import archive_reader as reader
from ..._drivers.images.transport import Images
from ..._model import foreign
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, LibpodError, NoSuchImage
from ..._model.options.pulling import DEFAULT, Pull
from ..._model.records.image import PATH_TRANSPORTS, Image, normalise, split_domain
from .save import Save, save
from .work_folder import work_folder

_FORMATS = {"dir": reader.DOCKER_DIR, "docker-archive": reader.DOCKER, "oci-archive": reader.OCI}


class Push(NamedTuple):
    """Where an image is pushed to, a reference of skopeo's, and as what; ``compress`` and ``format`` as of skopeo."""

    destination: str
    compress: Optional[bool] = None
    format: str = ""
    remove_signatures: bool = False
    sign_by: str = ""
    force: bool = False


class Pushed(NamedTuple):
    """The digest of the manifest at the destination, empty where that is unknown, and whether it is new there."""

    digest: str
    changed: bool


def push(parts: EngineConfig, image: Image, wanted: Push, how: Pull = DEFAULT, *, dry: bool = False) -> Pushed:
    """Have the destination have the image; one that has an image of the same ID there is left alone.

    With ``dry`` the destination is asked, and nothing is pushed.

    :raises InvalidArgument: it is no destination. :raises ToolFailed: it refused, or cannot be reached.
    """
    transport, _colon, rest = wanted.destination.partition(":")
    if transport in PATH_TRANSPORTS:
        return _to_path(parts, image, wanted, transport, rest, dry)
    name = wanted.destination[9:] if wanted.destination.startswith("docker://") else wanted.destination
    if not split_domain(name)[0]:
        raise InvalidArgument(f"push: {wanted.destination!r} names no registry: expected REGISTRY/NAME[:TAG]")
    images, target = Images(parts), f"docker://{normalise(name)}"
    digest = _digest_there(images, image, target, how)
    if digest and not wanted.force:
        return Pushed(digest, False)
    if dry:
        return Pushed("", True)
    with work_folder(parts) as folder:
        return Pushed(images.push(image.id, target, how, folder, _options(wanted)), True)


def _digest_there(images: Images, image: Image, target: str, how: Pull) -> str:
    """Return the digest of the manifest at a registry, empty where that is not of this image."""
    try:
        text = images.manifest(target, how, f"pushing image to {target}")
    except NoSuchImage:
        return ""
    manifest = foreign.parse(text, f"the manifest of {target}")
    same = manifest["config"]["digest"].value == f"sha256:{image.id}"
    return f"sha256:{sha256(text.encode()).hexdigest()}" if same else ""


def _options(wanted: Push) -> list[str]:
    return [
        *([f"--format={wanted.format}"] if wanted.format else ()),
        *(["--remove-signatures"] if wanted.remove_signatures else ()),
        *([f"--sign-by={wanted.sign_by}"] if wanted.sign_by else ()),
    ]


def _to_path(parts: EngineConfig, image: Image, wanted: Push, transport: str, rest: str, dry: bool) -> Pushed:
    path, _colon, tag = (rest, "", "") if transport == "dir" else rest.partition(":")
    if not path.startswith("/"):
        raise InvalidArgument(f"push: {wanted.destination!r}: expected an absolute path after {transport}:")
    names = [_full(tag)] if tag else [name for name in image.names[:1] if "@" not in name]
    if transport == "oci":
        changed = wanted.force or not _is_in_layout(path, image, names)
        if changed and not dry:
            target = f"oci:{path}:{tag or (names or ['image'])[0]}"
            doing = f"pushing image {image.id[:12]} to {path}"
            images = Images(parts)
            with work_folder(parts) as folder:
                images.copy(images.reference(image.id), target, *_options(wanted), doing=doing, scratch=folder)
        return Pushed("", changed)
    compress = wanted.compress if transport == "dir" else None
    saved = Save([image.id], path, _FORMATS[transport], compress, names=names)
    return Pushed("", save(parts, saved, dry)[0])


def _is_in_layout(path: str, image: Image, names: list[str]) -> bool:
    try:
        there = reader.read_folder(path)
    except (LibpodError, OSError):
        return False
    return any(one.source == image.id and set(names) <= set(one.names) for one in there.images)


def _full(tag: str) -> str:
    return normalise(tag if split_domain(tag)[0] else f"localhost/{tag}")
