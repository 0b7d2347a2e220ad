# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the demo in README.md has the steps that the demo has, and shows what was printed."""

from __future__ import annotations

from ansible_collections.libpod.engine.tests.support import demo_picture


def test_picture_has_the_steps_of_the_demo_in_their_order() -> None:
    drawn = demo_picture.PICTURE.read_text("utf-8")
    lines = demo_picture.shown(drawn)
    again = "run .venv/bin/python -m tests.support.demo_picture as root"
    assert [line[2:] for line in lines if line.startswith("▸ ")] == demo_picture.steps(), again
    assert "Summary" in lines and any(line.endswith("the machine is as it was") for line in lines), again
    links = [word for word in drawn.split('"') if word.startswith("http") and "w3.org" not in word]
    assert "url(http" not in drawn and links == []
    assert "images/demo.svg" in (demo_picture.TOP / "README.md").read_text("utf-8")


def test_picture_shows_what_was_printed_and_cuts_long_lines() -> None:
    printed = ["▸ First <run>: a & b", "  ok       a  task", "x" * (demo_picture.WIDTH + 1), "Summary"]
    cut = [*printed[:2], "x" * (demo_picture.WIDTH - 1) + "…", "Summary"]
    assert demo_picture.shown(demo_picture.picture("\n".join(printed))) == ["$ make demo", *cut]
