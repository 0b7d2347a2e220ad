# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python starts the engine without Ansible."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils import _engine_build, _engine_setup


@pytest.mark.parametrize(("file", "will_do"), [("python3.9", True), ("python3.8", False), ("python3", False)])
def test_distributions_python_is_kept_if_its_name_says_that_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, will_do: bool
) -> None:
    (tmp_path / file).touch(0o755)
    link = tmp_path / "link"
    link.symlink_to(file)
    monkeypatch.setattr(_engine_build, "_DISTRIBUTIONS", (f"{tmp_path}/missing", str(link)))
    found = _engine_build._interpreter(_engine_setup.OLDEST)
    assert (found == str(link)) is will_do and os.access(found, os.X_OK)
