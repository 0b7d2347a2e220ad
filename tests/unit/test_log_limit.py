# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner that keeps a log's limit misses no write and no new file, at whatever moment it looks."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import log as conmon_log
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.inotify import Watch
from ansible_collections.libpod.engine.plugins.module_utils._exit_command import log_limit


@pytest.fixture(name="orders")
def _orders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    orders: list[str] = []
    monkeypatch.setattr(conmon_log, "reopen", lambda run_dir: not orders.append(run_dir))
    return orders


def _is_woken_by_a_write(kept: log_limit._Log, path: Path) -> bool:
    assert kept.watch is not None
    kept.watch.forget()
    with path.open("ab") as file:
        file.write(b"0")
    return select.select([kept.watch], [], [], 0)[0] != []


def test_write_just_before_the_events_are_dropped_counts(
    tmp_path: Path, orders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"0")
    kept, forget = log_limit._Log(10, str(path), "/run/c"), Watch.forget
    assert kept.look()[1] and orders == []

    def late(watch: Watch) -> None:
        path.write_bytes(bytes(11))
        forget(watch)

    monkeypatch.setattr(Watch, "forget", late)
    kept.look()
    assert orders == ["/run/c"]


@pytest.mark.parametrize("moment", ["forget", "look_at"])
def test_file_that_replaces_the_log_during_a_look_is_watched(
    tmp_path: Path, orders: list[str], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"0")
    kept, real = log_limit._Log(10, str(path), "/run/c"), getattr(Watch, moment)
    kept.look()

    def replaced(watch: Watch, *args: str) -> None:
        (tmp_path / "new").write_bytes(b"")
        os.replace(tmp_path / "new", path)
        real(watch, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Watch, moment, replaced)
        kept.look()
    assert _is_woken_by_a_write(kept, path) and orders == []


def test_new_file_with_the_inode_number_of_an_old_one_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"0")
    kept = log_limit._Log(10, str(path), "/run/c")
    kept.look()
    (tmp_path / "new").write_bytes(b"")
    os.replace(tmp_path / "new", path)
    kept._inode = os.stat(path).st_ino
    kept.look()
    assert _is_woken_by_a_write(kept, path)
