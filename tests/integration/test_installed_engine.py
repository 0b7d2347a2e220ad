# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine that a task installs on the host runs without the task: for a container's exit, and for the operator."""

from __future__ import annotations

import glob
import os
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

OPTIONS: dict[str, Any] = {
    "name": "c",
    "image": "busybox",
    "command": WAITING,
    "network": "none",
    "restart_policy": "always",
}


def _restarted(host: Host, times: int) -> bool:
    (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    return bool(container["RestartCount"] == times and container["State"]["Running"])


def test_crash_is_handled_after_the_task_python_and_archive_are_removed(host: Host) -> None:
    """The virtual environment of the task is removed, and then its compiled code is damaged."""
    host.run(sys.executable, "-m", "venv", "--without-pip", "/srv/venv")
    task = {"libpod.engine.libpod_container": OPTIONS}
    interpreter = {"ansible_python_interpreter": "/srv/venv/bin/python3"}
    made = host.play([task], sends=True, variables=interpreter).tasks[0]
    shutil.rmtree("/srv/venv")
    (compiled,) = glob.glob(f"{host.parts.static_root}/engine/????????????????????????????????.cpython-*.zip")
    conmon = int(Path(f"{host.parts.run_root}/containers/{made['container']['Id']}/conmon.pid").read_text("ascii"))
    assert "/srv/venv" not in Path(f"/proc/{conmon}/cmdline").read_text("utf-8")
    for number, damage in enumerate((None, b"damaged"), 1):
        if damage:
            Path(compiled).write_bytes(damage)
        (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
        os.kill(Process(container).pid, 9)
        eventually(partial(_restarted, host, number), seconds=90.0)
    environment = [f"{key}={value}" for key, value in host.parts.environment().items()]
    assert " c\n" in host.run("env", *environment, f"{host.parts.static_root}/engine/libpod", "ps")


def test_an_oom_kill_leaves_nothing_in_the_host_s_root_directory(host: Host) -> None:
    command = ["sh", "-c", "tail /dev/zero"]
    there = os.path.exists("/oom")
    host.container(**{**OPTIONS, "command": command, "restart_policy": "no"}, memory="16m", memory_swap="16m")

    def ended() -> Any:
        (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
        return container["State"]["Status"] == "exited" and container["State"]

    assert eventually(ended)["OOMKilled"]
    assert os.path.exists("/oom") is there
