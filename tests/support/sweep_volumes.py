# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are made, changed, mounted, unmounted and removed, for the kill sweep to interrupt."""

from __future__ import annotations

import os
import tarfile
from typing import Any, Callable

from .hosts import Host
from .modules import Result
from .sweep import Operation, Task
from .sweep_tasks import ABSENT, RUNNING, STOPPED, Options, does, is_stopped, module, runs, started

FOLDER = "/srv/static/volumes/data"
TAR = "/srv/volume.tar"
MEMORY = {"options": ["type=tmpfs", "o=mode=1777,size=1m"]}


def _mounts() -> int:
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sum(line.split()[4] == f"{FOLDER}/_data" for line in file)


def _volume(state: str, check: Callable[[], bool], **options: Any) -> Task:
    def checked(_host: Host) -> None:
        assert check(), (state, _mounts(), os.path.exists(FOLDER))

    return module("libpod_volume", {"name": "data", "state": state, **options}, checked)


def _pack(_host: Host) -> None:
    with tarfile.open(TAR, "w") as file:
        for name, kind in (("d", tarfile.DIRTYPE), ("d/file", tarfile.REGTYPE), ("link", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, "target" if name == "link" else "", 0o750
            file.addfile(member)


def _no_archive(_host: Host) -> None:
    if os.path.exists(TAR):
        os.unlink(TAR)


def _is_filled() -> bool:
    return sorted(os.listdir(f"{FOLDER}/_data")) == ["d", "link"] and os.listdir(f"{FOLDER}/_data/d") == ["file"]


def _both(first: Task, second: Task) -> Task:
    def run(host: Host, kill_at: str) -> Result:
        result = first.run(host, kill_at)
        return result if result.killed or result.failed else second.run(host, kill_at)

    return Task(run, second.check)


GONE = _volume("absent", lambda: not os.path.exists(FOLDER) and os.listdir(os.path.dirname(FOLDER)) == [])
PLAIN = _volume("present", lambda: os.stat(f"{FOLDER}/_data").st_uid == 7, options=["uid=7"], label={"a": "1"})
MADE = _volume("present", lambda: _mounts() == 0, **MEMORY)
MOUNTED = _volume("mounted", lambda: _mounts() == 1, **MEMORY)
UNMOUNTED = _volume("unmounted", lambda: _mounts() == 0)
FILLED = _volume("present", _is_filled, src=TAR)
SERVING: Options = {**RUNNING, "volume": ["data:/data"]}


def _serves(host: Host) -> None:
    runs(host, SERVING)
    assert _mounts() == 1


def _is_down(host: Host) -> None:
    is_stopped(host)
    assert _mounts() == 0


STARTED = started(SERVING)._replace(check=_serves)
OPERATIONS = {
    "volume": Operation([_volume("absent", lambda: True)], PLAIN, GONE, only="volume", removed="volume"),
    "volume filled": Operation(
        [GONE, _volume("present", lambda: True), does(_pack)],
        FILLED,
        _both(GONE, does(_no_archive)._replace(check=GONE.check)),
        only="unpack|directory|json",
        removed="unpack",
    ),
    "volume re-created": Operation([PLAIN], _volume("present", lambda: True, options=["uid=8"]), GONE, other=PLAIN),
    "volume held mounted": Operation([MADE], MOUNTED, GONE, other=UNMOUNTED, only="json|mount", removed="volume|json"),
    "volume removed": Operation([MOUNTED], GONE, GONE),
    "volume of a container": Operation(
        [MADE, ABSENT],
        STARTED,
        _both(ABSENT, GONE),
        other=STOPPED._replace(check=_is_down),
        only="volume|_data|state.json",
        removed="volume|_data",
    ),
}
