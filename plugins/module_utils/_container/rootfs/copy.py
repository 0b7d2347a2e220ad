# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy between the host and a container's root filesystem; no link leads out of the latter."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from ..._drivers.kernel import securejoin
from ..._drivers.trees import copy as tree
from ..._model import caller
from ..._model.errors import InvalidArgument, TreeChanged
from ..._spec import users
from .private_mount import with_rootfs

if TYPE_CHECKING:
    from ..base import ContainerBase

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Copy(NamedTuple):
    """What to copy: ``out`` from the container to the host, else from the host into it.

    As with podman, into ``dest`` where that is a directory, else as ``dest``; ``SRC/.`` is a directory's content.
    ``archive`` gives the copy to the container's primary user, or on the host to the caller; else owners stay.
    """

    src: str
    dest: str
    out: bool = False
    archive: bool = True
    overwrite: bool = False
    dry: bool = False


def host_path(path: str) -> str:
    """Return an absolute path on the host with its end, "/" or "/.", which has a meaning.

    A relative one is relative to where the engine was started.
    """
    end = "/." if path.endswith("/.") or path == "." else "/" if path.endswith("/") else ""
    return caller.absolute(path).rstrip("/") + end or "/"


def copy(container: ContainerBase, wanted: Copy) -> list[str]:
    """Copy what differs, and return the paths below ``dest`` that did.

    :raises InvalidArgument: ``src`` is not there, or ``dest`` has no place for it.
    """
    with container.batch():
        return with_rootfs(container, lambda root: _copy(container, wanted, root), write=not (wanted.out or wanted.dry))


def _copy(container: ContainerBase, wanted: Copy, root: str) -> list[str]:
    source_root, target_root = (root, "/") if wanted.out else ("/", root)
    rules = tree.Rules(
        owner=((os.geteuid(), os.getegid()) if wanted.out else owner_of_copies(container, root))
        if wanted.archive
        else None,
        overwrite=wanted.overwrite,
        dry=wanted.dry,
        temporary=f".libpod-copy-{container.id[:12]}",
    )
    opened: list[int] = []
    try:
        option = "src"
        try:
            source, content = _source(source_root, wanted.src, opened)
            option = "dest"
            target = _target(target_root, wanted.dest, source, content, opened)
        except OSError as error:
            raise _misplaced(container, wanted, option, error) from error
        try:
            if content and target.name == "":
                return tree.copy_content(source.directory, target.directory, rules, wanted.dest.rstrip("/"))
            if content:
                source = tree.Place(source.directory, ".")
            return tree.copy(source, target, rules, _shown(wanted.dest, target.name))
        except (IsADirectoryError, NotADirectoryError) as error:
            raise InvalidArgument(f"dest: {error.filename} cannot be replaced: {error.strerror}") from error
        except TreeChanged as error:
            where = f"{wanted.src} to {wanted.dest} {'out of' if wanted.out else 'into'} container {container.name}"
            raise TreeChanged(f"copying {where} was not finished: {error}; run the task again") from error
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _shown(dest: str, name: str) -> str:
    dest = dest.rstrip("/")
    return dest if os.path.basename(dest) == name else f"{dest}/{name}"


def _misplaced(container: ContainerBase, wanted: Copy, option: str, error: OSError) -> InvalidArgument:
    path = wanted.src if option == "src" else wanted.dest
    where = f"in container {container.name}" if wanted.out == (option == "src") else "on the host"
    return InvalidArgument(f"{option}: {path} {where} cannot be used: {error.strerror}")


def _source(root: str, path: str, opened: list[int]) -> tuple[tree.Place, bool]:
    """Return the place of ``src``, with links in it followed, and whether to copy only its content."""
    content = path.endswith("/.") or path in ("/", ".")
    if content:
        opened.append(securejoin.open_beneath(root, path, _FOLDER))
        return tree.Place(opened[-1], os.path.basename(path[:-2].rstrip("/"))), True
    real = securejoin.resolve(root, path)[len(root.rstrip("/")) :]
    beneath_parent, name = os.path.split(real.rstrip("/"))
    opened.append(securejoin.open_beneath(root, beneath_parent, _FOLDER))
    status = os.stat(name, dir_fd=opened[-1], follow_symlinks=False)
    if path.endswith("/") and not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(20, os.strerror(20), path)
    return tree.Place(opened[-1], name), False


def _target(root: str, path: str, source: tree.Place, content: bool, opened: list[int]) -> tree.Place:
    """Return the place to copy to: in ``dest`` where that is a directory, else that name; "" for ``dest`` itself."""
    try:
        opened.append(securejoin.open_beneath(root, path, _FOLDER))
        if content:
            return tree.Place(opened[-1], "")
        return tree.Place(opened[-1], source.name)
    except NotADirectoryError:
        if path.endswith("/"):
            raise
    except FileNotFoundError as error:
        if path.endswith("/") and not content and not _is_directory(source):
            raise FileNotFoundError(error.errno, "no such directory", path) from error
    real = securejoin.resolve(root, path)[len(root.rstrip("/")) :]
    parent, name = os.path.split(real.rstrip("/"))
    opened.append(securejoin.open_beneath(root, parent, _FOLDER))
    return tree.Place(opened[-1], name)


def _is_directory(source: tree.Place) -> bool:
    status = os.stat(source.name, dir_fd=source.directory, follow_symlinks=False)
    return stat.S_ISDIR(status.st_mode)


def source_place(container: ContainerBase, root: str, src: str, opened: list[int]) -> tuple[int, str]:
    """Return the open directory of ``src`` in the container and its name there, "." for a directory's content.

    :raises InvalidArgument: it is not there.
    """
    try:
        source, content = _source(root, src, opened)
    except OSError as error:
        raise _misplaced(container, Copy(src, "-", out=True), "src", error) from error
    return source.directory, "." if content else source.name


def owner_of_copies(container: ContainerBase, root: str) -> tuple[int, int]:
    """Return the host's IDs of the container's primary user and group."""
    config = container.config
    user = users.resolve(config.resolved["user"], *securejoin.user_files(root))
    return config.host_id(user.uid, "uid"), config.host_id(user.gid, "gid")
