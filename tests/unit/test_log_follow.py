# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A follower of a log reads each file to its end, and reports how many it missed between two reads."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io import log_lines
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import take_warnings


class Log:
    """A log rotated as by conmon: a new file takes the name."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ctr.log"
        self.write("first")

    def write(self, text: str) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"2026-01-01T00:00:00Z stdout F {text}\n")

    def begin(self, text: str) -> None:
        new = Log.__new__(Log)
        new.path = self.path.with_name("ctr.log.tmp")
        new.write(text)
        os.rename(new.path, self.path)

    def reader(self) -> log_lines.LogReader:
        return log_lines.LogReader(str(self.path), "web", follows=True)


def texts(reader: log_lines.LogReader) -> list[str]:
    return [line.text for line in reader.more()]


@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_files_that_could_not_be_read_are_counted(tmp_path: Path, times: int) -> None:
    log = Log(tmp_path)
    log.begin("second")  # before it is followed
    reader = log.reader()
    assert texts(reader) == ["second"]
    log.write("last of it")
    for number in range(times):
        log.begin(f"file {number}")
    (tmp_path / "other.tmp").touch()
    os.rename(tmp_path / "other.tmp", tmp_path / "other")
    assert texts(reader) == ["last of it", f"file {times - 1}"]
    assert texts(reader) == []
    log.begin("one more")
    assert texts(reader) == ["one more"]
    reader.close()
    warnings = take_warnings()
    assert len(warnings) == (times > 1)
    assert times == 1 or "container web was rotated faster than it could be read" in warnings[0]
    assert times == 1 or f": {times - 1} file" in warnings[0]


def test_rotation_while_a_file_is_opened_loses_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)
    reader = log.reader()
    assert texts(reader) == ["first"]
    log.begin("second")
    whole = log_lines.LogReader._count

    def count(self: log_lines.LogReader, first: bool) -> None:
        monkeypatch.undo()
        log.begin("third")  # after the second was opened, before the renames are counted
        whole(self, first)

    monkeypatch.setattr(log_lines.LogReader, "_count", count)
    assert texts(reader) == ["second"]
    assert texts(reader) == ["third"]
    log.begin("fourth")
    log.begin("fifth")
    assert texts(reader) == ["fifth"]
    reader.close()
    assert ": 1 file of lines" in take_warnings()[0]


def test_new_file_wakes_the_follower(tmp_path: Path) -> None:
    log = Log(tmp_path)
    reader = log.reader()
    assert texts(reader) == ["first"]
    log.begin("second")
    begun = time.monotonic()
    assert not process.wait_end(process.ref(os.getpid()), 60.0, reader.wake)
    assert time.monotonic() - begun < 30.0
    assert texts(reader) == ["second"]
    reader.close()
