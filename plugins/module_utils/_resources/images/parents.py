# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that others were made of: those of the steps of a build, which have no names of their own."""

from __future__ import annotations

from typing import Sequence

from ..._drivers.images.store import ImageStore
from ..._drivers.storage.roots import chain, storage_roots
from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData, NoSuchImage
from ..._model.foreign import Foreign
from ..._model.records.image import Image


def parents(parts: EngineConfig, candidates: Sequence[Image], children: Sequence[Image]) -> set[str]:
    """Return the IDs of the candidates that one of the children was made of, as podman finds them.

    A parent's layers are the lowest of its child's, and its history is the beginning of the child's.
    """
    if not candidates:
        return set()
    layers, store = storage_roots(parts).layers(), ImageStore(parts)
    below = [(set(chain(layers, child.layer)), _history(store, child)) for child in children]
    found = set()
    for image in candidates:
        history = _history(store, image)
        if history and any(
            image.layer in chained and len(history) < len(longer) and longer[: len(history)] == history
            for chained, longer in below
        ):
            found.add(image.id)
    return found


def _history(store: ImageStore, image: Image) -> list[object]:
    try:
        whole = Foreign(store.configuration(image.id), f"the configuration of image {image.id[:12]}")
        return [entry.value for entry in whole["history"]]
    except (MalformedData, NoSuchImage):
        return []
