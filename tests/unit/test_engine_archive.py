# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's file on a target: built from the archive sent to it, and complete on its own."""

from __future__ import annotations

import ast
import fcntl
import importlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils import (
    _engine_archive,
    _engine_boot,
    _engine_build,
    _engine_setup,
)
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import archives
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.records.state import ContainerState
from ansible_collections.libpod.engine.plugins.plugin_utils import _engine_action as engine_action

pytestmark = pytest.mark.slow
DIGEST = os.urandom(16).hex()  # which is in no other process's command line
SOURCES = list(engine_action.sources())
_CLI = f"{_engine_archive.PACKAGE}._cli.main"
MODULES = [
    name[: -len(".py")].replace("/", ".")
    for name, _content in SOURCES
    # Modules that run on import, and those that need Ansible.
    if name.startswith(_engine_archive.PACKAGE) and not name.endswith("__init__.py") and "/_ansible/" not in name
]


@pytest.fixture
def sent(tmp_path: Path) -> str:
    path = tmp_path / "sent.zip"
    path.write_bytes(engine_action.packed(SOURCES))
    return str(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the stored engine of all rooms, which the tests only read."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "sent.zip").write_bytes(engine_action.packed(SOURCES))
    kept = _load(str(folder / "sent.zip"), folder / "static")
    assert kept == f"{folder}/static/engine/{DIGEST}.{sys.implementation.cache_tag}.zip"
    (folder / "sent.zip").unlink()
    return kept


@pytest.fixture
def small(tmp_path: Path, needed: list[tuple[str, bytes]]) -> str:
    """Return an archive to send that takes a twentieth of the time to compile."""
    path = tmp_path / "small.zip"
    path.write_bytes(engine_action.packed(needed))
    return str(path)


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes]]:
    """Return the sources of what a start of ``libpod --help`` loads, and of what loads the engine."""
    path = tmp_path_factory.mktemp("needed") / "sent.zip"
    path.write_bytes(engine_action.packed(SOURCES))
    code = f"get('{_engine_archive.PACKAGE}._drivers.engine.archives'); get('{_CLI}').main(['--help'])"
    loaded = _python(str(path), f"import atexit; atexit.register(lambda: print('loaded', *sys.modules)); {code}")
    names = {name.replace(".", "/") + ".py" for name in loaded.rpartition("loaded ")[2].split()}
    return [(name, content) for name, content in SOURCES if "/" not in name or name in names or "__init__" in name]


def _load(sent: str, root: Path, *, keep: bool = True) -> str:
    """Return the archive from which a module with this request imports the engine."""
    code = (
        "import json, sys; from module_utils import _engine_archive, _engine_setup; request = json.loads(sys.argv[1]); "
        "_engine_archive.is_ready(**request) or _engine_setup.obtain(_engine_archive, **request); print(sys.path[0])"
    )
    request = json.dumps({"static_root": str(root), "digest": DIGEST, "archive": sent, "keep": keep})
    env = {"PYTHONPATH": os.path.dirname(os.path.dirname(_engine_archive.__file__)), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", code, request]
    return subprocess.run(command, check=True, env=env, stdout=-1, text=True).stdout.strip()


def _printed(root: Path) -> str:
    """Return the output of a module that uses the stored engine."""
    return _load("", root)


def _python(path: str, code: str) -> str:
    begin = f"import sys; sys.path.insert(0, {path!r}); from importlib import import_module as get; "
    return subprocess.run([sys.executable, "-I", "-c", begin + code], check=True, stdout=-1, text=True).stdout.strip()


def test_every_module_is_found_in_the_archive(whole: str) -> None:
    names = "[m for m in sys.modules if m.startswith('libpod_engine.') and not hasattr(sys.modules[m], '__path__')]"
    loaded = _python(whole, f"[get(name) for name in {MODULES}]; print(*sorted({names}))").split()
    assert loaded == sorted(MODULES)
    with pytest.raises(subprocess.CalledProcessError):
        _python(whole, "get('libpod_engine._model.nothing')")


def test_every_file_of_every_folder_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = Path(_engine_archive.__file__).parent
    assert {str(path.relative_to(rooms)) for path in rooms.rglob("_*/**/*.py") if "__pycache__" not in path.parts} == {
        name.partition("/")[2] for name, _content in SOURCES if "/" in name
    }
    loaders = ("_engine_archive.py", "_engine_boot.py", "_engine_build.py", "_engine_kept.py", "_engine_setup.py")
    for path in (*loaders, "_a/b/c/deep.py", "_a/flat.py", "other/no.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"X = 1")
    monkeypatch.setattr(engine_action, "_ROOMS", str(tmp_path))
    (tmp_path / "sent.zip").write_bytes(engine_action.packed(list(engine_action.sources())))
    for names in ("_a.b.c.deep", "_a.flat"):
        assert _python(str(tmp_path / "sent.zip"), f"print(get('libpod_engine.{names}').X)") == "1"


def test_kept_engine_is_private_and_complete(small: str, tmp_path: Path) -> None:
    kept = Path(_load(small, tmp_path / "static"))
    assert sorted(path.name for path in kept.parent.iterdir()) == sorted(
        [kept.name, "libpod", "boot.py", f"{DIGEST}.zip"]
    )
    assert [os.stat(path).st_mode & 0o777 for path in (kept, kept.parent, kept.parent.parent)] == [0o600, 0o700, 0o700]
    inode = os.stat(kept).st_ino
    assert _load("", tmp_path / "static") == str(kept) and os.stat(kept).st_ino == inode


def test_it_runs_as_a_program(whole: str) -> None:
    for command in ([sys.executable, "-I", whole], [f"{os.path.dirname(whole)}/libpod"]):
        assert "usage: libpod" in subprocess.run([*command, "--help"], check=True, stdout=-1, text=True).stdout


def _runs(folder: Path, *args: str) -> None:
    command = args or (f"{folder}/libpod",)
    assert "usage: libpod" in subprocess.run([*command, "--help"], check=True, stdout=-1, text=True).stdout


def _damage(path: Path, how: str, other: Path) -> None:
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
        return
    if how == "damaged":
        content[len(content) // 3] ^= 1
    made: dict[str, bytes] = {"empty": b"", "cut": content[:-1000], "other": other.read_bytes(), "damaged": content}
    path.write_bytes(made[how])


@pytest.mark.parametrize("how", ["gone", "empty", "cut", "damaged", "other"])
def test_a_damaged_file_is_replaced(small: str, tmp_path: Path, how: str) -> None:
    kept = Path(_load(small, tmp_path / "static"))
    whole, folder = kept.read_bytes(), kept.parent
    _damage(kept, how, Path(small))
    # The operator's command and the exit command build it from the sources, as does a task without the archive.
    _runs(folder)
    assert kept.read_bytes() == whole
    _damage(kept, how, Path(small))
    assert _load("", tmp_path / "static") == str(kept) and kept.read_bytes() == whole
    for path in (kept, folder / f"{DIGEST}.zip"):
        _damage(path, how, Path(small))
    assert _engine_setup.MISSING in _printed(tmp_path / "static")
    assert _load(small, tmp_path / "static") == str(kept) and kept.read_bytes() == whole
    for name in ("libpod", "boot.py"):
        content = (folder / name).read_bytes()
        _damage(folder / name, how, Path(small))
        _load("", tmp_path / "static")
        assert (folder / name).read_bytes() == content
        _runs(folder)


def _is_ready(root: Path) -> bool:
    """Return whether a task uses the archive unchanged, without the checks and repairs of ``_engine_setup``."""
    code = (
        "import sys; from module_utils import _engine_archive; _engine_archive.is_private = lambda folder: True; "
        f"print(_engine_archive.is_ready({str(root)!r}, {DIGEST!r}, keep=True))"
    )
    env = {"PYTHONPATH": os.path.dirname(os.path.dirname(_engine_archive.__file__))}
    return subprocess.run([sys.executable, "-c", code], check=True, env=env, stdout=-1, text=True).stdout == "True\n"


def test_only_complete_files_are_used_without_reading_them(small: str, tmp_path: Path) -> None:
    root = tmp_path / "static"
    kept = Path(_load(small, root))
    paths = [kept, *(kept.parent / name for name in ("boot.py", "libpod", f"{DIGEST}.zip"))]
    assert _is_ready(root)
    for path in paths:
        status, content = path.stat(), path.read_bytes()
        for how in ("gone", "empty", "cut", "damaged", "other"):
            _damage(path, how, Path(small))
            assert not _is_ready(root), (path.name, how)
            path.write_bytes(content)
            path.chmod(status.st_mode)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            assert _is_ready(root), (path.name, how)
    for path, mode in ((kept, 0o622), (kept.parent / "libpod", 0o600)):
        status = path.stat()
        path.chmod(mode)
        assert not _is_ready(root)
        path.chmod(status.st_mode)


def test_file_restored_without_its_times_is_read_once(small: str, tmp_path: Path) -> None:
    root = tmp_path / "static"
    folder = Path(_load(small, root)).parent
    inodes = {path.name: path.stat().st_ino for path in folder.iterdir()}
    for path in folder.iterdir():
        os.utime(path)
    assert not _is_ready(root)
    _runs(folder)
    _load("", root)
    assert _is_ready(root) and inodes == {path.name: path.stat().st_ino for path in folder.iterdir()}


def test_code_that_cannot_be_loaded_is_rebuilt(small: str, needed: list[tuple[str, bytes]], tmp_path: Path) -> None:
    """Damage by a storage medium does not change the file's modification time."""
    kept = Path(_load(small, tmp_path / "static"))
    whole, status = kept.read_bytes(), kept.stat()
    load_all = f"[get(name) for name in {[name for name in MODULES if name.replace('.', '/') + '.py' in dict(needed)]}]"
    kept.write_bytes(bytes(len(whole) // 2) + whole[len(whole) // 2 :])
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(subprocess.CalledProcessError):
        _python(str(kept), load_all)
    assert _load("", tmp_path / "static") == str(kept) and _is_ready(tmp_path / "static")
    _python(str(kept), load_all)


@pytest.mark.parametrize("part", ["package", "directory"])
@pytest.mark.parametrize("starter", [_load, lambda _sent, root: _runs(root / "engine")], ids=["task", "command"])
def test_archive_that_cannot_be_opened_is_rebuilt_at_once(
    small: str, tmp_path: Path, part: str, starter: Callable[[str, Path], Any]
) -> None:
    """Damage by a storage medium does not change the file's modification time."""
    kept = Path(_load(small, tmp_path / "static"))
    whole, status = kept.read_bytes(), kept.stat()
    with zipfile.ZipFile(kept) as archive:
        (package,) = (one for one in archive.infolist() if one.filename.startswith(_engine_archive.PACKAGE))
        begin = package.header_offset if part == "package" else archive.start_dir
    kept.write_bytes(whole[:begin] + bytes(100) + whole[begin + 100 :])
    os.utime(kept, ns=(status.st_atime_ns, status.st_mtime_ns))
    starter("", tmp_path / "static")
    assert kept.read_bytes() == whole and _is_ready(tmp_path / "static")


def test_missing_interpreter_is_replaced(small: str, tmp_path: Path) -> None:
    folder = Path(_load(small, tmp_path / "static")).parent
    launcher = (folder / "libpod").read_text(encoding="utf-8")
    record = _engine_setup.read_launcher(str(folder))
    assert os.path.samefile(record[0], sys.executable) and sys.prefix not in launcher
    gone = _engine_setup.launcher(str(folder), "/gone/python3", DIGEST, record[2])
    (folder / "libpod").write_text(gone, encoding="utf-8")
    _load("", tmp_path / "static")
    assert (folder / "libpod").read_text(encoding="utf-8") == launcher


def test_launcher_of_a_removed_version_runs_the_current_one(small: str, tmp_path: Path) -> None:
    folder = Path(_load(small, tmp_path / "static")).parent
    _runs(folder, sys.executable, "-I", f"{folder}/boot.py", "e" * 32)


@pytest.mark.parametrize("where", ["static/engine", "static", "."])
def test_a_root_that_others_can_write_to_is_refused(small: str, tmp_path: Path, where: str) -> None:
    kept = _load(small, tmp_path / "static")
    os.chmod(tmp_path / where, 0o777)
    assert not _engine_archive.is_private(os.path.dirname(kept))
    with pytest.raises(_engine_setup.Refused, match="static_root: .* can (write|change)"):
        _engine_setup.check_root(str(tmp_path / "static"))
    with pytest.raises(subprocess.CalledProcessError):
        _printed(tmp_path / "static")
    done = subprocess.run([f"{os.path.dirname(kept)}/libpod", "ps"], check=False, stderr=-1, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (125, 1) and "static_root: " in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: files of another user are made")
@pytest.mark.parametrize("where", ["static/engine", "static", "."])
def test_a_root_of_another_user_is_refused(small: str, tmp_path: Path, where: str) -> None:
    _load(small, tmp_path / "static")
    os.chown(tmp_path / where, 65534, 65534)
    with pytest.raises(_engine_setup.Refused, match="static_root: "):
        _engine_setup.check_root(str(tmp_path / "static"))


def test_an_old_python_is_refused_in_one_sentence(
    sent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, setup, boot = (
        Path(str(one.__file__)).read_bytes() for one in (_engine_archive, _engine_setup, _engine_boot)
    )
    for source in (_engine_setup.script(archive, setup, boot), setup):
        ast.parse(source, feature_version=(3, 7))
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    request = {"static_root": str(tmp_path / "static"), "digest": DIGEST, "archive": sent, "keep": True}
    monkeypatch.setenv(_engine_archive.VARIABLE, json.dumps(request))
    with pytest.raises(SystemExit):
        _engine_archive.load("_ansible.container")
    assert "is Python 3.8, and the engine needs 3.9 or later" in json.loads(capsys.readouterr().out)["msg"]
    assert not (tmp_path / "static").exists()


def test_versions_that_nothing_uses_are_removed(small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(os.path.dirname(_engine_archive.__file__))
    folder = Path(_load(small, tmp_path / "static")).parent
    # Versions in use by a task, by a conmon's command line and by the operator's command.
    used = sorted(os.urandom(16).hex() for _number in range(3))
    for version in used:
        _engine_build.keep(small, str(folder), version)
    wait = "print(flush=True); import time; time.sleep(60)"
    # Only its lock shows that it is in use.
    version = f"v = {used[0][:1]!r} + {used[0][1:]!r}"
    task = f"import _engine_archive as e; {version}; e.hold(e.compiled({str(folder)!r}, v), v); {wait}"
    env = {"PYTHONPATH": os.path.dirname(_engine_archive.__file__), "PATH": os.environ["PATH"]}
    processes = [
        subprocess.Popen([sys.executable, "-c", task], env=env, stdout=-1),
        subprocess.Popen([sys.executable, "-c", wait, used[1]], stdout=-1),
    ]
    try:
        for process in processes:
            assert process.stdout and process.stdout.readline()
        (folder / f"{DIGEST}.zip.0").touch()
        for number in (1, 2):  # of two versions of Ansible; the newest stays
            (folder / f"ansible-{number:032x}.{sys.implementation.cache_tag}.zip").touch()
        being_kept = os.open(folder, os.O_RDONLY)
        fcntl.flock(being_kept, fcntl.LOCK_SH)
        assert not archives.remove_unused(str(folder), dry=True)
        os.close(being_kept)
        removed = archives.remove_unused(str(folder), dry=True)
        assert removed == archives.remove_unused(str(folder))
        tag = sys.implementation.cache_tag
        unused = [f"{used[0]}.zip", *(f"{DIGEST}{end}" for end in (f".{tag}.zip", ".zip", ".zip.0"))]
        assert removed == sorted([*unused, f"ansible-{1:032x}.{tag}.zip"])
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    expected = [f"{used[0]}.{tag}.zip", f"{used[1]}.{tag}.zip", f"{used[1]}.zip"]
    assert archives.remove_unused(str(folder)) == expected
    _runs(folder)


@pytest.mark.parametrize("keep", [True, False])
def test_records_are_the_same_without_their_annotations(sent: str, whole: str, tmp_path: Path, keep: bool) -> None:
    path = whole if keep else _load(sent, tmp_path / "static", keep=False)
    assert (path == sent) is not keep
    state = "get('libpod_engine._model.records.state').ContainerState"
    code = f"s = {state}; print(*s._fields, len(s()), s().to_json()['status'])"
    assert _python(path, code).split() == [*ContainerState._fields, str(len(ContainerState())), "configured"]
    module = "libpod_engine._drivers.engine.command"
    code = f"m = get({module!r}); print(m.__loader__.archive, m.argv.__annotations__, m.__doc__)"
    expected = f"{path} {{}} None" if keep else None
    assert expected is None or _python(path, code) == expected


_RECORDS = """
import sys, json
def shown(modules):
    for name in modules:
        for each in [one for one in vars(get(name)).values() if isinstance(one, type) and one.__module__ == name]:
            if issubclass(each, tuple) and vars(each).get("_fields"):
                made = each(*range(len(each._fields)))
                assert made == tuple(made) and hash(made) == hash(tuple(made)) and not hasattr(made, "__dict__")
                assert made._replace(**{each._fields[-1]: "x"})[-1] == "x" and each._make(made) == made
                assert made == each(**made._asdict()) == each(*made.__getnewargs__())
                assert [getattr(made, field) for field in each._fields] == list(made)
                for wrong in (lambda: each(*made, 1), lambda: each(unknown=1), lambda: made._replace(unknown=1)):
                    try:
                        raise AssertionError(wrong())
                    except (TypeError, ValueError):
                        pass
                methods = sorted(name for name in vars(each) if not name.startswith("_"))
                yield each.__name__, repr(made), repr(sorted(each._field_defaults)), repr(methods)
print(json.dumps(list(shown(MODULES))))
"""


def test_every_named_tuple_is_as_typing_makes_it(sent: str, whole: str) -> None:
    code = _RECORDS.replace("MODULES", repr(MODULES))
    ours, theirs = (json.loads(_python(path, "\n" + code)) for path in (whole, sent))
    assert len(ours) > 40 and ours == theirs


@pytest.mark.parametrize("keep", [True, False])
def test_settings_of_each_task_in_check_mode_have_plans_of_their_own(
    sent: str, whole: str, tmp_path: Path, keep: bool
) -> None:
    path = whole if keep else _load(sent, tmp_path / "static", keep=False)
    code = (
        "m = get('libpod_engine._model.engine_config'); parts = m.EngineConfig(run_root='/x'); "
        "one, other = m.PlanningConfig(*parts), m.PlanningConfig(*parts); "
        "[each.planned.directories.add('/new') for each in (one, parts)]; "
        "print(one.run_root, *[len(each.planned.directories) for each in (one, other, parts)], one == parts)"
    )
    assert _python(path, code).split() == ["/x", "1", "0", "0", "True"]


def test_text_of_a_newer_record_is_checked_without_annotations(whole: str, tmp_path: Path) -> None:
    config = ContainerConfig("a" * 64, "web", "", {**normalise({})}, f"{tmp_path}/static/containers/{'a' * 64}")
    folder = Path(config.static_dir)
    folder.mkdir(parents=True)
    code = (
        "u = get('libpod_engine._container.unreadable'); "
        f"parts = get('libpod_engine._model.engine_config').EngineConfig(static_root={str(tmp_path / 'static')!r}, "
        f"run_root={str(tmp_path / 'run')!r}); "
        f"print(bool(u._as_of_this_version(get('libpod_engine._store.store').Store(parts), {config.id!r})))"
    )
    for other, known in (({}, "True"), ({"rootfs_image_name": {"of": "a newer version"}}, "False")):
        (folder / "config.json").write_text(json.dumps({**config.to_json(), "version": 99, **other}), encoding="utf-8")
        assert _python(whole, code) == known


def test_unwritable_root_is_not_required(sent: str, tmp_path: Path) -> None:
    (tmp_path / "static").write_text("a file where the folder would be", encoding="ascii")
    assert _load(sent, tmp_path / "static") == sent
    assert _python(sent, "print(get('libpod_engine._model.errors').LibpodError.__name__)") == "LibpodError"


def test_archive_names_differ_by_content() -> None:
    changed = [(name, content + b"#") for name, content in SOURCES[:1]] + SOURCES[1:]
    assert engine_action.digest(SOURCES) != engine_action.digest(changed)
    assert (
        importlib.import_module(f"{_engine_archive.__package__}.{_engine_setup.BUILD}").PACKAGE
        == _engine_archive.PACKAGE
    )
