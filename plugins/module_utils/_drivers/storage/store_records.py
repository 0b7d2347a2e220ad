# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image store's locks, and its records written as its own programs write them: under a lock, by a rename.

Its programs keep what they have read, and read it again once the text in the lock file differs.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import struct
import time
from contextlib import contextmanager, suppress
from typing import Any, Iterator, Sequence

from ..._model.errors import LibpodError
from ..._model.failpoints import failpoint
from .. import limits
from . import roots

_FLOCK = "hhqqi0q"  # struct flock of fcntl(2)
_PAUSES = 0.001, 0.01
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}  # by Go's encoding/json
_WRITER_BYTES = 64


@contextmanager
def locked(path: str) -> Iterator[int]:
    """Hold a lock of the store, or of podman's networks, as their programs do, on the whole file.

    The lock is the open file's (F_OFD_SETLK of fcntl(2)). A process's lock would let its other threads in, and end when
    one of them closes the file.

    :raises LibpodError: others hold it for longer than the tool's time limit.
    """
    limit = limits.of("containers-storage").seconds
    deadline = time.monotonic() + limit if limit else float("inf")
    pause, longest = _PAUSES
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while not _set(descriptor, fcntl.F_WRLCK):
            if time.monotonic() > deadline:
                raise LibpodError(f"another program has held {path} for {limit:g} seconds")
            time.sleep(pause)
            pause = min(2 * pause, longest)
        try:
            yield descriptor
        finally:
            # A child that was forked since may have the open file too, and with it the lock.
            _set(descriptor, fcntl.F_UNLCK)
    finally:
        os.close(descriptor)


def _set(descriptor: int, kind: int) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, kind, os.SEEK_SET, 0, 0, 0))
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return False
    return True


def read(path: str, wanted: str = "") -> list[object]:
    """Return the records in a file of the store, [] where it is missing or empty, or lacks the text ``wanted``.

    :raises MalformedData: the file is no JSON list.
    """
    return [one.value for one in roots.values(path, wanted)]


def find(records: Sequence[object], record_id: str) -> dict[str, Any]:
    """Return the record with this ID, {} where there is none; entries that are no objects describe nothing."""
    return next((one for one in records if isinstance(one, dict) and one.get("id") == record_id), {})


def without(records: Sequence[object], record_id: str) -> list[object]:
    """Return all but the record with this ID."""
    return [one for one in records if not (isinstance(one, dict) and one.get("id") == record_id)]


def drop(path: str, record_id: str, lock: int, static_root: str = "") -> None:
    """Remove a record from a file of the store, whose lock is held, where it has it; the rest as for ``write``."""
    records = read(path, record_id)
    kept = without(records, record_id)
    if len(kept) < len(records):
        write(path, kept, lock, static_root)
    else:
        with suppress(FileNotFoundError):
            os.unlink(unfinished(path))


def write(path: str, records: Sequence[object], lock: int, static_root: str = "") -> None:
    """Replace a file of the store, whose lock is held; a full file system has room in the reserve of ``static_root``.

    :raises OSError: it cannot be written.
    """
    text = json.dumps(records, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPED)
    data = text.encode(errors="replace")
    failpoint(f"write {os.path.basename(path)}")
    with suppress(OSError):  # a full file system, say
        # Before the file: a kill in between costs others a reading, and they never miss a change.
        os.pwrite(lock, os.urandom(_WRITER_BYTES), 0)
    try:
        _replace(path, data)
    except OSError as error:
        from .. import reserve

        if not (static_root and reserve.full(error) and reserve.replace(path, data, 0o600, static_root)):
            raise


def unfinished(path: str) -> str:
    """Return the path at which the next content of a file of the store is written; a kill leaves it."""
    # One name, so that what a kill leaves is replaced by the next; the lock keeps others from it.
    return os.path.join(os.path.dirname(path), f".tmp-{os.path.basename(path)}.libpod")


def _replace(path: str, data: bytes) -> None:
    new = unfinished(path)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb", buffering=0) as file:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            os.fdatasync(file.fileno())
        os.rename(new, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(new)
        raise
