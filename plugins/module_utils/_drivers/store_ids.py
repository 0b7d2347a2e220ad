# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which user and group IDs an image and the containers of the store use, read from the store's files."""

from __future__ import annotations

from typing import Iterator

from .._model.parts import Parts
from .beneath import read_beneath
from .storage_roots import Record, records, storage_roots

_NOBODY = 65534
_NOBODIES = ("nobody", "nogroup")
_LIMIT = 1 << 20  # bytes of a passwd or group file


def needed(parts: Parts, layer: str) -> int:
    """How many IDs from 0 on the image with this top layer needs: for its files, and for its users but nobody.

    As containers/storage finds it for ``userns: auto``; an image of which nothing is known needs none.
    """
    size = 0
    texts: dict[str, str] = {}
    for directory, record in _layers(parts, layer):
        size = max([size, *(number + 1 for kind in ("uidset", "gidset") for number in record.get(kind) or ())])
        for name in ("passwd", "group"):
            if name not in texts:
                try:
                    content = read_beneath(directory, f"/etc/{name}", _LIMIT)
                except OSError:  # a whiteout: the image has none
                    content = b""
                if content is not None:
                    texts[name] = content.decode(errors="replace")
    return max([size, *(number + 1 for text in texts.values() for number in _ids(text))])


def _layers(parts: Parts, layer: str) -> Iterator[tuple[str, Record]]:
    """(directory, record) of the layer and those below it, the topmost first."""
    roots = storage_roots(parts)
    known = {
        record["id"]: (root, record)
        for root in (roots.root, *roots.more)
        for record in records(f"{root}/{roots.driver}-layers/layers.json")
    }
    while layer in known:
        root, record = known[layer]
        below = f"overlay/{layer}/diff" if roots.driver == "overlay" else f"{roots.driver}/dir/{layer}"
        yield f"{root}/{below}", record
        layer = record.get("parent", "")


def _ids(text: str) -> Iterator[int]:
    """The IDs in the text of a passwd(5) or group(5) file."""
    for line in text.splitlines():
        words = line.split(":")
        for word in words[2:4] if words[0] not in _NOBODIES else ():
            if word.isascii() and word.isdigit() and int(word) != _NOBODY:
                yield int(word)


def mapped(parts: Parts, kind: str) -> Iterator[list[int]]:
    """The entries [inside, outside, amount] of the store's containers, another engine's too; ``kind``: uid or gid."""
    for record in storage_roots(parts).containers():
        for entry in record.get(f"{kind}map") or ():
            yield [entry["container_id"], entry["host_id"], entry["size"]]
