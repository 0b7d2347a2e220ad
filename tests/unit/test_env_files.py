# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment files are read as by docker and podman, and errors show no value."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._reconcile.env_files import read
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.text("abzAZ09_.-", min_size=1, max_size=6)
# A value ends with its line only, not at other characters that str.splitlines() splits at.
VALUES = st.text("ab =#'\"\t\v\f\x1c\x85\u2028é€", max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("env")


def content(folder: Path, text: str | bytes) -> dict[str, str]:
    (folder / "env").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read([str(folder / "env")])


@settings(max_examples=30, deadline=None)
@given(variables=st.dictionaries(NAMES, VALUES), end=st.sampled_from(["\n", "\r\n"]))
def test_variables_are_read(folder: Path, variables: dict[str, str], end: str) -> None:
    assert content(folder, end.join(f"{key}={value}" for key, value in variables.items())) == variables


def test_comments_and_empty_lines_are_skipped(folder: Path) -> None:
    assert content(folder, "\n  \n# A=1\n  # B=1\n  C=#1\n\n") == {"C": "#1"}
    assert content(folder, "") == {}


def test_value_is_read_verbatim(folder: Path) -> None:
    assert content(folder, "A='x' \"y\"\nB= x \nC=\nD=a=b") == {"A": "'x' \"y\"", "B": " x ", "C": "", "D": "a=b"}


def test_byte_order_mark_is_no_part_of_a_name(folder: Path) -> None:
    assert content(folder, b"\xef\xbb\xbfA=1") == {"A": "1"}


def test_name_without_a_value_has_the_engines_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBPOD_TEST_GIVEN", "here")
    assert content(folder, "LIBPOD_TEST_GIVEN\nLIBPOD_TEST_MISSING") == {"LIBPOD_TEST_GIVEN": "here"}


def test_later_file_and_later_line_win(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("A=1\nA=2\nB=1")
    (tmp_path / "two").write_text("B=2")
    assert read([str(tmp_path / "one"), str(tmp_path / "two")]) == {"A": "2", "B": "2"}
    assert read([]) == {}


@pytest.mark.parametrize("line", ["=hunter2", "A B=hunter2", "A\tB=hunter2", "export A=hunter2", " =hunter2"])
def test_line_without_a_name_is_refused_by_its_number(folder: Path, line: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^env_file: line 2 of .*/env has no variable's name") as refusal:
        content(folder, f"A=1\n{line}\n")
    assert "hunter2" not in str(refusal.value)


def test_file_that_cannot_be_read_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"A=\xffhunter2")
    reasons = {"missing": "No such file", ".": "Is a directory", "bytes": "not UTF-8", "\0": "NUL byte"}
    for name, reason in reasons.items():
        with pytest.raises(InvalidArgument, match=f"^env_file: .* cannot be read on the target: .*{reason}") as refusal:
            read([f"{tmp_path}/{name}"])
        assert "hunter2" not in str(refusal.value)
