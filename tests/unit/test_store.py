# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: names, IDs and prefixes resolve to one container, and a record is complete or absent."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.engine_config import EngineConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    ConfigMismatch,
    EmptyID,
    InvalidArgument,
    NoSuchContainer,
    NoSuchPod,
    StateCorrupt,
    take_warnings,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.records import shapes
from ansible_collections.libpod.engine.plugins.module_utils._model.records.config import ContainerConfig
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.plugins.module_utils._model.records.state import ContainerState
from ansible_collections.libpod.engine.plugins.module_utils._model.records.status import ContainerStatus
from ansible_collections.libpod.engine.plugins.module_utils._store import pods, records
from ansible_collections.libpod.engine.plugins.module_utils._store.planned import PlannedStore
from ansible_collections.libpod.engine.plugins.module_utils._store.store import Store

WEB, APP, DB = "aaa1" + "0" * 60, "aaa2" + "0" * 60, "b" * 64


class Killed(BaseException):
    """Stands for SIGKILL at an effect."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(EngineConfig(static_root=str(tmp_path / "static"), run_root=str(tmp_path / "run")))
    made.prepare()
    for name, container_id in (("web", WEB), ("app", APP), ("db", DB)):
        made.write_name(name, {"id": container_id})
    return made


@contextmanager
def killed_at(count: int) -> Iterator[None]:
    """Raise ``Killed`` at the effect after ``count`` others, in place of SIGKILL."""
    left = iter(range(count))

    def kill(_name: str) -> None:
        if next(left, None) is None:
            raise Killed

    failpoints.observe(kill)
    try:
        yield
    finally:
        failpoints.observe(None)


def config(container_id: str = WEB) -> ContainerConfig:
    return ContainerConfig(container_id, "web", "now", normalise({}), f"/static/{container_id}")


@pytest.mark.parametrize(("key", "expected"), [("web", WEB), (WEB, WEB), ("aaa1", WEB), ("b", DB), ("db", DB)])
def test_container_is_found_by_name_full_id_and_prefix(store: Store, key: str, expected: str) -> None:
    assert store.lookup(key) == expected


@pytest.mark.parametrize(("recorded", "has_it"), [("web", "web"), ("new", "new"), ("", ""), ("damaged", "web")])
def test_during_a_rename_the_configuration_says_which_name_leads_to_the_container(
    store: Store, recorded: str, has_it: str
) -> None:
    mark = {"renamed": WEB, "from": "web", "to": "new"}
    store.write_name("web", {"id": WEB, **mark})
    store.write_name("new", mark)
    if recorded:
        store.write_config(config()._replace(name=recorded))
    if recorded == "damaged":
        os.truncate(f"{store.static_dir(WEB)}/config.json", 5)
    assert [name for name in ("web", "new") if store.name_record(name).get("id")] == ([has_it] if has_it else [])
    assert [name for name, container_id in store.names() if container_id == WEB] == ([has_it] if has_it else [])


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("new", ["aaa", "zzz"])
def test_container_is_listed_once_though_it_is_renamed_meanwhile(store: Store, new: str, marked: bool) -> None:
    """Whether the list comes to the new name before the old one, or after it."""
    mark = {"renamed": WEB, "from": "web", "to": new}
    store.write_config(config())
    if marked:
        store.write_name("web", {"id": WEB, **mark})
        store.write_name(new, mark)
    listed = store.names()
    found = [next(listed)]
    store.write_config(config()._replace(name=new))
    store.write_name(new, {"id": WEB})
    store.write_name("web", {})
    found += listed
    assert sorted(found) == sorted([(new, WEB), ("app", APP), ("db", DB)])


def test_container_that_has_been_listed_is_not_again_by_its_new_name(store: Store) -> None:
    mark = {"renamed": APP, "from": "app", "to": "zzz"}
    store.write_config(config()._replace(id=APP, name="app"))
    store.write_name("app", {"id": APP, **mark})
    store.write_name("zzz", mark)
    listed = store.names()
    found = [next(listed)]
    store.write_config(config()._replace(id=APP, name="zzz"))
    store.write_name("zzz", {"id": APP})
    store.write_name("app", {})
    assert [*found, *listed] == [("app", APP), ("db", DB), ("web", WEB)]


def test_name_wins_over_a_prefix(store: Store) -> None:
    store.write_name("b", {"id": "c" * 64})
    assert store.lookup("b") == "c" * 64


def test_ambiguous_prefix_lists_the_matches(store: Store) -> None:
    with pytest.raises(
        InvalidArgument, match=r"^the ID prefix 'aaa' matches 2 containers: web \(aaa1.*app \(aaa2"
    ) as said:
        store.lookup("aaa")
    assert "db" not in str(said.value)


def test_empty_name_is_refused(store: Store) -> None:
    with pytest.raises(EmptyID):
        store.lookup("")


UNKNOWN = ["nobody", "WEB", "we", "../names/web", "web.json", "web\n", "f" * 64, "w" * 300, "\0", "*"]


@pytest.mark.parametrize("key", UNKNOWN)
def test_unknown_name_is_no_such_container(store: Store, key: str) -> None:
    with pytest.raises(NoSuchContainer, match="^no container has the name or ID "):
        store.lookup(key)


@pytest.mark.parametrize("key", [*UNKNOWN, "web", ""])
def test_unknown_name_is_no_such_pod(store: Store, key: str) -> None:
    with pytest.raises(NoSuchPod, match="^no pod has the name or ID "):
        pods.find(store, key)


def test_store_that_was_never_used_is_empty(tmp_path: Path) -> None:
    store = Store(EngineConfig(static_root=str(tmp_path / "none"), run_root=str(tmp_path / "none")))
    assert list(store.names()) == [] and store.name_record("web") == {} and store.state(WEB) is None
    with pytest.raises(NoSuchContainer):
        store.lookup("web")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("record", [{"pending": "c" * 64}, {"retired": "c" * 64}])
def test_name_of_a_container_being_created_or_removed_is_not_found(store: Store, record: dict[str, str]) -> None:
    store.write_name("new", record)
    assert store.name_record("new") == record and "new" not in dict(store.names())
    for key in ("new", "c" * 64, "cc"):
        with pytest.raises(NoSuchContainer):
            store.lookup(key)


def test_replacement_gets_the_name_only_when_it_is_assigned(store: Store) -> None:
    store.write_name("web", {"id": WEB, "pending": "c" * 64})
    assert store.lookup("web") == WEB
    store.write_name("web", {"id": "c" * 64, "retired": WEB})
    assert store.lookup("web") == "c" * 64


def test_unused_name_leaves_no_file(store: Store, tmp_path: Path) -> None:
    store.write_name("web", {"id": "", "retired": ""})
    assert store.name_record("web") == {} and not (tmp_path / "static/names/web.json").exists()
    store.write_name("web", {})


def test_names_are_sorted_and_foreign_files_are_skipped(store: Store, tmp_path: Path) -> None:
    for file in ("x.json.tmp", "README", "y.txt"):
        (tmp_path / "static/names" / file).write_text(json.dumps({"id": "d" * 64}))
    assert list(store.names()) == [("app", APP), ("db", DB), ("web", WEB)]


def test_configuration_and_state_round_trip(store: Store) -> None:
    state = ContainerState(status=ContainerStatus.RUNNING, process=ProcessRef(5, 6))
    store.write_config(config())
    store.write_state(WEB, state)
    assert store.config(WEB) == config() and store.state(WEB) == state
    store.write_config(config().with_options({"stop_timeout": 1}))
    assert store.config(WEB).stop_timeout == 1


def test_record_as_it_was_written_is_read_without_a_look_at_its_shape(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ContainerState(status=ContainerStatus.RUNNING, process=ProcessRef(5, 6), etc_files={"hosts": 7})
    written = config().with_options(normalise({"publish": ["80:80"], "uidmap": ["0:1000:10"], "memory": "1g"}))
    store.write_config(written)
    store.write_state(WEB, state)
    monkeypatch.setattr(shapes, "check_shape", pytest.fail)
    assert store.config(WEB) == written and store.state(WEB) == state


@pytest.mark.parametrize(("value", "wrong"), [("false", "0"), ("10", "true"), ('"no"', "null")])
def test_record_that_was_changed_by_hand_is_looked_at(store: Store, value: str, wrong: str) -> None:
    """As long as its shape is right it is used, with its checksum or without, as an older engine wrote it."""
    store.write_config(config())
    path = Path(store.static_dir(WEB)) / "config.json"
    text = path.read_text()
    for other in (text.replace(':10,"timeout"', ':11,"timeout"'), re.sub(',"crc":"[0-9a-f]{8}"', "", text)):
        assert other != text
        _put(path, other)
        assert store.config(WEB).stop_timeout == (11 if ":11," in other else 10)
    key = {"false": "tty", "10": "stop_timeout", '"no"': "restart_policy"}[value]
    _put(path, text.replace(f'"{key}":{value}', f'"{key}":{wrong}'))
    with pytest.raises(StateCorrupt, match=rf"config.json cannot be used \(options.{key}: expected"):
        store.config(WEB)


def _put(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def test_configuration_written_by_another_process_is_read(store: Store) -> None:
    other = Store(store.parts)
    for seconds in range(50):
        other.write_config(config().with_options({"stop_timeout": seconds}))
        assert store.config(WEB).stop_timeout == store.config(WEB).stop_timeout == seconds


def test_records_are_readable_only_by_their_owner(store: Store, tmp_path: Path) -> None:
    store.write_config(config())
    store.write_state(WEB, ContainerState())
    store.write_side_record(WEB, "exit", {})
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
        if path.name not in ("static", "run") and path.parent.name != "reserve"
    }
    assert modes.pop("config.json") == 0o400
    assert all(mode == (0o600 if "." in name else 0o700) for name, mode in modes.items())
    assert {stat.S_IMODE((tmp_path / root).stat().st_mode) for root in ("static", "run")} == {0o700}


def test_container_without_a_configuration_does_not_exist(store: Store) -> None:
    with pytest.raises(NoSuchContainer, match=WEB):
        store.config(WEB)


@pytest.mark.parametrize(
    ("content", "error"),
    [*((text, StateCorrupt) for text in ("", "{", "[]", "{}", "null", "\xff")), ('{"version": 2}', ConfigMismatch)],
)
def test_unreadable_configuration_is_named(store: Store, content: str, error: type[Exception]) -> None:
    path = Path(store.static_dir(WEB)) / "config.json"
    path.parent.mkdir()
    path.write_text(content, encoding="latin-1")
    with pytest.raises(error, match=str(path)):
        store.config(WEB)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", '{"status": "bad"}', "\xff"])
def test_unreadable_state_is_unknown(store: Store, content: str) -> None:
    path = Path(store.run_dir(WEB)) / "state.json"
    path.parent.mkdir()
    path.write_text(content, encoding="latin-1")
    take_warnings()
    assert store.state(WEB) == ContainerState(status=ContainerStatus.UNKNOWN)
    (warning,) = take_warnings()
    assert warning.startswith(f"{path} ") and "the container's status is unknown" in warning


def test_truncated_side_record_counts_as_missing(store: Store) -> None:
    store.write_config(config())
    assert store.side_record(WEB, "exit") is None
    store.write_side_record(WEB, "exit", {"exit_code": 3})
    assert store.side_record(WEB, "exit") == {"exit_code": 3}
    Path(store.static_dir(WEB), "exit.json").write_text('{"exit')
    assert store.side_record(WEB, "exit") is None
    store.remove_side_record(WEB, "exit")
    store.remove_side_record(WEB, "exit")
    assert os.listdir(store.static_dir(WEB)) == ["config.json"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_damage_and_is_not_waited_for(store: Store, make: Callable[[Path], None]) -> None:
    config, state = Path(store.static_dir(WEB), "config.json"), Path(store.run_dir(WEB), "state.json")
    for path in (config, state):
        path.parent.mkdir()
        make(path)
    with pytest.raises(StateCorrupt, match=str(config)):
        store.config(WEB)
    assert store.state(WEB) == ContainerState(status=ContainerStatus.UNKNOWN)
    assert store.config_text(WEB) == ""


@pytest.mark.parametrize("durable", [True, False])
def test_record_is_old_or_new_wherever_its_writer_is_killed(tmp_path: Path, durable: bool) -> None:
    path = str(tmp_path / "a.json")
    for count in range(10):
        records.write(path, "old", durable=durable)
        try:
            with killed_at(count):
                records.write(path, "new", durable=durable)
            break
        except Killed:
            assert records.read(path) == "old"
    assert count > 1 and records.read(path) == "new" and os.listdir(tmp_path) == ["a.json"]


def test_leftover_temporary_file_is_ignored(store: Store, tmp_path: Path) -> None:
    store.write_config(config())
    for path in (Path(store.static_dir(WEB), "config.json.tmp"), tmp_path / "static/names/ghost.json.tmp"):
        path.write_text('{"id": "cut sho')
    assert store.config(WEB) == config() and store.name_record("ghost") == {} and len(list(store.names())) == 3
    store.write_config(config().with_options({"stop_timeout": 1}))
    store.write_name("ghost", {"id": "e" * 64})
    assert store.config(WEB).stop_timeout == 1 and store.lookup("ghost") == "e" * 64
    assert not list(tmp_path.rglob("*.tmp"))


def test_reader_never_sees_half_a_record(tmp_path: Path) -> None:
    path = str(tmp_path / "a.json")
    records.write(path, ["x" * 70000] * 2)
    done = threading.Event()

    def write() -> None:
        for number in range(30):
            records.write(path, [str(number) * 70000] * 2, durable=False)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        pair = records.read(path)
        assert isinstance(pair, list) and pair[0] == pair[1]
    writer.join()


@pytest.mark.parametrize("text", ['{"id":', "[]", "false", '"web"', '["id"]', '{"id": 5}'])
def test_damaged_name_record_is_resolved_from_the_configuration(store: Store, tmp_path: Path, text: str) -> None:
    store.write_config(config())
    (tmp_path / "static/names/web.json").write_text(text)
    assert store.name_record("web") == {"id": WEB} and store.lookup("web") == WEB
    assert ("web", WEB) in list(store.names())
    store.write_config(config()._replace(id="e" * 64))
    with pytest.raises(
        StateCorrupt, match=r"web.json cannot be read.* 2 containers .* have this name: restore the file"
    ):
        store.name_record("web")


def test_damaged_name_record_affects_no_other_name(store: Store, tmp_path: Path) -> None:
    store.write_config(config())
    store.write_name("web", {"id": WEB, "left": f"{'1' * 64} {'2' * 64}"})
    (tmp_path / "static/names/other.json").write_text("{")
    assert ("web", WEB) in list(store.names()) and "other" not in dict(store.names())
    assert list(store.unfinished()) == [("web", "1" * 64), ("web", "2" * 64)]


def test_directory_without_name_and_configuration_is_listed_as_forgotten(store: Store, tmp_path: Path) -> None:
    store.write_config(config())
    for number in "12":
        (tmp_path / f"static/containers/{number * 64}").mkdir()
    store.write_name("made", {"pending": "1" * 64})
    assert store.forgotten() == ["2" * 64]


def test_planned_id_is_found_by_no_prefix(store: Store) -> None:
    planned = PlannedStore(store)
    new = config("aaa3" + "0" * 60)
    planned.plan(new._replace(name="new"), ContainerState(), new=True)
    planned.plan(config("c" * 64)._replace(name="db"), ContainerState(), new=True)
    planned.plan_removal("app")
    assert planned.lookup("new") == new.id and planned.lookup("db") == "c" * 64
    assert planned.lookup("aaa") == WEB
    for key in ("aaa3", "c", "bb", "aaa2"):
        with pytest.raises(NoSuchContainer):
            planned.lookup(key)
    assert dict(planned.names()) == {"db": "c" * 64, "new": new.id, "web": WEB}
    planned.plan(config(WEB), ContainerState(), new=False)
    assert planned.lookup("aaa") == planned.lookup(WEB) == WEB
    planned.plan(config(WEB), ContainerState(), new=True)  # recreated with another ID
    for key in ("aaa", WEB):
        with pytest.raises(NoSuchContainer):
            planned.lookup(key)
    assert planned.lookup("web") == WEB
