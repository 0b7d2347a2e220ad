# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlays that the engine mounts itself, beside those that containers-storage(1) mounts."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, suppress

from ..._model.errors import NotImplementedByHost
from ..._model.failpoints import failpoint
from .roots import Layers


def mount_layers(layers: Layers, point: str, *, write: bool, label: str = "") -> None:
    """Mount a root filesystem on ``point``; without ``write`` it is read-only, and needs no ``work`` directory.

    ``label`` is that of SELinux that all its files have.
    """
    from ..kernel.syscalls import MS_BIND, MS_NODEV, MS_RDONLY, mount

    with ExitStack() as stack:

        def held(path: str) -> str:
            # A short path however deep the store is, without characters that overlay's options would have to escape.
            descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, descriptor)
            return f"/proc/self/fd/{descriptor}"

        lower = ":".join(map(held, layers.lower))
        if not lower:
            mount(layers.upper, point, flags=MS_BIND)
        elif write:
            options = f"lowerdir={lower},upperdir={held(layers.upper)},workdir={held(layers.work)}"
            mount("overlay", point, "overlay", MS_NODEV, options, label=label)
        else:
            options = f"lowerdir={held(layers.upper)}:{lower}"
            mount("overlay", point, "overlay", MS_NODEV | MS_RDONLY, options, label=label)


def mount_rootfs(layers: Layers, point: str, what: str, static_root: str, label: str) -> None:
    """Mount a container's root filesystem on ``point``, which is made, with SELinux's ``label`` of its files.

    :raises NotImplementedByHost: the static root's file system cannot hold an overlay's changes; ``what`` needs it to.
    """
    failpoint("mkdir rootfs")
    os.makedirs(point, 0o700, exist_ok=True)
    try:
        mount_layers(layers, point, write=True, label=label)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENODEV):
            raise NotImplementedByHost(
                f"{what}: the kernel refuses it ({error.strerror}); static_root {static_root} must be on a file system "
                "that can hold its changes"
            ) from error
        raise


def unmount_rootfs(point: str) -> None:
    """Unmount what ``mount_rootfs`` mounted, and remove the mount point."""
    if not os.path.isdir(point):
        return
    if os.path.ismount(point):
        from ..kernel.syscalls import MNT_DETACH, umount

        umount(point, MNT_DETACH)
    failpoint("rmdir rootfs")
    with suppress(FileNotFoundError):
        os.rmdir(point)
