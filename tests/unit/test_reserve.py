# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reserve: a record is exchanged with a reserved file, and the reserve stays complete."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import reserve
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ToolFailed


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    reserve.keep(str(tmp_path))
    reserve.keep_rooms(str(tmp_path), 0)
    return tmp_path


def _names(root: Path) -> list[str]:
    return sorted(os.listdir(root / "reserve"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_quota_is_like_a_full_file_system(number: int) -> None:
    assert reserve.full(OSError(number, os.strerror(number)))
    # As printed by tools in Go and in C.
    for message in (os.strerror(number), os.strerror(number).lower()):
        assert reserve.full(ToolFailed(["containers-storage"], 1, f"open /x: {message}"))
    assert not reserve.full(OSError(errno.EACCES, "")) and not reserve.full(ToolFailed(["x"], 1, "image not known"))


@pytest.mark.parametrize("size", [10, 4096, 4097, 100_000])
def test_record_is_exchanged_with_a_reserved_file(root: Path, size: int) -> None:
    whole, path = _names(root), root / "record.json"
    path.write_bytes(b"old" * 2000)
    inodes = {entry.inode() for entry in os.scandir(root / "reserve")} | {path.stat().st_ino}
    assert reserve.replace(str(path), b"x" * size, 0o640)
    assert path.read_bytes() == b"x" * size and path.stat().st_mode & 0o777 == 0o640
    assert _names(root) == whole
    assert {entry.inode() for entry in os.scandir(root / "reserve")} | {path.stat().st_ino} == inodes


def test_record_larger_than_the_reserve_is_not_written(root: Path) -> None:
    (root / "record.json").write_bytes(b"old")
    assert not reserve.replace(str(root / "record.json"), bytes(1 << 20), 0o600)
    assert (root / "record.json").read_bytes() == b"old"
    reserve.keep_rooms(str(root), 1 << 20)
    assert reserve.replace(str(root / "record.json"), bytes(1 << 20), 0o600)


def test_gap_is_filled_by_what_is_removed_and_nothing_of_it_is_kept(root: Path) -> None:
    whole = _names(root)
    assert reserve.replace(str(root / "first.json"), b"{}", 0o600)
    assert _names(root) == sorted({*whole} - {"31"})
    (root / "config.json").write_bytes(b"secret" * 1000)
    reserve.give_back(str(root / "config.json"))
    assert _names(root) == whole and not (root / "config.json").exists()
    assert all(b"secret" not in path.read_bytes() for path in (root / "reserve").iterdir())
    reserve.give_back(str(root / "first.json"))
    assert _names(root) == whole and not (root / "first.json").exists()


def test_taken_file_is_never_put_over_another(root: Path) -> None:
    (root / "a.lock").write_bytes(b"")
    before = (root / "a.lock").stat().st_ino
    assert reserve.take(str(root / "a.lock")) and (root / "a.lock").stat().st_ino == before
    assert reserve.take(str(root / "b.lock")) and (root / "b.lock").exists()
