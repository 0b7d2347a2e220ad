# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy into or out of a container's root filesystem as a tar archive on an open file, as ``podman cp -`` does."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ..._drivers import limits
from ..._drivers.kernel import securejoin
from ..._drivers.trees import content, unpack
from ..._drivers.trees.pack import pack
from ..._model.errors import InvalidArgument
from .copy import owner_of_copies, source_place
from .private_mount import with_rootfs

if TYPE_CHECKING:
    from ..base import ContainerBase

_FOLDER = os.O_RDONLY | os.O_DIRECTORY


def take(container: ContainerBase, reader: int, dest: str, *, archive: bool) -> None:
    """Unpack the archive that ``reader`` has into the directory ``dest``; directories that exist keep their attributes.

    The whole archive is read and checked before. ``archive`` as for ``Copy``.

    :raises InvalidArgument: ``dest`` is no directory. :raises MalformedData: the archive cannot be used.
    """
    # Without a name, so that a kill leaves nothing.
    with tempfile.TemporaryFile(dir=container.host.parts.static_root) as file:
        content.copy(reader, file.fileno())
        spooled = f"/proc/self/fd/{file.fileno()}"

        def place(root: str) -> None:
            fixed = owner_of_copies(container, root) if archive else None

            def owner(uid: int, gid: int) -> tuple[int, int]:
                config = container.config
                return fixed or (config.host_id(uid, "uid"), config.host_id(gid, "gid"))

            try:
                folder = securejoin.open_beneath(root, dest, _FOLDER)
            except OSError as error:
                where = f"{dest} in container {container.name}"
                raise InvalidArgument(
                    f"dest: {where} cannot be used: {error.strerror}: expected a directory"
                ) from error
            try:
                temporary = f".libpod-copy-{container.id[:12]}"
                unpack.unpack(spooled, folder, temporary, limits.of("tar").seconds, owner=owner)
            finally:
                os.close(folder)

        with container.batch():
            with_rootfs(container, place, write=True)


def give(container: ContainerBase, src: str, writer: int, *, archive: bool) -> None:
    """Write ``src`` as an archive to ``writer``; ``archive`` as for ``Copy``.

    The lock of a running container is free meanwhile: the program that reads may need it, as an exec there does.

    :raises InvalidArgument: ``src`` is not there. :raises ToolFailed: not all of it could be written.
    """
    opened: list[int] = []

    def find(root: str) -> tuple[int, str]:
        return source_place(container, root, src, opened)

    try:
        with container.batch():
            if not container.state.status.has_process:
                with_rootfs(container, lambda root: _pack(find(root), writer, archive))
                return
            place = with_rootfs(container, find)
        _pack(place, writer, archive)
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _pack(place: tuple[int, str], writer: int, archive: bool) -> None:
    folder, name = place
    words = ["--file=-", f"--directory=/proc/{os.getpid()}/fd/{folder}"]
    words += [f"--owner=:{os.geteuid()}", f"--group=:{os.getegid()}"] if archive else []
    pack([*words, "--", name], doing="cannot copy out of the container", changes=False, terminal=writer)
