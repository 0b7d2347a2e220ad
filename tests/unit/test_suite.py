# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite's own rules: no test file depends on another, and tests/support has a map."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

TESTS = Path(__file__).resolve().parents[1]
SUPPORT = TESTS / "support"


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, and every name imported from one, prefixed with the module's."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def test_no_test_imports_another_test() -> None:
    files = [path for path in TESTS.rglob("*.py") if "output" not in path.relative_to(TESTS).parts]
    tests = {path.stem for path in files if path.name.startswith("test_")}
    assert len(tests) > 100
    wrong = [
        f"{path.relative_to(TESTS)} imports {name}: what tests share belongs into tests/support"
        for path in files
        for name in imported(path)
        if tests & set(name.split("."))
    ]
    assert not wrong


def test_map_of_support_has_a_line_for_each_file() -> None:
    lines = (SUPPORT / "README.md").read_text(encoding="utf-8").splitlines()
    files = [str(path.relative_to(SUPPORT)) for path in sorted(SUPPORT.rglob("*.py"))]
    assert sorted(line.split("`")[1] for line in lines if line.startswith("| `")) == files


SHARING = """
import pytest
@pytest.fixture(scope="module")
def shared(): pass
"""
ALONE = """
import pytest
@pytest.mark.parametrize("number", range(6))
def test_{name}(number): pass
"""


def test_only_files_with_a_shared_fixture_are_kept_together(tmp_path: Path) -> None:
    dealing = "from ansible_collections.libpod.engine.tests.support.dealing import Dealing\n"
    hook = "def pytest_xdist_make_scheduler(config, log):\n    return Dealing(config, log)\n"
    (tmp_path / "conftest.py").write_text(dealing + hook)
    (tmp_path / "test_whole.py").write_text(SHARING + ALONE.format(name="whole"))
    (tmp_path / "test_dealt.py").write_text(ALONE.format(name="dealt"))
    command = [sys.executable, "-m", "pytest", "-v", "-n", "3", "--dist", "loadfile", "-c", "/dev/null", str(tmp_path)]
    # Of the run around it neither the worker nor the recording of coverage is this one's.
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "LIBPOD_"))}
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=own)
    ran = set(re.findall(r"^\[(gw\d)\] .* PASSED \S*test_(whole|dealt)\.py", done.stdout, re.M))
    assert "12 passed" in done.stdout, done
    assert len([name for _process, name in ran if name == "whole"]) == 1 < len(ran) - 1, ran
