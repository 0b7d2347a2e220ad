# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log, for OOM kills in a cgroup that is gone (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

import os
import re

KMSG = "/dev/kmsg"
_RECORD_BYTES = 1 << 13


def oom_killed(cgroup: str, since: float) -> bool:
    """Return whether a process in or below the cgroup was killed for lack of memory.

    Kills before ``since``, in seconds from boot, do not count. False where the log lost the entry, or cannot be read.
    """
    # 3,1234,5678901,-;oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/machine.slice/x.scope,task=dd,pid=1,uid=0
    pattern = re.compile(rf"\d+,\d+,(\d+),.*;oom-kill:.*,task_memcg={re.escape(cgroup)}[,/]")
    try:
        log = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        while True:
            try:
                record = os.read(log, _RECORD_BYTES)
            except BrokenPipeError:  # it was overwritten meanwhile: go on with the next one
                continue
            match = pattern.match(record.decode(errors="replace"))
            if match and int(match[1]) / 1e6 >= since:
                return True
            if not record:
                return False
    except OSError:
        return False  # EAGAIN: no more records
    finally:
        os.close(log)
