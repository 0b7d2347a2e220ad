# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container in a user namespace of its own needs on the host: paths its root may walk, files it owns."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..base import ContainerBase


def prepare(container: ContainerBase, rootfs: str) -> None:
    """Give the mapped root the root directory of its image, and the way to it and to the bundle, as podman does.

    The runtime walks both as the mapped root: others may pass the directories above then, not list them.
    """
    uid, gid = container.config.host_root("uid"), container.config.host_root("gid")
    if not container.config.rootfs:
        own(container, rootfs)
    for name in ("hosts", "hostname", "resolv.conf"):
        own(container, f"{container.run_dir}/{name}")
    for path in (rootfs, container.run_dir):
        while path != "/":
            found = os.stat(path)
            mode = stat.S_IMODE(found.st_mode)
            if (found.st_uid, found.st_gid) != (uid, gid) and not mode & stat.S_IXOTH:
                failpoint(f"chmod {path}")
                os.chmod(path, mode | stat.S_IXOTH | stat.S_IXGRP)
            path = os.path.dirname(path)


def own(container: ContainerBase, path: str) -> None:
    """Let the container's root own a file or directory that the engine made."""
    wanted = container.config.host_root("uid"), container.config.host_root("gid")
    found = os.stat(path)
    if (found.st_uid, found.st_gid) != wanted:
        failpoint(f"chown {path}")
        os.chown(path, *wanted)
