# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plays by both connection plugins take of the host's memory, and which processes they leave there."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import inside, kept_engine, process, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED, PYTHON
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

PLAYS = {"libpod": inside.play, "libpod_ssh": sshd.play}
SMALL, LARGE = 1 << 10, 1 << 28  # bytes
PROMISED = 15.0  # seconds, of the plugins' documentation
PERSISTS = 5  # seconds


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    """Yield a host with ``c``, which has Python and no further process to come, and an sshd."""
    options: dict[str, Any] = {
        "image": "busybox",
        "command": WAITING,
        "network": "none",
        "volume": PYTHON,
        "state": "started",
    }
    with Host() as host, sshd.Sshd():
        kept_engine.install(host.parts.static_root)
        assert not host.container("c", **options).failed
        process.settled(host.module("libpod_container_info", {"name": "c"})["containers"][0])
        yield host


def _play(host: Host, plugin: str, folder: Path, *tasks: dict[str, Any]) -> None:
    """Run tasks, a file ``here`` of the folder put and fetched among them, by ssh's connection of this folder alone."""
    files: list[dict[str, Any]] = [
        {"copy": {"src": f"{folder}/here", "dest": "/tmp/there"}},
        {"fetch": {"src": "/tmp/there", "dest": f"{folder}/back", "flat": True}},
    ]
    arguments = f"-o ControlMaster=auto -o ControlPersist={PERSISTS}s"
    settings = {"ANSIBLE_SSH_CONTROL_PATH_DIR": f"{folder}/cp", "ANSIBLE_SSH_ARGS": arguments}
    PLAYS[plugin](host, [*tasks, *files], settings={**PIPELINED, **settings})


@contextlib.contextmanager
def _peaks(host: Host) -> Iterator[dict[int, int]]:
    """Note the peak resident set in KiB of each of the host's processes, the container's too, during a block."""
    found: dict[int, int] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for pid in host.cgroups.processes():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as file:
                    peak = [int(line.split()[1]) for line in file if line.startswith("VmHWM")]
                    found[pid] = max([found.get(pid, 0), *peak])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


@pytest.mark.parametrize("plugin", PLAYS)
def test_no_process_holds_a_file_that_is_put_and_fetched(serving: Host, tmp_path: Path, plugin: str) -> None:
    highest = []
    for size in (SMALL, LARGE):
        with open(tmp_path / "here", "wb") as file:
            file.truncate(size)
        with _peaks(serving) as peaks:
            _play(serving, plugin, tmp_path)
        assert (tmp_path / "back").stat().st_size == size
        highest.append(max(peaks.values()))
        inside.play(serving, [{"raw": "rm /tmp/there"}])
    assert highest[1] - highest[0] < LARGE >> 13, highest  # KiB: an eighth of the file


@pytest.mark.parametrize("plugin", PLAYS)
def test_nothing_of_a_play_stays_on_the_host(serving: Host, tmp_path: Path, plugin: str) -> None:
    begun = {"conmon", "sh", "sleep", "sshd"}
    eventually(lambda: {_name(pid) for pid in serving.cgroups.processes()} == begun, seconds=PERSISTS + PROMISED)
    before = serving.cgroups.processes()
    (tmp_path / "here").write_text("text")
    _play(serving, plugin, tmp_path, {"ping": {}}, {"raw": "id; exit 3", "ignore_errors": True})
    shared = {"ssh", "sshd", "sshd-session"} if plugin == "libpod_ssh" else set()
    eventually(lambda: {_name(pid) for pid in serving.cgroups.processes() - before} <= {*shared, ""}, seconds=PROMISED)
    eventually(lambda: serving.cgroups.processes() == before, seconds=PERSISTS + PROMISED)
    assert not inside.held(serving)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
