# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as one task left it on a test host, copied to later ones, whose tasks need not send and compile it."""

from __future__ import annotations

import fcntl
import functools
import glob
import hashlib
import os
import shutil
import subprocess
import sys

import ansible.release

from . import images, kernel, playbooks

STATIC_ROOT = "/srv/static"  # a test host's, whose path is in the engine's files
_CACHE = f"{images.PROJECT}/build/test-engine"


def install(root: str) -> None:
    """Have the engine of this checkout below a static root, as a task leaves it.

    Nothing is done where there is one, nor for another root than ``STATIC_ROOT``: that is left for the task.
    """
    if root != STATIC_ROOT or os.path.lexists(f"{root}/engine"):
        return
    os.makedirs(_CACHE, exist_ok=True)
    with open(f"{_CACHE}/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _make()
        os.makedirs(root, 0o700, exist_ok=True)
        os.chmod(root, 0o700)
        shutil.copytree(f"{_CACHE}/engine", f"{root}/engine")


def _make() -> None:
    """Have a task make what is copied, in mounts of its own, unless it is there and of this version."""
    mark = f"{_CACHE}/made-from"
    if os.path.exists(mark) and open(mark, encoding="ascii").read() == _version():
        return
    for path in (mark, f"{_CACHE}/engine"):
        subprocess.run(["rm", "-rf", path], check=True)
    made = subprocess.run([sys.executable, "-m", __name__], check=False, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    with open(mark, "w", encoding="ascii") as file:
        file.write(_version())


@functools.cache
def _version() -> str:
    """Return a digest of the Python and of all that the engine's files on a host are made of."""
    plugins = f"{images.PROJECT}/plugins"
    places = ("module_utils/**/*", "plugin_utils/_engine_*")
    paths = [path for place in places for path in glob.glob(f"{plugins}/{place}.py", recursive=True)]
    found = hashlib.sha256(f"{sys.version} {os.path.realpath(sys.executable)} {ansible.release.__version__}".encode())
    for path in sorted(paths):
        with open(path, "rb") as file:
            content = file.read()
        found.update(f"{path} {len(content)} ".encode() + content)
    return found.hexdigest()


def _record() -> None:
    """Run a task on an empty host and copy the engine it leaves."""
    kernel.unshare(kernel.NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("test-host", "/srv", "tmpfs", options="mode=755")
    playbooks.play([{"libpod.engine.libpod_container_info": {"static_root": STATIC_ROOT, "run_root": "/srv/run"}}])
    shutil.copytree(f"{STATIC_ROOT}/engine", f"{_CACHE}/engine")


if __name__ == "__main__":
    _record()
