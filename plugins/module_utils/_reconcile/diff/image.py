# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another image brings that a new container has; imported where there is to be one."""

from __future__ import annotations

from ..._drivers.images.store import ImageStore
from ..._model.options.table import Change
from ..._model.records.config import ContainerConfig, resolved
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..image_resolution import resolve_image
from ..plan import Difference


def told(runtime: Runtime, config: ContainerConfig, desired: Desired, found: list[Difference]) -> list[Difference]:
    """The differences that lead to a new container, with values as its image has them, and with the image itself where
    the tag has moved: that forces nothing, but comes along.

    Of an image that is still to be pulled only the ID can be known.
    """
    if not desired.image or desired.rootfs or config.rootfs or desired.options is None:
        return found
    image_id = resolve_image(runtime, desired).id
    if image_id == config.rootfs_image_id:
        return found
    if image_id and not any(one.option == "image" for one in found):
        before, after = (f"{config.rootfs_image_name} ({one[:12]})" for one in (config.rootfs_image_id, image_id))
        why = "its name leads to another image by now"
        found = [Difference("image", before, after, Change.RECREATE, ignored=True, reason=why), *found]
    image = ImageStore(runtime.parts).find(desired.image)
    if not image or image.id != image_id:
        return found
    wanted = resolved(desired.options, image.config)
    found = [one._replace(after=wanted.get(one.option, one.after)) for one in found]
    return [one for one in found if one.before != one.after or one.change == Change.RECREATE]
