# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one archive: packed on the controller, kept compiled on the target, and imported from there.

Ansible sends a module with every file it imports, reads all of them on the controller and compiles them on
the target at each task. The engine is sent once a version instead: a module that loads a room from
here costs little more than ``ping``.

Every task compiles this file, so it has no more than a task needs where everything is in order. All else is in
``_engine_setup.py``, which Ansible sends too and Python compiles where it is needed.
With ``_engine_boot.py`` they are also the program that the host starts. Older Pythons have to read all three.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import stat
import sys
from types import ModuleType

# What the action plugin tells the module: {"static_root", "digest", "archive", "keep", "ansible", "room"}; the digests
# are the engine's and that of Ansible's own files, and the room is the module's.
VARIABLE = "LIBPOD_ENGINE"
PACKAGE = "libpod_engine"
_COLLECT_EVERY = 50_000  # objects made and not freed, instead of 700
_held: list[int] = []  # descriptors, which lock the archive until this process ends


def load(room: str) -> ModuleType:
    """Import a room such as ``_ansible.container``: from the archive of the action plugin, else from beside here.

    Where the target does not have the archive, the task ends here, and the action plugin sends it.
    """
    import json

    # A task is over before the collector's passes over all that was imported would free anything.
    gc.set_threshold(_COLLECT_EVERY)
    request = json.loads(os.environ.pop(VARIABLE, "{}"))
    ansible = request.pop("ansible", "")
    request.pop("room", None)
    if not is_ready(**request):
        from ._engine_setup import obtain

        if not obtain(sys.modules[__name__], **request):
            return importlib.import_module(f"{__package__}.{room}")
    if ansible and request["keep"]:
        folder = engine_folder(request["static_root"])
        path = of_ansible(folder, ansible)
        if not hold(path, ansible):
            from ._engine_setup import keep_ansible

            keep_ansible(sys.modules[__name__], f"{folder}/{request['digest']}.zip", request["digest"], path, ansible)
    return importlib.import_module(f"{PACKAGE}.{room}")


def is_ready(static_root: str = "", digest: str = "", archive: str = "", keep: bool = False) -> bool:
    """Return whether the compiled archive is there and all is in order; it is imported from then."""
    folder = engine_folder(static_root)
    if not digest or not is_private(folder) or not opens(compiled(folder, digest), digest):
        return False
    return not keep or bool(importlib.import_module(PACKAGE).starts(folder, mark))


def opens(path: str, digest: str) -> bool:
    """Return whether a compiled archive is whole and of this version; it is held, and imported from then."""
    if not hold(path, digest):
        return False
    sys.path.insert(0, path)
    try:
        importlib.import_module(PACKAGE)
        return True
    except Exception:  # pylint: disable=broad-exception-caught
        import zipimport

        # Damage by a storage medium leaves the mark: without it, the file is read and made again, under the same path.
        os.utime(path)
        sys.path.remove(path)
        sys.path_importer_cache.pop(path, None)
        getattr(zipimport, "_zip_directory_cache", {}).pop(path, None)
        return False


def engine_folder(static_root: str) -> str:
    """Return where the engine is kept below the static root of a task, of the environment, or by default."""
    root = static_root or os.environ.get("LIBPOD_STATIC_ROOT") or "/var/lib/libpod"
    return os.path.normpath("/" + os.path.expanduser(os.path.expandvars(root)).lstrip("/")) + "/engine"


def compiled(folder: str, digest: str) -> str:
    """Return the path of the archive that this Python imports."""
    return f"{folder}/{digest}.{sys.implementation.cache_tag}.zip"


def of_ansible(folder: str, digest: str) -> str:
    """Return the path of what this Python imports of Ansible's own files, by their digest."""
    return compiled(folder, f"ansible-{digest}")


def is_private(folder: str) -> bool:
    """Return whether root alone can change a folder and those above it; what is in doubt is for ``_engine_setup``."""
    path = os.path.realpath(os.path.dirname(folder)) + "/engine"
    try:
        while True:
            info = os.lstat(path)
            if info.st_uid not in (0, os.geteuid()) or info.st_mode & 0o022:
                return False
            if path == "/":
                return True
            path = os.path.dirname(path)
    except OSError:
        return False


def mark(digest: str) -> int:
    """Return the modification time in nanoseconds that a version's files are given once they are whole.

    Whatever writes to such a file later changes it.
    """
    return int(digest[:7], 16) * 10**9


def hold(path: str, digest: str) -> bool:
    """Return whether an archive is whole and of this version; it then stays until this process has ended.

    Root alone can write there, so the mark is against damage and not against attack.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        info = os.fstat(descriptor)
        sound = stat.S_ISREG(info.st_mode) and info.st_uid in (0, os.geteuid()) and not info.st_mode & 0o022
        if sound and info.st_nlink and info.st_mtime_ns == mark(digest):
            _held.append(descriptor)
            return True
    except OSError:
        pass  # it is being removed
    os.close(descriptor)
    return False
