# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An OOM kill is detected in a record of Linux 6.1; a file returns all records in one read."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import kmsg

SCOPE = "/machine.slice/libpod-1.scope"
RECORD = (
    "6,1050,5000000,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=libpod-1.scope,mems_allowed=0,"
    "oom_memcg={0},task_memcg={0},task=dd,pid=1536,uid=0\n"
)


@pytest.mark.parametrize(
    ("cgroup", "since", "killed"),
    [
        (SCOPE, 4.0, True),
        (SCOPE, 6.0, False),
        (f"{SCOPE}/container", 0.0, True),
        ("/machine.slice/libpod-12.scope", 0.0, False),
    ],
)
def test_oom_kill_is_attributed_to_the_cgroup_and_this_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str, since: float, killed: bool
) -> None:
    (tmp_path / "kmsg").write_text(RECORD.format(cgroup))
    monkeypatch.setattr(kmsg, "KMSG", str(tmp_path / "kmsg"))
    assert kmsg.oom_killed(SCOPE, since) is killed


def test_unreadable_log_gives_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmsg, "KMSG", str(tmp_path / "none"))
    assert not kmsg.oom_killed(SCOPE, 0.0)


def test_this_kernels_log_is_read_to_its_end() -> None:
    assert not kmsg.oom_killed("/of/no/host", 0.0)
