# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a root directory, by the real tar(1)."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.rootfs.export import archive
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ToolFailed


def _tree(tmp_path: Path) -> str:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/hosts").write_text("127.0.0.1 localhost\n")
    return str(tmp_path / "root")


def test_entry_that_is_gone_when_tar_comes_to_it_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that the container's process makes and removes in its root directory."""
    root, listed, extra = _tree(tmp_path), os.listdir, iter(["gone", "gone too"])
    monkeypatch.setattr(os, "listdir", lambda path: [*listed(path), *([one] if (one := next(extra, "")) else [])])
    archive(root, str(tmp_path / "a.tar"))
    with tarfile.open(tmp_path / "a.tar") as made:
        assert made.getnames() == ["etc", "etc/hosts"]


def test_root_directory_whose_entries_never_stay_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, listed = _tree(tmp_path), os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listed(path), "gone"])
    with pytest.raises(ToolFailed, match="cannot read the container's root filesystem.*gone"):
        archive(root, str(tmp_path / "a.tar"))
