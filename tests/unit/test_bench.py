# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own parts: what it measures, where it finds podman, and when it fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.tests.bench import bench, contenders
from ansible_collections.libpod.engine.tests.bench.rows import Row, table
from ansible_collections.libpod.engine.tests.support import images


def test_each_part_is_in_the_help() -> None:
    assert bench.__doc__ is not None
    described = re.findall(r"^(\w)  ", bench.__doc__, re.M)
    assert described == sorted({"c", *(part for part, _measure, _arguments in bench.PARTS)})


def test_installed_podman_comes_before_the_unpacked_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "PROJECT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert contenders.podman_program() == ""
    for folder in ("build/podman/usr/bin", "bin"):
        (tmp_path / folder).mkdir(parents=True)
        program = tmp_path / folder / "podman"
        program.touch(0o755)
        assert contenders.podman_program() == str(program)


@pytest.mark.parametrize(("theirs", "holds", "verdict"), [(10.0, True, "ok"), (9.0, False, "OVER")])
def test_row_holds_up_to_its_limit(theirs: float, holds: bool, verdict: str) -> None:
    row = Row("z  work", [2.0, 5.0, 100.0], "other", [theirs], 0.5)
    assert row.holds is holds and row.record()["holds"] is holds
    assert table([row]).splitlines()[1].split()[-2:] == ["0.5", verdict]


def test_row_without_reference_or_limit_has_no_verdict() -> None:
    assert Row("z  work", [5.0], "other", [], 0.5).holds is None
    assert Row("z  work", [5.0], "other", [1.0]).holds is None
