# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in use, and images that are removed with their last container (option rmi)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Iterator

from .._drivers.images.store import ImageStore
from .._drivers.storage.roots import member, storage_roots
from .._model.errors import LibpodError

if TYPE_CHECKING:
    from .._container.container import Container
    from .._model.records.config import ContainerConfig
    from .base import RuntimeBase


def used_by(config: ContainerConfig) -> set[str]:
    """Return the IDs of the images that a container is made of or has mounted; none for a container of a directory."""
    mounted = (one.get("image", "") for one in config.options["mount"] if "source" in one and one["type"] == "image")
    return {config.rootfs_image_id, *mounted} - {""}


def in_use(runtime: RuntimeBase) -> Iterator[tuple[str, str]]:
    """Yield (image ID, container ID) of this engine's containers, and of all others in the store."""
    for container in runtime.containers_and_new():
        for image_id in used_by(container.config):
            yield image_id, container.id
        for image_id in re.findall("[0-9a-f]{64}", container.newer):
            yield image_id, container.id
    for record in storage_roots(runtime.parts).containers():
        yield member(record, "image"), member(record, "id")


def unused(runtime: RuntimeBase, container: Container, gone: Iterable[Container] = ()) -> list[str]:
    """Return name or ID of the container's image, if only the containers ``gone`` use it."""
    image_id = container.config.rootfs_image_id
    gone_ids = {one.id for one in gone}
    if not image_id or any(used_id == image_id and user not in gone_ids for used_id, user in in_use(runtime)):
        return []
    image = ImageStore(runtime.parts).find(image_id)
    if image is None:
        return []
    name = container.config.rootfs_image_name
    return [name if name in image.names else image_id]


def remove(runtime: RuntimeBase, container: Container) -> None:
    """Remove the image of a container that is no longer in the store, unless another one uses it.

    An image that has other names loses only the container's, as with podman.
    """
    from .._drivers.images.transport import Images

    for image in unused(runtime, container, [container]):
        try:
            Images(runtime.parts).untag(container.config.rootfs_image_id, [image])
        except LibpodError:
            # A container of it may have been created meanwhile.
            if unused(runtime, container, [container]):
                raise
