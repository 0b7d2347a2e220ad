# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directories of an image's layers that together are a part of its root filesystem, for an overlay of others."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from .roots import Layers

_OPAQUE = "trusted.overlay.opaque"


def directories(layers: Layers, path: str) -> list[str]:
    """Return the paths whose overlay, the first on top, is what the image has at ``path``; one alone for a file.

    ``path`` is relative, leads through no link and exists in the image; empty for all of the image.
    """
    found: list[str] = []
    for layer in (layers.upper, *layers.lower):
        has, ends = _look(layer, path)
        if has and not (ends and found and os.path.isfile(f"{layer}/{path}")):
            found.append(os.path.join(_short(layer), path) if path else _short(layer))
        if ends:
            break
    return found


def _look(layer: str, path: str) -> tuple[bool, bool]:
    """Return whether a layer has something at a path, and whether it hides the layers below there."""
    here, opaque = layer, False
    for name in [part for part in path.split("/") if part]:
        here = f"{here}/{name}"
        try:
            mode = os.lstat(here).st_mode
        except FileNotFoundError:
            return False, opaque
        if not stat.S_ISDIR(mode):
            # A character device stands for a deletion (overlayfs.rst); a file hides whatever is below.
            return stat.S_ISREG(mode) and here == f"{layer}/{path}", True
        opaque = opaque or _is_opaque(here)
    return True, opaque


def _is_opaque(directory: str) -> bool:
    with suppress(OSError):
        return os.getxattr(directory, _OPAQUE) == b"y"
    return False


def _short(layer: str) -> str:
    """Return the layer's directory by its short name in the store, which leaves room for more of them in a mount."""
    home = os.path.dirname(layer)
    with suppress(OSError), open(f"{home}/link", encoding="ascii") as file:
        short = f"{os.path.dirname(home)}/l/{file.read(100).strip()}"
        if os.path.samefile(short, layer):
            return short
    return layer
