# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task in a remote host's container that is killed at either end of ssh leaves nothing running, and no file."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import inside, playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    eventually,
    in_background,
    kill_all,
    running,
)

SLEEP = ("sleep", "1313")
PROMISED = 15.0  # seconds, of the plugin's documentation


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    with Host() as host, sshd.Sshd():
        task = {"name": "c", "image": "busybox", "command": WAITING, "network": "none", "state": "started"}
        host.play([{"libpod.engine.libpod_container": task}])
        sshd.add_user()
        yield host


@contextmanager
def _playing(host: Host, folder: Path, task: dict[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    how = sshd.variables(host, user=sshd.USER, libpod_host_become=True)
    argv = [playbooks.program(), "play.yml", "-i", playbooks.inventory(str(folder), {"c": how})]
    env = {**playbooks.environment(str(folder)), **sshd.settings(), "ANSIBLE_REMOTE_TEMP": "/tmp/ansible"}
    with in_background(argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as playbook:
        yield playbook


def _matching(host: Host, *words: str) -> list[int]:
    """Return the host's processes with all these in their command line."""
    return [pid for pid in host.cgroups.processes() if all(word in _line(pid) for word in words)]


def _line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _expect_nothing_left(host: Host) -> None:
    for left in (
        lambda: running(host.cgroups.processes(), *SLEEP),
        lambda: _matching(host, "boot.py", " connect") + _matching(host, "exec-end"),
        lambda: inside.held(host),
    ):
        eventually(lambda left=left: not left(), seconds=PROMISED)


def _victims(host: Host, playbook: int, victim: str) -> list[int]:
    if victim in ("playbook", "worker"):
        with open(f"/proc/{playbook}/task/{playbook}/children", encoding="ascii") as file:
            return [playbook] if victim == "playbook" else [int(file.read().split()[0])]
    words = {"ssh": ("ssh ", "-T 127.0.0.1"), "sshd": ("sshd: ",), "connect": ("boot.py", " connect")}[victim]
    found = _matching(host, *words)
    return [pid for pid in found if "listener" not in _line(pid) and "bin/sudo" not in _line(pid)]


@pytest.mark.parametrize("victim", ["playbook", "worker", "ssh", "sshd", "connect"])
def test_killed_task_leaves_nothing(serving: Host, tmp_path: Path, victim: str) -> None:
    with _playing(serving, tmp_path, {"raw": " ".join(SLEEP)}) as playbook:
        eventually(lambda: inside.held(serving) and running(serving.cgroups.processes(), *SLEEP), seconds=60)
        victims = _victims(serving, playbook.pid, victim)
        assert victims
        kill_all(victims)
        _expect_nothing_left(serving)
        playbook.wait(60 * PATIENCE)


@pytest.mark.parametrize("victim", ["playbook", "ssh"])
def test_killed_transfer_leaves_no_copy_on_the_host(serving: Host, tmp_path: Path, victim: str) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 30)
    task: dict[str, object] = {"script": str(tmp_path / "large")}
    with _playing(serving, tmp_path, task) as playbook:
        eventually(lambda: _matching(serving, "boot.py", " connect") and _growing(serving), seconds=60)
        kill_all(_victims(serving, playbook.pid, victim))
        if victim == "playbook":
            playbook.wait(60 * PATIENCE)
        eventually(lambda: not _matching(serving, "boot.py", " connect"), seconds=PROMISED)
        assert os.listdir("/srv/home") == [] and not [name for name in os.listdir("/tmp") if "libpod-fetch" in name]
    inside.play(serving, [{"raw": "rm -rf /tmp/ansible"}])


def _growing(host: Host) -> bool:
    """Return whether a file of some size is coming into being in the container."""
    for folder, _folders, names in os.walk(host.parts.storage_root):
        if any(name == "large" and os.path.getsize(f"{folder}/{name}") > 1 << 20 for name in names):
            return True
    return False
