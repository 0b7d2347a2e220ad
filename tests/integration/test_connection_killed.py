# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task in a container that is killed, at any point, leaves nothing running there and nothing on the host."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import Exec
from ansible_collections.libpod.engine.plugins.module_utils._container.io.guarded import Guarded
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import exec_files
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.exec_streams import Streams
from ansible_collections.libpod.engine.plugins.module_utils._drivers.streams import Sink
from ansible_collections.libpod.engine.plugins.module_utils._model import failpoints
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import HostExhausted
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import inside, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import OCI_RUNTIME, Host
from ansible_collections.libpod.engine.tests.support.inside import PYTHON
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    eventually,
    in_background,
    kill_all,
    running,
)

SLEEP = ("sleep", "1212")
PROMISED = 15.0  # seconds, of the plugin's documentation
# What is passed on the way to a command's end; some only where the worker is about to die as well.
FAILPOINTS = ("start guard", "note exec", f"{OCI_RUNTIME} exec", "forget exec")


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    with Host() as host:
        assert not host.container("c", image="busybox", command=WAITING, network="none", volume=PYTHON).failed
        yield host


@contextmanager
def _sleeping(host: Host, folder: Path, task: str) -> Iterator[subprocess.Popen[bytes]]:
    """ansible-playbook, once the command of its task runs in the container."""
    (folder / "play.yml").write_text(
        json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{task: "sleep 1212"}]}])
    )
    argv = [playbooks.program(), "play.yml", "-i", playbooks.inventory(str(folder), {"c": inside.variables(host)})]
    env = {**playbooks.environment(str(folder)), "ANSIBLE_REMOTE_TEMP": "/tmp/ansible"}
    with in_background(argv, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as playbook:
        eventually(lambda: inside.held(host) and running(host.cgroups.processes(), *SLEEP), seconds=60)
        yield playbook


def _expect_nothing_left(host: Host) -> None:
    eventually(lambda: not running(host.cgroups.processes(), *SLEEP), seconds=PROMISED)
    eventually(lambda: not inside.held(host), seconds=PROMISED)
    eventually(lambda: not [pid for pid in host.cgroups.processes() if _is_guard(pid)], seconds=PROMISED)


def _is_guard(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"exec-end" in file.read()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _child(pid: int) -> int:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


@pytest.mark.parametrize("task", ["command", "raw"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("victim", ["playbook", "worker"])
def test_killed_task_leaves_nothing(serving: Host, tmp_path: Path, victim: str, number: int, task: str) -> None:
    with _sleeping(serving, tmp_path, task) as playbook:
        os.kill(playbook.pid if victim == "playbook" else _child(playbook.pid), number)
        _expect_nothing_left(serving)
        playbook.wait(60 * PATIENCE)


def test_command_is_not_begun_once_the_playbook_was_killed(serving: Host, tmp_path: Path) -> None:
    late = "{{ lookup('pipe', 'sleep 2121 || true') }}sleep 1212"  # in the worker, before it connects
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"raw": late}]}]))
    hosts = playbooks.inventory(str(tmp_path), {"c": inside.variables(serving)})
    argv, env = [playbooks.program(), "play.yml", "-i", hosts], playbooks.environment(str(tmp_path))
    with in_background(argv, cwd=tmp_path, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as playbook:
        eventually(lambda: running(serving.cgroups.processes(), "sleep", "2121"), seconds=60)
        worker = _child(playbook.pid)
        playbook.kill()
        playbook.wait()
        kill_all(running(serving.cgroups.processes(), "sleep", "2121"))
        eventually(lambda: worker not in serving.cgroups.processes(), seconds=PROMISED)
        _expect_nothing_left(serving)


def test_killed_guard_ends_nothing_and_the_worker_ends_its_command(serving: Host, tmp_path: Path) -> None:
    with _sleeping(serving, tmp_path, "raw") as playbook:
        kill_all([pid for pid in serving.cgroups.processes() if _is_guard(pid)])
        assert running(serving.cgroups.processes(), *SLEEP)
        playbook.kill()
        _expect_nothing_left(serving)


def test_next_task_ends_what_a_worker_and_its_guard_have_left(serving: Host, tmp_path: Path) -> None:
    with _sleeping(serving, tmp_path, "raw") as playbook:
        worker = _child(playbook.pid)
        guards = [pid for pid in serving.cgroups.processes() if _is_guard(pid)]
        kill_all([*guards, worker, playbook.pid])  # a worker that outlived its playbook would end the command
    assert running(serving.cgroups.processes(), *SLEEP)
    inside.play(serving, [{"raw": "true"}])
    _expect_nothing_left(serving)


@pytest.mark.parametrize("point", FAILPOINTS)
@pytest.mark.parametrize("script", ["exec sleep 1212", "true"])
def test_worker_killed_at_any_effect_leaves_nothing(serving: Host, point: str, script: str) -> None:
    worker = os.fork()
    if not worker:
        try:
            failpoints.observe(lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == point else None)
            guarded = Guarded(Runtime(serving.parts).container("c"))
            guarded.execute(Exec(["sh", "-c", script]), Streams(Sink(len), Sink(len)))
        finally:
            os._exit(1)
    if (script, point) == ("exec sleep 1212", "forget exec"):
        eventually(lambda: running(serving.cgroups.processes(), *SLEEP), seconds=60)
        os.kill(worker, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == -signal.SIGKILL
    _expect_nothing_left(serving)


def test_command_that_cannot_be_started_leaves_nothing_to_its_guard(serving: Host) -> None:
    """Whichever of its descriptors the process lacks for it."""
    results = [in_child(partial(_run_true, serving, free)) for free in range(2, 30)]
    assert all(one.get("left") == 0 for one in results), results
    assert {one["runs"] for one in results} == {False, True}, results


def _run_true(host: Host, free: int) -> None:
    """Run a command in a process that has so many free descriptors; print whether it ran, and what its guard has."""
    container = Runtime(host.parts).container("c")
    guarded, runs = Guarded(container), False
    descriptor = os.dup(0)
    os.close(descriptor)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor + free, before[1]))
    with suppress(OSError, HostExhausted):
        ended = guarded.execute(Exec(["true"]), Streams(Sink(lambda data: None), Sink(lambda data: None)))
        runs = ended.code == 0
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    sys.stdout.write(json.dumps({"runs": runs, "left": len(list(exec_files.held(container.run_dir)))}))
    guarded.close()


@pytest.mark.parametrize("milliseconds", [2, 5, 10, 15, 20, 25, 30, 40, 60])
def test_worker_killed_while_the_runtime_starts_the_command_leaves_nothing(serving: Host, milliseconds: int) -> None:
    read, write = os.pipe()
    worker = os.fork()
    if not worker:

        def note(name: str) -> None:
            if name == f"{OCI_RUNTIME} exec":
                os.write(write, b"x")

        try:
            failpoints.observe(note)
            guarded = Guarded(Runtime(serving.parts).container("c"))
            guarded.execute(Exec(["sh", "-c", "sleep 1212"]), Streams(Sink(len), Sink(len)))
        finally:
            os._exit(1)
    os.read(read, 1)
    signal.sigtimedwait((), milliseconds / 1000)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    os.close(read)
    os.close(write)
    _expect_nothing_left(serving)
