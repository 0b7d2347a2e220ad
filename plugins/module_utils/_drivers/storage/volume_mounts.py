# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mount on a volume's directory what its options say, and unmount it; what is mounted is asked of the kernel.

File systems are mounted by mount(2), those of the network by their mount.TYPE program.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Mapping

from ..._model.errors import InvalidArgument, InvalidState, NotImplementedByHost
from ..._model.failpoints import failpoint
from ..._model.options.mounts.volume_options import NETWORK_TYPES, VolumeOptions
from ..kernel import syscalls

# Mount options that are flags of mount(2), by <linux/mount.h>.
_FLAGS: Mapping[str, int] = {
    "ro": syscalls.MS_RDONLY,
    "nosuid": syscalls.MS_NOSUID,
    "nodev": syscalls.MS_NODEV,
    "noexec": syscalls.MS_NOEXEC,
    "sync": 0x10,
    "mand": 0x40,
    "dirsync": 0x80,
    "noatime": 0x400,
    "nodiratime": 0x800,
    "silent": 0x8000,
    "relatime": 1 << 21,
    "strictatime": 1 << 24,
    "lazytime": 1 << 25,
}
# Those that a bind mount has of its own; statvfs(3) has the same numbers.
_OF_MOUNTS = ("ro", "nosuid", "nodev", "noexec")
_TRIES = 64  # mounts on one another, of which others have made all but one
_CAUSES = {
    errno.EINVAL: "the device has no such file system, or its options are not known to it (see the kernel's log)",
    errno.ENODEV: "the kernel does not know this file system",
    errno.EUCLEAN: "its file system is damaged",
}


def is_mounted(path: str) -> bool:
    """Return whether a mount other than its parent's is on the directory, a bind mount of the same device too."""
    return _mount_id(path) != _mount_id(os.path.dirname(path))


def _mount_id(path: str) -> str:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
            return next(line for line in file if line.startswith("mnt_id:"))
    finally:
        os.close(descriptor)


def mount(options: VolumeOptions, path: str, volume: str) -> bool:
    """Mount a volume on its directory, unless it is, and complete what an interruption left; return whether it was not.

    :raises InvalidArgument: its options do not fit what the host has. :raises ToolMissing, ToolFailed: of mount.TYPE.
    """
    fresh = not is_mounted(path)
    if fresh:
        try:
            _mount(options, path)
        except OSError as error:
            why = _CAUSES.get(error.errno or 0, os.strerror(error.errno or 0))
            raise InvalidArgument(
                f"options: volume {volume} cannot be mounted: type {options.type}, device {options.device}, "
                f"o {','.join(options.o) or '(none)'}: {why}"
            ) from error
    _restrict(options, path)
    own(options, path)
    return fresh


def _mount(options: VolumeOptions, path: str) -> None:
    if options.type == "bind":
        if not os.path.isdir(options.device):
            raise InvalidArgument(
                f"options: device={options.device} is not a directory of this host, to be bound as a volume: make it "
                "first"
            )
        syscalls.mount(options.device, path, flags=syscalls.MS_BIND | _recursion(options))
    elif options.type in NETWORK_TYPES:
        _mount_by_program(options, path)
    else:
        _check_device(options)
        # A volume's files are written by containers.
        guards = [word for word in ("nosuid", "nodev") if word[2:] not in options.o]
        flags = 0
        for word in {*options.o, *guards}:
            flags |= _FLAGS.get(word, 0)
        words = [word for word in options.o if word not in _FLAGS]
        words += [f"{key}={value}" for key, value in _values(options)]
        syscalls.mount(options.device or options.type, path, options.type, flags, ",".join(words))


def _recursion(options: VolumeOptions) -> int:
    return syscalls.MS_REC if "rbind" in options.o else 0


def _values(options: VolumeOptions) -> list[tuple[str, int]]:
    """Return the values of a tmpfs, the one file system that takes them itself."""
    if options.type != "tmpfs":
        return []
    return [(key, value) for key, value in (("size", options.size), ("nr_inodes", options.inodes)) if value]


def _check_device(options: VolumeOptions) -> None:
    """Raise InvalidArgument if a file system that needs a block device has something else."""
    with open("/proc/filesystems", encoding="ascii") as file:
        needs_device = [line.strip() for line in file if not line.startswith("nodev")]
    if options.type not in needs_device:
        return
    try:
        mode = os.stat(options.device).st_mode
    except OSError as error:
        raise InvalidArgument(f"options: device={options.device} cannot be used: {error.strerror}") from error
    if not stat.S_ISBLK(mode):
        raise InvalidArgument(
            f"options: device={options.device} is not a block device, which {options.type} is on: give one, for a file "
            "that losetup --find --show prints"
        )


def _mount_by_program(options: VolumeOptions, path: str) -> None:
    """Mount a network's file system; ``addr=`` is the server of a device that begins with a colon, as with docker."""
    from ..command import run

    device, words = options.device, list(options.o)
    server = next((word[5:] for word in words if word.startswith("addr=")), "")
    if device.startswith(":") and server:
        device = f"{server}{device}"
    kind = "nfs" if options.type == "nfs4" else options.type
    words += ["vers=4"] if options.type == "nfs4" and not any(word.startswith("vers=") for word in words) else []
    run(
        [f"mount.{kind}", device, path, "-o", ",".join(["nosuid", "nodev", *words])],
        package="nfs-common" if kind == "nfs" else "cifs-utils",
        doing=f"cannot mount {device}",
        label="volume",
        tool="mount",
    )


def _restrict(options: VolumeOptions, path: str) -> None:
    """Give a bind mount the flags that its mount(2) ignores; also one whose mounting was interrupted."""
    if options.type != "bind":
        return
    wanted = 0
    for word in _OF_MOUNTS:
        wanted |= _FLAGS[word] if word in options.o else 0
    there = os.statvfs(path).f_flag
    if wanted & ~there:
        kept = there & (syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
        syscalls.mount("none", path, flags=syscalls.MS_BIND | syscalls.MS_REMOUNT | wanted | kept)


def own(options: VolumeOptions, path: str) -> None:
    """Give the volume's root directory the owner that its options name."""
    owner = (-1 if options.uid is None else options.uid, -1 if options.gid is None else options.gid)
    info = os.stat(path)
    if any(new not in (-1, old) for new, old in zip(owner, (info.st_uid, info.st_gid))):
        failpoint("chown volume")
        os.chown(path, *owner)


def adapt(options: VolumeOptions, path: str) -> None:
    """Give what is mounted the owner and, where it is a tmpfs, the size and number of inodes that the options name."""
    own(options, path)
    if options.type == "tmpfs":
        flags = os.statvfs(path).f_flag & (syscalls.MS_RDONLY | syscalls.MS_NOSUID | syscalls.MS_NODEV)
        words = f"size={options.size or '50%'},nr_inodes={options.inodes or 0}"
        try:
            syscalls.mount("tmpfs", path, "tmpfs", syscalls.MS_REMOUNT | flags, words)
        except OSError as error:
            raise InvalidState(
                f"options: size={options.size} cannot be set: the volume holds more, or had no limit: unmount it first"
            ) from error


def unmount(path: str) -> bool:
    """Unmount all that is mounted on the directory, if it exists; return whether something was.

    Processes that use it keep what they have, as with podman.

    :raises NotImplementedByHost: something is mounted there again and again.
    """
    if not os.path.isdir(path):
        return False
    for number in range(_TRIES):
        if not is_mounted(path):
            return number > 0
        syscalls.umount(path, syscalls.MNT_DETACH)
    raise NotImplementedByHost(f"{path} cannot be unmounted: other programs mount something there at once")


def guards(options: VolumeOptions) -> tuple[str, ...]:
    """Return the flags that each bind mount of the volume keeps, since a remount would clear them."""
    words = {word for word in _OF_MOUNTS if word in options.o}
    if options.type == "bind":
        try:
            there = os.statvfs(options.device).f_flag
        except OSError:
            there = 0
        words |= {word for word in _OF_MOUNTS if there & _FLAGS[word]}
    return tuple(word for word in _OF_MOUNTS if word in words)
