# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts as file descriptors, and operations on them in another mount namespace.

They need Linux 5.12: open_tree(2), move_mount(2), mount_setattr(2), fsopen(2), fspick(2). A mount that is created here
and not attached ends with its descriptor, so also with a killed process. A thread of its own enters the other
namespace, makes one system call there and ends: no program is run, and this process looks at no file there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import time
from typing import TYPE_CHECKING, Callable, Mapping, Optional

from ..._model.failpoints import failpoint
from .. import process
from .syscalls import MNT_DETACH, MS_BIND, MS_PRIVATE, MS_REMOUNT, MS_SLAVE

if TYPE_CHECKING:
    import ctypes

# <asm/unistd.h>, the same on every architecture
_OPEN_TREE, _MOVE_MOUNT, _FSOPEN, _FSCONFIG, _FSMOUNT, _FSPICK, _MOUNT_SETATTR = 428, 429, 430, 431, 432, 433, 442
# <linux/fcntl.h>, <linux/mount.h>, <linux/sched.h>
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE = 1
_FROM_DESCRIPTOR, _TO_DESCRIPTOR, _BENEATH = 0x4, 0x40, 0x200
_CLOEXEC, _PICK_DESCRIPTOR = 1, 8
_SET_FLAG, _SET_STRING, _CREATE, _RECONFIGURE = 0, 1, 6, 7
_MNT_EXPIRE, _UMOUNT_NOFOLLOW = 4, 8
_CLONE_FS, _CLONE_NEWNS = 0x200, 0x20000
# A mount's flags; those of statvfs(3) have the same numbers.
RDONLY, NOSUID, NODEV, NOEXEC, NOATIME = 0x1, 0x2, 0x4, 0x8, 0x10
FLAGS = RDONLY | NOSUID | NODEV | NOEXEC
_ATIME = 0x70
_IDMAP = 0x100000
_PROPAGATIONS = {"private": MS_PRIVATE, "slave": MS_SLAVE}
# A process that walks a path holds its mounts for a moment.
_TRIES, _PAUSE = 10, 0.01


def _library() -> ctypes.CDLL:
    import ctypes

    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    """Return a system call's result, or its errno as a negative number."""
    import ctypes

    result = int(_library().syscall(number, *arguments))
    return result if result >= 0 else -ctypes.get_errno()


def _checked(result: int, doing: str, path: str = "") -> int:
    if result < 0:
        raise OSError(-result, f"{doing}: {os.strerror(-result)}", path or None)
    return result


def supported() -> bool:
    """Return whether this process may use all these calls, MOVE_MOUNT_BENEATH (Linux 6.5) aside."""
    missing = (-errno.ENOSYS, -errno.EPERM)
    calls = ((_OPEN_TREE, -1, b"", 0), (_MOVE_MOUNT, -1, b"", -1, b"", 0), (_FSPICK, -1, b"", 0), (_FSOPEN, None, 0))
    return all(_call(*one) not in missing for one in (*calls, (_MOUNT_SETATTR, -1, b"", 0, None, 0)))


def supports_beneath() -> bool:
    """Return whether a mount can be put beneath another one, so that removing that leaves no gap."""
    return _call(_MOVE_MOUNT, -1, b"", -1, b"", _BENEATH) not in (-errno.ENOSYS, -errno.EPERM, -errno.EINVAL)


# Mounts that are not attached yet


def clone(source: str, flags: int, propagation: str, *, recursive: bool) -> int:
    """Return a bind mount of ``source``, with the mounts below it where ``recursive``.

    ``flags`` of 0 keeps those of the source's own mount. :raises OSError: as open_tree(2) or mount_setattr(2).
    """
    mode = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    tree = _checked(_call(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), mode), "open_tree", source)
    try:
        if flags:
            _checked(_set(tree, flags, FLAGS & ~flags), "mount_setattr", source)
        _checked(_set(tree, propagation=propagation), "mount_setattr", source)
    except BaseException:
        os.close(tree)
        raise
    return tree


def idmapped(source: str, namespace: int) -> int:
    """Return a bind mount of ``source`` whose files have the IDs that a user namespace, a descriptor, maps theirs to.

    :raises OSError: as open_tree(2) or mount_setattr(2): the kernel (before 5.12) or the file system maps none.
    """
    tree = clone(source, 0, "private", recursive=False)
    try:
        attributes = struct.pack("QQQQ", _IDMAP, 0, 0, namespace)
        _checked(_call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH, attributes, 32), "mount_setattr", source)
    except BaseException:
        os.close(tree)
        raise
    return tree


def tmpfs(options: Mapping[str, str], flags: int) -> int:
    """Return a new tmpfs with these options (tmpfs(5)). :raises OSError: the kernel does not take one."""
    context = _checked(_call(_FSOPEN, b"tmpfs", _CLOEXEC), "fsopen")
    try:
        for key, value in {"source": "tmpfs", **options}.items():
            _configure(context, _SET_STRING, key, value)
        _configure(context, _CREATE)
        return _checked(_call(_FSMOUNT, context, _CLOEXEC, flags), "fsmount")
    finally:
        os.close(context)


def _configure(context: int, command: int, key: str = "", value: Optional[str] = None) -> None:
    pair = key.encode() or None, None if value is None else value.encode()
    _checked(_call(_FSCONFIG, context, command, *pair, 0), f"fsconfig {key}".rstrip())


def _set(mount: int, flags: int = 0, cleared: int = 0, propagation: str = "") -> int:
    """Call mount_setattr(2); a propagation that begins with ``r`` applies to the mounts below too."""
    kind = _PROPAGATIONS.get(propagation.lstrip("r"), 0)
    how = _AT_EMPTY_PATH | (_AT_RECURSIVE if propagation.startswith("r") else 0)
    return _call(_MOUNT_SETATTR, mount, b"", how, struct.pack("QQQQ", flags, cleared, kind, 0), 32)


def attach_here(tree: int, path: str) -> None:
    """Attach a mount at ``path`` in the mount namespace of the calling thread. :raises OSError: as move_mount(2)."""
    failpoint(f"move_mount {os.path.basename(path)}")
    _checked(_call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(path), _FROM_DESCRIPTOR), "move_mount", path)


# In another mount namespace


def attach(namespace: int, tree: int, target: int, name: str, *, beneath: bool = False) -> None:
    """Attach a mount at the descriptor ``target`` of a directory or file, or ``beneath`` the mount whose root it is.

    :raises OSError: as move_mount(2), naming ``name``.
    """
    failpoint(f"move_mount {name}")
    how = _FROM_DESCRIPTOR | _TO_DESCRIPTOR | (_BENEATH if beneath else 0)
    _checked(_inside(namespace, lambda: _call(_MOVE_MOUNT, tree, b"", target, b"", how)), "move_mount", name)


def change(namespace: int, mount: int, name: str, flags: int, propagation: str = "", *, times: bool = False) -> None:
    """Set exactly these flags, and a propagation, on the mount whose root the descriptor ``mount`` is.

    With ``times`` NOATIME is among them. A mount cannot become read-only while a file is open for writing.

    :raises OSError: as mount_setattr(2), naming ``name``.
    """
    failpoint(f"mount_setattr {name}")
    cleared = (FLAGS & ~flags) | (_ATIME if times else 0)
    done = _while_busy(lambda: _inside(namespace, lambda: _set(mount, flags, cleared)))
    _checked(done, "mount_setattr", name)
    if propagation:
        _checked(_inside(namespace, lambda: _set(mount, propagation=propagation)), "mount_setattr", name)


def remount(namespace: int, mount: int, name: str, flags: int) -> None:
    """Set flags as ``change`` does, on any kernel; without RDONLY the file system too becomes and stays writable.

    :raises OSError: as mount(2), naming ``name``.
    """
    failpoint(f"remount {name}")
    how = MS_REMOUNT | flags | (MS_BIND if flags & RDONLY else 0)
    _checked(_while_busy(lambda: _inside(namespace, lambda: _remount(mount, how))), "mount", name)


def resize(mount: int, name: str, size: str) -> None:
    """Set the size of a tmpfs, in bytes or per cent, and make it writable; its mount may still be read-only.

    :raises OSError: it holds more.
    """
    failpoint(f"resize {name}")
    context = _checked(_call(_FSPICK, mount, b"", _CLOEXEC | _PICK_DESCRIPTOR), "fspick", name)
    try:
        _configure(context, _SET_STRING, "size", size)
        _configure(context, _SET_FLAG, "rw")
        _configure(context, _RECONFIGURE)
    finally:
        os.close(context)


def detach(namespace: int, folder: int, name: str, *, lazily: bool = False) -> None:
    """Unmount ``name`` in the directory, a descriptor, unless it is in use, or ``lazily`` also then.

    :raises OSError: as umount2(2), mostly EBUSY.
    """
    failpoint(f"umount {name}")
    path = os.fsencode(name)
    _checked(
        _while_busy(lambda: _inside(namespace, lambda: _umount(folder, path, MNT_DETACH if lazily else 0))),
        "umount2",
        name,
    )


def unused(namespace: int, folder: int, name: str) -> bool:
    """Return whether ``detach`` can succeed: no process uses a file there, and nothing is mounted below.

    The kernel itself is asked (MNT_EXPIRE of umount2(2)). That leaves a mark, which the next access to the mount
    clears; a second call with the mark set would unmount. So it is cleared before and after, under a lock.
    """
    path = os.fsencode(name)

    def look() -> int:
        return _umount(folder, path, _MNT_EXPIRE)

    def probe() -> int:
        _touch(folder, name)
        try:
            return _inside(namespace, look)
        finally:
            _touch(folder, name)

    fcntl.flock(namespace, fcntl.LOCK_EX)
    try:
        return _while_busy(probe) == -errno.EAGAIN
    finally:
        fcntl.flock(namespace, fcntl.LOCK_UN)


def _touch(folder: int, name: str) -> None:
    os.close(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder))


def _umount(folder: int, path: bytes, flags: int) -> int:
    import ctypes

    library = _library()
    done = library.fchdir(folder) == 0 and library.umount2(path, flags | _UMOUNT_NOFOLLOW) == 0
    return 0 if done else -ctypes.get_errno()


def _remount(mount: int, flags: int) -> int:
    import ctypes

    library = _library()
    done = library.fchdir(mount) == 0 and library.mount(None, b".", None, ctypes.c_ulong(flags), None) == 0
    return 0 if done else -ctypes.get_errno()


def _while_busy(call: Callable[[], int]) -> int:
    for _try in range(_TRIES):
        result = call()
        if result != -errno.EBUSY:
            return result
        time.sleep(_PAUSE)
    return -errno.EBUSY


def _inside(namespace: int, call: Callable[[], int]) -> int:
    """Return the result of a system call in the mount namespace, a descriptor: 0, or its errno as a negative number.

    Nothing else may be done there: a file that Python opened, such as a module, would be the container's.
    """
    import ctypes

    library, results = _library(), [-errno.EIO]

    def body() -> None:
        try:
            # Only a thread that does not share its file system state may enter (setns(2)).
            entered = library.unshare(_CLONE_FS) == 0 and library.setns(namespace, _CLONE_NEWNS) == 0
            results[0] = call() if entered else -ctypes.get_errno()
        except BaseException:  # pylint: disable=broad-exception-caught
            pass  # a traceback would read the source files in there

    thread = threading.Thread(target=body)
    process.start_thread(thread)
    thread.join()
    return results[0]
