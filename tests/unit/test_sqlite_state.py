# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's database of SQLite where it is not as it should be: what is refused, and why."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman import database_file, sqlite_state
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    InvalidState,
    MalformedData,
    NotImplementedByHost,
)

TABLES = """
CREATE TABLE DBConfig (SchemaVersion INTEGER, TmpDir TEXT);
CREATE TABLE ContainerConfig (ID TEXT, Name TEXT, JSON TEXT);
INSERT INTO DBConfig VALUES (1, '/tmp/libpod');
INSERT INTO ContainerConfig VALUES ('a', 'web', '{}');
"""


def execute(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "a ?#%folder" / "db.sql"
    path.parent.mkdir()
    execute(path, TABLES)
    return path


def ids(path: Path) -> dict[str, str]:
    with sqlite_state.opened(str(path)) as state:
        return state.ids()


def test_containers_are_listed_and_nothing_is_left_beside(path: Path) -> None:
    assert ids(path) == {"web": "a"}
    assert os.listdir(path.parent) == ["db.sql"]


@pytest.mark.parametrize("mode", ("WAL", "TRUNCATE"))
def test_each_journal_can_be_read(path: Path, mode: str) -> None:
    execute(path, f"PRAGMA journal_mode = {mode};")
    assert ids(path) == {"web": "a"}


def test_tables_of_another_version_are_refused(path: Path) -> None:
    execute(path, "UPDATE DBConfig SET SchemaVersion = 2;")
    with pytest.raises(NotImplementedByHost, match="has version 2 of its tables, and adoption knows 1"):
        ids(path)


def test_database_that_podman_has_locked_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_state, "LOCK_SECONDS", 0.1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InvalidState, match="has been locked by another program for 10 seconds"):
            ids(path)


@pytest.mark.parametrize(
    "statement",
    (
        "UPDATE ContainerConfig SET Name = NULL;",
        "UPDATE ContainerConfig SET ID = x'00' || 5;DROP TABLE DBConfig;",
        "DROP TABLE ContainerConfig;",
        "UPDATE DBConfig SET SchemaVersion = NULL;",
    ),
)
def test_tables_that_podman_does_not_make_are_refused(path: Path, statement: str) -> None:
    execute(path, statement)
    with pytest.raises(MalformedData, match=str(path.parent.name).replace("?", r"\?")):
        ids(path)


@pytest.mark.parametrize("offset", (0, 40, 100, 4096, 8192))
def test_damaged_database_is_refused(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"\xee" * 200)
    with pytest.raises((MalformedData, NotImplementedByHost)):
        ids(path)


def test_large_file_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_file, "_MAX_BYTES", 100)
    with pytest.raises(MalformedData, match="podman's database has at most 100"):
        ids(path)


def test_what_is_no_file_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    for there in (tmp_path / "link", tmp_path):
        with pytest.raises(InvalidState, match="it is no regular file"):
            ids(there)


def test_python_without_sqlite_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with pytest.raises(NotImplementedByHost, match=f"module sqlite3, which {sys.executable} lacks"):
        ids(path)
