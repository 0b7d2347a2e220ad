# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that a test host does not have for a while."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import Iterator

from . import kernel


@contextlib.contextmanager
def without(*paths: str) -> Iterator[None]:
    """Have none of these files in its folder, by whiteouts above it."""
    with contextlib.ExitStack() as undo:
        for path in paths:
            folder, name = os.path.split(path)
            above = f"/run/absent-{name}"
            undo.callback(shutil.rmtree, above)
            os.makedirs(f"{above}/upper")
            os.mkdir(f"{above}/work")
            os.mknod(f"{above}/upper/{name}", stat.S_IFCHR, 0)  # a whiteout
            layers = f"lowerdir={folder},upperdir={above}/upper,workdir={above}/work"
            kernel.mount("absent", folder, "overlay", options=layers)
            undo.callback(kernel.umount, folder)
            assert not os.path.lexists(path)
        yield
