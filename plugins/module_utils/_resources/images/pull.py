# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image pulled where the task's policy says so; what counts as a change is another ID under its name."""

from __future__ import annotations

from typing import Optional

from ..._drivers.images.store import ImageStore
from ..._model.engine_config import EngineConfig
from ..._model.options.pulling import Pull
from ..._model.records.image import Image, name_for_source
from .outcome import Outcome
from .resolution import clear_killed, resolve


def pull(parts: EngineConfig, name: str, how: Optional[Pull], *, dry: bool) -> Outcome:
    """Have the store hold the image of ``name``, a name, ID or source; with ``dry`` only say what a run would do.

    :raises NoSuchImage: it is in neither place. :raises ToolFailed: its source cannot be asked, or the pull failed.
    """
    resolution = resolve(parts, {}, name, how)
    if resolution.error:
        raise resolution.error
    stored = ImageStore(parts).find(resolution.id) if resolution.id else None
    names = stored.names if stored else ()
    if not resolution.pull:
        if not dry:
            clear_killed(parts)
        return Outcome((), resolution.id, names)
    actions = (f"pulled image {resolution.source}",)
    if dry:
        return Outcome(actions, resolution.id, (*names, name_for_source(resolution.source)))
    pulled = fetch(parts, resolution.source, how or Pull(), resolution.digest)
    return Outcome(actions, pulled.id, pulled.names)


def fetch(parts: EngineConfig, source: str, how: Pull, digest: str = "") -> Image:
    """Pull an image as ``Images.pull`` does; the next operation on images removes a killed one's downloads."""
    from ..._drivers.images.transport import Images
    from .work_folder import work_folder

    with work_folder(parts) as folder:
        return Images(parts).pull(source, how, digest=digest, scratch=folder)
