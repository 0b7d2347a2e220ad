# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write or read one file in a running container as one of its users, without running anything in there.

The path is looked up below the root of the container's process, so that all its mounts are seen, and no link leads out.
What is done is what ``cat >FILE`` and ``cat FILE`` would do there as that user. In a directory such as /tmp, links and
files of other users are refused, as by the sysctls fs.protected_symlinks and fs.protected_regular.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Callable, ContextManager, Iterator, NamedTuple, Optional, Union

from ..._drivers import id_maps, process
from ..._drivers.kernel import file_user, securejoin
from ..._drivers.trees import content
from ..._model.errors import ContainerStopped, InvalidArgument, LibpodError, NotImplementedByHost
from ..._model.failpoints import failpoint
from ..._model.records.status import ContainerStatus
from ..._spec import capabilities
from ..io.exec import process_of

if TYPE_CHECKING:
    from ..base import ContainerBase

_READING = content.ReadFailed.__name__
_REASONS = {
    errno.EACCES: "this user has no permission",
    errno.EDQUOT: "its file system's quota is exhausted",
    errno.EISDIR: "it is a directory",
    errno.ENOENT: "it does not exist",
    errno.ENOSPC: "its file system is full",
    errno.ENOTDIR: "a part of its path is not a directory",
    errno.EROFS: "its file system is read-only",
    errno.ETXTBSY: "it is a program that runs",
}


class TransferFailed(LibpodError):
    """A file in a container cannot be written or read; ``errno`` is the kernel's number of the reason."""

    def __init__(self, what: str, error: OSError, reason: str = "") -> None:
        number = error.errno or errno.EIO
        words = error.strerror or str(error)
        if not reason:
            reason = _REASONS.get(number, words) if words == os.strerror(number) else words
        super().__init__(f"{what}: {reason}")
        self.errno = number


class _Place(NamedTuple):
    """A file in a container: its root directory, a user, and the beginning of an error's sentence."""

    root: int
    user: file_user.FileUser
    shown: str


def put(
    container: ContainerBase, source: Union[str, int], path: str, user: Optional[str], size: Optional[int] = None
) -> int:
    """Write a host file, or what is left in an open one, to ``path`` in the container; return the number of bytes.

    A new file belongs to the user, by the container's umask; an existing one keeps owner and mode. Where not all can be
    written, a new file is removed, and an existing one has the part that was written. ``size``: the bytes to come.

    :raises ContainerStopped: it does not run. :raises InvalidArgument: the path is relative, or there is no such user.
    :raises TransferFailed: the file cannot be written. :raises OSError: the host's file cannot be read.
    """
    with _place(container, "write", path, user) as place, _source(source) as reader, securejoin.NewFile() as new:

        def write(writer: int, going: Callable[[], bool]) -> int:
            try:
                copied = content.copy(reader, writer, going)
                if size not in (None, copied):
                    raise content.ReadFailed(errno.EPIPE, f"{copied} of {size} bytes have come")
            except OSError:
                new.remove(writer)
                raise
            return copied

        work = file_user.Work(lambda uid: securejoin.open_regular(place.root, path, uid, write=True, new=new), write)
        failpoint("write a file in the container")
        try:
            return file_user.act_as(place.user, work)
        except file_user.NotOpened as error:
            missing = error.errno == errno.ENOENT
            reason = "a directory in its path does not exist" if missing else ""
            raise TransferFailed(place.shown, error, reason) from error
        except file_user.WorkFailed as error:
            if error.kind == _READING:
                raise _named(error, source) from error
            raise TransferFailed(place.shown, error) from error


def fetch(container: ContainerBase, path: str, target: Union[str, int], user: Optional[str]) -> int:
    """Copy ``path`` in the container to a host file, or to an open one; return the number of bytes.

    A regular host file is replaced only by the whole content. An open one, or one behind a link, has what came before
    an error.

    :raises ContainerStopped: it does not run. :raises InvalidArgument: the path is relative, or there is no such user.
    :raises TransferFailed: the file cannot be read. :raises OSError: the host's file cannot be written.
    """
    with _place(container, "read", path, user) as place, _target(target) as writer:
        work = file_user.Work(
            lambda uid: securejoin.open_regular(place.root, path, uid, write=False),
            lambda reader, going: content.copy(reader, writer, going),
        )
        try:
            return file_user.act_as(place.user, work)
        except file_user.NotOpened as error:
            raise TransferFailed(place.shown, error) from error
        except file_user.WorkFailed as error:
            if error.kind == _READING:
                raise TransferFailed(place.shown, error) from error
            raise _named(error, target) from error


def _named(error: OSError, file: Union[str, int]) -> OSError:
    """Return the error of a host's file with its name, where it has one."""
    return OSError(error.errno, error.strerror, file) if isinstance(file, str) else error


@contextmanager
def _place(container: ContainerBase, verb: str, path: str, user: Optional[str]) -> Iterator[_Place]:
    if not path.startswith("/") or "\0" in path:
        raise InvalidArgument(f"cannot {verb} {path!r} in container {container.name}: expected an absolute path")
    with ExitStack() as stack, container.batch():
        opened = _entrance(container, f"cannot {verb} {path} in container {container.name}", stack)
        started, _user = process_of(container, user)
        ids = started["user"]
        effective = capabilities.bits(started["capabilities"]["effective"])
        groups = tuple(ids.get("additionalGids") or ())
        acting = file_user.FileUser(ids["uid"], ids["gid"], groups, ids["umask"], effective, opened.namespace)
        held = stack.pop_all()
    with held:
        name = ids["uid"] if user is None else user
        yield _Place(opened.root, acting, f"cannot {verb} {path} in container {container.name} as user {name}")


class _Entrance(NamedTuple):
    root: int
    namespace: Optional[file_user.Namespace]


def _entrance(container: ContainerBase, doing: str, stack: ExitStack) -> _Entrance:
    """Open the container's root directory and its user namespace, None where that is this process's.

    :raises ContainerStopped: it does not run.
    """
    state, proc = container.state, container.proc

    if state.status.has_process and container.sandboxed:
        raise NotImplementedByHost(
            f"{doing}: it runs in a sandbox of {container.oci.path}, of whose files the host sees none: pipe them "
            "through a command (pipelining: true in Ansible), or give it a volume"
        )

    def opened(path: str, flags: int) -> int:
        descriptor = os.open(f"{proc}/{path}", flags | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        return descriptor

    try:
        if state.status in (ContainerStatus.RUNNING, ContainerStatus.PAUSED):
            root, descriptor = opened("root", os.O_PATH | os.O_DIRECTORY), opened("ns/user", os.O_RDONLY)
            namespace = None
            if not os.path.samestat(os.fstat(descriptor), os.stat("/proc/self/ns/user")):
                maps = id_maps.of_namespace(f"{proc}/ns/user")
                namespace = file_user.Namespace(descriptor, maps)
            # Looked at last: what was opened was this very process's, and not that of a later one with its PID.
            if process.alive(state.process):
                return _Entrance(root, namespace)
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has just ended
    status = "ending" if state.status.has_process else state.status
    raise ContainerStopped(f"{doing}: the container is {status}, and has to run")


@contextmanager
def _source(source: Union[str, int]) -> Iterator[int]:
    if isinstance(source, int):
        yield source
        return
    with open(source, "rb", buffering=0) as file:
        yield file.fileno()


def _target(target: Union[str, int]) -> ContextManager[int]:
    """Return the descriptor, or that of a new file, which afterwards takes the place of the regular file ``target``.

    A file there keeps its mode and owner. What a link leads to, and all else, such as a device, is written itself.
    """
    if isinstance(target, int):
        return nullcontext(target)
    if not os.path.lexists(target):
        return _replacement(target, None)
    # With O_CREAT, so that the kernel protects the caller from others' files and links in /tmp.
    there = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_NOCTTY | os.O_CLOEXEC, 0o666)
    status = os.fstat(there)
    if os.path.islink(target) or not stat.S_ISREG(status.st_mode):
        return _emptied(there, status)
    os.close(there)
    return _replacement(target, status)


@contextmanager
def _emptied(descriptor: int, status: os.stat_result) -> Iterator[int]:
    try:
        if stat.S_ISREG(status.st_mode):
            os.ftruncate(descriptor, 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _replacement(target: str, status: Optional[os.stat_result]) -> Iterator[int]:
    temporary = os.path.join(os.path.dirname(target), f".libpod-fetch-{os.urandom(8).hex()}")
    failpoint("create a fetched file")
    writer = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        try:
            yield writer
            if status is not None:
                os.fchown(writer, status.st_uid, status.st_gid)
                os.fchmod(writer, stat.S_IMODE(status.st_mode))
        finally:
            os.close(writer)
        failpoint("rename a fetched file")
        os.rename(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
