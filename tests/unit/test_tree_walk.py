# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of any shape is copied, compared and measured, with few descriptors, and in linear time."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel import securejoin
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import overlay_changes
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import copy as tree
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import descent, disk_usage
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, TreeChanged
from ansible_collections.libpod.engine.tests.support.trees import depth, nest

pytestmark = pytest.mark.slow

DRY, WET = (tree.Rules(owner=None, overwrite=False, dry=dry, temporary=".tmp") for dry in (True, False))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Provide a directory with an empty ``from``, removed afterwards since pytest's own removal recurses."""
    (tmp_path / "t/from").mkdir(parents=True)
    before = sorted(os.listdir("/proc/self/fd"))
    yield tmp_path / "t"
    subprocess.run(["rm", "-rf", str(tmp_path / "t")], check=True)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that collects the descriptors of all walks."""
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


@pytest.mark.parametrize("levels, name", [(900, "deep"), (300, "long" * 60)])
def test_any_depth_is_copied_with_few_descriptors(folder: Path, most: list[int], levels: int, name: str) -> None:
    nest(folder / "from", levels, name)
    predicted = copy(folder, DRY)
    assert copy(folder, WET) == predicted
    assert depth(folder / "to", name) == levels
    assert copy(folder, WET) == copy(folder, DRY) == []
    assert max(most) < min(most) + 3 * descent.HELD
    # A path too long for any program represents everything below it.
    assert predicted[0] == "to" and f"to/{name}/{name}/file" in predicted
    assert 4095 - len(name) <= max(map(len, predicted)) <= 4095
    assert len(predicted) == len(set(predicted)) < 2 * 4095 // (len(name) + 1) + 2


def test_difference_deeper_than_path_max_is_seen(folder: Path) -> None:
    nest(folder / "from", 60, "long" * 60)
    copy(folder, WET)
    inner = os.open(folder / "from", os.O_RDONLY)
    for _level in range(50):
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


def test_directory_moved_during_the_walk_ends_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest(folder / "from", 100, "d")
    real, calls = os.listdir, []

    def moving(directory: int) -> list[str]:
        calls.append(directory)
        if len(calls) == 90:
            os.rename(folder / "from/d/d/d", folder / "away")
        return real(directory)

    monkeypatch.setattr(os, "listdir", moving)
    with pytest.raises(TreeChanged, match="moved during the walk"):
        copy(folder, WET)
    monkeypatch.undo()


def _layers(folder: Path, amount: int = 2) -> list[str]:
    made = [folder / f"layer-{number}" for number in range(amount)]
    for one in made:
        one.mkdir()
    return [str(one) for one in made]


@pytest.mark.parametrize("levels, name", [(900, "deep"), (300, "long" * 60)])
def test_changes_of_any_depth_are_found_with_few_descriptors(
    folder: Path, most: list[int], levels: int, name: str
) -> None:
    upper, lower = _layers(folder)
    nest(upper, levels, name)
    paths = overlay_changes.changes([upper], [lower])
    assert paths[0] == ("A", f"/{name}") and ("A", f"/{name}/file") in paths
    assert len(paths) <= 2 * 4095 // (len(name) + 1)
    assert max(most) < min(most) + 2 * 256


def test_directory_that_vanishes_while_changes_are_looked_for_is_no_failure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upper, lower = _layers(folder)
    for name in ("first", "gone", "last"):
        os.mkdir(f"{upper}/{name}")
    real = os.open

    def opening(path: Any, flags: int, **options: Any) -> int:
        if path == "gone":
            os.rmdir(f"{upper}/gone")
        return real(path, flags, **options)

    monkeypatch.setattr(os, "open", opening)
    found = overlay_changes.changes([upper], [lower])
    monkeypatch.undo()
    assert {("A", "/first"), ("A", "/last")} <= {*found}


def test_change_deeper_than_path_max_is_reported_as_its_directory(folder: Path) -> None:
    layers = _layers(folder)
    for layer in layers:
        nest(layer, 100, "long" * 60)
    inner = [os.open(layer, os.O_RDONLY) for layer in layers]
    for _level in range(100):
        below = [os.open("long" * 60, os.O_RDONLY, dir_fd=one) for one in inner]
        for one in inner:
            os.unlink("file", dir_fd=one) if "file" in os.listdir(one) else None
            os.utime(one, (1, 1))
            os.close(one)
        inner = below
    for one in inner:
        os.close(one)
    assert overlay_changes.changes(layers[:1], layers[1:]) == [("C", f"/{'long' * 60}" * 16)]


def test_changes_of_hundreds_of_layers_take_a_descriptor_for_each(folder: Path, most: list[int]) -> None:
    upper, *lower = _layers(folder, 201)
    for layer in (upper, *lower):
        (Path(layer) / "a/b/c").mkdir(parents=True)
        for path in ("a/b/c", "a/b", "a"):
            os.utime(f"{layer}/{path}", (1, 1))
    assert overlay_changes.changes([upper], lower) == []
    assert max(most) < min(most) + 2 * 202


@pytest.mark.parametrize("levels, name", [(900, "deep"), (300, "long" * 60)])
def test_a_tree_of_any_depth_is_measured(folder: Path, most: list[int], levels: int, name: str) -> None:
    nest(folder / "from", levels, name)
    (folder / "from" / name / "large").write_bytes(bytes(5000))
    os.link(folder / "from" / name / "large", folder / "from/again")
    assert disk_usage.directory_size(str(folder / "from")) == 5000
    assert max(most) < min(most) + 2 * descent.HELD
    assert disk_usage.directory_size(str(folder / "absent")) == 0


def test_a_walk_along_links_of_any_depth_has_few_descriptors(folder: Path, most: list[int]) -> None:
    deep = "/".join(["d"] * 300)
    made = securejoin.make_directories(str(folder), f"/{deep}", 0o711)
    assert made == f"{folder}/{deep}" and os.stat(made).st_mode & 0o777 == 0o711
    os.symlink("/" + deep, f"{made}/again")
    os.symlink("../" * 300 + deep, f"{made}/back")
    os.symlink(deep, f"{made}/on")
    securejoin.make_directories(str(folder), f"/{deep}/again/back/on")
    assert securejoin.resolve(str(folder), f"/{deep}/again/back/on") == f"{folder}/{deep}/{deep}"
    held, name = securejoin.hold(str(folder), f"/{deep}/again/back/on")
    assert name == "d" and os.listdir(f"/proc/self/fd/{held}") == ["d"]
    os.close(held)
    assert max(most) < min(most) + 2 * descent.HELD


def test_a_path_that_is_too_long_is_found(folder: Path) -> None:
    (folder / "from/a/b/c").mkdir(parents=True)
    (folder / "from/x/y").mkdir(parents=True)
    (folder / "from/x/y/é").touch()
    assert descent.longer_than(str(folder / "from"), 7) == ""
    assert descent.longer_than(str(folder / "from"), 6) == "/x/y"
    assert descent.longer_than(str(folder / "from"), 5) in ("/a/b/c", "/x/y")
    nest(folder / "from/a", 50, "long" * 60)
    assert len(descent.longer_than(str(folder / "from"), 4095)) < 300
