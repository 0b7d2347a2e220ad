# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split lines of a log in the CRI format are joined at any length, and the tail is read from the end."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io import log_lines, log_parts, logs

WHEN = "2026-01-31T12:00:00.000000001+00:00"


def written(path: Path, entries: list[tuple[str, str, bytes]]) -> str:
    path.write_bytes(b"".join(f"{WHEN} {stream} {kind} ".encode() + text + b"\n" for stream, kind, text in entries))
    return str(path)


def read(path: str, tail: Optional[int] = None) -> list[tuple[str, str]]:
    reader = log_lines.LogReader(path, tail=tail)
    lines = [(line.stream, line.text) for line in [*reader.more(), *reader.rest()]]
    reader.close()
    return lines if tail is None else lines[-tail:]


def test_character_split_across_parts_is_joined(tmp_path: Path) -> None:
    euro = "€".encode()
    path = written(
        tmp_path / "log",
        [("stdout", "P", euro * 3 + euro[:1]), ("stderr", "F", b"\xff"), ("stdout", "F", euro[1:] + euro)],
    )
    assert read(path) == [("stderr", "\ufffd"), ("stdout", "€€€€€")]
    printed = {stream: kept.content() for stream, kept in logs.output(path).items()}
    assert printed == {"stdout": "€€€€€\n".encode(), "stderr": b"\xff\n"}


@pytest.mark.parametrize("tail", [None, 1])
def test_a_line_of_40_mb_takes_linear_time(tmp_path: Path, tail: Optional[int]) -> None:
    part = b"x" * 8192
    path = written(tmp_path / "log", [("stdout", "P", part)] * 5000 + [("stdout", "F", b"end")])
    began = time.process_time()
    assert [len(text) for _stream, text in read(path, tail)] == [8192 * 5000 + 3]
    assert time.process_time() - began < 5
    assert len(logs.output(path)["stdout"].content()) == 8192 * 5000 + 4


def test_the_tail_of_a_long_log_is_read_from_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "log", [("stdout", "F", b"line %d" % number) for number in range(300_000)])
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        assert log_parts.tail_offset(file, size, 3) > size - 500
        assert log_parts.tail_offset(file, size, 10**9) == 0
    assert read(path, 2) == [("stdout", "line 299998"), ("stdout", "line 299999")]


def test_the_tail_is_the_end_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(9)
    monkeypatch.setattr(log_parts, "_BLOCK", 100)
    for _round in range(60):
        entries = [
            (draw.choice(["stdout", "stderr", "other"]), draw.choice("FFP"), b"%d" % number * draw.choice([1, 1, 60]))
            for number in range(draw.randrange(40))
        ]
        # An unfinished line comes last, wherever it began.
        entries += [("stdout", "F", b"."), ("stderr", "F", b".")]
        path = written(tmp_path / "log", entries)
        whole = read(path)
        for tail in range(1, len(whole) + 2):
            assert read(path, tail) == whole[-tail:], (entries, tail)
