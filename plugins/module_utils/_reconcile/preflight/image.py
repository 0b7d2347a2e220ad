# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a new container's first process against the image's files, made before anything is changed.

An image that has still to be pulled is checked after the pull. A path that something is mounted over is not checked.
"""

from __future__ import annotations

import os
import posixpath
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Iterable, Optional, Sequence

from ..._container.bundle import builder
from ..._container.container import Container
from ..._container.rootfs.private_namespace import with_layers
from ..._drivers.kernel import securejoin
from ..._drivers.storage.driver import Storage
from ..._model.errors import InvalidArgument, not_invoked
from ..._model.options.table import select
from ..._model.records.config import resolved
from ..._resources.images.resolution import stored
from ..._runtime import anonymous_volumes
from ..._runtime.runtime import Runtime
from ..desired import Desired
from . import mount_points

if TYPE_CHECKING:
    from ..._model.options.types import EffectiveOptions, Volume
    from ..._model.records.image_config import ImageConfig

# Where a container may have files that its image does not have.
_OURS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp")
# Options that may add programs; an init looks for the command itself.
_BRINGING = ("init", "hooks_dir", "gpus", "secrets")
_HANDLER = "run.oci.handler"  # crun(1): the command is a WebAssembly module, say


def check(runtime: Runtime, container: Optional[Container], desired: Desired) -> None:
    """Check a new container's first process against the image's files.

    :raises InvalidArgument: the image has no such user, group or program, or a file as the working directory.
    """
    had = container.config if container is not None and not container.unreadable else None
    static_root, borrowed = runtime.parts.static_root, anonymous_volumes.borrowed(runtime, desired.wanted)
    # What cannot be read here, the container's creation reports.
    with suppress(OSError):
        if desired.rootfs or not desired.image and had and had.rootfs:
            _check(desired, {}, desired.image or (had.rootfs if had else ""), static_root, borrowed)
            return
        image = stored(runtime.parts, desired.image or (had.rootfs_image_id if had else ""))
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
    mounts = mount_points.of_options(options, image, borrowed, static_root)
    mount_points.check_targets(desired.name, mounts, root)
    effective = resolved(options, image)
    builder.check_user(effective["user"], options["group_add"], root)
    builder.check_workdir(desired.name, effective["workdir"], [one.target for one in mounts], root)
    argv = [*effective["entrypoint"], *effective["command"]]
    if argv and not any(select(options, _BRINGING).values()) and _HANDLER not in options["annotation"]:
        _check_program(desired.name, argv[0], effective, mounts, root, static_root)


def _check_program(
    name: str,
    program: str,
    effective: EffectiveOptions,
    mounts: Sequence[mount_points.MountPoint],
    root: str,
    static_root: str,
) -> None:
    """Look for the program as runc does (exec.LookPath): a path from the working directory, a name in PATH.

    :raises InvalidArgument: it does not exist, or is not executable.
    """
    places = [""] if "/" in program else [place for place in effective["env"].get("PATH", "").split(":") if place]
    mounted = _resolved(root, _OURS)
    inside = _resolved(root, (posixpath.join(effective["workdir"], place, program) for place in places))
    if any(f"{path}/".startswith(f"{target}/") for path in inside for target in mounted):
        return
    paths = [mount_points.behind(mounts, root, static_root, path) for path in inside]
    if None in paths:
        return
    modes = [os.stat(path).st_mode for path in paths if path and os.path.exists(path)]
    if not modes and any(path != one for path, one in zip(paths, inside) if os.path.exists(one)):
        hidden = f"command: a mount hides {program!r} in container {name}, or is noexec as a tmpfs without exec"
        raise not_invoked(InvalidArgument(f"{hidden}: mount elsewhere"), 127)
    if not modes:
        where = "" if "/" in program else " in its PATH"
        missing = f"command: the image of container {name} has no program {program!r}{where}: name one it has"
        raise not_invoked(InvalidArgument(missing), 127)
    if not any(stat.S_ISREG(mode) and mode & 0o111 for mode in modes):
        refused = f"command: {program} in the image of container {name} is not executable: permission denied"
        raise not_invoked(InvalidArgument(refused), 126)


def _resolved(root: str, paths: Iterable[str]) -> list[str]:
    """Return the host paths of these, but for those that lead through a file or in a circle."""
    resolved_paths = []
    for path in paths:
        with suppress(OSError):
            resolved_paths.append(securejoin.resolve(root, path))
    return resolved_paths
