# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU time of each test: that of its children counts, and waiting does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLUGIN = "ansible_collections.libpod.engine.tests.support.cpu"
TESTS = """
import subprocess, sys, time
def test_child():
    code = "import time\\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
def test_wait():
    time.sleep(0.3)
"""


def test_cpu_time_of_children_counts_and_waiting_does_not(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["LIBPOD_CPU"] = str(tmp_path / "cpu")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", PLUGIN, "test_it.py"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    child, wait = (line.split() for line in (tmp_path / "cpu").read_text(encoding="utf-8").splitlines())
    assert child[2] == "test_it.py::test_child" and float(child[0]) >= 0.29
    assert wait[2] == "test_it.py::test_wait" and float(wait[0]) < 0.2 <= float(wait[1])
