# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image a new container gets: that of the store, or the one at its source, as the options of pulling say."""

from __future__ import annotations

from typing import Optional

from .._drivers.images.store import ImageStore
from .._model.errors import NoSuchImage, ToolFailed, not_yet
from .._model.records.image import Image, name_for_source, name_meant
from .._runtime.runtime import Runtime
from .desired import Desired


class ImageResolution:
    """The image ``id`` that a container made now would have, empty where that is known once it is pulled; ``pull``
    says that it must be; ``source`` is where from.

    :raises NoSuchImage: it is not there, and is not to be pulled, or its source does not have it.
    :raises ToolFailed: its source cannot be asked.
    """

    def __init__(self, runtime: Runtime, desired: Desired) -> None:
        store, how = ImageStore(runtime.parts), desired.pulling
        found = store.find(desired.image)
        self.source = _source(desired.image, found)
        if found and how and not how.fits(store.configuration(found.id)):
            found = None
        self.id, self.pull = (found.id, False) if found else ("", True)
        if found is None and how and how.policy == "never":
            refusal = f"image {desired.image!r} is not in the store, and pull is never: omit pull, or pull it"
            raise not_yet(NoSuchImage(refusal))
        # Where no new container may be made, that is what the user is told.
        if found is None and desired.recreate_policy != "never":
            from .._drivers.images.transport import origin

            origin(self.source, name_for_source(self.source))
        if found is None or how is None or how.policy in ("missing", "never") or _fixed(desired.image, found):
            return
        from .._drivers.images.transport import Images

        try:
            self.id = Images(runtime.parts).source_id(self.source, how)
        except (NoSuchImage, ToolFailed):
            # As podman's: what cannot be asked has nothing newer.
            if how.policy != "newer":
                raise
        self.pull = self.id != found.id


def _source(image: str, found: Optional[Image]) -> str:
    """Where the image is pulled from; one that the store has for a name without a registry keeps its own name."""
    if found is None or name_for_source(image) in found.names or "@" in image:
        return image
    return name_meant(image, found)


def _fixed(image: str, found: Image) -> bool:
    """Whether it is named by its digest or ID, and so the same for ever."""
    named = name_for_source(image) in found.names
    return "@" in image or not named and found.id.startswith(image.partition("sha256:")[2] or image)
