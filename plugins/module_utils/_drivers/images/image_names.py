# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of an image in the store, written under the store's lock as containers-storage(1) writes them."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ..storage import store_records
from ..storage.roots import StorageRoots

_FIRST = ("id", "digest")  # members of a record, in the order of the store's own programs
_NAMES, _HISTORY = "names", "names-history"


def change(roots: StorageRoots, image_id: str, *, add: Sequence[str] = (), drop: Sequence[str] = ()) -> bool:
    """Give an image the names ``add``, which other images lose, and take ``drop`` from it; it may lack them.

    Return whether the image is in the store itself, and not in a read-only one beside it.

    :raises OSError: the store cannot be written.
    """
    folder = f"{roots.root}/{roots.driver}-images"
    if not os.path.isdir(folder):
        return False  # the store has had no image of its own yet
    with store_records.locked(f"{folder}/images.lock") as lock:
        path = f"{folder}/images.json"
        images = store_records.read(path)
        image = store_records.find(images, image_id)
        if not image:
            return False
        wanted = [one for one in dict.fromkeys([*_texts(image, _NAMES), *add]) if one not in drop]
        changed = [
            _named(one, wanted) if one is image else _without(one, wanted) if isinstance(one, dict) else one
            for one in images
        ]
        store_records.write(path, changed, lock)
    return True


def _named(image: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """Return the record with these names, and in its history the latest first."""
    history = [*dict.fromkeys([*reversed(names), *_texts(image, _HISTORY)])]
    record = {key: image[key] for key in _FIRST if key in image}
    record.update({key: value for key, value in ((_NAMES, [*names]), (_HISTORY, history)) if value})
    return {**record, **{key: value for key, value in image.items() if key not in (_NAMES, _HISTORY)}}


def _without(image: dict[str, object], names: Sequence[str]) -> dict[str, object]:
    own = _texts(image, _NAMES)
    kept = [one for one in own if one not in names]
    if kept == own:
        return image
    changed = {**image, _NAMES: kept}
    if not kept:
        del changed[_NAMES]
    return changed


def _texts(image: Mapping[str, object], key: str) -> list[str]:
    values = image.get(key)
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []
