# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on files as another user: the kernel checks each access as that user's, and what is made belongs to that user.

The caller keeps its own credentials, for the work is done in a thread, whose credentials end with it. A process of
several threads cannot enter a user namespace (setns(2)): for a user in one, the work is done in a child process.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from typing import Callable, NamedTuple, NoReturn, Sequence

from .. import process
from . import syscalls

# setgroups(2) for the calling thread alone, where the C library's sets those of all (<asm/unistd.h>).
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "loongarch64": 159, "ppc64le": 81, "s390x": 206}
_ANSWER = 1 << 16  # bytes of a child's answer

Going = Callable[[], bool]


class FileUser(NamedTuple):
    """A user as it is numbered in its user namespace, an open file, or -1 for that of the caller.

    ``capabilities`` are the effective ones, a bit set.
    """

    uid: int
    gid: int
    groups: Sequence[int]
    umask: int
    capabilities: int
    namespace: int = -1


def act_as(user: FileUser, work: Callable[[Going], int], errors: Sequence[type[OSError]] = ()) -> int:
    """Return what ``work`` returns when it is called as that user, or raise the OSError that it raises.

    That is one of the classes ``errors``, or of no class of its own.

    It is given a function that is false once the caller was interrupted, and must import nothing: files that Python
    opens are opened as that user.

    :raises HostExhausted: the host has no thread left.
    """
    machine = os.uname().machine
    if user.namespace < 0 and machine in _SETGROUPS:
        return _in_thread(user, _SETGROUPS[machine], work)
    return _in_child(user, work, errors)


def _in_thread(user: FileUser, setgroups: int, work: Callable[[Going], int]) -> int:
    results: list[int] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def body() -> None:
        try:
            # The umask belongs to what the threads of a process share.
            syscalls.unshare(syscalls.CLONE_FS)
            syscalls.set_groups(user.groups, setgroups)
            _become(user)
            results.append(work(lambda: not ended.is_set()))
        except BaseException as error:  # pylint: disable=broad-exception-caught
            errors.append(error)  # raised below

    thread = threading.Thread(target=body, daemon=True)
    process.start_thread(thread)
    try:
        thread.join()
    finally:
        ended.set()  # the caller was interrupted
        thread.join()
    for error in errors:
        raise error
    return results[0]


def _become(user: FileUser) -> None:
    """Give the calling thread this user's credentials for files, and the umask; its groups are set already."""
    os.umask(user.umask)
    syscalls.set_file_ids(user.uid, user.gid)
    syscalls.set_capabilities(user.capabilities)


def _in_child(user: FileUser, work: Callable[[Going], int], errors: Sequence[type[OSError]]) -> int:
    parent = os.getpid()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = os.fork()
        if child == 0:
            _child(user, work, parent, writer)
    finally:
        os.close(writer)
    try:
        with open(reader, "rb") as file:
            answer = file.read(_ANSWER)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)
    if not answer:
        raise OSError(errno.EINTR, "the process that does it for its user was ended")
    kind, number, reason, result = json.loads(answer)
    if number:
        raise next((one for one in errors if one.__name__ == kind), OSError)(number, reason)
    return int(result)


def _child(user: FileUser, work: Callable[[Going], int], parent: int, writer: int) -> NoReturn:
    """Work, write class, number and reason of an error, and the result; end without running any of the caller's."""
    try:
        try:
            if user.namespace >= 0:
                syscalls.setns(f"/proc/self/fd/{user.namespace}", syscalls.CLONE_NEWUSER)
            os.setgroups(user.groups)
            _become(user)
            # Last, for the kernel forgets it at a change of user.
            syscalls.die_with_parent(signal.SIGKILL)
            result = ["", 0, "", work(lambda: os.getppid() == parent)]
        except OSError as error:
            result = [type(error).__name__, error.errno or errno.EIO, error.strerror or str(error), 0]
        os.write(writer, json.dumps(result).encode())
    finally:
        os._exit(0)
