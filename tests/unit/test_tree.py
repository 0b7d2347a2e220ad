# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of any shape is copied, compared and measured, with few descriptors, and in a time that grows as it does."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import descent, tree
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, TreeChanged
from ansible_collections.libpod.engine.tests.support.trees import depth, nest

DRY, WET = (tree.Rules(owner=None, overwrite=False, dry=dry, temporary=".tmp") for dry in (True, False))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A directory with an empty ``from`` in it, that is gone afterwards: pytest's own removal recurses."""
    (tmp_path / "t/from").mkdir(parents=True)
    before = sorted(os.listdir("/proc/self/fd"))
    yield tmp_path / "t"
    assert sorted(os.listdir("/proc/self/fd")) == before
    subprocess.run(["rm", "-rf", str(tmp_path / "t")], check=True)


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The descriptors that the walks have had."""
    seen: list[int] = []
    original = descent._identity

    def noted(descriptor: int) -> descent._Identity:
        seen.append(descriptor)
        return original(descriptor)

    monkeypatch.setattr(descent, "_identity", noted)
    return seen


def copy(folder: Path, rules: tree.Rules, source: str = "from", target: str = "to") -> list[str]:
    directory = os.open(folder, os.O_RDONLY)
    try:
        return tree.copy(tree.Place(directory, source), tree.Place(directory, target), rules)
    finally:
        os.close(directory)


@pytest.mark.parametrize("levels, name", [(5000, "d"), (1500, "long" * 60)])
def test_any_depth_is_copied_with_few_descriptors(folder: Path, most: list[int], levels: int, name: str) -> None:
    nest(folder / "from", levels, name)
    foretold = copy(folder, DRY)
    assert copy(folder, WET) == foretold
    assert depth(folder / "to", name) == levels
    assert copy(folder, WET) == copy(folder, DRY) == []
    assert max(most) < min(most) + 3 * descent.HELD
    # A path that no program can use stands for what is below it.
    assert foretold[0] == "to" and f"to/{name}/{name}/file" in foretold
    assert 4095 - len(name) <= max(map(len, foretold)) <= 4095
    assert len(foretold) == len(set(foretold)) < 2 * 4095 // (len(name) + 1) + 2


def test_a_difference_below_what_a_path_reaches_is_seen(folder: Path) -> None:
    nest(folder / "from", 1000, "long" * 60)
    copy(folder, WET)
    inner = os.open(folder / "from", os.O_RDONLY)
    for _level in range(900):
        below = os.open("long" * 60, os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = below
    os.chmod("file", 0o640, dir_fd=inner)
    os.close(inner)
    expected = ["to" + f"/{'long' * 60}" * 16]
    assert copy(folder, DRY) == expected and copy(folder, WET) == expected and copy(folder, WET) == []


def test_many_entries_are_copied(folder: Path) -> None:
    directory = os.open(folder / "from", os.O_RDONLY)
    for number in range(2_000):
        os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    assert len(copy(folder, WET)) == 2_001
    assert copy(folder, WET) == []


@pytest.mark.parametrize("rules", [DRY, WET])
@pytest.mark.parametrize("source, target", [("from", "from/inner"), ("from", "from/a/new"), (".", "from/a")])
def test_a_directory_is_not_copied_into_itself(folder: Path, rules: tree.Rules, source: str, target: str) -> None:
    (folder / "from/a").mkdir()
    parent, name = os.path.split(folder / target)
    top, place = (os.open(path, os.O_RDONLY) for path in (folder, parent))
    with pytest.raises(InvalidArgument, match="is in the directory that is copied"):
        tree.copy(tree.Place(top, source), tree.Place(place, name), rules)
    inside = os.open(folder / "from/a", os.O_RDONLY)
    with pytest.raises(InvalidArgument, match="is in the directory that is copied"):
        tree.copy_content(top, inside, rules, "x")
    assert tree.copy_content(top, top, rules, "x") == []
    for descriptor in (top, place, inside):
        os.close(descriptor)


def test_a_directory_that_is_moved_meanwhile_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest(folder / "from", 100, "d")
    real, calls = os.listdir, []

    def moving(directory: int) -> list[str]:
        calls.append(directory)
        if len(calls) == 90:
            os.rename(folder / "from/d/d/d", folder / "away")
        return real(directory)

    monkeypatch.setattr(os, "listdir", moving)
    with pytest.raises(TreeChanged, match="moved meanwhile"):
        copy(folder, WET)
    monkeypatch.undo()
