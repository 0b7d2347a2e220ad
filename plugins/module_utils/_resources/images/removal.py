# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of an image or of one of its names, refused while a container uses the image."""

from __future__ import annotations

from typing import Iterable, NamedTuple

from ..._container.container import Container
from ..._drivers.images.store import ImageStore
from ..._drivers.images.transport import Images
from ..._drivers.registries.short_names import name_in
from ..._drivers.storage.roots import member, storage_roots
from ..._model.engine_config import EngineConfig
from ..._model.errors import ImageInUse, InvalidArgument, ToolFailed, note_done, some
from ..._model.records.image import Image
from ..._runtime.images import used_by
from ..._runtime.runtime import Runtime
from .outcome import Outcome
from .work_folder import clear


class _Users(NamedTuple):
    """The containers of an image: this engine's, and the names of those that other engines have in the store."""

    own: list[Container]
    others: list[str]

    @property
    def names(self) -> list[str]:
        return [*(container.name for container in self.own), *self.others]


def remove(parts: EngineConfig, key: str, *, force: bool, dry: bool) -> Outcome:
    """Remove the name ``key`` of an image, and with its last name, or by its ID, the image; as podman does.

    ``force`` removes this engine's containers of the image first, and by ID an image with several names.

    :raises ImageInUse: a container uses the image, which would be removed.
    :raises InvalidArgument: the image has several names and is named by its ID, without ``force``.
    :raises ToolMissing: skopeo(1) is not installed, which removes the image, in check mode too.
    """
    if not dry:
        clear(parts)
    image = ImageStore(parts).find(key)
    if image is None:
        return Outcome()
    name = name_in(key, image)
    if name and len(image.names) > 1:
        if not dry:
            Images(parts).untag(image.id, [name], keep=True)
        return Outcome((f"untagged image {name}",), image.id, tuple(one for one in image.names if one != name))
    if len(image.names) > 1 and not force:
        raise InvalidArgument(
            f"image {key} has the names {some(image.names)}: give one of them, which removes that name, or set force"
        )
    Images(parts).require_tool()
    runtime = Runtime(parts)
    users = _users(runtime, image)
    _check(key, users.names if not force else users.others)
    actions = [f"deleted {name}" for name in _remove_all(runtime, image, users.own, dry=dry)]
    if not dry:
        try:
            Images(parts).remove(image.id)
        except ToolFailed:
            # A container of it may have been created since the check.
            _check(key, _users(runtime, image).names)
            raise
    return Outcome((*actions, f"removed image {name or image.id[:12]}"))


def _users(runtime: Runtime, image: Image) -> _Users:
    own = [one for one in runtime.containers_and_new() if image.id in used_by(one.config) or image.id in one.newer]
    known = {container.id for container in own}
    return _Users(
        own,
        [
            next((name for name in _names(record.mapping().get("names")) if name), member(record, "id")[:12])
            for record in storage_roots(runtime.parts).containers()
            if member(record, "image") == image.id and member(record, "id") not in known
        ],
    )


def _names(value: object) -> Iterable[str]:
    return (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _check(key: str, names: list[str]) -> None:
    if names:
        raise ImageInUse(f"image {key} is used by {some(names)}: remove them first")


def _remove_all(runtime: Runtime, image: Image, users: list[Container], *, dry: bool) -> list[str]:
    """Remove the containers, those that others of them depend on last; return their names.

    :raises DependencyExists: a container of another image depends on one of them.
    """
    left, gone = {container.id: container for container in users}, dict[str, str]()
    try:
        while left:
            free = (one for one in left.values() if all(other.id in gone for other in runtime.dependents(one.id)))
            container = next(free, None)
            if container is None:
                container = next(iter(left.values()))
                runtime.check_removable(container)
            if not dry:
                # Its name may belong to a container of another image by now.
                runtime.remove_if(container.name, lambda now: image.id in used_by(now.config), force=True)
            gone[container.id] = left.pop(container.id).name
    except Exception as error:
        note_done(error, () if dry else [f"deleted {name}" for name in gone.values()])
        raise
    return list(gone.values())
