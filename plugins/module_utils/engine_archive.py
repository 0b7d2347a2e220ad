# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one archive: packed on the controller, kept compiled on the target, and imported from there.

Ansible sends a module with every file it imports, reads all of them on the controller and compiles them on
the target at each task. The engine is sent once a version instead: a module that loads a room from
here costs little more than ``ping``.

Every task compiles this file, so it has no more than what comes before the first import from the archive.
With ``engine_boot.py`` it is also the program that the host starts. Older Pythons have to be able to read both.
"""

from __future__ import annotations

import gc
import importlib
import os
import stat
import sys
import zlib
from types import ModuleType
from typing import List, Optional, Tuple

# What the action plugin tells the module: {"static_root", "digest", "archive", "keep"}.
VARIABLE = "LIBPOD_ENGINE"
MISSING = "libpod_engine_missing"
PACKAGE = "libpod_engine"
KEPT = "engine_kept"  # the module that makes of the archive what is kept
ARCHIVE = "engine_archive"  # this one
BOOT = "engine_boot"  # the module that knows how the host starts the engine without Ansible
OLDEST = (3, 9)
_COLLECT_EVERY = 50_000  # objects made and not freed, instead of 700
DEFAULT_STATIC_ROOT = "/var/lib/libpod"  # as in _model.engine_config, which is in the archive
# The comment at the end of a zip file that is kept: digest and checksum of all before it.
_SEAL = b"libpod:%s:%08x"
SEAL_BYTES = 48
_held: List[int] = []  # descriptors, which lock the archive until this process ends


class Refused(Exception):
    """The engine cannot be used; the message is one sentence."""


def load(room: str) -> ModuleType:
    """Import a room such as ``_ansible.container``: from the archive of the action plugin, else from beside here.

    Where the target does not have the archive, the task ends here, and the action plugin sends it.
    """
    # A task is over before the collector's passes over all that was imported would free anything.
    gc.set_threshold(_COLLECT_EVERY)
    import json

    told = os.environ.pop(VARIABLE, "")
    try:
        check_version()
        if not told:
            return importlib.import_module(f"{__package__}.{room}")
        path, is_new = _archive(**json.loads(told))
    except Refused as error:
        sys.stdout.write(json.dumps({"failed": True, "changed": False, "msg": str(error), "error": "Refused"}))
        raise SystemExit(1) from error
    if sys.path[0] != path:
        sys.path.insert(0, path)
    found = importlib.import_module(f"{PACKAGE}.{room}")
    if is_new:
        importlib.import_module(f"{PACKAGE}._drivers.engine.archives").remove_unused(os.path.dirname(path))
    return found


def check_version() -> None:
    """:raises Refused: this Python is too old for the engine."""
    if sys.version_info < OLDEST:
        raise Refused(
            f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}, and the engine needs "
            f"{OLDEST[0]}.{OLDEST[1]} or later: set ansible_python_interpreter to such a one"
        )


def _archive(static_root: str, digest: str, archive: str, keep: bool) -> Tuple[str, bool]:
    """The path of the compiled archive, and whether it has been made just now.

    It is made of the sources that were sent, or kept for another Python, where it is not there or damaged.
    """
    root = static_root or os.environ.get("LIBPOD_STATIC_ROOT") or DEFAULT_STATIC_ROOT
    root = os.path.normpath("/" + os.path.expanduser(os.path.expandvars(root)).lstrip("/"))
    folder = root + "/engine"
    check_root(root)
    kept = compiled(folder, digest)
    if hold(kept, digest):
        sys.path.insert(0, kept)
        if not keep or importlib.import_module(BOOT).starts(folder):
            return kept, False
        sys.path.remove(kept)
    there = f"{folder}/{digest}.zip"
    sources = archive or (there if hold(there, digest) else "")
    if not sources:
        sys.stdout.write(f'{{"changed": false, "{MISSING}": true}}')
        raise SystemExit(0)
    if not keep:
        return sources, False
    try:
        is_new = _keep(sources, folder, digest)
    except OSError:
        # A read-only or full root is for the engine to report, with what the task wanted of it.
        is_new = False
    return (kept, True) if is_new else (sources, False)


def _keep(sources: str, folder: str, digest: str) -> bool:
    """Keep the engine and hold it; what removes unused versions waits for another time until then."""
    import fcntl

    os.umask(0o022)
    os.makedirs(folder, 0o700, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    sys.path.insert(0, sources)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        importlib.import_module(KEPT).keep(sources, folder, digest)
        return hold(compiled(folder, digest), digest)
    finally:
        sys.path.remove(sources)
        os.close(lock)


def compiled(folder: str, digest: str) -> str:
    """The path of the archive that this Python imports."""
    return f"{folder}/{digest}.{sys.implementation.cache_tag}.zip"


def check_root(root: str) -> None:
    """Refuse a root whose content somebody else than root could have put there.

    :raises Refused: it, its ``engine`` or a folder above it is another user's, or others can write there.
    """
    path = os.path.realpath(root)
    for inside in (path + "/engine", path):
        info = _status(inside)
        if info and (info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022):
            raise Refused(
                f"static_root: {inside} is another user's, or others can write to it: expected a directory that "
                "only root can change; look at what it contains, then set its owner and mode"
            )
    while path != "/":
        path = os.path.dirname(path)
        info = _status(path)
        if info and (info.st_uid not in (0, os.geteuid()) or _others_write(info)):
            raise Refused(f"static_root: {root} lies in {path}, which other users than root can change")


def _others_write(info: os.stat_result) -> bool:
    """Whether others can rename what is in a folder, which the sticky bit of /tmp keeps them from."""
    if info.st_mode & stat.S_ISVTX:
        return False
    return bool(info.st_mode & 0o002 or info.st_mode & 0o020 and info.st_gid)


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(path)
    except OSError:
        return None


def seal(digest: str, checksum: int) -> bytes:
    """Return what stands at the end of a file of this version whose content has this checksum."""
    return _SEAL % (digest.encode()[:32].rjust(32), checksum)


def _checksum(descriptor: int, size: int) -> int:
    """Return the CRC-32 of the first ``size`` bytes, read by parts that stay in the processor's cache."""
    part = memoryview(bytearray(1 << 17))
    offset = checksum = 0
    while offset < size:
        count = os.preadv(descriptor, [part[: size - offset]], offset)
        if not count:
            break
        checksum = zlib.crc32(part[:count], checksum)
        offset += count
    return checksum


def hold(path: str, digest: str) -> bool:
    """Whether the archive is whole and this version's; it then stays until this process has ended.

    Who may write there is root, so the checksum is against damage and not against attack.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        info = os.fstat(descriptor)
        sound = stat.S_ISREG(info.st_mode) and info.st_uid in (0, os.geteuid()) and not info.st_mode & 0o022
        if sound and info.st_nlink:
            size = max(0, info.st_size - SEAL_BYTES)
            if os.pread(descriptor, SEAL_BYTES, size) == seal(digest, _checksum(descriptor, size)):
                _held.append(descriptor)
                return True
    except OSError:
        pass  # it is being removed, or cannot be read
    os.close(descriptor)
    return False
