# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mode of a tmpfs at every start: runc 1.1 gives it that of the directory it is mounted on."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Iterator, Optional, Sequence

from ..._drivers.kernel import securejoin
from ..._model.errors import InvalidArgument
from ..._model.failpoints import failpoint

if TYPE_CHECKING:
    from ..._spec.types import Mount
    from ..base import ContainerBase

# The kernel's default for a new tmpfs.
_DEFAULT = 0o1777


def requested(options: Sequence[str]) -> Optional[int]:
    """Return the mode in a mount's options; None where they leave it to the directory below."""
    return next((int(word[5:], 8) for word in options if word.startswith("mode=")), None)


def _file_systems(mounts: Sequence[Mount]) -> Iterator[tuple[str, Optional[int]]]:
    for mount in mounts:
        if mount["type"] == "tmpfs" and mount["destination"] != "/dev":
            yield mount["destination"], requested(mount["options"])


def prepare(container: ContainerBase, mounts: Sequence[Mount], rootfs: str) -> None:
    """Make the mount points that the root filesystem lacks, so that the next start finds them with the right mode.

    :raises InvalidArgument: the path of one leads through a file, or in a circle.
    """
    config = container.config
    owner = (config.host_root("uid"), config.host_root("gid"))
    targets = [mount["destination"] for mount in mounts]
    for target, mode in _file_systems(mounts):
        if any(target.startswith(f"{other}/") for other in targets):
            continue  # it is made in the other mount
        try:
            if not os.path.lexists(securejoin.resolve(rootfs, target)):
                securejoin.make_directories(rootfs, os.path.dirname(target), owner=owner)
                securejoin.make_directories(rootfs, target, _DEFAULT if mode is None else mode, owner)
        except OSError as error:
            raise InvalidArgument(
                f"tmpfs: {target} cannot be a mount point in container {config.name}: {error.strerror}"
            ) from error


def enforce(pid: int, mounts: Sequence[Mount]) -> None:
    """Give the file systems of a created container, in which nothing runs yet, the requested modes."""
    for target, mode in _file_systems(mounts):
        if mode is not None:
            held, missing = securejoin.way_to(f"/proc/{pid}/root", target)
            try:
                if not missing and stat.S_IMODE(os.fstat(held).st_mode) != mode:
                    change(held, target, mode, f"/proc/{pid}/ns/mnt")
            finally:
                os.close(held)


def change(held: int, target: str, mode: int, namespace: str) -> None:
    """Set the mode of a mounted file system, held open; a read-only one is made writable for a moment.

    ``namespace`` is the path of its mount namespace.
    """
    read_only = os.fstatvfs(held).f_flag & os.ST_RDONLY
    with _writable(held, target, namespace) if read_only else nullcontext():
        failpoint(f"chmod {target}")
        os.chmod(f"/proc/self/fd/{held}", mode)


@contextmanager
def _writable(held: int, target: str, namespace: str) -> Iterator[None]:
    from ..._drivers.kernel import mount_api

    flags = os.fstatvfs(held).f_flag & mount_api.FLAGS
    entered = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        mount_api.remount(entered, held, target, flags & ~mount_api.RDONLY)
        try:
            yield
        finally:
            mount_api.remount(entered, held, target, flags)
    finally:
        os.close(entered)


def changed(container: ContainerBase) -> dict[str, tuple[str, str]]:
    """Return the actual and the requested mode of each target whose mode is not the requested one."""
    modes = {}
    for one in container.config.file_systems:
        mode = requested(one["options"]) if one["type"] == "tmpfs" else None
        if mode is not None and "ro" not in one["options"] and not container.config.id_mappings:
            try:
                info = os.stat(securejoin.resolve(f"{container.proc}/root", one["target"]), follow_symlinks=False)
            except OSError:
                continue
            if stat.S_IMODE(info.st_mode) != mode:
                modes[one["target"]] = (f"mode {stat.S_IMODE(info.st_mode):o}", f"mode {mode:o}")
    return modes
