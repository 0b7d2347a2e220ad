# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The size of the terminal that a running conmon holds, set by its control FIFO ``ctl`` (conmon(8))."""

from __future__ import annotations

import os
from contextlib import suppress


def resize(run_dir: str, height: int, width: int) -> None:
    """Have the conmon whose bundle is ``run_dir`` set the size; one that has ended has no terminal left."""
    with suppress(OSError):
        fifo = os.open(f"{run_dir}/ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Message 1 of conmon's src/ctrl.c.
            os.write(fifo, b"1 %d %d\n" % (height, width))
        finally:
            os.close(fifo)
