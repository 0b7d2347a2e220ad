# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolve paths inside an untrusted root filesystem: its links are followed as if chrooted, and never out of it.

The walk keeps the directories that it came through open, so a tree that changes meanwhile cannot lead it out either.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Optional, Union

from ..._model.errors import TreeChanged
from ..trees.descent import DIRECTORY, Descent

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
USER_FILE_BYTES = 4 << 20  # of passwd or group; a longer file could exhaust our memory
_LINKS = 40  # the kernel's own limit, path_resolution(7)
_TRIES = 100  # of a walk whose end is replaced meanwhile
_SHARED_FOLDER = stat.S_ISVTX | stat.S_IWOTH
# Files of the kernel, by the magic number of their file system (statfs(2)). It shows a process its own namespaces' or
# its own cgroup's, so that the host's would be read or changed through them.
_OF_THE_KERNEL = {
    0x9FA0: "proc",
    0x62656572: "sysfs",
    0x27E0EB: "cgroup",
    0x63677270: "cgroup2",
    0x64626720: "debugfs",
    0x74726163: "tracefs",
    0x73636673: "securityfs",
    0x62656570: "configfs",
    0xCAFE4A11: "bpf",
    0x6C6F6F70: "binder",
    0xDE5E81E4: "efivarfs",
    0x6165676C: "pstore",
    0xF97CFF8C: "selinuxfs",
    0x19800202: "mqueue",
    0x6E736673: "nsfs",
}
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class _Walk:
    """A walk from ``root``, a path or a descriptor, with the names passed; the context closes its descriptors.

    ``user`` is one that no other user may lead or have write to a file in /tmp, as the sysctls fs.protected_symlinks
    and fs.protected_regular have it.
    """

    def __init__(self, root: Union[str, int], path: str, user: Optional[int] = None) -> None:
        self.path = path
        self._user = user
        self.names: list[str] = []
        self._way = Descent(flags=_LOOK | os.O_DIRECTORY)
        self._way.enter(
            os.dup(root) if isinstance(root, int) else os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        )
        self.end = -1  # the end of the path where that is no directory
        self._rest = path.split("/")[::-1]
        self._links = 0

    def __enter__(self) -> _Walk:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._way.close()
        if self.end >= 0:
            os.close(self.end)

    @property
    def here(self) -> int:
        """The innermost directory passed."""
        return self._way.here

    @property
    def reached(self) -> int:
        """The end of the path, as far as it exists."""
        return self.end if self.end >= 0 else self.here

    def parent(self) -> int:
        """Return the directory that has the name of ``reached``."""
        return self.here if self.end >= 0 else self._way.parent()

    def go(self) -> list[str]:
        """Walk as far as the path exists; return the missing names, [] at the end of the path.

        Another call continues there.
        """
        while self._rest:
            name = self._rest.pop()
            if self.end >= 0:
                raise self.error(errno.ENOTDIR)
            if name in ("", "."):
                continue
            if name == "..":
                if self.names:
                    self._back()
                continue
            try:
                descriptor = os.open(name, _LOOK, dir_fd=self.here)
            except FileNotFoundError:
                self._rest.append(name)
                return [one for one in reversed(self._rest) if one not in ("", ".")]
            self._enter(name, descriptor)
        return []

    def _enter(self, name: str, descriptor: int) -> None:
        status = os.fstat(descriptor)
        mode = status.st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink("", dir_fd=descriptor)
            os.close(descriptor)
            self.check_shared_folder(status)
            self._links += 1
            if self._links > _LINKS:
                raise self.error(errno.ELOOP)
            if target.startswith("/"):
                while self.names:
                    self._back()
            self._rest += target.split("/")[::-1]
            return
        self.names.append(name)
        if stat.S_ISDIR(mode):
            self._way.enter(descriptor)
        else:
            self.end = descriptor

    def _back(self) -> None:
        self.names.pop()
        try:
            self._way.leave()
        except TreeChanged as error:
            raise self.error(errno.ESTALE) from error

    def check_shared_folder(self, status: os.stat_result) -> None:
        """Check that no other user has put a link or a file for ``user`` into a folder such as /tmp.

        :raises PermissionError: one has.
        """
        folder = os.fstat(self.here)
        shared = folder.st_mode & _SHARED_FOLDER == _SHARED_FOLDER
        if self._user is not None and shared and status.st_uid not in (self._user, folder.st_uid):
            kind = "link" if stat.S_ISLNK(status.st_mode) else "file"
            raise self.error(errno.EACCES, f"a {kind} of user {status.st_uid} in a directory that all may write to")

    def error(self, number: int, reason: str = "") -> OSError:
        return OSError(number, reason or os.strerror(number), self.path)


def resolve(root: str, path: str) -> str:
    """Return the host path of ``path`` inside ``root`` with its links followed; missing parts stay as they are.

    The tree may change afterwards: to open something safely, use the functions below.

    :raises OSError: ELOOP, ENOTDIR, or ``root`` cannot be opened.
    """
    with _Walk(root, path) as walk:
        missing = walk.go()
        names = walk.names
        for name in missing:
            names = names[:-1] if name == ".." else [*names, name]
    return "/".join((root.rstrip("/"), *names)) or "/"


def hold(root: str, path: str) -> tuple[int, str]:
    """Open (O_PATH) the directory inside ``root`` that has the end of ``path``, and return it with the name there.

    :raises OSError: it does not exist, or is ``root`` itself (EBUSY).
    """
    with _Walk(root, path) as walk:
        if walk.go():
            raise walk.error(errno.ENOENT)
        if not walk.names:
            raise walk.error(errno.EBUSY)
        return os.dup(walk.parent()), walk.names[-1]


def way_to(root: str, path: str) -> tuple[int, list[str]]:
    """Open (O_PATH) ``path`` inside ``root``, as far as it exists, and return it with the missing names.

    :raises OSError: ELOOP, ENOTDIR, or ``root`` cannot be opened.
    """
    with _Walk(root, path) as walk:
        missing = walk.go()
        return os.dup(walk.reached), missing


def open_beneath(root: str, path: str, flags: int, mode: int = 0o600) -> int:
    """Open ``path`` inside ``root`` as open(2) does, close-on-exec; O_CREAT creates a missing last part.

    :raises OSError: as open(2), naming ``path``.
    """
    with _Walk(root, path) as walk:
        missing = walk.go()
        if missing:
            if not flags & os.O_CREAT or len(missing) > 1:
                raise walk.error(errno.ENOENT)
            return os.open(missing[0], flags | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=walk.here)
        if flags & os.O_EXCL and flags & os.O_CREAT:
            raise walk.error(errno.EEXIST)
        # /proc leads to the very file that was reached, whatever has its name now.
        try:
            return os.open(f"/proc/self/fd/{walk.reached}", flags & ~(os.O_NOFOLLOW | os.O_CREAT) | os.O_CLOEXEC)
        except OSError as error:
            raise walk.error(error.errno or errno.EIO) from error


class NewFile:
    """The file that ``open_regular`` has created, if any; the context closes its directory."""

    def __init__(self) -> None:
        self._folder, self._name = -1, ""

    def __enter__(self) -> NewFile:
        return self

    def __exit__(self, *_reason: object) -> None:
        if self._folder >= 0:
            os.close(self._folder)

    def note(self, folder: int, name: str) -> None:
        """Note a file by its directory and its name there."""
        self._folder, self._name = os.dup(folder), name

    def remove(self, descriptor: int) -> None:
        """Remove it, by the user whom the caller acts as, where its name still is that of the open file."""
        if self._folder < 0:
            return
        with suppress(OSError):
            there = os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)
            if os.path.samestat(there, os.fstat(descriptor)):
                os.unlink(self._name, dir_fd=self._folder)


def open_regular(root: int, path: str, user: int, *, write: bool, new: Optional[NewFile] = None) -> int:
    """Open the regular file ``path`` inside the open directory ``root`` for ``user``, whom the caller acts as.

    With ``write`` a missing file is created and noted in ``new``, an existing one is made empty. Nothing else is ever
    opened, whatever others put there in between: neither a FIFO, on which that would wait, nor a device, nor a file of
    the kernel.

    :raises OSError: as open(2), or with a reason of its own, naming ``path``.
    """
    for _try in range(_TRIES):
        with _Walk(root, path, user) as walk:
            missing = walk.go()
            if not missing:
                return _open_reached(walk, write)
            if not write or len(missing) > 1:
                raise walk.error(errno.ENOENT)
            if path.endswith(("/", "/.")):
                raise walk.error(errno.EISDIR)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                descriptor = os.open(missing[0], flags, 0o666, dir_fd=walk.here)
            except FileExistsError:
                continue  # it was made meanwhile
            if new is not None:
                new.note(walk.here, missing[0])
            return descriptor
    raise OSError(errno.EBUSY, "another process makes and removes it all the time", path)


def _open_reached(walk: _Walk, write: bool) -> int:
    from .syscalls import filesystem_type

    status = os.fstat(walk.reached)
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFDIR:
        raise walk.error(errno.EISDIR)
    if kind != stat.S_IFREG:
        raise walk.error(errno.EINVAL, f"{_KINDS.get(kind, 'something')}, not a regular file")
    if name := _OF_THE_KERNEL.get(filesystem_type(walk.reached)):
        raise walk.error(errno.EINVAL, f"a file of the kernel ({name}): run a command in the container for it")
    if write:
        walk.check_shared_folder(status)
    # /proc leads to the very file that was looked at, whatever has its name now.
    flags = os.O_WRONLY | os.O_TRUNC if write else os.O_RDONLY
    return os.open(f"/proc/self/fd/{walk.reached}", flags | os.O_NOCTTY | os.O_CLOEXEC)


def read_beneath(root: str, path: str, limit: int = 1 << 20, *, cut: bool = False) -> Optional[bytes]:
    """Return the content of the regular file ``path`` inside ``root``, None where it does not exist.

    With ``cut`` a file of more than ``limit`` bytes is cut after one byte more.

    :raises OSError: EINVAL for anything but a regular file, EFBIG for a longer one, else as open(2).
    """
    with _Walk(root, path) as walk:
        if walk.go():
            return None
        # Checked before it is opened: opening a FIFO would block, and opening a device may have any effect.
        if walk.end < 0 or not stat.S_ISREG(os.fstat(walk.end).st_mode):
            raise walk.error(errno.EINVAL)
        with open(f"/proc/self/fd/{walk.end}", "rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit and not cut:
            raise walk.error(errno.EFBIG)
        return content


def user_files(root: str) -> tuple[str, str]:
    """Return the texts of ``/etc/passwd`` and ``/etc/group`` inside ``root``, empty where there are none.

    Whatever a container does to them, it starts: one that is not a regular file counts as missing, and of a longer one
    only the whole lines in the first ``USER_FILE_BYTES`` count.

    :raises OSError: as ``open_beneath``, for errors that no container can cause.
    """
    passwd, group = (user_file(root, name).decode(errors="replace") for name in ("passwd", "group"))
    return passwd, group


def user_file(root: str, name: str) -> bytes:
    """Return one of the files of ``user_files``."""
    try:
        content = read_beneath(root, f"/etc/{name}", USER_FILE_BYTES, cut=True) or b""
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ESTALE):
            raise
        return b""
    return content if len(content) <= USER_FILE_BYTES else content[: content.rfind(b"\n", 0, USER_FILE_BYTES) + 1]


def make_directories(root: str, path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> str:
    """Create the missing directories of ``path`` inside ``root``, with this mode and owner; return the host path.

    :raises OSError: ENOTDIR, ELOOP, or as mkdir(2).
    """
    from ..._model.failpoints import failpoint

    with _Walk(root, path) as walk:
        for _try in range(_LINKS + path.count("/")):
            missing = walk.go()
            if not missing:
                if walk.end >= 0:
                    raise walk.error(errno.ENOTDIR)
                return "/".join((root.rstrip("/"), *walk.names)) or "/"
            failpoint("mkdir in the root filesystem")
            try:
                os.mkdir(missing[0], mode, dir_fd=walk.here)
            except FileExistsError:
                continue
            directory = os.open(missing[0], DIRECTORY, dir_fd=walk.here)
            try:
                os.fchown(directory, *owner)
                os.fchmod(directory, mode)
            finally:
                os.close(directory)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
