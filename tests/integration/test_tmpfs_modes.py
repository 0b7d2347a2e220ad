# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tmpfs has the requested mode and owner at every start, and later changes of them are detected."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}


def _modes(process: Process, *targets: str) -> list[tuple[str, int]]:
    statuses = [os.stat(process.path(f"root{target}")) for target in targets]
    return [(f"{one.st_mode & 0o7777:o}", one.st_uid) for one in statuses]


@pytest.mark.parametrize("mapped", [False, True])
def test_tmpfs_mode_and_owner_are_applied_at_every_start(host: Host, mapped: bool) -> None:
    tmpfs = {
        "/scratch": "",
        "/priv": "mode=0700,uid=1000",
        "/data": "mode=0750,uid=1000,gid=1000",
        "/www": "",
        "/deep/er": "mode=1770",
        "/scratch/below": "mode=0711",
        "/home/web": "mode=0710,uid=1000,ro,noatime",
        "/unlike": "mode=0701,ro",
    }
    task = {
        **BASE,
        "user": "1000",
        "tmpfs": tmpfs,
        "read_only": True,
        **({"uidmap": ["0:100000:65536"]} if mapped else {}),
    }
    made = host.container("app", **task)
    root = 100000 if mapped else 0
    expected = [
        ("1777", root),
        ("700", root + 1000),
        ("750", root + 1000),
        ("755", root),
        ("1770", root),
        ("711", root),
        ("710", root + 1000),
        ("701", root),
        *[("1777", root)] * 3,
    ]
    for _start in range(3):
        assert not made.failed, made
        process = Process(made)
        assert _modes(process, *tmpfs, "/run", "/tmp", "/var/tmp") == expected
        for target in ("/home/web", "/unlike"):
            assert {"ro", "nosuid", "nodev", "noexec"} <= {*process.mounts[target].options}
            assert process.run("touch", f"{target}/x").returncode != 0
        assert "noatime" in process.mounts["/home/web"].options
        made = host.container("app", restart=True)
    if mapped:
        return
    process = Process(made)
    os.chmod(process.path("root/priv"), 0o755)
    predicted = host.container("app", check=True, **task)
    done = host.container("app", diff=True, **task)
    assert predicted["actions"] == done["actions"] == ["updated app"], (predicted, done)
    assert "mode 755" in str(done["diff"]["before"]) and Process(done).pid == process.pid, done
    assert _modes(process, *tmpfs, "/run", "/tmp", "/var/tmp") == expected
    assert host.container("app", **task)["actions"] == []


def test_read_only_tmpfs_changes_live(host: Host) -> None:
    process = Process(host.container("app", tmpfs={"/www": "mode=0711,ro,size=1m"}, **BASE))
    for options, read_only in (("ro,size=2m", True), ("size=2m", False), ("ro,size=1m", True)):
        done = host.container("app", tmpfs={"/www": f"mode=0711,{options}"}, **BASE)
        assert done["actions"] == ["updated app"] and Process(done).pid == process.pid, done["plan"]
        assert _modes(process, "/www") == [("711", 0)]
        assert (process.run("touch", "/www/x").returncode != 0) == read_only
