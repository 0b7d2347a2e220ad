# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's lines from entries such as ``journalctl --output=json`` prints; tests/vm reads a real journal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io import journal_lines
from ansible_collections.libpod.engine.plugins.module_utils._container.io.journal_lines import JournalReader
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_parts import Line
from ansible_collections.libpod.engine.plugins.module_utils._model.foreign import Foreign


def entry(message: Any, microseconds: str = "1764144000000042", **fields: str) -> Foreign:
    members = {"__CURSOR": f"s={message}", "__REALTIME_TIMESTAMP": microseconds, "MESSAGE": message, **fields}
    return Foreign(members, "journal")


def test_entries_are_lines_with_their_streams_and_times() -> None:
    reader = JournalReader("ab" * 32)
    lines = [*reader._entry(entry("out\n", PRIORITY="6")), *reader._entry(entry("oops", PRIORITY="3"))]
    when = "2025-11-26T08:00:00.000042Z"
    assert lines == [Line(when, "stdout", "out"), Line(when, "stderr", "oops")]
    assert list(reader.rest()) == []


def test_parts_of_a_line_are_put_together_stream_by_stream() -> None:
    reader, part = JournalReader("ab" * 32), {"CONTAINER_PARTIAL_MESSAGE": "true"}
    assert list(reader._entry(entry("one ", PRIORITY="6", **part))) == []
    assert [line.text for line in reader._entry(entry("other", PRIORITY="3"))] == ["other"]
    assert [line.text for line in reader._entry(entry("line\n", PRIORITY="6"))] == ["one line"]
    assert list(reader._entry(entry("end", PRIORITY="6", **part))) == []
    assert [line.text for line in reader.rest()] == ["end"]


def test_unfinished_line_of_a_run_is_not_joined_to_the_next_run() -> None:
    reader, part = JournalReader("ab" * 32), {"CONTAINER_PARTIAL_MESSAGE": "true"}
    assert list(reader._entry(entry("end", PRIORITY="6", _PID="7", **part))) == []
    assert [line.text for line in reader._entry(entry("begin", PRIORITY="6", _PID="8"))] == ["end", "begin"]


def test_binary_message_is_read_from_a_list_of_bytes() -> None:
    reader = JournalReader("ab" * 32)
    assert [line.text for line in reader._entry(entry([104, 105, 27, 255], PRIORITY="6"))] == ["hi\x1b\ufffd"]
    assert [line.text for line in reader._entry(entry(None, PRIORITY="6"))] == [""]


@pytest.mark.parametrize("tail, parts", [(1, 1), (3, 1), (2, 50), (40, 3), (500, 2)])
def test_the_last_lines_are_read_from_the_end(monkeypatch: pytest.MonkeyPatch, tail: int, parts: int) -> None:
    journal = []
    for line in range(1000):
        for part in range(parts):
            fields = {} if part == parts - 1 else {"CONTAINER_PARTIAL_MESSAGE": "true"}
            journal.append(json.dumps(entry(f"{line}-{part};", PRIORITY="6", **fields).value))
    printed = []

    def run(argv: list[str], **_how: Any) -> str:
        options = dict(word.partition("=")[::2] for word in argv)
        texts = journal[-int(options["--lines"]) :] if "--lines" in options else []
        printed.append(len(texts))
        return "\n".join(texts)

    monkeypatch.setattr(journal_lines, "run", run)
    reader = JournalReader("ab" * 32, tail)
    texts = [line.text for line in reader.more()][-tail:]
    assert texts == ["".join(f"{line}-{part};" for part in range(parts)) for line in range(1000 - tail, 1000)]
    assert sum(printed) <= 6 * (tail + 1) * parts
    assert list(reader.more()) == [], "from the cursor on"
