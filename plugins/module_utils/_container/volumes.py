# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes: named ones are directories under the static root, kept when containers go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._drivers import beneath
from .._drivers.command import run
from .._drivers.effects import effect
from .._model.errors import InvalidArgument
from .._store import records

if TYPE_CHECKING:
    from .container import Container


def sources(container: Container, rootfs: str) -> dict[str, str]:
    """Target in the container to the directory or file behind it; named volumes are made where missing.

    :raises InvalidArgument: the source of a bind mount does not exist.
    """
    found = {}
    for volume in container.config.options["volume"]:
        if volume["type"] == "bind":
            check_source(volume["source"], container.name)
            found[volume["target"]] = volume["source"]
        else:
            directory = f"{container.host.parts.static_root}/volumes/{volume['source']}"
            _ensure(container, directory, rootfs, volume["target"], copy="nocopy" not in volume["flags"])
            found[volume["target"]] = f"{directory}/_data"
    return found


def check_source(path: str, name: str) -> None:
    """:raises InvalidArgument: the source of a bind mount does not exist."""
    if not os.path.exists(path):
        raise InvalidArgument(
            f"volume: {path}, to be bound in container {name}, does not exist on the host: make it first"
        )


def _ensure(container: Container, directory: str, rootfs: str, target: str, *, copy: bool) -> None:
    """Make the volume, and give a new one the content that the image has at ``target``, once.

    The record is written when all is done: a volume without it is begun again.
    """
    if os.path.exists(f"{directory}/volume.json"):
        return
    data = f"{directory}/_data"
    effect("make volume")
    os.makedirs(data, 0o755, exist_ok=True)
    # Only the way to it is closed to others; the data has the image's own modes, which containers' users need.
    os.chmod(os.path.dirname(directory), 0o700)
    original = beneath.resolve(rootfs, target)
    if copy and os.path.isdir(original) and not os.path.islink(original):
        run(
            ["cp", "--archive", "--no-target-directory", f"{original}/.", data],
            package="coreutils",
            doing=f"cannot copy the image's {target} into the new volume {os.path.basename(directory)}",
        )
    if container.config.id_mappings and os.stat(data).st_uid == 0:
        from . import id_mappings

        id_mappings.own(container, data)
    records.write(f"{directory}/volume.json", {"name": os.path.basename(directory)})
