# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's containers-storage.conf(5).

An unchanged task has no time to parse it. What a task needs of the file is copied to the run root when a container's
layer is made, and read from there while the file stays the same.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple, Optional

from ..._model.errors import MalformedData
from ..._model.failpoints import failpoint
from ..._model.foreign import Foreign
from .. import foreign_files

_FILES = ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf")
_COPY = "storage-conf.json"
_KNOWN = ("driver", "graphroot", "runroot", "rootless_storage_path", "options")
_KNOWN_OPTIONS = ("overlay", "mountopt", "additionalimagestores", "pull_options")
_UNSET: tuple[object, ...] = ("", "false", False, {})


class HostConfig(NamedTuple):
    """The settings that the engine takes from the file, at containers/storage's own defaults.

    ``mount_options`` are the overlay driver's; None where the file has settings that only the store's programs know.
    """

    driver: str = "overlay"
    root: str = "/var/lib/containers/storage"
    run_root: str = "/run/containers/storage"
    image_stores: tuple[str, ...] = ()
    mount_options: Optional[tuple[str, ...]] = ()


def read(run_root: str) -> HostConfig:
    """Return the host's settings, from the copy below ``run_root`` where that is of the file as it is now.

    :raises MalformedData: the file cannot be used.
    """
    path = _path()
    stamp = _stamp(path)
    return (_copied(run_root, stamp) or _parsed(path)) if stamp else HostConfig()


def keep(run_root: str) -> None:
    """Copy the settings to ``run_root``, unless they are there."""
    path = _path()
    stamp = _stamp(path)
    if not stamp or _copied(run_root, stamp):
        return
    content = json.dumps({"file": stamp, "settings": _parsed(path)})
    failpoint("copy storage.conf")
    try:
        with open(f"{run_root}/{_COPY}.new", "w", encoding="utf-8") as file:
            file.write(content)
        os.rename(file.name, f"{run_root}/{_COPY}")
    except OSError:
        pass  # a full file system, say: the file itself is read


def unknown() -> list[str]:
    """Return the settings of containers' layers in the file that only the store's programs know."""
    from ..._model import foreign_toml

    path = _path()
    return _unknown(foreign_toml.parse(foreign_files.read(path, max_bytes=foreign_toml.MAX_BYTES), path)["storage"])


def _path() -> str:
    path = os.environ.get("CONTAINERS_STORAGE_CONF") or next(filter(os.path.exists, _FILES), "")
    return "" if path == os.devnull else path


def _stamp(path: str) -> Optional[list[object]]:
    """Return what changes whenever the file does."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return None
    return [path, info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]


def _copied(run_root: str, stamp: list[object]) -> Optional[HostConfig]:
    try:
        with open(f"{run_root}/{_COPY}", encoding="utf-8") as file:
            record = json.load(file)
        if record["file"] != stamp:
            return None
        driver, root, storage_run_root, image_stores, mount = record["settings"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return HostConfig(driver, root, storage_run_root, tuple(image_stores), mount and tuple(mount))


def _parsed(path: str) -> HostConfig:
    from ..._model import foreign_toml

    try:
        storage = foreign_toml.parse(foreign_files.read(path, max_bytes=foreign_toml.MAX_BYTES), path)["storage"]
        default = HostConfig()
        return HostConfig(
            storage["driver"].text() or default.driver,
            storage["graphroot"].text() or default.root,
            storage["runroot"].text() or default.run_root,
            tuple(storage["options"]["additionalimagestores"].texts()),
            _mount_options(storage),
        )
    except MalformedData as error:
        raise MalformedData(f"{error}: correct the file, or give all storage options") from error


def _mount_options(storage: Foreign) -> Optional[tuple[str, ...]]:
    """Return the overlay driver's ``mountopt``; None where there are other settings of containers' layers."""
    options = storage["options"]
    if _unknown(storage):
        return None
    text = options["overlay"]["mountopt"].text() or options["mountopt"].text()
    return tuple(text.split(",")) if text else ()


def _unknown(storage: Foreign) -> list[str]:
    options = storage["options"]
    tables = ((storage, _KNOWN), (options, _KNOWN_OPTIONS), (options["overlay"], ("mountopt",)))
    return [
        key for table, known in tables for key, value in table.items() if key not in known and value.value not in _UNSET
    ]
