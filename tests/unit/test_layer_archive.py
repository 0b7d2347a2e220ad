# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tar file of a layer that changes while it is read; the integration tests compare it with the tool's."""

from __future__ import annotations

import os
import socket
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage import layer_archive
from ansible_collections.libpod.engine.plugins.module_utils._drivers.storage.roots import Layers


def test_file_that_shrinks_while_it_is_read_keeps_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    for name in ("long", "next"):
        (upper / name).write_bytes(b"x" * 3000)
    read = os.read

    def shorten(descriptor: int, size: int) -> bytes:
        os.truncate(upper / "long", 700)
        return read(descriptor, size)

    monkeypatch.setattr(os, "read", shorten)
    layer_archive.write(Layers(str(upper)), str(tmp_path / "layer.tar"), {})
    monkeypatch.undo()
    with tarfile.open(tmp_path / "layer.tar") as tar:
        content = [file.read() for file in map(tar.extractfile, tar) if file]
    assert content == [b"x" * 700 + bytes(2300), b"x" * 3000]


def test_file_that_vanishes_while_its_directory_is_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "gone", "last"):
        (tmp_path / "upper" / name).mkdir(parents=True)
    listdir = os.listdir

    def listed(directory: int) -> list[str]:
        names = listdir(directory)
        if "gone" in names:
            (tmp_path / "upper" / "gone").rmdir()
        return names

    monkeypatch.setattr(os, "listdir", listed)
    layer_archive.write(Layers(str(tmp_path / "upper")), str(tmp_path / "layer.tar"), {})
    monkeypatch.undo()
    with tarfile.open(tmp_path / "layer.tar") as tar:
        assert tar.getnames() == ["first", "last"]


def _become_file(path: Path) -> None:
    path.unlink()
    path.touch()


def _become_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("change", [_become_file, _become_socket])
@pytest.mark.parametrize("was_link", [True, False])
def test_entry_that_becomes_another_kind_while_it_is_read_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], was_link: bool
) -> None:
    upper = tmp_path / "upper"
    upper.mkdir()
    for name in ("first", "last"):
        (upper / name).touch()
    (upper / "it").symlink_to("first") if was_link else (upper / "it").touch()
    stat = os.stat

    def seen(path: Any, **options: Any) -> os.stat_result:
        status = stat(path, **options)
        if path == "it":
            change(upper / "it")
        return status

    monkeypatch.setattr(os, "stat", seen)
    layer_archive.write(Layers(str(upper)), str(tmp_path / "layer.tar"), {})
    monkeypatch.undo()
    with tarfile.open(tmp_path / "layer.tar") as tar:
        there = tar.getnames()
    remains = not was_link and change is _become_file
    assert there == ["first", *(["it"] if remains else []), "last"]


def test_attribute_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "upper" / "file"
    file.parent.mkdir()
    file.touch()
    for name in ("gone", "kept"):
        os.setxattr(file, f"user.{name}", b"value")
    listxattr = os.listxattr

    def listed(descriptor: int) -> list[str]:
        names = listxattr(descriptor)
        if "user.gone" in names:
            os.removexattr(file, "user.gone")
        return names

    monkeypatch.setattr(os, "listxattr", listed)
    layer_archive.write(Layers(str(tmp_path / "upper")), str(tmp_path / "layer.tar"), {})
    monkeypatch.undo()
    with tarfile.open(tmp_path / "layer.tar") as tar:
        headers = tar.getmember("file").pax_headers
    assert [name for name in headers if name.startswith("SCHILY")] == ["SCHILY.xattr.user.kept"]
