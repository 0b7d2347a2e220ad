# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging to the host never blocks or fails, and no message can forge another message or field."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import host_log


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder for the two sockets, and a process that logs as ``exit``."""
    monkeypatch.setattr(host_log, "JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setattr(host_log, "SYSLOG", str(tmp_path / "log"))
    monkeypatch.delenv(host_log.VARIABLE, raising=False)
    host_log.enable("exit")
    host_log.about("web", "0123456789abcdef")
    yield tmp_path
    host_log.disable()


def listen(path: Path, kind: int = socket.SOCK_DGRAM) -> contextlib.closing[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
    listener.bind(str(path))
    return contextlib.closing(listener)


def received(listener: socket.socket) -> list[str]:
    messages = []
    with contextlib.suppress(BlockingIOError):
        while True:
            messages.append(listener.recv(1 << 16).decode())
    return messages


def test_missing_log_socket_is_no_error(folder: Path) -> None:
    host_log.write("error", "lost")
    (folder / "log").write_text("")
    host_log.write("error", "lost")
    (folder / "log").unlink()
    with listen(folder / "log", socket.SOCK_STREAM):
        host_log.write("error", "lost")


def test_full_socket_does_not_block(folder: Path) -> None:
    with listen(folder / "journal") as journal, listen(folder / "log") as log:
        began = time.monotonic()
        for number in range(2000):
            host_log.write("error", f"message {number}")
        assert time.monotonic() - began < 20
        assert 0 < len(received(journal)) + len(received(log)) < 2000


def test_journal_is_preferred_to_syslog(folder: Path) -> None:
    with listen(folder / "log") as log:
        with listen(folder / "journal") as journal:
            host_log.write("error", "first")
            assert [len(received(one)) for one in (journal, log)] == [1, 0]
        host_log.write("error", "its daemon has gone")
        assert len(received(log)) == 1


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("", ["warn", "error"]),
        ("debug", ["debug", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("error", ["error"]),
        ("fatal", []),
        ("panic", []),
    ],
)
def test_level(folder: Path, monkeypatch: pytest.MonkeyPatch, level: str, kept: list[str]) -> None:
    monkeypatch.setenv(host_log.VARIABLE, level)
    host_log.enable("exit")
    with listen(folder / "log") as log:
        for one in ("debug", "info", "warn", "error"):
            host_log.write(one, one)
        assert [line.rpartition(" ")[2] for line in received(log)] == kept
    assert host_log.environment() == ({host_log.VARIABLE: level} if level else {})


def test_only_background_commands_log(folder: Path) -> None:
    host_log.disable()
    with listen(folder / "log") as log:
        host_log.write("error", "a task says this itself")
        assert received(log) == []


def test_message_is_one_line_and_cannot_add_fields(folder: Path) -> None:
    hostile = "one\nPRIORITY=0\r\nMESSAGE=two\0\x1b[2J\ud800" + "é" * 20000
    with listen(folder / "journal") as journal:
        host_log.write("error", hostile)
        (message,) = received(journal)
    lines = message.split("\n")
    assert lines[0].startswith("MESSAGE=exit: web (0123456789ab): one PRIORITY=0 MESSAGE=two??[2J?é")
    assert len(message.encode()) < 1 << 14 and [line.partition("=")[0] for line in lines[1:]] == [
        "PRIORITY",
        "SYSLOG_IDENTIFIER",
        "LIBPOD_COMMAND",
        "LIBPOD_CONTAINER_NAME",
        "LIBPOD_CONTAINER_ID",
        "SYSLOG_FACILITY",
        "",
    ]
    with listen(folder / "log") as log:
        host_log.write("error", hostile)
        (message,) = received(log)
    assert message.isprintable() and message.startswith("<27>")
