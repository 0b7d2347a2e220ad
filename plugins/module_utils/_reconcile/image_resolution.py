# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image a new container gets."""

from __future__ import annotations

from .._resources.images.resolution import ImageResolution, resolve
from .._runtime.runtime import Runtime
from .desired import Desired


def resolve_image(runtime: Runtime, desired: Desired) -> ImageResolution:
    """Return the image for a container, and raise, as ``resolve`` does."""
    # Where no new container may be created, that is the error to report, and not that of the source.
    check = desired.recreate_policy != "never"
    return resolve(runtime.parts, runtime.source_answers, desired.image, desired.pulling, check_source=check)
