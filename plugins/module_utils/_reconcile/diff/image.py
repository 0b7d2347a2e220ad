# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new container gets from another image; imported only where one is planned."""

from __future__ import annotations

from ..._drivers.images.store import ImageStore
from ..._model.options.table import Change
from ..._model.records.config import ContainerConfig, resolved
from ..._runtime.runtime import Runtime
from ..desired import Desired
from ..image_resolution import resolve_image
from ..plan import Difference


def with_image(
    runtime: Runtime, config: ContainerConfig, desired: Desired, differing: list[Difference]
) -> list[Difference]:
    """Return the differences of a new container, with its image's values, and with the image where its tag has moved.

    A moved tag needs no new container by itself. Of an image that is still to be pulled, only the ID is known.
    """
    if not desired.image or desired.rootfs or config.rootfs or desired.options is None:
        return differing
    image_id = resolve_image(runtime, desired).id
    if image_id == config.rootfs_image_id:
        return differing
    if image_id and not any(one.option == "image" for one in differing):
        before, after = (f"{config.rootfs_image_name} ({one[:12]})" for one in (config.rootfs_image_id, image_id))
        reason = "its name leads to another image by now"
        differing = [Difference("image", before, after, Change.RECREATE, ignored=True, reason=reason), *differing]
    image = ImageStore(runtime.parts).find(desired.image)
    if not image or image.id != image_id:
        return differing
    wanted = resolved(desired.options, image.config)
    differing = [one._replace(after=wanted.get(one.option, one.after)) for one in differing]
    return [one for one in differing if one.before != one.after or one.change == Change.RECREATE]
