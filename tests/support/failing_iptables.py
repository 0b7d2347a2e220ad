# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of iptables that fail where a test says so, so that CNI plugins leave rules."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Iterator

from . import kernel


@contextlib.contextmanager
def failing(**programs: str) -> Iterator[None]:
    """Make the host's iptables programs fail if their arguments match a pattern, such as ``*-S*``."""
    folder = "/etc/alternatives"
    os.makedirs("/srv/failing/work")
    os.mkdir("/srv/failing/upper")
    layers = f"lowerdir={folder},upperdir=/srv/failing/upper,workdir=/srv/failing/work"
    kernel.mount("failing", folder, "overlay", options=layers)
    try:
        for name, pattern in programs.items():
            path = f"{folder}/{name.replace('_', '-')}"
            real = os.readlink(path)
            os.unlink(path)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as file:
                file.write(f'#!/bin/sh\ncase "$*" in {pattern}) echo broken >&2; exit 4;; esac\nexec {real} "$@"\n')
        yield
    finally:
        kernel.umount(folder)
        shutil.rmtree("/srv/failing")


# Only portmap's DEL lists this chain, and it skips the address family if that fails.
PORTMAP_LOOKS = "*'-S OUTPUT'*"
