# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a directory by a project quota of XFS or ext4 (quotactl(2), xfsctl(3)); the directory has its project's ID.

What is made in it inherits the project. What was there before it had one, the file system does not count.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import contextmanager
from typing import Iterator, NamedTuple

from ..._model.failpoints import failpoint
from ..kernel import syscalls

# <linux/fs.h>: struct fsxattr, of which the fourth number is the project.
_FS_IOC_FSGETXATTR, _FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
_FSXATTR = struct.Struct("=5I8s")
_FS_XFLAG_PROJINHERIT = 0x200
# <linux/dqblk_xfs.h>: these calls are the same for every file system.
_Q_XGETQUOTA, _Q_XSETQLIM, _Q_XGETQSTATV = 0x5803, 0x5804, 0x5808
_FS_PROJ_QUOTA = 2
_LIMITS = 0b1111  # FS_DQ_ISOFT, FS_DQ_IHARD, FS_DQ_BSOFT and FS_DQ_BHARD
_PDQ_ON = 0b110000  # FS_QUOTA_PDQ_ACCT and FS_QUOTA_PDQ_ENFD
# struct fs_disk_quota up to the number of inodes, and what it has after that.
_DISK_QUOTA, _DISK_QUOTA_REST = struct.Struct("=bbHI6Q"), bytes(56)
_STATV, _STATV_REST = struct.Struct("=bBH"), bytes(156)
_BLOCK = 512  # of the limits
_MAX_PROJECT = (1 << 32) - 2


class _Limits(NamedTuple):
    version: int = 1
    flags: int = _FS_PROJ_QUOTA
    fields: int = _LIMITS
    project: int = 0
    blocks: int = 0
    soft_blocks: int = 0
    inodes: int = 0
    soft_inodes: int = 0
    used_blocks: int = 0
    used_inodes: int = 0


def possible(path: str) -> bool:
    """Return whether project quotas are in force on the file system of ``path``, which exists."""
    buffer = bytearray(_STATV.pack(1, 0, 0) + _STATV_REST)
    try:
        syscalls.quotactl(_Q_XGETQSTATV, _device(path), 0, buffer)
    except OSError:
        return False
    return int(_STATV.unpack_from(buffer)[2]) & _PDQ_ON == _PDQ_ON


def has_project(path: str) -> bool:
    """Return whether a directory has a project of its own, which counts all that is in it."""
    return bool(_project(path))


def limit(path: str, size: int, inodes: int) -> None:
    """Limit what a directory holds to ``size`` bytes and ``inodes`` files and directories; 0 is no limit.

    An interrupted call is completed by another one.

    :raises OSError: the file system has no project quotas, or the kernel refuses.
    """
    device = _device(path)
    with _alone(path):
        project = _project(path)
        if not project:
            project = _unused(device, os.stat(path).st_ino)
            _set_project(path, project)
        blocks = -(-size // _BLOCK)
        limits = _Limits(project=project, blocks=blocks, soft_blocks=blocks, inodes=inodes, soft_inodes=inodes)
        failpoint("set project quota")
        syscalls.quotactl(_Q_XSETQLIM, device, project, bytearray(_DISK_QUOTA.pack(*limits) + _DISK_QUOTA_REST))


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Hold a lock under which an unused project is chosen: that of the directory of all volumes."""
    folder = os.open(os.path.dirname(os.path.dirname(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _device(path: str) -> str:
    """Return the block device that the file system of ``path`` is on.

    :raises OSError: it is on none.
    """
    number = os.stat(path).st_dev
    with open(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/uevent", encoding="utf-8") as file:
        names = [line.strip()[len("DEVNAME=") :] for line in file if line.startswith("DEVNAME=")]
    if not names:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), path)
    return f"/dev/{names[0]}"


def _attributes(path: str) -> list[int]:
    """Return the first five numbers of a directory's fsxattr."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return list(_FSXATTR.unpack(fcntl.ioctl(descriptor, _FS_IOC_FSGETXATTR, bytes(_FSXATTR.size))))[:5]
    finally:
        os.close(descriptor)


def _project(path: str) -> int:
    """Return the project that a directory and what is made in it have, 0 where that is the parent's or none."""
    try:
        flags, *_others, project, _cow_extent_size = _attributes(path)
        parent = _attributes(os.path.dirname(path))[3]
    except OSError:
        return 0  # of a file system without projects
    return project if flags & _FS_XFLAG_PROJINHERIT and project != parent else 0


def _set_project(path: str, project: int) -> None:
    flags, extent_size, extents, _project_before, cow_extent_size = _attributes(path)
    values = (flags | _FS_XFLAG_PROJINHERIT, extent_size, extents, project, cow_extent_size)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        failpoint("set project")
        fcntl.ioctl(descriptor, _FS_IOC_FSSETXATTR, _FSXATTR.pack(*values, bytes(8)))
    finally:
        os.close(descriptor)


def _unused(device: str, inode: int) -> int:
    """Return a project that counts and limits nothing yet, by a number that only one directory has, or above that."""
    project = inode % _MAX_PROJECT + 1
    while _is_used(device, project):
        project = project % _MAX_PROJECT + 1
    return project


def _is_used(device: str, project: int) -> bool:
    buffer = bytearray(_DISK_QUOTA.pack(*_Limits(project=project)) + _DISK_QUOTA_REST)
    try:
        syscalls.quotactl(_Q_XGETQUOTA, device, project, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return False
        raise
    return any(_Limits(*_DISK_QUOTA.unpack_from(buffer))[4:])
