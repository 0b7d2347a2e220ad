# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's tree of any shape is removed, and nothing beside it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees import descent, removal
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import NotRemoved
from ansible_collections.libpod.engine.tests.support.trees import nest

pytestmark = pytest.mark.slow

IMMUTABLE = 0x10


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Provide a tree, and check that the file beside it is kept."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/kept").write_text("kept")
    made = tmp_path / "tree"
    made.mkdir()
    yield made
    assert (tmp_path / "beside/kept").read_text() == "kept"
    subprocess.run(["rm", "-rf", str(tmp_path / "tree")], check=True)  # pytest's own removal recurses


@pytest.mark.parametrize("depth, name", [(3000, "d"), (1500, "long" * 60)])
def test_tree_of_any_depth_is_removed_with_few_descriptors(tree: Path, depth: int, name: str) -> None:
    nest(tree, depth, name)
    most = 0
    original = removal._mount_id

    def counted(descriptor: int) -> bytes:
        nonlocal most
        most = max(most, descriptor)
        return original(descriptor)

    before = sorted(os.listdir("/proc/self/fd"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal, "_mount_id", counted)
        removal.remove(str(tree))
    assert not tree.exists()
    assert most < len(before) + 3 * descent.HELD
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_many_entries_of_every_kind_are_removed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_BATCH", 10)
    (tree / "link").symlink_to(tree.parent / "beside")
    (tree / "dangling").symlink_to("nowhere")
    os.mkfifo(tree / "fifo")
    (tree / os.fsdecode(b"\xff\n")).write_text("")
    for number in range(55):
        (tree / f"folder-{number}/inner").mkdir(parents=True)
        (tree / f"folder-{number}/inner/link").symlink_to("../../../beside/kept")
    removal.remove(f"{tree}/")
    assert not tree.exists()


def test_link_file_and_missing_path_are_removed_as_such(tree: Path) -> None:
    (tree / "link").symlink_to(tree.parent / "beside")
    (tree / "file").write_text("")
    for name in ("link", "file", "absent", "absent/below"):
        removal.remove(str(tree / name))
        assert not os.path.lexists(tree / name)


def _flags(path: Path, flags: int) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, removal._FS_IOC_SETFLAGS, flags.to_bytes(8, "little"))
    except OSError:
        pytest.skip("no flags of chattr(1) here")
    finally:
        os.close(descriptor)


def test_immutable_files_are_removed_and_hard_links_keep_their_flags(tree: Path) -> None:
    folder, shared = tree / "folder", tree / "folder/shared"
    (folder / "empty").mkdir(parents=True)
    (folder / "file").write_text("")
    shared.write_text("")
    elsewhere = tree.parent / "elsewhere"
    os.link(shared, elsewhere)
    for path in (folder / "file", folder / "empty", shared, folder):
        _flags(path, IMMUTABLE)
    try:
        removal.remove(str(tree))
        assert not tree.exists()
        with pytest.raises(PermissionError):
            elsewhere.unlink()
    finally:
        _flags(elsewhere, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
def test_mount_point_and_its_content_survive_the_removal_of_the_rest(tree: Path) -> None:
    from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.syscalls import (
        MS_BIND,
        mount,
        umount,
        unshare,
    )

    (tree / "a/point").mkdir(parents=True)
    (tree / "b").mkdir()
    said = []

    def work() -> None:
        unshare(0x20000)
        mount("none", "/", flags=0x4000 | 0x40000)
        mount(str(tree.parent / "beside"), str(tree / "a/point"), flags=MS_BIND)
        try:
            removal.remove(str(tree))
        except NotRemoved as error:
            said.append(str(error))
        umount(str(tree / "a/point"), 2)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [f"{tree}/a/point: it is a mount point"]
    assert os.listdir(tree) == ["a"]
    removal.remove(str(tree))
    assert not tree.exists()


def test_entries_created_during_the_removal_are_removed(tree: Path) -> None:
    stop = threading.Event()

    def add() -> None:
        for number in range(500):
            try:
                (tree / f"new-{number}").mkdir()
            except FileNotFoundError:
                return
        stop.set()

    thread = threading.Thread(target=add)
    thread.start()
    stop.wait(0.001)
    try:
        removal.remove(str(tree))
    except NotRemoved as error:
        assert "not empty" in str(error)
    thread.join()
    removal.remove(str(tree))
    assert not tree.exists()


def test_leftovers_are_listed_briefly(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest(tree, 200, "n" * 200)
    for number in range(5):
        (tree / f"stay-{number}").write_text("")
    real = os.unlink

    def refuse(name: str, **how: int) -> None:
        if name.startswith(("stay", "file")):
            raise OSError(5, "Input/output error")
        real(name, **how)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(NotRemoved) as raised:
        removal.remove(str(tree))
    assert str(raised.value).endswith("; 202 more") and len(str(raised.value)) < 900
