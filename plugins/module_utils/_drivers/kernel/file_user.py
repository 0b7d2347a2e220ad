# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open a file as another user and work on it: the kernel checks this as that user's, who owns what is made.

The caller keeps its own credentials: the work is done in a thread, whose credentials end with it. In a user namespace
only a child process can act, since a process of several threads cannot enter one (setns(2)). That takes 10 times as
long, so it is for what a user may do only by capabilities in that namespace.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from typing import Callable, Iterable, Mapping, NamedTuple, NoReturn, Optional

from ..._model.id_map import IdMap, mapped_to
from .. import process
from . import syscalls

# setgroups(2) for the calling thread alone, where the C library's sets those of all (<asm/unistd.h>).
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "loongarch64": 159, "ppc64le": 81, "s390x": 206}
_ANSWER = 1 << 16  # bytes of a child's answer
_LEAVE = 2.0  # seconds for a thread to notice that its caller was interrupted


class Namespace(NamedTuple):
    """A user namespace as an open file, and its ID maps by ``uid`` and ``gid``."""

    descriptor: int
    maps: Mapping[str, Iterable[IdMap]]


class FileUser(NamedTuple):
    """A user as it is numbered in its user namespace, None for that of the caller.

    ``capabilities`` are the effective ones, a bit set.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    umask: int
    capabilities: int
    namespace: Optional[Namespace] = None


class NotOpened(OSError):
    """The file cannot be opened as the user."""


class WorkFailed(OSError):
    """The open file cannot be worked on; ``kind`` is the name of the error's class."""

    def __init__(self, number: Optional[int], reason: Optional[str], kind: str) -> None:
        super().__init__(number, reason)
        self.kind = kind


class Work(NamedTuple):
    """``open`` returns a descriptor for the user of that number, as OSError's caller sees numbers of users.

    ``use`` works on it and returns a number; the function that it is given is false once the caller was interrupted.
    Neither may import anything, for Python would open the files as that user.
    """

    open: Callable[[int], int]
    use: Callable[[int, Callable[[], bool]], int]


def act_as(user: FileUser, work: Work) -> int:
    """Do the work as the user, and return what its ``use`` returned.

    :raises NotOpened: as the work's ``open``. :raises WorkFailed: as its ``use``.
    :raises HostExhausted: the host has no thread or process left.
    """
    setgroups = _SETGROUPS.get(os.uname().machine)
    outside = _outside(user)
    if setgroups is None or outside is None:
        return _in_child(user, work)
    try:
        return _in_thread(outside, setgroups, work)
    except NotOpened as error:
        lacking = user.namespace is not None and user.capabilities
        if not lacking or error.errno not in (errno.EACCES, errno.EPERM):
            raise
    return _in_child(user, work)


def _outside(user: FileUser) -> Optional[FileUser]:
    """Return the user as it is numbered outside its namespace, where it has no capabilities; None for an unmapped."""
    if user.namespace is None:
        return user
    maps = user.namespace.maps
    uid, gid = mapped_to(user.uid, maps["uid"]), mapped_to(user.gid, maps["gid"])
    groups = tuple(one for one in (mapped_to(group, maps["gid"]) for group in user.groups) if one is not None)
    if uid is None or gid is None or len(groups) < len(user.groups):
        return None
    return FileUser(uid, gid, groups, user.umask, 0)


def _become(user: FileUser) -> None:
    """Give the calling thread, which has the user's groups already, the other credentials for files and the umask."""
    os.umask(user.umask)
    syscalls.set_file_ids(user.uid, user.gid)
    syscalls.set_capabilities(user.capabilities)


def _do(user: FileUser, work: Work, going: Callable[[], bool]) -> int:
    try:
        descriptor = work.open(user.uid)
    except OSError as error:
        raise NotOpened(error.errno, error.strerror) from error
    try:
        try:
            return work.use(descriptor, going)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise WorkFailed(error.errno, error.strerror, type(error).__name__) from error


def _in_thread(user: FileUser, setgroups: int, work: Work) -> int:
    results: list[int] = []
    errors: list[BaseException] = []
    ended, done = threading.Event(), threading.Event()

    def body() -> None:
        try:
            # The umask belongs to what the threads of a process share.
            syscalls.unshare(syscalls.CLONE_FS)
            syscalls.set_groups(user.groups, setgroups)
            _become(user)
            results.append(_do(user, work, lambda: not ended.is_set()))
        except BaseException as error:  # pylint: disable=broad-exception-caught
            errors.append(error)  # raised below
        finally:
            done.set()

    thread = threading.Thread(target=body, daemon=True)
    process.start_thread(thread)
    try:
        done.wait()  # not join, which takes a thread for ended when a signal's handler raises
    finally:
        # The caller was interrupted. A thread that a container's FUSE file system holds up does nothing afterwards.
        ended.set()
        done.wait(_LEAVE)
    thread.join()
    for error in errors:
        raise error
    return results[0]


def _in_child(user: FileUser, work: Work) -> int:
    parent = os.getpid()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    with open(reader, "rb") as file:
        try:
            child = os.fork()
            if child == 0:
                _child(user, work, parent, writer)
        finally:
            os.close(writer)
        try:
            answer = file.read(_ANSWER)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            os.waitpid(child, 0)
    if not answer:
        raise NotOpened(errno.EINTR, "the process that acts as the user was killed")
    result, number, reason, kind = json.loads(answer)
    if kind:
        raise WorkFailed(number, reason, kind)
    if number:
        raise NotOpened(number, reason)
    return int(result)


def _child(user: FileUser, work: Work, parent: int, writer: int) -> NoReturn:
    """Work, write the result or what the error has, and end without running anything of the caller's."""
    try:
        answer: tuple[object, ...]
        try:
            if user.namespace is not None:
                syscalls.setns(f"/proc/self/fd/{user.namespace.descriptor}", syscalls.CLONE_NEWUSER)
            os.setgroups(user.groups)
            _become(user)
            # Only now, for the kernel forgets it at a change of credentials.
            syscalls.die_with_parent(signal.SIGKILL)
            answer = _do(user, work, lambda: os.getppid() == parent), 0, "", ""
        except OSError as error:
            kind = error.kind if isinstance(error, WorkFailed) else ""
            answer = 0, error.errno or errno.EIO, error.strerror or str(error), kind
        os.write(writer, json.dumps(answer).encode())
    finally:
        os._exit(0)
