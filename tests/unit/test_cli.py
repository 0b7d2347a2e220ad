# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's tables and the events file."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli import main, table, unknown
from ansible_collections.libpod.engine.plugins.module_utils._model import caller, errors
from ansible_collections.libpod.engine.plugins.module_utils._store import events


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "--"),
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1536, "1.536kB"),
        (67108864, "67.11MB"),
        (10**18, "1000PB"),
    ],
)
def test_size(count: Optional[int], text: str) -> None:
    assert table.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (59.9, "59 seconds"),
        (60, "1 minute"),
        (7200, "2 hours"),
        (86400 * 3, "3 days"),
    ],
)
def test_ago(seconds: float, text: str) -> None:
    assert table.ago(seconds) == text


def test_table_is_aligned_and_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    table.write_table(("A", "NAME"), [("long", "x"), ("b", "\x1b[2Jy\n")])
    assert capsys.readouterr().out == "A      NAME\nlong   x\nb      ?[2Jy?\n"


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {"TERM": "xterm"}, True),
        (False, {"TERM": "xterm"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
    ],
)
def test_tables_are_coloured_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    variables: dict[str, str],
    coloured: bool,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(caller, "environment", variables)
    rows = [("a", "Exited (1)"), ("Exited (1)", "Up (healthy)"), ("b\x1b[2J", "Exited (0)"), ("c", "Up (unhealthy)")]
    table.write_table(("NAME", "STATUS"), rows)
    written = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9]*m", "", written)
    assert (plain != written) is coloured and "\x1b[2J" not in written
    assert [line.split("   ")[-1].strip() for line in plain.splitlines()] == ["STATUS", *(row[1] for row in rows)]
    if coloured:
        red = [line for line in written.splitlines() if "\x1b[31m" in line]
        assert len(red) == 2 and red[0].startswith("a ") and red[1].startswith("c ")


HOSTILE = "a\x1b[2J\x07\x7f\x9b1A\u202etxt\u2066\u200f\ud800 é"
CLEANED = "a?[2J???1A?txt??? é"


def test_output_has_no_control_or_bidi_characters(capsys: pytest.CaptureFixture[str]) -> None:
    table.write_line(f"{HOSTILE}\nsecond")
    assert capsys.readouterr().out == f"{CLEANED}?second\n"
    table.write_json({"text": HOSTILE}, indent=None)
    shown = capsys.readouterr().out
    assert shown.isascii() and shown[:-1].isprintable() and json.loads(shown) == {"text": HOSTILE}


def test_errors_and_warnings_are_printable() -> None:
    assert errors.sentence(errors.InvalidArgument(f"no {HOSTILE}\nsecond line")) == f"no {CLEANED}?second line"
    assert errors.sentence(FileNotFoundError(2, "No such file", HOSTILE)).count("?") == CLEANED.count("?")
    errors.warn(f"of {HOSTILE}")
    assert errors.take_warnings() == [f"of {CLEANED}"]


def test_events_are_bounded_and_a_damaged_line_is_skipped(tmp_path: Path) -> None:
    for number in range(9000):
        events.emit(str(tmp_path), {"Action": "x", "number": number, "filler": "." * 400})
    kept = [event["number"] for event in events.read(str(tmp_path))]
    assert kept == list(range(kept[0], 9000)) and 2000 < len(kept) < 6000
    with open(tmp_path / "events.jsonl", "a", encoding="utf-8") as file:
        file.write("{broken\n" + json.dumps({"Action": "y", "number": 9000}) + "\n" + '{"Action": "unfinis')
    assert [event["number"] for event in events.read(str(tmp_path))][-2:] == [8999, 9000]
    reader = events.Reader.current(str(tmp_path))
    assert list(reader.more()) and not list(reader.more())


def test_commands_that_are_done_elsewhere_are_none_that_exist() -> None:
    assert not unknown.ELSEWHERE.keys() & main.COMMANDS.keys()
    assert unknown.remedy(["image", "build"], list(main.COMMANDS)) and not unknown.remedy(["volume", "ls"], ["volume"])
