# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a container from the image store on a full file system, where containers-storage(1) cannot.

The tool writes a new file of records before it drops the old one, for which there is no space: others may take what
becomes free. Here the file is written in the engine's reserve, under the store's own locks. The order is that of the
tool's own repeated attempts: what a kill leaves still has its record, by which the next attempt finds it.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import os
import struct
import time
from contextlib import contextmanager, suppress
from typing import Iterator

from ..._model.errors import LibpodError
from ..._model.failpoints import failpoint
from .. import limits, reserve
from ..kernel import syscalls
from ..trees import removal
from .roots import StorageRoots

_PAUSE = 0.01
_FLOCK = "hhqqi0q"  # struct flock of fcntl(2)


def possible(roots: StorageRoots) -> bool:
    """Return whether the store's driver keeps layers in directories alone."""
    return roots.driver in ("overlay", "vfs")


def delete(roots: StorageRoots, static_root: str, container_id: str, layer: str) -> None:
    """Delete the container and its layer, where they exist; ``static_root`` has the reserve.

    :raises NotRemoved, OSError: a part of it is left.
    """
    home = f"{roots.root}/overlay/{layer}" if roots.driver == "overlay" else f"{roots.root}/{roots.driver}/dir/{layer}"
    layers, containers = (f"{roots.root}/{roots.driver}-{kind}" for kind in ("layers", "containers"))
    with _locked(f"{layers}/layers.lock") as layers_lock, _locked(f"{containers}/containers.lock") as containers_lock:
        if roots.driver == "overlay":
            while os.path.ismount(f"{home}/merged"):
                syscalls.umount(f"{home}/merged", syscalls.MNT_DETACH)
            _unlink_short_name(roots, home)
        failpoint("remove layer")
        removal.remove(home)
        failpoint("remove what belongs to the layer")
        for path in glob.glob(f"{glob.escape(f'{layers}/{layer}')}.*"):
            os.unlink(path)
        failpoint("remove the store's folders of the container")
        for folder in (containers, f"{roots.run_root}/{roots.driver}-containers"):
            removal.remove(f"{folder}/{container_id}")
        _drop([f"{layers}/{name}.json" for name in ("layers", "volatile-layers")], layer, static_root, layers_lock)
        paths = [
            f"{containers}/containers.json",
            f"{roots.run_root}/{roots.driver}-containers/volatile-containers.json",
        ]
        _drop(paths, container_id, static_root, containers_lock)


def _unlink_short_name(roots: StorageRoots, home: str) -> None:
    """Remove the link to the layer in ``overlay/l``, which keeps the options of mount(2) short."""
    with suppress(OSError):
        with open(f"{home}/link", encoding="utf-8") as file:
            name = os.path.basename(file.read().strip())
        failpoint("remove short name")
        os.unlink(f"{roots.root}/overlay/l/{name}")


@contextmanager
def _locked(path: str) -> Iterator[int]:
    """Hold a lock of the store as its tools do, on the whole file.

    The lock is the open file's (F_OFD_SETLK of fcntl(2)). A process's lock would let its other threads in, and end when
    one of them closes the file.

    :raises LibpodError: others hold it for longer than the tool's time limit.
    """
    limit = limits.of("containers-storage").seconds
    deadline = time.monotonic() + limit if limit else float("inf")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _lock(descriptor, fcntl.F_WRLCK):
            if time.monotonic() > deadline:
                raise LibpodError(f"another program has held {path} of the image store for {limit:g} seconds")
            time.sleep(_PAUSE)
        yield descriptor
    finally:
        # A child that was forked meanwhile may have the open file too, and with it the lock.
        _lock(descriptor, fcntl.F_UNLCK)
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Set or release the lock of an open file; return whether no other one is in the way."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return False
    return True


def _drop(paths: list[str], record_id: str, static_root: str, lock: int) -> None:
    """Remove a record from the files that have it, and change the lock's content, so that readers read them again."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                text, mode = file.read(), os.fstat(file.fileno()).st_mode & 0o7777
        except FileNotFoundError:
            continue
        if record_id.encode() not in text:
            continue
        records = json.loads(text)
        kept = [one for one in records if not (isinstance(one, dict) and one.get("id") == record_id)]
        if len(kept) == len(records):
            continue
        data = json.dumps(kept, separators=(",", ":")).encode()
        if not reserve.replace(path, data, mode, static_root):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        with suppress(OSError):
            os.pwrite(lock, os.urandom(32).hex().encode(), 0)
