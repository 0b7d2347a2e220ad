# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with the role and containers of all restart policies, about to be rebooted."""

from __future__ import annotations

import json
import time
from typing import Any

from ansible_collections.libpod.engine.tests.support import playbooks
from ansible_collections.libpod.engine.tests.support.reboot import RECORD, only, tasks


@only
def test_host_is_ready_and_a_second_run_changes_nothing() -> None:
    first = playbooks.play(tasks())
    assert first.changed, first.output
    again = playbooks.play(tasks())
    assert again.changed == 0, again.output
    moves: list[dict[str, Any]] = [
        {"name": f"{name} {state}", "libpod.engine.libpod_container": {"name": name, "state": state}}
        for name, state in (("halted", "started"), ("halted", "stopped"), ("once", "started"))
    ]
    assert playbooks.play(moves).changed == 3
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read()
    with open(RECORD, "w", encoding="ascii") as file:
        json.dump({"boot": boot, "time": time.time()}, file)
