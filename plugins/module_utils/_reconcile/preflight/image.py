# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the image's files say about a new container's first process, asked before anything is changed.

An image that has still to be pulled says nothing yet, and neither does it of a path that something is mounted over.
"""

from __future__ import annotations

import os
import posixpath
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Sequence

from ..._container.bundle import builder
from ..._container.container import Container
from ..._container.rootfs.private_mount import with_layers
from ..._drivers.images.store import ImageStore
from ..._drivers.kernel import securejoin
from ..._drivers.storage.driver import Storage
from ..._model.errors import InvalidArgument
from ..._model.options.table import select
from ..._model.records.config import resolved
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from ..desired import Desired
from . import mount_points

if TYPE_CHECKING:
    from ..._model.options.types import Volume
    from ..._model.records.image_config import ImageConfig

# Where the container may have what the image does not.
_OURS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp")
# Options that may bring a program from elsewhere; an init looks itself for what it is to start.
_BRINGING = ("init", "hooks_dir", "gpus", "secrets")
_HANDLER = "run.oci.handler"  # crun(1): the command is a WebAssembly module, say


def check(runtime: Runtime, container: Optional[Container], desired: Desired) -> None:
    """:raises InvalidArgument: the image has no such user, group or program, or a file as the working directory."""
    had = container.config if container is not None and not container.unreadable else None
    static_root, borrowed = runtime.parts.static_root, anonymous_volumes.borrowed(runtime, desired.wanted)
    # What cannot be looked at here, the making of the container tells.
    with suppress(OSError):
        if desired.rootfs or not desired.image and had and had.rootfs:
            _check(desired, {}, desired.image or (had.rootfs if had else ""), static_root, borrowed)
            return
        image = ImageStore(runtime.parts).find(desired.image or (had.rootfs_image_id if had else ""))
        if image is not None and image.layer:
            layers = Storage(runtime.parts).layers_of(image.layer)
            with_layers(layers, lambda root: _check(desired, image.config, root, static_root, borrowed))


def _check(
    desired: Desired,
    image: ImageConfig,
    root: str,
    static_root: str = "",
    borrowed: Sequence[Volume] = (),
) -> None:
    options = desired.wanted
    mounts = mount_points.asked(options, image, borrowed)
    mount_points.check_targets(desired.name, mounts, root)
    found = resolved(options, image)
    builder.check_user(found["user"], options["group_add"], root)
    builder.check_workdir(desired.name, found["workdir"], [one.target for one in mounts], root)
    argv = [*found["entrypoint"], *found["command"]]
    if argv and not any(select(options, _BRINGING).values()) and _HANDLER not in options["annotation"]:
        _check_program(desired.name, argv[0], found, mounts, root, static_root)


def _check_program(
    name: str,
    program: str,
    found: Mapping[str, Any],
    mounts: Sequence[mount_points.Asked],
    root: str,
    static_root: str,
) -> None:
    """Look where runc does (exec.LookPath): a path is one from the working directory, else PATH is gone through."""
    places = [""] if "/" in program else [place for place in found["env"].get("PATH", "").split(":") if place]
    mounted = _resolved(root, _OURS)
    inside = _resolved(root, (posixpath.join(found["workdir"], place, program) for place in places))
    if any(f"{path}/".startswith(f"{target}/") for path in inside for target in mounted):
        return
    paths = [mount_points.behind(mounts, root, static_root, path) for path in inside]
    if None in paths:
        return
    modes = [os.stat(path).st_mode for path in paths if path and os.path.exists(path)]
    if not modes and any(path != one for path, one in zip(paths, inside) if os.path.exists(one)):
        raise InvalidArgument(
            f"command: a mount hides {program!r} in container {name}, or is noexec as a tmpfs without exec: mount "
            "elsewhere"
        )
    if not modes:
        where = "" if "/" in program else " in its PATH"
        raise InvalidArgument(
            f"command: the image of container {name} has no program {program!r}{where}: name one it has"
        )
    if not any(stat.S_ISREG(mode) and mode & 0o111 for mode in modes):
        raise InvalidArgument(
            f"command: {program} in the image of container {name} is none that can be run: permission denied"
        )


def _resolved(root: str, paths: Iterable[str]) -> list[str]:
    """Host paths of these, but for those that lead through a file or in a circle."""
    found = []
    for path in paths:
        with suppress(OSError):
            found.append(securejoin.resolve(root, path))
    return found
