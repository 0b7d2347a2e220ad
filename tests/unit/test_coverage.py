# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage: each executed statement is recorded, in workers and in killed children too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ENGINE = "ansible_collections.libpod.engine"
# In a process of its own: the plugin records from its import on.
PROBED = f"""
import ast, sys
from {ENGINE}.tests.support import coverage
tree, record, probes = ast.parse(sys.argv[1]), bytearray(100), coverage.Probes(0)
probes.visit(tree)
exec(compile(tree, "text", "exec"), {{"_executed_lines": record, "TYPE_CHECKING": False}})
print(sorted(line for line, probe in probes.lines.items() if not record[probe]))
"""
TEXT = """'The docstring comes first.'
from __future__ import annotations
if TYPE_CHECKING:
    import nothing
class A:
    'One.'
    x = 1
    def f(self):
        'Two.'
        try:
            raise ValueError
        except KeyError:
            skipped = 1
        except ValueError:
            for one in ():
                skipped = 2
            else:
                one = 3
        finally:
            two = 4
        return 5
        skipped = 6
if A().f() != 5 or A.__doc__ != 'One.' or A.f.__doc__ != 'Two.':
    raise AssertionError
"""
KILLED = f"""
import os, signal
from {ENGINE}.plugins.module_utils._model import errors
def test_child():
    if not (child := os.fork()):
        errors.shortened("abc", 2)  # three statements
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
"""


def _run(tmp_path: Path, *argv: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.update(
        LIBPOD_COVERAGE=str(tmp_path / "unit.coverage"), PYTEST_PLUGINS=f"{ENGINE}.tests.support.coverage"
    )
    return subprocess.run(
        [sys.executable, *argv], check=True, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300
    ).stdout


def test_statements_that_are_not_executed_are_known(tmp_path: Path) -> None:
    assert _run(tmp_path, "-c", PROBED, TEXT) == "[13, 16, 22, 24]\n"


def test_statements_of_workers_and_of_killed_children_count(tmp_path: Path) -> None:
    def covered(test: str) -> int:
        (tmp_path / "test_it.py").write_text(test, encoding="utf-8")
        shown = _run(tmp_path, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "test_it.py")
        total, *files = (tmp_path / "unit.coverage").read_text(encoding="utf-8").splitlines()
        assert total in shown and not list(tmp_path.glob("*.lines"))
        assert len(files) == 10 and all(re.fullmatch(r" *[\d.]+% plugins/\S+\.py", line) for line in files)
        match = re.fullmatch(r"unit: [\d.]+% of statements covered \((\d+) of (\d+)\)", total)
        assert match and int(match[2]) > 10_000
        return int(match[1])

    def compiled() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (tmp_path / "probed").iterdir()}

    everything, files = covered(KILLED), compiled()
    assert everything == covered(KILLED.replace('errors.shortened("abc", 2)', "pass")) + 3
    assert files and compiled() == files, "a file was compiled again"
