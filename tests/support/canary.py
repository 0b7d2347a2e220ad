# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a word lies on a test host that nobody else may read, and who can read it there."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Sequence

_NOBODY = 65534


def files_with(word: str, tops: Sequence[str], since: float = 0.0) -> list[str]:
    """Return the files below ``tops`` that contain a word, without those last changed before ``since``."""
    paths = []
    for top in tops:
        for folder, _folders, names in os.walk(top):
            for name in names:
                path = f"{folder}/{name}"
                # Not even root can read some files of a container's /proc and /sys.
                with contextlib.suppress(OSError):
                    info = os.lstat(path)
                    if not stat.S_ISREG(info.st_mode) or info.st_mtime < since:
                        continue
                    with open(path, "rb") as file:
                        if word.encode() in file.read():
                            paths.append(path)
    return paths


def readable_by_others(paths: list[str]) -> list[str]:
    """Return the paths that the kernel lets another user open."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
        for path in paths:
            with contextlib.suppress(OSError), open(path, "rb"):
                os.write(write, f"{path}\n".encode())
        os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with open(read, encoding="utf-8") as file:
        return file.read().splitlines()
