# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Export: the root filesystem of a container as one tar file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from ..._drivers.trees.beside import beside, create
from ..._drivers.trees.pack import pack
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, NoSuchVolume, ToolFailed
from ..._model.failpoints import failpoint
from ..._model.options.syntax.parsers import name as checked_name
from ..._store import volumes as store
from ..._store.locks import alone_at
from .private_mount import with_rootfs, with_volume

_TRIES = 5  # of a root directory whose entries come and go

if TYPE_CHECKING:
    from ..base import ContainerBase


def export(container: ContainerBase, path: str, dry: bool) -> bool:
    """Write a container's root filesystem to ``path``, as ``_write`` does."""

    def fill(temporary: str) -> None:
        with_rootfs(container, lambda root: archive(root, temporary), volumes=False)

    return _write(container.host.parts, path, fill, dry)


def export_volume(parts: EngineConfig, name: str, path: str, dry: bool) -> bool:
    """Write the content of a volume to ``path``, as ``_write`` does.

    :raises NoSuchVolume: there is none of this name.
    """
    folder = store.folder(parts, checked_name(name, "volume"))
    record = store.read(folder)
    if record is None:
        raise NoSuchVolume(f"no volume has the name {name!r}")

    def fill(temporary: str) -> None:
        if record.options.mounts:
            with_volume(folder, lambda data: archive(data, temporary))
        else:
            archive(f"{folder}/_data", temporary)

    return _write(parts, path, fill, dry)


def _write(parts: EngineConfig, path: str, fill: Callable[[str], None], dry: bool) -> bool:
    """Write a tree to ``path`` by ``fill``; return whether that differs from the file that was there.

    An unchanged tree gives the same file again, which is left alone. With ``dry`` nothing is written or read, and the
    file counts as different.

    :raises InvalidArgument: ``path`` is a directory, or its directory does not exist.
    """
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.isdir(folder):
        wrong = "it is a directory" if os.path.isdir(path) else f"the directory {folder} does not exist"
        raise InvalidArgument(f"dest: {path} cannot be used: {wrong}")
    if dry:
        return True
    temporary = beside(path, "export")
    with alone_at(parts.run_root, path):
        try:
            fill(temporary)
            if os.path.exists(path) and same(path, temporary):
                return False
            failpoint("rename export")
            os.rename(temporary, path)
            return True
        finally:
            if os.path.exists(temporary):
                failpoint("remove export")
                os.unlink(temporary)


def archive(root: str, path: str) -> None:
    """Write the tree below ``root`` to a new tar file that only root can read; tar(1) follows no link in it."""
    failpoint("make export")
    os.close(create(path))
    words = [f"--file={path}", f"--directory={root}", "--null", "--verbatim-files-from", "--files-from=-"]
    # Without tar's PID and times of access, so that an unchanged tree gives the same file.
    words += ["--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"]
    doing = "cannot read the container's root filesystem"
    for tried in range(_TRIES):
        names = sorted(os.listdir(root))
        try:
            pack(words, input="\0".join(names), doing=doing)
            return
        except ToolFailed:
            # tar forgives the end of a file below one of the names, and not that of one of the names.
            if tried == _TRIES - 1 or all(os.path.lexists(f"{root}/{name}") for name in names):
                raise


def same(left: str, right: str) -> bool:
    """Return whether two files have the same content."""
    import filecmp

    return os.path.getsize(left) == os.path.getsize(right) and filecmp.cmp(left, right, shallow=False)
