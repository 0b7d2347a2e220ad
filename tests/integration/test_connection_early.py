# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell that a connection starts while Ansible builds a module: it takes the next command, or ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Callable, Iterator

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.playbook.play_context import PlayContext
from ansible_collections.libpod.engine.plugins.connection.libpod import Connection
from ansible_collections.libpod.engine.tests.support import inside
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    with Host() as host:
        assert not host.container("c", image="busybox", command=WAITING, network="none").failed
        yield host


def _connection(host: Host, shell: str = "/bin/sh") -> Connection:
    """Return the connection to container c as a worker has it."""
    connection = Connection(PlayContext())
    own = {"remote_addr": "c", "remote_user": None, "executable": shell, "extra_env": {}, "timeout": 10}
    connection._options = {**host.parts._asdict(), **own}
    return connection


def _shells(host: Host) -> list[int]:
    """Return the shells in the container that wait for their command."""
    return [pid for pid in host.cgroups.processes() if "read -r command" in _command(pid)]


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            return file.read().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _begin(connection: Connection) -> None:
    """Do what Ansible does before it builds a module."""
    assert list(connection.module_implementation_preferences) == [""]


def test_command_is_that_of_the_shell_that_waits(serving: Host) -> None:
    connection = _connection(serving)
    _begin(connection)
    eventually(lambda: len(_shells(serving)) == 1)
    tell = "tr '\\0' '|' </proc/$$/cmdline; echo \"\\ $$ $0 'two  blanks'\"; cat; echo bad >&2; exit 3"
    for _early in (True, False):
        code, out, err = connection.exec_command(tell, b"first\n\xff\0last")
        printed, rest = out.split(b"\n", 1)
        assert (code, err, rest) == (3, b"bad\n", b"first\n\xff\0last")
        assert printed.startswith(f"/bin/sh|-c|{tell}|".encode()) and printed.endswith(b" /bin/sh 'two  blanks'")
        assert not _shells(serving)
    connection.close()
    assert not inside.held(serving)


@pytest.mark.parametrize("end", ["close", "reset"])
def test_shell_without_a_command_ends(serving: Host, end: str) -> None:
    connection = _connection(serving)
    _begin(connection)
    getattr(connection, end)()
    assert not _shells(serving) and not inside.held(serving)
    assert connection.exec_command("echo on")[1] == b"on\n"
    connection.close()


def test_shell_of_a_killed_worker_ends(serving: Host) -> None:
    worker = os.fork()
    if not worker:
        _begin(_connection(serving))
        signal.pause()
    eventually(lambda: len(_shells(serving)) == 1 and inside.held(serving))
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    eventually(lambda: not _shells(serving) and not inside.held(serving))


@pytest.mark.parametrize("command", ["echo a\necho b", f"echo a; : {'x' * 5000}; echo b"])
def test_command_that_is_no_short_line_has_a_shell_of_its_own(serving: Host, command: str) -> None:
    connection = _connection(serving)
    _begin(connection)
    assert connection.exec_command(command)[1] == b"a\nb\n"
    connection.close()
    assert not _shells(serving) and not inside.held(serving)


@pytest.mark.parametrize("shell", ["/bin/none/sh", "/bin/ls"])
def test_shell_that_cannot_wait_fails_as_before(serving: Host, shell: str) -> None:
    connection = _connection(serving, shell)
    _begin(connection)
    if shell == "/bin/ls":
        assert connection.exec_command("x")[0] == 1
    else:
        with pytest.raises(AnsibleConnectionFailure, match=f"cannot run {shell} in container c: .*: name a shell"):
            connection.exec_command("x")
    connection.close()
    assert not inside.held(serving)


def _fail(host: Host, early: bool, pipe: Pipe) -> None:
    """Run a command in container c once the pipe says so, and answer with the error's message."""
    connection = _connection(host)
    if early:
        _begin(connection)
        eventually(lambda: len(_shells(host)) == 1)
    pipe.send("begun")
    pipe.recv()
    try:
        connection.exec_command("true")
        pipe.send("")
    except AnsibleConnectionFailure as error:
        pipe.send(str(error))
    connection.close()


@contextmanager
def _about_to_run(host: Host, *, early: bool) -> Iterator[Callable[[], str]]:
    """Yield a worker that has begun; the function has it run its command, and returns the error's message."""
    ours, theirs = multiprocessing.Pipe()
    worker = multiprocessing.get_context("fork").Process(target=_fail, args=(host, early, theirs))
    worker.start()
    assert ours.recv() == "begun"

    def run() -> str:
        ours.send("go on")
        return str(ours.recv())

    try:
        yield run
    except BaseException:
        worker.kill()
        raise
    finally:
        worker.join()


@pytest.mark.parametrize("early", [False, True])
def test_container_that_was_paused_meanwhile_is_named(host: Host, early: bool) -> None:
    assert not host.container("c", image="busybox", command=WAITING, network="none").failed
    with _about_to_run(host, early=early) as run:
        assert not host.container("c", state="paused").failed
        assert "cannot exec container c: it is paused" in run()
    # What is killed while it is paused ends once it goes on.
    assert not host.container("c", state="started").failed
    eventually(lambda: not _shells(host) and not inside.held(host))


def test_container_that_ends_meanwhile_is_named(host: Host) -> None:
    """Its end is complete once the worker has reaped the shell, which the kernel has killed."""
    assert not host.container("c", image="busybox", command=WAITING, network="none").failed
    with _about_to_run(host, early=True) as run, ThreadPoolExecutor() as pool:
        stop = pool.submit(lambda: host.container("c", state="stopped", stop_time=0))
        eventually(lambda: not _shells(host))
        assert "container c ended while /bin/sh ran in it" in run()
        assert not stop.result().failed
    assert not inside.held(host)
