# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What images, containers and volumes take up on the disk.

The size of an image is known from the store's records. Directories of containers and volumes are gone through, until a
time at which what is left has no size.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Iterable, Iterator, NamedTuple, Optional

from .._container.container import Container
from .._drivers.images.store import ImageStore
from .._drivers.storage.roots import chain, storage_roots
from .._drivers.trees.disk_usage import directory_size
from .._model.errors import ContainerRemoved, Internal, MalformedData, NoSuchContainer, TreeTooLarge
from .._model.foreign import Foreign
from .._model.records.image import Image
from .._runtime.images import in_use
from .._runtime.runtime import Runtime
from .volumes.usage import users


class ImageUsage(NamedTuple):
    """An image with its creation (RFC 3339), its bytes, those of layers that other images have too, and its users."""

    image: Image
    created: str
    size: int
    shared: int
    containers: int


class ContainerUsage(NamedTuple):
    """A container with the bytes of its own layer, None where they are not known in time."""

    container: Container
    size: Optional[int]
    volumes: int


class VolumeUsage(NamedTuple):
    """A volume with the number of containers that have it, and its bytes, likewise."""

    name: str
    links: int
    size: Optional[int]


class Usage(NamedTuple):
    """All of it. ``images_size`` counts each layer once, ``images_reclaimable`` those of unused images alone."""

    images: list[ImageUsage]
    images_size: int
    images_reclaimable: int
    containers: list[ContainerUsage]
    volumes: list[VolumeUsage]


def usage(runtime: Runtime, until: float) -> Usage:
    """Return the disk usage; directories are gone through until then (``time.monotonic``)."""
    images, size, reclaimable = _images(runtime)
    return Usage(images, size, reclaimable, list(_containers(runtime, until)), list(_volumes(runtime, until)))


def freed(before: Usage, after: Usage) -> int:
    """Return the bytes of what is gone between both; what had no known size counts as none."""
    containers = {one.container.id for one in after.containers}
    volumes = {one.name for one in after.volumes}
    sizes = [one.size for one in before.containers if one.container.id not in containers]
    sizes += [one.size for one in before.volumes if one.name not in volumes]
    return sum(size or 0 for size in sizes) + max(before.images_size - after.images_size, 0)


def _images(runtime: Runtime) -> tuple[list[ImageUsage], int, int]:
    layers = storage_roots(runtime.parts).layers()
    images = ImageStore(runtime.parts).all()
    chains = {image.id: list(chain(layers, image.layer)) for image, _created in images}
    sizes = {layer: _size(layers[layer]) for chain in chains.values() for layer in chain}
    shared = Counter(layer for chain in chains.values() for layer in chain)
    used = Counter(image for image, _container in set(in_use(runtime)))
    result = [
        ImageUsage(
            image,
            created,
            sum(sizes[layer] for layer in chains[image.id]),
            sum(sizes[layer] for layer in chains[image.id] if shared[layer] > 1),
            used[image.id],
        )
        for image, created in images
    ]
    kept = {layer for one in result if one.containers for layer in chains[one.image.id]}
    return result, sum(sizes.values()), sum(size for layer, size in sizes.items() if layer not in kept)


def _size(record: Foreign) -> int:
    try:
        return record["diff-size"].integer(low=0)
    except MalformedData:
        return 0  # the store does not know it


def _containers(runtime: Runtime, until: float) -> Iterator[ContainerUsage]:
    for container in runtime.containers():
        try:
            size = _measured(_own_folders(container.peek()), until)
        except (NoSuchContainer, ContainerRemoved):
            continue
        volumes = {one["source"] for one in container.config.volumes if one["type"] == "volume"}
        yield ContainerUsage(container, size, len(volumes))


def _own_folders(container: Container) -> list[str]:
    """Return the directories with what a container has written; none for a root filesystem that is the user's."""
    if container.config.rootfs and not container.config.overlay:
        return []
    try:
        layers = container.storage.layers(container.id)
    except Internal:
        return []  # it has none yet
    return [layers.upper, *layers.lower[: layers.own]]


def _volumes(runtime: Runtime, until: float) -> Iterator[VolumeUsage]:
    top = f"{runtime.parts.static_root}/volumes"
    used = users(runtime, certain=False)
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else ():
        if os.path.exists(f"{top}/{name}/volume.json"):
            yield VolumeUsage(name, len(used.get(name, ())), _measured([f"{top}/{name}/_data"], until))


def _measured(folders: Iterable[str], until: float) -> Optional[int]:
    try:
        return sum(directory_size(one, until) for one in folders if os.path.isdir(one))
    except TreeTooLarge:
        return None
    except FileNotFoundError:
        return 0  # another process removed it
