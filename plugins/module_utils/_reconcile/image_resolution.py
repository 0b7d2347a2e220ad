# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image a new container gets, and those that it mounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._resources.images.resolution import ImageResolution, resolve, stored
from .._runtime.runtime import Runtime
from .desired import Desired

if TYPE_CHECKING:
    from .._model.options.types import ContainerOptions, Mount


def resolve_image(runtime: Runtime, desired: Desired) -> ImageResolution:
    """Return the image for a container, and raise, as ``resolve`` does."""
    # Where no new container may be created, that is the error to report, and not that of the source.
    check = desired.recreate_policy != "never"
    return resolve(runtime.parts, runtime.source_answers, desired.image, desired.pulling, check_source=check)


def with_mounted(runtime: Runtime, desired: Desired, options: ContainerOptions) -> Desired:
    """Return the desired container with the IDs of the images that it mounts, so that a name that moves differs.

    :raises InvalidArgument: a name is no reference, or an ID is ambiguous.
    """

    def resolved(mount: Mount) -> Mount:
        if "source" not in mount or mount["type"] != "image":
            return mount
        image = stored(runtime.parts, mount["source"])
        return {**mount, "image": image.id if image else ""}

    return desired._replace(options={**options, "mount": [resolved(one) for one in options["mount"]]})
