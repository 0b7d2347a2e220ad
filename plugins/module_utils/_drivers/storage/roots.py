# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the image store is: the roots given, else containers-storage.conf(5)'s, else containers/storage's own; and its
records, as they are on disk.
"""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from ..._model import foreign
from ..._model.engine_config import EngineConfig
from ..._model.foreign import Foreign
from .. import foreign_files
from . import host_config

PACKAGE = "containers-storage"
_MAX_BYTES = 256 << 20  # of a file of records, which has some kilobytes for each image or layer


class Layers(NamedTuple):
    """Directories of a root filesystem: ``upper`` takes its changes, ``work`` is overlay's, ``lower`` are the image's,
    the topmost first. Without ``lower``, ``upper`` is the whole tree.
    """

    upper: str
    work: str = ""
    lower: tuple[str, ...] = ()


class StorageRoots(NamedTuple):
    """``more`` are read-only stores beside ``root``; with ``given`` roots the host's storage options do not hold, as
    with ``podman --root``.
    """

    root: str
    run_root: str
    driver: str
    more: tuple[str, ...] = ()
    given: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of containers-storage(1) that select this store."""
        return "-g", self.root, "-R", self.run_root, "-s", self.driver

    def environment(self) -> dict[str, str]:
        """What the tools need in their environment to use this store; the driver is there to keep them from warning."""
        if self.given:
            options = {"STORAGE_OPTS": "overlay.mountopt=nodev"} if self.driver == "overlay" else {}
            return {"CONTAINERS_STORAGE_CONF": "/dev/null", "STORAGE_DRIVER": self.driver, **options}
        return {key: os.environ[key] for key in ("CONTAINERS_STORAGE_CONF",) if key in os.environ}

    def containers(self, wanted: str = "") -> Iterator[Foreign]:
        """The records of the store's containers, another engine's too; where ``wanted`` is given, of the files that
        have that word.
        """
        for root, name in ((self.root, "containers"), (self.run_root, "volatile-containers")):
            yield from records(f"{root}/{self.driver}-containers/{name}.json", wanted)


def records(path: str, wanted: str = "") -> list[Foreign]:
    """The objects in a file of the store, replaced by renaming and so read without a lock; [] where it has no
    ``wanted``, or nothing, as containers/storage itself reads it.

    What is no object is left out: it tells nothing of any image or container.

    :raises MalformedData: the file is no JSON list.
    """
    try:
        text = foreign_files.read(path, max_bytes=_MAX_BYTES)
    except FileNotFoundError:
        return []
    if not text or wanted.encode() not in text:
        return []
    return [one for one in foreign.parse(text, path, max_bytes=_MAX_BYTES) if isinstance(one.value, dict)]


def member(record: Foreign, key: str) -> str:
    """Return a member that is a string, else nothing: another's damaged record is no reason for this one to fail."""
    found = record.value.get(key)
    return found if isinstance(found, str) else ""


def storage_roots(parts: EngineConfig) -> StorageRoots:
    """Return the store that ``parts`` select.

    :raises MalformedData: the host's storage.conf cannot be used.
    """
    given = parts.storage_root, parts.storage_run_root, parts.storage_driver
    host = host_config.HostConfig() if all(given) else host_config.read(parts.run_root)
    return StorageRoots(
        parts.storage_root or os.path.expandvars(host.root),
        parts.storage_run_root or os.path.expandvars(host.run_root),
        parts.storage_driver or host.driver,
        () if any(given) else host.image_stores,
        any(given),
    )
