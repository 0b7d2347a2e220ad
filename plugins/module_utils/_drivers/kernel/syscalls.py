# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls Python does not wrap (before 3.12, or at all): mount(2), umount2(2), unshare(2), setns(2) and others."""

from __future__ import annotations

import errno
import os
from typing import Sequence

from ..._model.failpoints import failpoint

# <linux/mount.h>
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000
MNT_DETACH = 0x2
_PIDFD_GETFD = 438  # <asm/unistd.h>, the same on every architecture
# <linux/fs.h>
RENAME_NOREPLACE = 0x1
RENAME_EXCHANGE = 0x2
_AT_FDCWD = -100
# <linux/sched.h>
CLONE_FS = 0x200
CLONE_NEWNS = 0x20000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
_PRJQUOTA = 2  # <linux/quota.h>
# <linux/prctl.h>
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# <linux/capability.h>
_CAPABILITY_VERSION = 0x20080522


def _call(function: str, path: str, *arguments: object) -> None:
    import ctypes

    # The library's object is not kept: it costs 20 µs, and a shared one would share its copy of errno.
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}", path)


def mount(source: str, target: str, fstype: str = "", flags: int = 0, data: str = "", *, label: str = "") -> None:
    """Call mount(2); ``label`` is that of SELinux of all files, "" for none (``context`` of mount(8)).

    :raises OSError: as there, naming ``target``.
    """
    import ctypes

    failpoint(f"mount {os.path.basename(target)}")
    if label:
        data = f'{data},context="{label}"' if data else f'context="{label}"'
    kind, options = fstype.encode() or None, data.encode() or None
    _call("mount", target, os.fsencode(source), os.fsencode(target), kind, ctypes.c_ulong(flags), options)


def umount(target: str, flags: int = 0) -> None:
    """Call umount2(2). :raises OSError: as there, naming ``target``."""
    failpoint(f"umount {os.path.basename(target)}")
    _call("umount2", target, os.fsencode(target), flags)


def unshare(flags: int) -> None:
    """Call unshare(2) for the calling thread. :raises OSError: as there."""
    failpoint("unshare")
    _call("unshare", "", flags)


def setns(path: str, kind: int) -> None:
    """Move the calling thread into the namespace at ``path`` (setns(2)), which does not change the host.

    :raises OSError: as there, or ``path`` cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", path, descriptor, kind)
    finally:
        os.close(descriptor)


def rename(old: str, new: str, flags: int) -> None:
    """Call renameat2(2). :raises OSError: as there, or the C library lacks it."""
    try:
        _call("renameat2", new, _AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new), flags)
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), new) from None


def die_with_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends (prctl(2)); programs that it runs get none."""
    import ctypes

    _call("prctl", "", PR_SET_PDEATHSIG, ctypes.c_ulong(number))


def adopt_orphans(on: bool) -> None:
    """Make orphans of this process's programs its own children instead of init's (prctl(2))."""
    import ctypes

    _call("prctl", "", PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(on))


def pidfd_getfd(process: int, descriptor: int) -> int:
    """Return a copy, close-on-exec, of a descriptor of the process whose pidfd is ``process`` (pidfd_getfd(2)).

    :raises OSError: as there.
    """
    import ctypes

    copy = int(ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, process, descriptor, 0))
    if copy < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"pidfd_getfd: {os.strerror(number)}")
    return copy


def filesystem_type(descriptor: int) -> int:
    """Return the magic number of the file system that an open file is on (statfs(2)). :raises OSError: as there."""
    import ctypes

    buffer = ctypes.create_string_buffer(256)
    _call("fstatfs", "", descriptor, buffer)
    return ctypes.c_uint.from_buffer(buffer).value  # f_type comes first; all known numbers have 32 bits


def quotactl(command: int, device: str, project: int, buffer: bytearray) -> None:
    """Call quotactl(2) for a project of the file system on a block device. :raises OSError: as there."""
    import ctypes

    there = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    _call("quotactl", device, command << 8 | _PRJQUOTA, os.fsencode(device), ctypes.c_int(project), there)


def set_groups(groups: Sequence[int], number: int) -> None:
    """Set the supplementary groups of the calling thread alone; ``number`` is setgroups(2)'s on this architecture.

    :raises OSError: as there.
    """
    import ctypes

    _call("syscall", "", ctypes.c_long(number), len(groups), (ctypes.c_uint * len(groups))(*groups))


def set_file_ids(uid: int, gid: int) -> None:
    """Set the user and group by which the kernel checks the calling thread's access to files (setfsuid(2)).

    :raises PermissionError: the kernel has not taken them.
    """
    import ctypes

    library = ctypes.CDLL(None)
    for function, number in ((library.setfsgid, gid), (library.setfsuid, uid)):
        function(ctypes.c_uint(number))
        # It returns the earlier ID whether or not it has worked; -1 is no ID, and changes nothing.
        if function(ctypes.c_uint(0xFFFFFFFF)) != ctypes.c_int(number).value:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def set_capabilities(wanted: int) -> None:
    """Reduce the calling thread's capabilities to those of the bit set ``wanted`` (capset(2)).

    :raises OSError: as there.
    """
    import ctypes

    words = ctypes.c_uint * 6  # effective, permitted, inheritable for the lower half, then for the upper half
    header, sets = (ctypes.c_uint * 2)(_CAPABILITY_VERSION, 0), words()
    _call("capget", "", header, sets)
    lower, upper = wanted & 0xFFFFFFFF & sets[1], wanted >> 32 & sets[4]
    _call("capset", "", header, words(lower, lower, 0, upper, upper, 0))
