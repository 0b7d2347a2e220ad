# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What execs of a killed engine process left is found by its name, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import exec_files

ENDED = "exec-1-1-0123456789abcdef"  # process 1 began at another time


def test_files_of_a_killed_engine_go_with_the_runtimes_drafts(tmp_path: Path) -> None:
    left = {f"{ENDED}.pid", f"{ENDED}.sock", f".{ENDED}.pid"}
    kept = {
        exec_files.new_name("pid"),
        f".{exec_files.new_name('pid')}",
        f"{ENDED}.held",
        f"{ENDED}.log",
        "config.json",
    }
    for name in left | kept:
        (tmp_path / name).touch()
    exec_files.forget_left_over(str(tmp_path))
    assert set(os.listdir(tmp_path)) == kept
