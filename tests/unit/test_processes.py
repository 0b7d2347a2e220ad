# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that are gone are no error, even if their PID is still in use."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.tests.support.process import eventually, in_background, running


@pytest.fixture
def gone_leader() -> Iterator[int]:
    """Return the PID of an exited process that is still the ID of a session."""
    ready, go_on = os.pipe(), os.pipe()
    leader = os.fork()
    if leader == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(ready[1], b"x")
            os.close(go_on[1])
            os.read(go_on[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    os.waitpid(leader, 0)
    yield leader
    os.close(go_on[1])
    for descriptor in (*ready, go_on[0]):
        os.close(descriptor)


def test_signal_to_an_exited_session_leader_is_no_error(gone_leader: int) -> None:
    assert os.path.isdir(f"/proc/{gone_leader}") is False
    assert process.send_signal(ProcessRef(gone_leader, 1), signal.SIGKILL) is False
    assert process.wait_end(ProcessRef(gone_leader, 1), 0.0) is True


@pytest.mark.parametrize("number", [errno.ESRCH, errno.EINVAL])
def test_every_kernel_error_for_a_missing_process_is_ignored(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux 6.1 returns EINVAL for the exited leader above."""

    def refuse(_pid: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    parent = process.ref(os.getppid())
    assert process.send_signal(parent, 0) is False and process.wait_end(parent, 0.0) is True


def test_other_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="open files"):
        process.send_signal(ProcessRef(4711, 1), 0)


@pytest.mark.parametrize("leader", [0, 1])
def test_sessions_of_the_hosts_own_first_processes_are_never_ended(
    leader: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty PID file and a process that has just exited are read as session 0."""
    signalled: list[int] = []
    monkeypatch.setattr(process, "send_signal", lambda one, _number: signalled.append(one.pid))
    monkeypatch.setattr(process, "pids", lambda: iter([os.getpid()]))
    monkeypatch.setattr(process, "session", lambda _pid: leader)
    process.kill_session(leader)
    assert signalled == []


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_descent_is_killed_with_its_own_sessions_and_a_daemon_is_not() -> None:
    # Seconds that no other run of this test beside it has.
    mine, daemons = str(10_000_000 + os.getpid()), str(20_000_000 + os.getpid())
    script = f"setsid sleep {mine} & (setsid sleep {daemons} &) & wait"
    with in_background(["sh", "-c", script], start_new_session=True) as leader:
        eventually(lambda: running(process.pids(), "sleep", mine))
        daemon = eventually(lambda: running(process.pids(), "sleep", daemons))
        # The shell that started it has ended: it is no longer one of the session's descent.
        eventually(lambda: process.session(_parent(daemon[0])) != leader.pid)
        process.kill_descent(leader.pid)
        eventually(lambda: not running(process.pids(), "sleep", mine))  # a process takes a moment to die
        assert running(process.pids(), "sleep", daemons) == daemon
        os.kill(daemon[0], signal.SIGKILL)


@pytest.mark.parametrize(("ending", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_exit_code_of_a_process_that_is_not_reaped(ending: str, code: int) -> None:
    with in_background(["sh", "-c", f"read line; {ending}"], stdin=subprocess.PIPE) as dead:
        assert dead.stdin is not None
        one = process.ref(dead.pid)
        assert process.unreaped_exit_code(one) is None
        dead.stdin.close()
        assert process.wait_end(one, 30.0)
        assert process.unreaped_exit_code(one) == code
        assert process.unreaped_exit_code(ProcessRef(dead.pid, one.start_time + 1)) is None
        dead.wait()
    assert process.unreaped_exit_code(one) is None
