# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``.ci/test``, which runs the stages of ``make test``: side by side, each one's result, and the summary."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
MAKEFILE = """
good:
\t@echo quiet; touch began; while [ ! -e pass ]; do sleep 0.01; done
counted:
\t@while [ ! -e began ]; do sleep 0.01; done; touch pass; echo '=== 1 failed, 41 passed, 2 errors in 3.21s ==='; exit 1
bad:
\t@seq 200; echo the reason; exit 3
integration:
\t@ls build/test; echo '=== 7 passed, 1 skipped in 3.21s ==='
unit:
\t@echo "$$PYTEST_PLUGINS"; printf '%s\\n' 'unit: 50% covered' ' 0.0% x.py' > "$$LIBPOD_COVERAGE"
image:
\t@touch made
compiled:
\t@ls plugins/__pycache__; echo "$${PYTHONDONTWRITEBYTECODE-unset}"
killed:
\t@kill -9 $$(ps -o ppid= -p $$PPID)
"""


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    (tmp_path / ".ci").mkdir()
    shutil.copy(TOP / ".ci/test", tmp_path / ".ci/test")
    (tmp_path / "Makefile").write_text(MAKEFILE, encoding="utf-8")
    for folder in ("plugins", "tests/support", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "plugins/one.py").touch()
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


def _run(tree: Path, *stages: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tree / ".ci/test", *stages], check=False, capture_output=True, text=True, timeout=60)


def test_stages_run_side_by_side_and_integration_after_them(tree: Path) -> None:
    done = _run(tree, "good", "integration", "counted")
    before, _heading, summary = done.stdout.partition("\n== summary\n")
    assert [line.split()[:-2] for line in summary.splitlines()[:3]] == [
        ["good", "passed", "1", "passed", "0", "failed"],
        ["integration", "passed", "7", "passed", "0", "failed"],
        ["counted", "FAILED", "41", "passed", "3", "failed"],
    ]
    assert re.search(r"^together +\d+ s$", summary, re.M)
    assert summary.splitlines()[-1] == "49 passed, 3 failed" and done.returncode == 1
    assert "quiet" not in before and "== counted FAILED" in before
    assert (tree / "made").exists()
    assert {"good.row", "counted.row"} <= set((tree / "build/test/integration.log").read_text().split())


def test_failed_stage_shows_its_end_and_the_others_run(tree: Path) -> None:
    done = _run(tree, "bad", "integration")
    assert "== bad FAILED; the last lines of build/test/bad.log:" in done.stdout
    assert "the reason" in done.stdout and "\n200\n" in done.stdout and "\n50\n" not in done.stdout
    assert done.stdout.splitlines()[-1] == "7 passed, 1 failed" and done.returncode == 1
    done = _run(tree, "integration")
    assert "bad" not in done.stdout and done.stdout.splitlines()[-1] == "7 passed, 0 failed" and done.returncode == 0


def test_killed_stage_has_failed(tree: Path) -> None:
    done = _run(tree, "killed", "integration")
    assert re.search(r"^killed +FAILED .*ended$", done.stdout, re.M), done
    assert done.stdout.splitlines()[-1] == "7 passed, 1 failed" and done.returncode == 1


def test_coverage_of_a_stage_is_in_the_summary(tree: Path) -> None:
    done = _run(tree, "unit", "integration")
    summary = done.stdout.partition("\n== summary\n")[2].splitlines()
    assert summary[2] == "unit: 50% covered" and done.returncode == 0, done
    assert "x.py" not in done.stdout and (tree / "build/test/unit.coverage").read_text().endswith(
        "covered\n 0.0% x.py\n"
    )
    assert (tree / "build/test/unit.log").read_text().endswith("tests.support.coverage\n")
    assert "covered" not in _run(tree, "integration").stdout


def test_stages_find_the_tree_compiled_and_may_compile_more(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert _run(tree, "compiled").returncode == 0
    name, variable = (tree / "build/test/compiled.log").read_text().split()
    assert re.fullmatch(r"one\.cpython-\d+\.pyc", name) and variable == "unset"
