# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's file on a target: made of what is sent, and the whole engine by itself."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils import engine_archive
from ansible_collections.libpod.engine.plugins.module_utils._model.state import ContainerState
from ansible_collections.libpod.engine.plugins.plugin_utils import engine_action

SOURCES = list(engine_action.sources())
MODULES = [
    name[: -len(".py")].replace("/", ".")
    for name, _content in SOURCES
    # What runs as it is imported, and what needs Ansible.
    if name.startswith(engine_archive.PACKAGE) and not name.endswith("__init__.py") and "/_glue/" not in name
]


@pytest.fixture
def sent(tmp_path: Path) -> str:
    path = tmp_path / "sent.zip"
    path.write_bytes(engine_action.packed(SOURCES))
    return str(path)


def _load(sent: str, root: Path, *, keep: bool = True) -> str:
    """The archive that a module which was told this would import from."""
    code = "import json, sys, engine_archive; print(engine_archive._archive(**json.loads(sys.argv[1])))"
    told = json.dumps({"static_root": str(root), "digest": "d", "archive": sent, "keep": keep})
    env = {"PYTHONPATH": os.path.dirname(engine_archive.__file__), "PATH": os.environ["PATH"]}
    return subprocess.run([sys.executable, "-c", code, told], check=True, env=env, stdout=-1, text=True).stdout.strip()


def _python(path: str, code: str) -> str:
    begin = f"import sys; sys.path.insert(0, {path!r}); from importlib import import_module as get; "
    return subprocess.run([sys.executable, "-I", "-c", begin + code], check=True, stdout=-1, text=True).stdout.strip()


def test_every_module_is_found_in_what_is_kept(sent: str, tmp_path: Path) -> None:
    kept = _load(sent, tmp_path / "static")
    assert kept == f"{tmp_path}/static/engine/d.{sys.implementation.cache_tag}.zip"
    os.unlink(sent)
    told = "[m for m in sys.modules if m.startswith('libpod_engine.') and m.count('.') == 2]"
    found = _python(kept, f"[get(name) for name in {MODULES}]; print(*sorted({told}))").split()
    assert found == sorted(MODULES)
    with pytest.raises(subprocess.CalledProcessError):
        _python(kept, "get('libpod_engine._model.nothing')")


def test_what_is_kept_is_private_and_complete(sent: str, tmp_path: Path) -> None:
    kept = Path(_load(sent, tmp_path / "static"))
    assert sorted(path.name for path in kept.parent.iterdir()) == sorted([kept.name, "libpod"])
    assert [os.stat(path).st_mode & 0o777 for path in (kept, kept.parent, kept.parent.parent)] == [0o600, 0o700, 0o700]
    inode = os.stat(kept).st_ino
    assert _load("", tmp_path / "static") == str(kept) and os.stat(kept).st_ino == inode


def test_it_runs_as_a_program(sent: str, tmp_path: Path) -> None:
    kept = _load(sent, tmp_path / "static")
    for words in ([sys.executable, "-I", kept], [f"{os.path.dirname(kept)}/libpod"]):
        assert "usage: libpod" in subprocess.run([*words, "--help"], check=True, stdout=-1, text=True).stdout


@pytest.mark.parametrize("keep", [True, False])
def test_records_are_the_same_without_their_annotations(sent: str, tmp_path: Path, keep: bool) -> None:
    path = _load(sent, tmp_path / "static", keep=keep)
    assert (path == sent) is not keep
    code = "s = get('libpod_engine._model.state').ContainerState; print(*s._fields, len(s()), s().to_json()['status'])"
    assert _python(path, code).split() == [*ContainerState._fields, str(len(ContainerState())), "configured"]
    code = (
        "m = get('libpod_engine._drivers.self_program'); print(m.__loader__.archive, m.argv.__annotations__, m.__doc__)"
    )
    expected = f"{path} {{}} None" if keep else None
    assert expected is None or _python(path, code) == expected


def test_a_root_that_cannot_be_written_is_done_without(sent: str, tmp_path: Path) -> None:
    (tmp_path / "static").write_text("a file where the folder would be", encoding="ascii")
    assert _load(sent, tmp_path / "static") == sent
    assert _python(sent, "print(get('libpod_engine._model.errors').LibpodError.__name__)") == "LibpodError"


def test_each_name_in_the_archive_is_told_apart_by_its_content() -> None:
    changed = [(name, content + b"#") for name, content in SOURCES[:1]] + SOURCES[1:]
    assert engine_action.digest(SOURCES) != engine_action.digest(changed)
    assert (
        importlib.import_module(f"{engine_archive.__package__}.{engine_archive.KEPT}").PACKAGE == engine_archive.PACKAGE
    )
