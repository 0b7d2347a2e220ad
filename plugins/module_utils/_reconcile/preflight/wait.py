# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of what a task waits for: that the container can become so."""

from __future__ import annotations

from typing import Optional

from ..._container.container import Container
from ..._model.errors import InvalidArgument
from ..._model.options import health
from ..._model.records.config import resolved
from ..._runtime.runtime import Runtime
from ..desired import Desired
from .host import image_config


def check(runtime: Runtime, container: Optional[Container], desired: Desired) -> None:
    """Check that a container that is to become healthy has a health check, and one that is to boot a systemd.

    :raises InvalidArgument: it has none.
    """
    if container and (desired.by_name or container.unreadable):
        effective = container.config.resolved
    else:
        image = image_config(runtime, container, desired)
        if image is None or desired.options is None:
            return
        effective = resolved(desired.options, image)
    if desired.wait == "booted" and not effective["systemd"]:
        raise InvalidArgument(
            f"wait: container {desired.name} is not made for systemd, so that it never boots: give it the image's init "
            "as command, or set systemd to always"
        )
    if desired.wait == "healthy" and effective["healthcheck"] == health.NONE:
        raise InvalidArgument(
            f"wait: container {desired.name} has no health check, so that it never becomes healthy: give it one with "
            "healthcheck, or omit wait"
        )
