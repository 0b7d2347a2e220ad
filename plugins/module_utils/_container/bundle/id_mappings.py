# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container in its own user namespace needs on the host: paths that its root may walk, files that it owns."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..base import ContainerBase


def prepare(container: ContainerBase, rootfs: str) -> None:
    """Let the mapped root own its image's root directory, and reach that and the bundle, as podman does.

    The OCI runtime walks both paths as the mapped root. Other users may then pass the directories above, not list them.
    """
    uid, gid = container.config.host_root("uid"), container.config.host_root("gid")
    if not container.config.rootfs:
        own(container, rootfs)
    for name in ("hosts", "hostname", "resolv.conf"):
        own(container, f"{container.run_dir}/{name}")
    for path in (rootfs, container.run_dir):
        while path != "/":
            info = os.stat(path)
            mode = stat.S_IMODE(info.st_mode)
            if (info.st_uid, info.st_gid) != (uid, gid) and not mode & stat.S_IXOTH:
                failpoint(f"chmod {path}")
                os.chmod(path, mode | stat.S_IXOTH | stat.S_IXGRP)
            path = os.path.dirname(path)


def own(container: ContainerBase, path: str) -> None:
    """Make the container's root the owner of a file or directory that the engine made."""
    wanted = container.config.host_root("uid"), container.config.host_root("gid")
    info = os.stat(path)
    if (info.st_uid, info.st_gid) != wanted:
        failpoint(f"chown {path}")
        os.chown(path, *wanted)
