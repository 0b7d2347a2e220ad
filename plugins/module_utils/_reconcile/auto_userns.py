# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``userns: auto``: host IDs that no other container has, chosen under a lock and recorded in the configuration."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Iterator, Optional

from .._drivers import id_maps
from .._drivers.images import id_usage
from .._drivers.images.store import ImageStore
from .._model.auto_ranges import MAX_SIZE, MIN_SIZE, Range, map_ids
from .._model.errors import InvalidArgument, NoSuchContainer
from .._model.options.syntax.parsers import natural
from .._model.records.config import ContainerConfig
from .._model.records.config import resolved as resolve
from .._runtime.runtime import Runtime

if TYPE_CHECKING:
    from .._model.id_map import IdMap
    from .._model.options.types import ContainerOptions

_USER = "containers"
_LOCK = "+userns"  # no container can have this name


@contextmanager
def held(runtime: Runtime) -> Iterator[None]:
    """Hold the lock of the choice until the configuration with the chosen IDs is written."""
    with runtime.store.lock(_LOCK) as lock:
        try:
            yield
        finally:
            lock.discard()


def maps(
    runtime: Runtime, options: ContainerOptions, image: str, previous: Optional[ContainerConfig]
) -> dict[str, list[IdMap]]:
    """Return the maps ``uid`` and ``gid``: those of the ``previous`` container where its option and size allow that.

    :raises InvalidArgument: the user has too few subordinate IDs, or the image needs more than is allowed.
    """
    userns = options["userns"]
    size = userns["size"] or _needed(runtime, options, image)
    kept = previous.id_mappings if previous is not None and previous.options["userns"] == userns else {}
    if kept and all(sum(entry.length for entry in entries) >= size for entries in kept.values()):
        return dict(kept)
    chosen = {}
    for kind in ("uid", "gid"):
        available = [_outside(entry) for entry in id_maps.subordinate(_USER, kind, "userns")]
        used = [_outside(entry) for entry in _used(runtime, kind)]
        mapped = userns["uidmapping"] if kind == "uid" else userns["gidmapping"]
        chosen[kind] = map_ids(size, available, used, mapped, f"/etc/sub{kind}")
    return chosen


def _outside(entry: IdMap) -> Range:
    return entry.outside, entry.outside + entry.length


def _needed(runtime: Runtime, options: ContainerOptions, image: str) -> int:
    """Return the number of IDs that the image and a numeric user need, and at least ``MIN_SIZE``.

    :raises InvalidArgument: it is above ``MAX_SIZE``.
    """
    stored = ImageStore(runtime.parts).find(image) if image else None
    user = str(resolve(options, stored.config if stored else {})["user"] or "")
    ids = [number + 1 for word in user.split(":") if (number := natural(word)) is not None]
    size = max([MIN_SIZE, *ids, id_usage.needed(runtime.parts, stored.layer) if stored else 0])
    if size > MAX_SIZE:
        raise InvalidArgument(
            f"userns: the image or its user needs {size} IDs, and auto gives at most {MAX_SIZE} by itself: "
            f"say auto:size={size}"
        )
    return size


def _used(runtime: Runtime, kind: str) -> Iterator[IdMap]:
    """Yield the maps of all containers of the store and the engine, also of those that are pending or retired."""
    yield from id_usage.mapped(runtime.parts, kind)
    folder = f"{runtime.parts.static_root}/containers"
    for container_id in os.listdir(folder) if os.path.isdir(folder) else ():  # in check mode it may not exist yet
        try:
            # The maps of one whose record cannot be read are in the store.
            yield from runtime.by_id(container_id).config.id_mappings.get(kind, ())
        except NoSuchContainer:
            continue
