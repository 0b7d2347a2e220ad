# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python compiles of Ansible's own files in zip archives is kept, and is what Python itself would run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.tests.support import compiled_zips

SOURCE = "VALUE = 1\n\n\ndef where():\n    return where.__code__.co_filename, __file__\n"


@pytest.fixture(name="python")
def _python(tmp_path: Path) -> list[str]:
    """Return the beginning of a command: a Python that keeps compiled files below the test's folder."""
    shutil.copy(compiled_zips.__file__, tmp_path / "hook.py")
    (tmp_path / "run.py").write_text(
        f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport hook\nhook.install({str(tmp_path / 'kept')!r})\n"
        "sys.path.insert(0, sys.argv[1])\nfrom ansible.module_utils import one\nprint(one.VALUE, *one.where())\n"
    )
    return [sys.executable, "-I", str(tmp_path / "run.py")]


def _run(python: list[str], path: Path, source: str) -> list[str]:
    """Return what a module prints that is in an archive with this source."""
    with zipfile.ZipFile(path, "w") as archive:
        for package in ("ansible", "ansible/module_utils"):
            archive.writestr(f"{package}/__init__.py", "")
        archive.writestr("ansible/module_utils/one.py", source)
    done = subprocess.run([*python, str(path)], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_second_archive_runs_what_the_first_has_compiled(python: list[str], tmp_path: Path) -> None:
    for name in ("first.zip", "second.zip"):
        path = f"{tmp_path / name}/ansible/module_utils/one.py"
        assert _run(python, tmp_path / name, SOURCE) == ["1", path, path]
    kept = list((tmp_path / "kept").iterdir())
    assert len(kept) == 2, "the source, and the empty one of the package"
    assert _run(python, tmp_path / "third.zip", SOURCE.replace("1", "2"))[0] == "2"


def test_damaged_file_is_compiled_again(python: list[str], tmp_path: Path) -> None:
    _run(python, tmp_path / "first.zip", SOURCE)
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(file.read_bytes()[:10])
    assert _run(python, tmp_path / "first.zip", SOURCE)[0] == "1"
