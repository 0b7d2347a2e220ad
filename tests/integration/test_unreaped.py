# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dead processes of a container that are not reaped, for which its init waits (pid_namespaces(7))."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import Exec, process_for
from ansible_collections.libpod.engine.plugins.module_utils._container.lifecycle import cleanup, stop
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process as processes
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci import exec
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.exec_streams import Streams
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.runtime import OciRuntime
from ansible_collections.libpod.engine.plugins.module_utils._drivers.streams import Sink
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import ContainerStopped
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PYTHON
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    eventually,
    in_background,
    running,
)

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL", "network": "none"}
OPTIONS["stop_timeout"] = 1
# pthread_exit(3) of the first thread: exit(2), which is 93 but on older architectures.
ENDING_THREAD = """import ctypes, os, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).syscall({"x86_64": 60, "s390x": 1, "ppc64le": 1}.get(os.uname().machine, 93), 0)
"""


def _runtime(real: OciRuntime, folder: Path, script: str) -> OciRuntime:
    """Return the OCI runtime with a shell script in its place."""
    runtime, path = copy.copy(real), folder / "runtime"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    runtime.path = str(path)
    return runtime


def _silent() -> Streams:
    return Streams(Sink(lambda data: None), Sink(lambda data: None))


def test_stop_does_not_wait_for_what_a_failed_exec_has_left(host: Host, tmp_path: Path) -> None:
    """As runc does where the container ends while it starts a process there: that one is left to the engine."""
    made = host.container("c", **OPTIONS)
    container = Runtime(host.parts).container("c")
    pid = made["container"]["State"]["Pid"]
    runtime = _runtime(container.oci, tmp_path, f"nsenter -t {pid} -p sleep 1000 &\nsleep 0.3\nkill -9 $!\nexit 1\n")
    bounds = exec.Bounds(str(tmp_path / "pid"))
    ended = exec.execute(runtime, container.id, process_for(container, Exec(["true"])), _silent(), bounds)
    assert ended.code == 1 and processes.inner_children() == []
    done = host.container("c", state="stopped")
    assert done["container"]["State"]["ModelStatus"] == "exited", done


def test_command_that_is_killed_in_a_paused_container_is_reaped_later(host: Host, tmp_path: Path) -> None:
    """It exceeds its time, and ends only once the container goes on."""
    host.container("c", **OPTIONS)
    container = Runtime(host.parts).container("c")
    process = process_for(container, Exec(["sleep", "1077"]))
    with exec.begun(container.oci, container.id, process, _silent(), exec.Bounds(str(tmp_path / "pid"), 1)) as begun:
        eventually(lambda: running(host.cgroups.processes(), "sleep", "1077"))
        host.container("c", state="paused")
        assert begun.finish().code is None
    assert processes.inner_children()
    done = host.container("c", state="stopped")
    assert done["container"]["State"]["ModelStatus"] == "exited" and not processes.inner_children(), done


def test_command_whose_pid_file_the_cleanup_has_removed_counts_as_killed(host: Host, tmp_path: Path) -> None:
    host.container("c", **OPTIONS)
    container = Runtime(host.parts).container("c")
    pid_file = tmp_path / "pid"
    runtime = _runtime(container.oci, tmp_path, f'{container.oci.path} "$@"\nrm {pid_file}\n')
    process = process_for(container, Exec(["sleep", "1077"]))
    ended = exec.execute(runtime, container.id, process, _silent(), exec.Bounds(str(pid_file)))
    assert ended == exec.Ended(137) and processes.inner_children() == []


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_client_of_an_exec_that_was_suspended_holds_nothing_up(host: Host, state: str) -> None:
    host.container("c", **OPTIONS)
    argv = [*self_program.argv(host.parts), "exec", "c", "sleep", "1077"]
    with in_background(argv, env={**os.environ, **host.parts.environment()}) as client:
        eventually(lambda: running(host.cgroups.processes(), "sleep", "1077"))
        client.send_signal(signal.SIGSTOP)
        done = host.container("c", state=state)
        assert not done.failed, done
        assert done["plan"]["status"]["after"] == {"stopped": "exited"}.get(state, state)
        assert client.wait(30 * PATIENCE) == -signal.SIGKILL
    assert not host.container("c", state=state).changed


@pytest.mark.parametrize("state", ["started", "absent"])
def test_client_that_was_suspended_in_a_shared_pid_namespace_holds_nothing_up(host: Host, state: str) -> None:
    host.container("c", **OPTIONS)
    host.container("sharing", **{**OPTIONS, "pid": "container:c"})
    argv = [*self_program.argv(host.parts), "exec", "sharing", "sleep", "1077"]
    with in_background(argv, env={**os.environ, **host.parts.environment()}) as client:
        eventually(lambda: running(host.cgroups.processes(), "sleep", "1077"))
        client.send_signal(signal.SIGSTOP)
        if state == "absent":
            assert not host.container("sharing", state=state).failed
        done = host.container("c", state="stopped")
        assert not done.failed, done
        assert done["container"]["State"]["ModelStatus"] == "exited"
        assert client.wait(30 * PATIENCE) == -signal.SIGKILL


def test_stop_says_that_the_container_waits_for_another_program(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    made = host.container("c", **OPTIONS)
    pid = made["container"]["State"]["Pid"]
    with _never_reaped(pid):
        monkeypatch.setattr(stop, "_KILL_SECONDS", 0.5)
        monkeypatch.setattr(cleanup, "_KILLED_SECONDS", 0.5)
        done = host.container("c", state="stopped")
        assert done.failed and done["error"] == "CleanupIncomplete", done
        assert f"it still has its processes (process {pid} has not ended" in done["msg"], done
        assert Runtime(host.parts).container("c").status() == "unknown"
    eventually(lambda: not processes.start_time(pid))  # the host's init has reaped the other
    done = host.container("c", state="stopped")
    assert not done.failed, done["msg"]
    state = done["container"]["State"]
    assert (state["ModelStatus"], state["ExitCode"]) == ("exited", -1), done
    assert state["FinishedAt"] > state["StartedAt"], done
    assert not host.container("c", state="stopped").changed
    assert host.container("c", state="started").changed


@contextmanager
def _never_reaped(init: int) -> Iterator[None]:
    """Enter with a process in the PID namespace of ``init`` whose parent, outside, does not run."""
    with subprocess.Popen(["nsenter", "-t", str(init), "-p", "sleep", "1000"]) as foreign:
        try:
            eventually(lambda: _children(foreign.pid))
            os.kill(foreign.pid, signal.SIGSTOP)
            eventually(lambda: processes.stopped(processes.ref(foreign.pid)))
            yield
        finally:
            foreign.kill()


def test_health_check_of_a_container_that_is_ending_counts_as_no_failure(host: Host) -> None:
    made = host.container("c", **OPTIONS, healthcheck="true", healthcheck_interval="disable", healthcheck_retries=1)
    pid = made["container"]["State"]["Pid"]
    with _never_reaped(pid):
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: processes.ending(processes.ref(pid)))
        with pytest.raises(ContainerStopped):
            Runtime(host.parts).container("c").healthcheck()
    (one,) = host.module("libpod_container_info", {"name": "c"})["containers"]
    assert one["State"]["Health"] == {"Status": "starting", "FailingStreak": 0, "Log": []}


def _children(pid: int) -> str:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read()


def test_exit_code_is_known_where_conmon_waits_for_the_reader_of_an_attach(host: Host) -> None:
    script = "trap 'exit 5' TERM; while :; do echo 0123456789; done & wait"
    host.container(
        "c", **{**OPTIONS, "command": ["sh", "-c", script], "stop_signal": "TERM"}, log_opt={"max_size": "1m"}
    )
    argv, environment = [*self_program.argv(host.parts), "attach", "c"], {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        client.stdout.read(1)
        time.sleep(1)  # until pipe and socket are full
        done = host.container("c", state="stopped")
        assert done["container"]["State"]["ExitCode"] == 5, done


def test_container_whose_first_thread_has_ended_runs(host: Host) -> None:
    options = {**OPTIONS, "command": ["/usr/bin/python3", "-c", ENDING_THREAD], "volume": PYTHON}
    pid = host.container("c", **options)["container"]["State"]["Pid"]
    eventually(lambda: ") Z " in Path(f"/proc/{pid}/stat").read_text("utf-8"))
    again = host.container("c", **options)
    assert not again.changed, again["plan"]
    options["volume"] = [*PYTHON, "v:/added"]
    done = host.container("c", **options)
    assert done["actions"] == ["updated c"], done
    assert not host.container("c", **options).changed
    done = host.container("c", state="stopped")
    assert done["actions"] == ["stopped c"] and done["container"]["State"]["ExitCode"] == 137, done
