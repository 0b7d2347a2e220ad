# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's archive where something is not in order: verify it, make it, or refuse the task.

``archive`` is ``_engine_archive.py``: its module, or the program that is made of it (see ``script``). What is kept:
the sources of each version, their code for each Python, the operator's command and ``boot.py``, which starts the
engine without Ansible.
"""

from __future__ import annotations

import importlib
import os
import stat
import sys
import zlib
from typing import Any, Callable, Optional, Tuple

MISSING = "libpod_engine_missing"  # what the module tells the action plugin
OLDEST = (3, 9)
BUILD = "_engine_build"  # the module that makes of the sources what is kept
SCRIPT, LAUNCHER = "boot.py", "libpod"
SEAL_BYTES = 48  # of the comment at the end of a zip file that is kept
_FUTURE = b"from __future__ import annotations\n"
_NO_SETUP = b'SETUP = b""\n'


class Refused(Exception):
    """The engine cannot be used; the message is one sentence."""


def obtain(this: Any, static_root: str = "", digest: str = "", archive: str = "", keep: bool = False) -> bool:
    """Have the engine imported from an archive, or end the task; false where it names none.

    :param this: the module ``_engine_archive``
    :param archive: the sources, where they were sent
    """
    import json

    try:
        check_version()
        if not digest:
            return False
        folder = this.engine_folder(static_root)
        check_root(os.path.dirname(folder))
        path, is_new = find(this, folder, digest, archive, keep)
    except Refused as error:
        sys.stdout.write(json.dumps({"failed": True, "changed": False, "msg": str(error), "error": "Refused"}))
        raise SystemExit(1) from error
    if not path:
        sys.stdout.write(json.dumps({"changed": False, MISSING: True}))
        raise SystemExit(0)
    if sys.path[0] != path:
        sys.path.insert(0, path)
    if is_new:
        importlib.import_module(f"{this.PACKAGE}._drivers.engine.archives").remove_unused(folder)
    return True


def find(this: Any, folder: str, digest: str, archive: str, keep: bool) -> Tuple[str, bool]:
    """Return the archive to import from, empty where there is none, and whether it has been made just now.

    The compiled one, where it is missing or damaged, is made of the sources that were sent or are kept.
    """
    compiled = this.compiled(folder, digest)
    if _verified(this.opens, this, compiled, digest) and (not keep or _starts(this, folder, digest)):
        return compiled, False
    there = f"{folder}/{digest}.zip"
    sources = archive or (there if _verified(this.hold, this, there, digest) else "")
    if not sources or not keep:
        return sources, False
    # A read-only or full root is for the engine to report, with what the task wanted of it.
    return (compiled, True) if _keep(this, sources, folder, digest) else (sources, False)


def recover(this: Any, folder: str, digest: str) -> None:
    """Have the engine imported from what is whole: the version asked for, else the one that the operator's command has.

    :param this: the program ``boot.py``
    """
    try:
        check_version()
        check_root(os.path.dirname(folder))
        for version in (digest, read_launcher(folder)[1]):
            path, sources = this.compiled(folder, version), f"{folder}/{version}.zip"
            if not _verified(this.opens, this, path, version):
                if not _verified(this.hold, this, sources, version):
                    continue
                # Another Python than the task's, or damage.
                path = path if _keep(this, sources, folder, version) else sources
            if sys.path[0] != path:
                sys.path.insert(0, path)
            return
        raise Refused(f"{folder} has no whole engine any more: run a task of libpod.engine on this host")
    except Refused as refused:
        sys.stderr.write(f"libpod: {refused}\n")
        _log(str(refused))
        raise SystemExit(125) from refused


def check_version() -> None:
    """Raise Refused if this Python is too old for the engine."""
    if sys.version_info < OLDEST:
        raise Refused(
            f"{sys.executable} is Python {sys.version_info[0]}.{sys.version_info[1]}, and the engine needs "
            f"{OLDEST[0]}.{OLDEST[1]} or later: set ansible_python_interpreter to such a one"
        )


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
    """Return whether others can rename what is in a folder, which the sticky bit of /tmp keeps them from."""
    if info.st_mode & stat.S_ISVTX:
        return False
    return bool(info.st_mode & 0o002 or info.st_mode & 0o020 and info.st_gid)


def _status(path: str) -> Optional[os.stat_result]:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _verified(opens: Callable[[str, str], bool], this: Any, path: str, digest: str) -> bool:
    """Return whether an archive is whole, and hold it; one without its mark is read, and marked if it is whole.

    ``opens`` is ``this.hold``, or ``this.opens`` for one to import from.
    """
    if opens(path, digest):
        return True
    return _is_sealed(path, digest) and _marked(path, this.mark(digest)) and opens(path, digest)


def _marked(path: str, mark: int) -> bool:
    try:
        os.utime(path, ns=(mark, mark), follow_symlinks=False)
        return True
    except OSError:
        return False


def seal(digest: str, checksum: int) -> bytes:
    """Return the comment at the end of a zip file of this version whose content before it has this checksum."""
    return b"libpod:%s:%08x" % (digest.encode()[:32].rjust(32), checksum)


def _is_sealed(path: str, digest: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            content = file.read()
    except OSError:
        return False
    return content[-SEAL_BYTES:] == seal(digest, zlib.crc32(memoryview(content)[:-SEAL_BYTES]))


def _keep(this: Any, sources: str, folder: str, digest: str) -> bool:
    """Keep the engine and hold it; what removes unused versions waits for another time until then."""
    import fcntl

    lock = -1
    os.umask(0o022)
    sys.path.insert(0, sources)
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_SH)
        importlib.import_module(BUILD).keep(sources, folder, digest)
        return bool(this.hold(this.compiled(folder, digest), digest))
    except OSError:
        return False
    finally:
        sys.path.remove(sources)
        if lock != -1:
            os.close(lock)


def keep_ansible(this: Any, sources: str, digest: str, path: str, ansible: str) -> None:
    """Keep what Ansible has sent of itself, so that the next tasks need not be sent it (see ``_engine_direct.py``).

    :param sources: the engine's archive, which is kept already
    :param digest: the engine's version
    :param path: where to keep them
    :param ansible: the digest of Ansible's files
    """
    # Without a zip file, Ansible was imported from elsewhere, as by mitogen.
    payload = getattr(getattr(sys.modules.get("ansible.module_utils.basic"), "__loader__", None), "archive", "")
    if not payload or not this.hold(sources, digest):
        return
    sys.path.insert(0, sources)
    try:
        importlib.import_module(BUILD).keep_ansible(sources, payload, path, ansible)
    except OSError:
        pass  # a full or read-only root: this task has been sent all it needs
    finally:
        sys.path.remove(sources)


def script(archive: bytes, setup: bytes, boot: bytes) -> bytes:
    """Return ``boot.py``, made of the sources of ``_engine_archive.py``, of this file and of ``_engine_boot.py``.

    One file without imports of its own verifies the archive and runs it. This file is a text in it, which Python
    does not compile where it is not needed.
    """
    return archive + b"\n\n" + boot.partition(_FUTURE)[2].lstrip().replace(_NO_SETUP, b"SETUP = %r\n" % setup)


def read_launcher(folder: str) -> Tuple[str, str, int]:
    """Return interpreter and digest of the operator's command, and boot.py's checksum; empty if it is not whole."""
    import json

    try:
        with open(f"{folder}/{LAUNCHER}", encoding="utf-8") as file:
            record = json.loads(file.read(4096).split("\n")[1][1:])
        return str(record["interpreter"]), str(record["digest"]), int(record["boot"])
    except (OSError, ValueError, LookupError, TypeError):
        return "", "", -1


def launcher(folder: str, interpreter: str, digest: str, boot: int) -> str:
    """Return the operator's command: what is on record stands in its second line."""
    import json
    import shlex

    record = json.dumps({"interpreter": interpreter, "digest": digest, "boot": boot})
    argv = (interpreter, "-I", "-X", "utf8", f"{folder}/{SCRIPT}", digest)
    root = shlex.quote(os.path.dirname(folder))
    command = " ".join(map(shlex.quote, argv))
    return f'#!/bin/sh\n#{record}\nLIBPOD_STATIC_ROOT={root} exec {command} "$@"\n'


def _starts(this: Any, folder: str, digest: str) -> bool:
    """Return whether the host can start the engine without Ansible: launcher, boot script, interpreter, sources.

    They may be another version's. Those of this version are marked.
    """
    interpreter, version, boot = read_launcher(folder)
    try:
        with open(f"{folder}/{LAUNCHER}", encoding="utf-8") as file:
            expected = launcher(folder, interpreter, version, boot)
            if file.read(len(expected) + 1) != expected or not os.fstat(file.fileno()).st_mode & 0o100:
                return False
        with open(f"{folder}/{SCRIPT}", "rb") as file:
            whole = zlib.crc32(file.read()) == boot
    except (OSError, ValueError):
        return False
    if (
        not whole
        or not os.access(interpreter, os.X_OK)
        or not _verified(this.hold, this, f"{folder}/{version}.zip", version)
    ):
        return False
    return version != digest or all(_marked(f"{folder}/{name}", this.mark(digest)) for name in (SCRIPT, LAUNCHER))


def _log(message: str) -> None:
    """Log an error in syslog, or the journal behind it; never blocks, and never fails (see ``_drivers/host_log``)."""
    import socket

    about = " ".join(word for word in sys.argv[1:3] if word.isalnum())  # subcommand and container: never a variable
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect("/dev/log")
            sender.send(f"<27>libpod[{os.getpid()}]: {about}: {message}".encode(errors="replace"))
    except OSError:
        pass
