# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User and group IDs that an image and the containers of the store use, read from the store's files."""

from __future__ import annotations

from typing import Iterator

from ..._model.engine_config import EngineConfig
from ..._model.errors import MalformedData
from ..._model.foreign import Foreign
from ..._model.id_map import IdMap
from ..._model.options.syntax.parsers import natural
from ..kernel.securejoin import USER_FILE_BYTES, read_beneath
from ..storage.roots import member, records, storage_roots

_NOBODY = 65534
_NOBODIES = ("nobody", "nogroup")
_MAX_ID = (1 << 32) - 1


def needed(parts: EngineConfig, layer: str) -> int:
    """Return how many IDs from 0 on the image with this top layer needs, for its files and its users but nobody.

    The rule is containers/storage's for ``userns: auto``. An unknown image needs none.
    """
    size = 0
    texts: dict[str, str] = {}
    for directory, record in _layers(parts, layer):
        sets = (number.integer(low=0, high=_MAX_ID) for kind in ("uidset", "gidset") for number in record[kind])
        size = max([size, *(number + 1 for number in sets)])
        for name in ("passwd", "group"):
            if name not in texts:
                try:
                    content = read_beneath(directory, f"/etc/{name}", USER_FILE_BYTES)
                except OSError:  # a whiteout: the image has none
                    content = b""
                if content is not None:
                    texts[name] = content.decode(errors="replace")
    return max([size, *(number + 1 for text in texts.values() for number in _ids(text))])


def _layers(parts: EngineConfig, layer: str) -> Iterator[tuple[str, Foreign]]:
    """Yield directory and record of the layer and those below it, the topmost first."""
    roots = storage_roots(parts)
    known = {
        member(record, "id"): (root, record)
        for root in (roots.root, *roots.more)
        for record in records(f"{root}/{roots.driver}-layers/layers.json")
    }
    while layer in known:
        root, record = known.pop(layer)  # each once, also where the records form a circle
        below = f"overlay/{layer}/diff" if roots.driver == "overlay" else f"{roots.driver}/dir/{layer}"
        yield f"{root}/{below}", record
        layer = member(record, "parent")


def _ids(text: str) -> Iterator[int]:
    """Yield the IDs in the text of a passwd(5) or group(5) file."""
    for line in text.splitlines():
        fields = line.split(":")
        for field in fields[2:4] if fields[0] not in _NOBODIES else ():
            number = natural(field, _MAX_ID)
            if number is not None and number != _NOBODY:
                yield number


def mapped(parts: EngineConfig, kind: str) -> Iterator[IdMap]:
    """Yield the ranges of the store's containers, other engines' too; ``kind`` is uid or gid."""
    for record in storage_roots(parts).containers():
        try:
            for entry in record[f"{kind}map"]:
                yield IdMap(*(entry[key].integer(low=0, high=_MAX_ID) for key in ("container_id", "host_id", "size")))
        except MalformedData:
            continue  # its own engine cannot use it either
