# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's log tells of a cgroup that is gone (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

import os
import re

KMSG = "/dev/kmsg"
_RECORD_BYTES = 1 << 13


def oom_killed(cgroup: str, since: float) -> bool:
    """Whether a process in the cgroup, or below, was killed for want of memory ``since`` so many seconds from boot on.

    What the log no longer has, or does not let us read, has not happened.
    """
    # 3,1234,5678901,-;oom-kill:constraint=CONSTRAINT_MEMCG,…,task_memcg=/machine.slice/x.scope,task=dd,pid=1,uid=0
    told = re.compile(rf"\d+,\d+,(\d+),.*;oom-kill:.*,task_memcg={re.escape(cgroup)}[,/]")
    try:
        log = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        while True:
            try:
                record = os.read(log, _RECORD_BYTES)
            except BrokenPipeError:  # it was overwritten under our eyes; the next one is there
                continue
            found = told.match(record.decode(errors="replace"))
            if found and int(found[1]) / 1e6 >= since:
                return True
            if not record:
                return False
    except OSError:
        return False  # that was all
    finally:
        os.close(log)
