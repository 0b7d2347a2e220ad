# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A foreign or invalid process named by a record or a file is never signalled or inspected."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import conmon, fd_store
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import StateCorrupt
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef, from_text
from ansible_collections.libpod.engine.plugins.module_utils._model.records.state import ContainerState

NONE_OF_OURS = (1, -1, -5, 2**22 + 1, 2**31, 2**64)
# By IDs of their own: the workers of pytest-xdist collect the same tests.
OWN = (pytest.param(os.getpid(), id="own"), pytest.param(os.getsid(0), id="session"))


@pytest.mark.parametrize("pid", [*NONE_OF_OURS, True, "1", "self", None, 5.0, [5]])
def test_invalid_process_record_is_refused(pid: Any) -> None:
    with pytest.raises(ValueError, match="process"):
        ProcessRef.of(pid, 7)
    for who in ("pid", "conmon_pid", "restarter_pid"):
        with pytest.raises(StateCorrupt, match="^/a/state.json is not a container's state"):
            ContainerState.from_json({"status": "running", who: pid, "pid_start": 7}, "/a/state.json")


@pytest.mark.parametrize("started", [-1, "7", None, True])
def test_start_time_is_a_number(started: Any) -> None:
    with pytest.raises(ValueError, match="process"):
        ProcessRef.of(5, started)


def test_empty_record_gives_no_process() -> None:
    assert ProcessRef.of(0, 5) == ProcessRef() == (0, 0)
    assert ProcessRef.of(5, 7) == (5, 7)


@pytest.mark.parametrize("text", ["", "0", "1", "-1", "+5", "5_0", "٥", "5 6", "4194305", "9" * 5000, "self"])
def test_file_without_a_valid_pid_is_read_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(text, encoding="utf-8")
    assert from_text(text) == conmon.read_pid(str(tmp_path / "pid")) == 0


def test_pid_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("4711\n", encoding="ascii")
    assert conmon.read_pid(str(tmp_path / "pid")) == 4711


@pytest.mark.parametrize("pid", [0, *NONE_OF_OURS, *OWN])
def test_foreign_process_is_not_killed(pid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(arguments)

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    monkeypatch.setattr(os, "pidfd_open", refuse)
    # As if its start time were recorded too.
    started = process.start_time(pid) or 7
    assert process.send_signal(ProcessRef(pid, started), signal.SIGKILL) is False
    process.kill_session(pid)


@pytest.mark.parametrize("pid", [0, *NONE_OF_OURS])
def test_foreign_process_is_not_inspected(pid: int) -> None:
    one = ProcessRef(pid, process.start_time(1))
    assert process.alive(one) is False and process.wait_end(one, 60.0) is True
    with pytest.raises(ProcessLookupError), fd_store.of_process(pid, (0, 1)):
        pass


def test_child_in_a_session_of_its_own_is_ended() -> None:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.setsid()
        theirs.send(b"x")
        signal.pause()
    assert ours.recv(1) == b"x"
    process.kill_session(child)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    ours.close()
    theirs.close()
