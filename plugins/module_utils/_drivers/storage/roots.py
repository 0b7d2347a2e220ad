# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store's directories and its records on disk.

The directories are the configured ones, or those of containers-storage.conf(5), or the defaults of containers/storage.
"""

from __future__ import annotations

import os
from typing import Iterator, Mapping, NamedTuple, Optional

from ..._model import foreign
from ..._model.engine_config import EngineConfig
from ..._model.foreign import Foreign
from .. import foreign_files
from . import host_config

PACKAGE = "containers-storage"
_MAX_BYTES = 256 << 20  # of a file of records, which has some kilobytes for each image or layer


_LAYERS = ("layers", "volatile-layers")


class Layers(NamedTuple):
    """Directories of a root filesystem.

    ``upper`` takes its changes, ``work`` is for overlay, and ``lower`` are the image's, topmost first. Without
    ``lower``, ``upper`` is the whole tree. The first ``own`` ones of ``lower`` are the container's, not its image's.
    """

    upper: str
    work: str = ""
    lower: tuple[str, ...] = ()
    own: int = 0


class Labels(NamedTuple):
    """SELinux's labels of a container, as the store's record has them; both empty without SELinux.

    ``process`` is empty where its process is not confined, and ``mount`` is that of its files.
    """

    process: str = ""
    mount: str = ""


UNLABELLED = Labels()


class StorageRoots(NamedTuple):
    """The directories and driver of a store, and ``more`` read-only stores beside ``root``.

    With roots ``configured`` by the task the host's storage options do not apply, as under ``podman --root``.
    """

    root: str
    run_root: str
    driver: str
    more: tuple[str, ...] = ()
    configured: bool = False
    # Of the overlay driver; None: it has settings that only its own programs know.
    mount_options: Optional[tuple[str, ...]] = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of containers-storage(1) that select this store."""
        return "-g", self.root, "-R", self.run_root, "-s", self.driver

    def layer_home(self, layer: str) -> str:
        """Return the directory of a layer; other drivers than overlay have its files there, and not in ``diff``."""
        return f"{self.root}/overlay/{layer}" if self.driver == "overlay" else f"{self.root}/{self.driver}/dir/{layer}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which the tools use this store; the driver avoids a warning of theirs.

        A storage.conf that the caller names is in the environment of all tools.
        """
        if self.configured:
            options = {"STORAGE_OPTS": "overlay.mountopt=nodev"} if self.driver == "overlay" else {}
            return {"CONTAINERS_STORAGE_CONF": "/dev/null", "STORAGE_DRIVER": self.driver, **options}
        return {}

    def containers(self, wanted: str = "") -> Iterator[Foreign]:
        """Yield the records of the store's containers, other engines' too; only from files with the text ``wanted``."""
        for path in self.container_files:
            yield from records(path, wanted)

    @property
    def container_files(self) -> tuple[str, ...]:
        """The files with the containers' records; those of volatile ones are in the run root of a transient store."""
        stable, transient = (f"{root}/{self.driver}-containers" for root in (self.root, self.run_root))
        volatile = "volatile-containers.json"
        return f"{stable}/containers.json", f"{stable}/{volatile}", f"{transient}/{volatile}"

    def layers(self) -> dict[str, Foreign]:
        """Return the records of all layers by their IDs."""
        others = (f"{root}/{self.driver}-layers/{name}.json" for root in self.more for name in _LAYERS)
        return {member(one, "id"): one for path in (*self.layer_files, *others) for one in records(path)}

    @property
    def layer_files(self) -> tuple[str, ...]:
        """The files with the layers' records, in places as ``container_files`` has them."""
        stable, transient = (f"{root}/{self.driver}-layers" for root in (self.root, self.run_root))
        return (*(f"{stable}/{name}.json" for name in _LAYERS), f"{transient}/{_LAYERS[-1]}.json")


def records(path: str, wanted: str = "") -> list[Foreign]:
    """Return the objects in a file of the store, [] where it is missing or empty, or lacks the text ``wanted``.

    The file is replaced by a rename, and so read without a lock. Entries that are no objects are left out, as they
    describe no image or container.

    :raises MalformedData: the file is no JSON list.
    """
    return [one for one in values(path, wanted) if isinstance(one.value, dict)]


def values(path: str, wanted: str = "") -> list[Foreign]:
    """Return what ``records`` does, entries that are no objects too."""
    try:
        text = foreign_files.read(path, max_bytes=_MAX_BYTES)
    except FileNotFoundError:
        return []
    return list(foreign.parse(text, path, max_bytes=_MAX_BYTES)) if text and wanted.encode() in text else []


def member(record: Foreign, key: str) -> str:
    """Return a member that is a string, else "", so that another container's damaged record causes no failure."""
    value = record.mapping().get(key)
    return value if isinstance(value, str) else ""


def storage_roots(parts: EngineConfig) -> StorageRoots:
    """Return the store that ``parts`` select.

    :raises MalformedData: the host's storage.conf cannot be used.
    """
    configured = parts.storage_root, parts.storage_run_root, parts.storage_driver
    host = host_config.HostConfig() if all(configured) else host_config.read(parts.run_root)
    return StorageRoots(
        parts.storage_root or os.path.expandvars(host.root),
        parts.storage_run_root or os.path.expandvars(host.run_root),
        parts.storage_driver or host.driver,
        () if any(configured) else host.image_stores,
        any(configured),
        ("nodev",) if any(configured) else host.mount_options,
    )


def chain(layers: Mapping[str, Foreign], layer: str) -> Iterator[str]:
    """Yield a layer and those below it, each once, even if the records form a circle."""
    seen: set[str] = set()
    while layer in layers and layer not in seen:
        seen.add(layer)
        yield layer
        layer = member(layers[layer], "parent")
