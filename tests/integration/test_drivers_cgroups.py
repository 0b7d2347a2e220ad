# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroups driver on the kernel's cgroups: this machine's hierarchies and, where they are v1, its v2 one too."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.cgroups import (
    hierarchy,
    limits,
    manager,
    stats,
    systemd_units,
)
from ansible_collections.libpod.engine.plugins.module_utils._model.cgroup_limits import LIMITS, OF_PODS
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidState, LibpodError
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually, in_background, running

PARENT = "/libpod_parent"
ONE = f"{PARENT}/libpod-1"


@pytest.fixture(params=["machine", "v2"])
def kind(request: pytest.FixtureRequest, host: Host) -> manager.CgroupHost:
    """Return the test host's cgroups as they are, and as if it had only the v2 hierarchy."""
    whole = manager.detect()
    if request.param == "machine" or whole.unified:
        return whole
    if whole.kind == "v1":
        pytest.skip("this machine has no v2 hierarchy")
    return manager.detect(f"{manager.CGROUP_ROOT}/unified")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def write(host: manager.CgroupHost, controller: str, name: str, text: str) -> None:
    mount = host.hierarchies[0] if host.unified else host.controllers[controller]
    with open(f"{mount}{ONE}/{name}", "w", encoding="ascii") as file:
        file.write(text)


def memberships(pid: int) -> dict[str, str]:
    """Return each hierarchy's path, as the kernel reports it."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        return {line.split(":")[1]: line.rstrip("\n").split(":", 2)[2] for line in file}


def test_a_process_enters_every_hierarchy(kind: manager.CgroupHost, sleeper: subprocess.Popen[bytes]) -> None:
    hierarchy.enter(kind, ONE, sleeper.pid)
    paths = memberships(sleeper.pid)
    assert paths[""] == ONE
    if not kind.unified:
        assert set(paths.values()) == {ONE}
    assert hierarchy.processes(kind, PARENT) == {sleeper.pid}
    assert hierarchy.kill(kind, PARENT) == set()
    sleeper.wait()
    hierarchy.remove(kind, PARENT)
    assert not hierarchy.exists(kind, PARENT)


def test_incomplete_cgroup_is_completed_and_inherits_controllers(
    kind: manager.CgroupHost, sleeper: subprocess.Popen[bytes]
) -> None:
    for mount in kind.hierarchies[::2]:
        os.makedirs(mount + ONE)
    if not kind.unified:
        os.makedirs(kind.controllers["cpuset"] + ONE, exist_ok=True)
    hierarchy.prepare(kind, ONE)
    hierarchy.prepare(kind, ONE)
    name = "cgroup.controllers" if kind.unified else "cpuset.cpus"
    assert kind.read(ONE, "cpuset", name) == kind.read("", "cpuset", name)
    hierarchy.enter(kind, ONE, sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    hierarchy.remove(kind, PARENT)
    hierarchy.remove(kind, PARENT)


def test_processes_are_frozen_and_thawed(kind: manager.CgroupHost) -> None:
    with pytest.raises(LibpodError, match=f"cgroup {ONE}: cannot write "):
        hierarchy.freeze(kind, ONE)
    with in_background([sys.executable, "-c", "while True: pass"]) as busy:

        def ticks() -> list[str]:
            with open(f"/proc/{busy.pid}/stat", encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[11:13]

        hierarchy.enter(kind, ONE, busy.pid)
        assert not manager.frozen(kind, ONE)
        hierarchy.freeze(kind, ONE)
        used = ticks()
        time.sleep(0.1)
        assert manager.frozen(kind, ONE) and ticks() == used
        hierarchy.thaw(kind, ONE)
        assert not manager.frozen(kind, ONE)
        assert eventually(lambda: ticks() != used)
    hierarchy.remove(kind, PARENT)


def test_frozen_and_forking_processes_are_killed(kind: manager.CgroupHost) -> None:
    with in_background(["sh", "-c", "kill -STOP $$; while :; do sleep 0.01 & done"]) as forking:
        os.waitid(os.P_PID, forking.pid, os.WSTOPPED)
        hierarchy.enter(kind, f"{ONE}/below", forking.pid)
        os.kill(forking.pid, signal.SIGCONT)
        time.sleep(0.1)
        hierarchy.freeze(kind, ONE)
        assert hierarchy.kill(kind, ONE) == set()
        assert forking.wait(timeout=60) == -9
    hierarchy.remove(kind, ONE)
    assert hierarchy.remove_if_empty(kind, PARENT)
    assert not hierarchy.exists(kind, PARENT)


def test_a_cgroup_in_use_is_not_removed(kind: manager.CgroupHost, sleeper: subprocess.Popen[bytes]) -> None:
    hierarchy.enter(kind, ONE, sleeper.pid)
    with pytest.raises(InvalidState, match=rf"{ONE} is still busy .*processes: {sleeper.pid}\)"):
        hierarchy.remove(kind, ONE, timeout=0.01)
    assert not hierarchy.remove_if_empty(kind, PARENT)
    assert memberships(sleeper.pid)[""] == ONE
    sleeper.kill()
    sleeper.wait()
    hierarchy.remove(kind, ONE)
    assert hierarchy.remove_if_empty(kind, PARENT)
    assert hierarchy.remove_if_empty(kind, PARENT)


def test_exited_process_cannot_enter_a_cgroup(kind: manager.CgroupHost) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    with pytest.raises(LibpodError, match=f"cgroup {ONE}: cannot move process {gone.pid} into it"):
        hierarchy.enter(kind, ONE, gone.pid)
    hierarchy.remove(kind, PARENT)


EXPECTING = f"""
from {manager.__name__} import CgroupHost, detect
from {hierarchy.__name__} import expect_moves
expect_moves(CgroupHost("v2", ("/none",), {{}}))
expect_moves(detect())
"""


def test_moves_are_expected_where_the_process_is(host: Host) -> None:
    # The process begins in a cgroup of its own, in all hierarchies.
    hierarchy.prepare(manager.detect(), ONE)
    enter = f"import os, sys\nfrom {hierarchy.__name__} import enter\nfrom {manager.__name__} import detect\n"
    enter += f"enter(detect(), {ONE!r}, os.getpid())\n"
    show = "print(open('/proc/self/cgroup').read())\n"
    argv = [sys.executable, "-c", f"{enter}{show}sys.stdout.flush()\nos.write(1, b'--'){EXPECTING}{show}"]
    done = subprocess.run(
        ["strace", "-qq", "-e", "trace=openat,write", *argv], capture_output=True, text=True, check=True
    )
    before, _marker, after = done.stdout.partition("--")
    assert ONE in before and before == after
    lines = done.stderr.rpartition('"--')[2].splitlines()
    moved = [number for number, line in enumerate(lines) if f'{ONE}/cgroup.procs"' in line]
    assert len(moved) == 2 and lines[moved.pop(0)].endswith("ENOENT (No such file or directory)")
    assert '"0", 1)' in lines[moved[0] + 1] and lines[moved[0] + 1].endswith("= 1"), lines
    hierarchy.remove(manager.detect(), ONE)


def test_parent_cgroup_may_be_removed_concurrently(kind: manager.CgroupHost) -> None:
    stop = threading.Event()

    def remover() -> None:
        while not stop.is_set():
            hierarchy.remove_if_empty(kind, PARENT)

    other = threading.Thread(target=remover)
    other.start()
    try:
        for _turn in range(30):
            hierarchy.prepare(kind, ONE)
            assert all(os.path.isdir(mount + ONE) for mount in kind.hierarchies)
            hierarchy.remove(kind, ONE)
    finally:
        stop.set()
        other.join()
    hierarchy.remove(kind, PARENT)


def test_limits_read_back_as_the_kernel_applied_them(host: Host, sleeper: subprocess.Popen[bytes]) -> None:
    machine = manager.detect()
    if machine.unified:
        pytest.skip("written for v1's files; recorded v2 trees are in the unit tests")
    hierarchy.enter(machine, ONE, sleeper.pid)
    before = manager.limits(machine, ONE, ("memory", "cpu_quota", "cpu_shares", "pids_limit"))
    assert before == {"memory": None, "cpu_quota": None, "cpu_shares": 1024, "pids_limit": None}
    odd = (64 << 20) + 5
    write(machine, "memory", "memory.limit_in_bytes", str(odd))
    write(machine, "cpu", "cpu.cfs_quota_us", "20000")
    write(machine, "cpu", "cpu.shares", "77")
    write(machine, "pids", "pids.max", "9")
    write(machine, "cpuset", "cpuset.cpus", "0")
    wanted = {"memory": odd, "cpu_quota": 20000, "cpu_shares": 77, "pids_limit": 9, "cpuset_cpus": "0"}
    assert manager.drift(machine, ONE, wanted) == {}
    write(machine, "memory", "memory.limit_in_bytes", str(32 << 20))
    assert manager.drift(machine, ONE, wanted) == {"memory": 32 << 20}
    assert stats.figures(machine, ONE)["memory_limit"] == 32 << 20
    sleeper.kill()
    sleeper.wait()
    hierarchy.remove(machine, PARENT)


def test_each_file_of_the_table_exists(host: Host) -> None:
    machine = manager.detect()
    hierarchy.prepare(machine, ONE)
    missing = {
        name: [file.name for file in row.files(machine.unified)]
        for name, row in LIMITS.items()
        if not row.optional
        and not any(os.path.exists(machine.file(ONE, row.controller, file.name)) for file in row.files(machine.unified))
    }
    hierarchy.remove(machine, PARENT)
    # Some kernels count swap only when they are booted with swapaccount=1.
    assert set(missing) <= {"memory_swap"}


def test_limits_of_a_pod_are_applied_and_reset(host: Host) -> None:
    machine = manager.detect()
    hierarchy.prepare(machine, ONE)
    tasks: tuple[dict[str, Any], ...] = (
        {"memory": "64m", "memory_swap": "96m", "cpu_quota": 50000, "cpu_period": 20000, "cpu_shares": 77},
        {"memory": "512m", "memory_swap": -1, "cpus": 0.2, "cpuset_cpus": "0"},
        {"memory": (32 << 20) + 5, "memory_swap": (64 << 20) + 4097},
        {},
    )
    for task in tasks:
        options = normalise(task)
        wanted = {name: options[name] for name in OF_PODS}
        limits.write(machine, ONE, wanted)
        assert manager.drift(machine, ONE, wanted) == {}
    assert manager.limits(machine, ONE, ("memory", "cpu_quota", "cpu_period", "cpu_shares")) == {
        **{"memory": None, "cpu_quota": None, "cpu_period": 100000, "cpu_shares": 1024}
    }
    hierarchy.remove(machine, PARENT)


def test_stats_count_the_usage(host: Host) -> None:
    machine = manager.detect()
    script = "kill -STOP $$; i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; sleep 1000"
    with in_background(["sh", "-c", script]) as busy:
        os.waitid(os.P_PID, busy.pid, os.WSTOPPED)
        hierarchy.enter(machine, ONE, busy.pid)
        os.kill(busy.pid, signal.SIGCONT)
        # After the loop.
        eventually(lambda: running(hierarchy.processes(machine, ONE), "sleep", "1000"))
        figures = stats.figures(machine, ONE)
        hierarchy.kill(machine, ONE)
        busy.wait()
    assert figures["pids_current"] in (1, 2)
    assert figures["cpu_total_ns"] and 1_000_000 < figures["cpu_total_ns"] < 10**9
    assert figures["memory_usage"] and figures["memory_peak"] and figures["memory_usage"] <= figures["memory_peak"]
    hierarchy.remove(machine, PARENT)


def test_oom_kill_is_counted(host: Host) -> None:
    machine = manager.detect()
    if machine.unified:
        pytest.skip("written for v1's files")
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP); bytearray(b'x' * (100 << 20))"
    with in_background([sys.executable, "-c", script]) as greedy:
        os.waitid(os.P_PID, greedy.pid, os.WSTOPPED)
        hierarchy.enter(machine, ONE, greedy.pid)
        write(machine, "memory", "memory.limit_in_bytes", str(8 << 20))
        os.kill(greedy.pid, signal.SIGCONT)
        assert greedy.wait(timeout=120) == -9
    assert stats.oom_kills(machine, ONE) == 1
    hierarchy.remove(machine, PARENT)


@pytest.mark.skipif(not shutil.which("dbus-daemon") or not shutil.which("busctl"), reason="needs dbus and busctl")
def test_scope_call_matches_systemds_interface(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without systemd: busctl must be able to form the message, so that only the service is missing."""
    config = f"{tmp_path}/bus.conf"
    with open(config, "w", encoding="ascii") as file:
        file.write(
            f"<busconfig><listen>unix:path={tmp_path}/bus</listen><policy context='default'>"
            "<allow send_destination='*'/><allow receive_sender='*'/><allow user='*'/></policy></busconfig>"
        )
    with subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork"]) as daemon:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                eventually(lambda: client.connect_ex(f"{tmp_path}/bus") == 0)
            monkeypatch.setattr(
                "ansible_collections.libpod.engine.plugins.module_utils._drivers.command.tool_environment",
                lambda _extra=None: {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/bus"},
            )
            with pytest.raises(
                LibpodError, match=r"moving process \d+ into libpod-conmon-1\.scope: busctl .*org.freedesktop.systemd1"
            ):
                systemd_units.enter_scope(
                    manager.detect(), "/machine.slice/libpod-conmon-1.scope", "machine.slice", os.getpid()
                )
        finally:
            daemon.terminate()
