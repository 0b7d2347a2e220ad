# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent instead of a module: when, and what it does where the target lacks something."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from ansible import constants
from ansible_collections.libpod.engine.plugins.module_utils import _engine_archive, _engine_build, _engine_setup
from ansible_collections.libpod.engine.plugins.plugin_utils import _engine_action, _engine_direct

HIDDEN = "hidden-from-everybody"
ROOMS = "ansible_collections.libpod.engine.plugins.module_utils"
ACTIONS = [path.stem for path in Path(_engine_direct._MODULES).parent.glob("action/libpod*.py")]


def _request(root: Path, **more: object) -> dict[str, object]:
    request: dict[str, object] = {"static_root": str(root), "digest": "0" * 32, "archive": "", "keep": True}
    return {**request, "ansible": "1" * 32, "room": "_ansible.nothing", **more}


def _run(
    request: dict[str, object], begin: str = "", *, more: Optional[dict[str, str]] = None, cwd: Optional[Path] = None
) -> subprocess.CompletedProcess[str]:
    """Run the program for a request as Ansible does over a pipelining connection.

    ``begin`` are lines before it, ``more`` its arguments besides.
    """
    program = _engine_direct.program()
    arguments = json.dumps({"password": HIDDEN, **(more or {})}).encode()
    program = program.replace("<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>", arguments.decode())
    # Others can write to /tmp, below which pytest's folders are.
    program = program.replace("\nrun(", "\nis_private = lambda _folder: True\nrun(")
    program = program.replace('"<<INCLUDE_ANSIBLE_MODULE_COMPLEX_ARGS>>"', repr(arguments))
    env = {"PATH": os.environ["PATH"], _engine_archive.VARIABLE: json.dumps(request)}
    argv = [sys.executable, "-S", "-"]
    program = begin + program
    return subprocess.run(argv, check=False, cwd=cwd, env=env, input=program, capture_output=True, text=True)


@pytest.mark.parametrize("action", ACTIONS)
def test_room_is_the_one_that_the_module_loads(action: str) -> None:
    module = importlib.import_module(f"ansible_collections.libpod.engine.plugins.action.{action}")
    mixed: Any = type("Mixed", (module.ActionModule,), {})
    room = mixed._room
    assert room and importlib.util.find_spec(f"{ROOMS}.{room}") is not None


@pytest.mark.parametrize("mark", ["<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>", "<<SELINUX_SPECIAL_FILESYSTEMS>>"])
def test_arguments_that_ansible_would_change_are_not_taken(mark: str) -> None:
    assert not _engine_direct.takes({"env": {"A": [f"x{mark}y"]}})
    assert not _engine_direct.takes({mark: 1})
    assert _engine_direct.takes({"env": {"A": "<<'\"\\\n😀>>"}, "memory": 1, "none": None})


def test_every_mark_of_ansibles_is_known() -> None:
    """What Ansible replaces in a JSONARGS module stands in constants, and for syslog in the code."""
    from ansible.executor import module_common

    known = [value.decode().strip('"') for name, value in vars(module_common).items() if name.startswith("REPLACER_")]
    replaced = [mark for mark in known if mark.startswith("<<")]
    assert len(replaced) >= 4 and all(mark.startswith(_engine_direct._REPLACED) for mark in replaced)


def test_target_without_the_engine_says_so_and_does_nothing(tmp_path: Path) -> None:
    done = _run(_request(tmp_path))
    assert (json.loads(done.stdout), done.returncode) == ({"changed": False, _engine_setup.MISSING: True}, 0)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("cookie", ["Accept-Encoding: gzip", "encoding=utf-16", "coding: utf-7 +ACc-", "coding: none"])
def test_arguments_do_not_choose_the_programs_encoding(tmp_path: Path, cookie: str) -> None:
    """Python reads it in a comment of the first two lines (PEP 263)."""
    done = _run(_request(tmp_path), more={"healthcheck": cookie})
    assert (done.returncode, done.stderr) == (0, "") and _engine_setup.MISSING in json.loads(done.stdout)


@pytest.mark.parametrize("shadowed", ["fcntl", "json", "importlib", "gc", "stat", "contextlib"])
def test_nothing_is_imported_from_the_working_directory(tmp_path: Path, shadowed: str) -> None:
    (tmp_path / f"{shadowed}.py").write_text("raise SystemExit('taken from the working directory')\n")
    done = _run(_request(tmp_path / "static"), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "") and _engine_setup.MISSING in json.loads(done.stdout)


def test_host_that_declines_twice_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(_engine_direct, "_is_possible", lambda _variables: True)
    for expected in (True, True, False):
        assert bool(_engine_direct.asked("_ansible.room", {}, "one")) is expected
        _engine_direct.declined("one")
    assert _engine_direct.asked("_ansible.room", {}, "other")


def test_unknown_ansible_core_gets_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(constants, "DEFAULT_KEEP_REMOTE_FILES")
    assert _engine_direct.asked("_ansible.room", {}, "one") == {}


def test_sources_alone_lead_to_ansibles_own_way(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / f"{'0' * 32}.zip").touch()
    answer = json.loads(_run(_request(tmp_path)).stdout)
    assert answer == {"changed": False, _engine_setup.MISSING: _engine_direct.MISSING}


def test_too_old_python_leads_to_ansibles_own_way(tmp_path: Path) -> None:
    done = _run(_request(tmp_path), "import sys; sys.version_info = (3, 6, 8)\n")
    answer = {"changed": False, _engine_setup.MISSING: _engine_direct.MISSING}
    assert (json.loads(done.stdout), done.returncode) == (answer, 0)


def _keep(tmp_path: Path, root: str, digest: str) -> None:
    _engine_build.keep(str(tmp_path / "sent.zip"), f"{root}/engine", digest)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Yield the request for a root that has a small engine, and of Ansible's files one that says it was loaded."""
    root = tmp_path / "static"
    sources = [(name, text) for name, text in _engine_action.sources() if "/" not in name]
    room = (
        b"def main():\n    from ansible.module_utils import basic\n    print(basic._ANSIBLE_ARGS)\n    raise OSError\n"
    )
    sources.append((f"{_engine_archive.PACKAGE}/_ansible/room.py", room))
    sent = tmp_path / "sent.zip"
    sent.write_bytes(_engine_action.packed(sources))
    payload = tmp_path / "payload.zip"
    payload.write_bytes(_engine_action.packed([("ansible/module_utils/basic.py", b"_ANSIBLE_ARGS = None\n")]))
    request = _request(tmp_path, static_root=str(root), room="_ansible.room")
    monkeypatch.syspath_prepend(str(sent))
    folder = f"{root}/engine"
    _keep(tmp_path, str(root), str(request["digest"]))
    path = _engine_archive.compiled(folder, f"ansible-{request['ansible']}")
    _engine_build.keep_ansible(str(sent), str(payload), path, str(request["ansible"]))
    yield {"request": request, "path": path}
    for name in [name for name in sys.modules if name.startswith("_engine_")]:
        del sys.modules[name]


def test_no_traceback_has_the_arguments(kept: dict[str, Any]) -> None:
    done = _run(kept["request"])
    assert json.loads(done.stdout.strip()[2:-1]) == {"ANSIBLE_MODULE_ARGS": {"password": HIDDEN}}
    assert "OSError" in done.stderr and HIDDEN not in done.stderr
    assert done.returncode == 1


def test_engine_that_another_version_starts_runs_directly(kept: dict[str, Any], tmp_path: Path) -> None:
    """Two controllers have different versions: each runs its own, and the host starts the last one."""
    other = "2" * 32
    _keep(tmp_path, kept["request"]["static_root"], other)
    done = _run(kept["request"])
    assert "ANSIBLE_MODULE_ARGS" in done.stdout
    os.unlink(f"{kept['request']['static_root']}/engine/{other}.zip")
    answer = {"changed": False, _engine_setup.MISSING: _engine_direct.MISSING}
    assert json.loads(_run(kept["request"]).stdout) == answer


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_damaged_file_leads_to_ansibles_own_way_and_loses_its_mark(kept: dict[str, Any], damage: str) -> None:
    mark = os.stat(kept["path"]).st_mtime_ns
    content = Path(kept["path"]).read_bytes()
    Path(kept["path"]).write_bytes(content[: len(content) // 2] if damage == "cut" else b"\0" * 99 + content[99:])
    os.utime(kept["path"], ns=(mark, mark))
    done = _run(kept["request"])
    assert json.loads(done.stdout) == {"changed": False, _engine_setup.MISSING: _engine_direct.MISSING}, done.stderr
    assert os.stat(kept["path"]).st_mtime_ns != mark
