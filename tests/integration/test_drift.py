# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed behind our back is seen at no fork, and put right in place."""

from __future__ import annotations

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host

WEB = {
    "name": "web",
    "image": "busybox",
    "command": "sleep 1000",
    "network": ["none"],
    "stop_signal": "KILL",
    "memory": "64m",
    "cpus": "0.5",
    "cpu_shares": 512,
    "pids_limit": 100,
}


@pytest.mark.parametrize(
    ("controller", "file", "meddled", "option"),
    [
        ("memory", "memory.limit_in_bytes", str(32 << 20), "memory"),
        ("cpu", "cpu.cfs_quota_us", "20000", "cpu_quota"),
        ("cpu", "cpu.shares", "100", "cpu_shares"),
        ("pids", "pids.max", "7", "pids_limit"),
    ],
)
def test_limit_changed_behind_our_back_is_seen_and_put_right(
    host: Host, controller: str, file: str, meddled: str, option: str
) -> None:
    first = host.container(**WEB)
    path = f"/sys/fs/cgroup/{controller}{first['container']['State']['CgroupPath']}/{file}"
    with open(path, encoding="ascii") as stream:
        right = stream.read()
    with open(path, "w", encoding="ascii") as stream:
        stream.write(meddled)

    foretold = host.container(**WEB, check=True, diff=True)
    assert foretold["actions"] == ["updated web"]
    assert list(foretold["diff"]["after"]) == [option]

    mended = host.container(**WEB)
    assert mended["actions"] == ["updated web"]
    with open(path, encoding="ascii") as stream:
        assert stream.read() == right
    assert mended["container"]["State"]["Pid"] == first["container"]["State"]["Pid"]
    assert not host.container(**WEB).changed
