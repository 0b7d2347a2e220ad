# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of the other integration tests: test hosts, the leak check and the kill sweep, tested on simple cases."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._model.failpoints import failpoint
from ansible_collections.libpod.engine.tests.support import (
    ansible_fork,
    kept_engine,
    modules,
    playbooks,
    sweep,
)
from ansible_collections.libpod.engine.tests.support.cgroup_tree import kill
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import eventually, running
from ansible_collections.libpod.engine.tests.support.sweep import Operation, SweepFailed, Task, finished, undone


def _mounts() -> list[str]:
    """Return the machine's mounts, without those of another process that makes the Debian image (.ci/debian)."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [line for line in file if " /tmp/mmdebstrap." not in line]


def test_host_leaves_nothing_behind() -> None:
    mounts, links = _mounts(), os.listdir("/sys/class/net")
    groups, home = open("/proc/self/cgroup").read(), os.readlink("/proc/self/ns/net")
    with Host() as host:
        assert os.readlink("/proc/self/ns/net") != home
        assert os.listdir("/var/lib") == []
        subprocess.run("setsid sleep 1000 & echo > /etc/libpod-test; ip netns add x", shell=True, check=True)
        (sleeper,) = host.cgroups.processes()
    assert not process.start_time(sleeper), "it is gone, or a zombie"
    assert not os.path.exists("/etc/libpod-test")
    assert _mounts() == mounts
    assert os.listdir("/sys/class/net") == links
    assert open("/proc/self/cgroup").read() == groups
    assert os.readlink("/proc/self/ns/net") == home
    assert not [one.path for one in os.scandir("/sys/fs/cgroup") if os.path.exists(f"{one.path}/{host.cgroups.name}")]


def test_every_kind_of_leak_is_named(host: Host) -> None:
    assert host.leaks() == []
    host.run("ip", "netns", "add", "left")
    host.run("ip", "link", "add", "left0", "type", "veth", "peer", "name", "left1")
    host.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "10.88.0.3", "-j", "ACCEPT")
    host.store("create-container", "-n", "left", "localhost/busybox:latest")
    host.store("mount", "left")
    os.makedirs("/sys/fs/cgroup/pids/libpod_parent/libpod-left")
    os.makedirs("/srv/static/0123456789abcdef")
    sleeper = subprocess.Popen(["sh", "-c", "setsid sleep 1000 & exit"])
    sleeper.wait()
    left = "\n".join(host.leaks())
    for word in (
        "/run/netns/left nsfs",
        "link left0 veth",
        "-s 10.88.0.3/32 -j ACCEPT",
        "storage container",
        "overlay",
    ):
        assert word in left
    for word in ("cgroup /sys/fs/cgroup/pids/libpod_parent/libpod-left", "static/0123456789abcdef", "sleep 1000"):
        assert word in left
    host.run("ip", "netns", "del", "left")
    host.run("ip", "link", "del", "left0")
    host.run("iptables", "-t", "nat", "-F", "POSTROUTING")
    host.store("unmount", "left")
    host.store("delete-container", "left")
    os.rmdir("/sys/fs/cgroup/pids/libpod_parent/libpod-left")
    os.rmdir("/srv/static/0123456789abcdef")
    os.rmdir("/srv/static")
    kill(host.cgroups.processes())
    host.expect_clean()


def _sleeper(host: Host) -> int:
    """Return a process of the host that is not this one's child."""
    subprocess.run("setsid sleep 1000 &", shell=True, check=True)
    return int(eventually(lambda: running(host.cgroups.processes(), "sleep", "1000"))[0])


def test_leak_check_waits_for_a_process_that_is_killed_and_has_no_cpu_yet(host: Host) -> None:
    frozen, sleeper = Path("/sys/fs/cgroup/freezer/late"), _sleeper(host)
    if not frozen.parent.is_dir():
        pytest.skip("version 2 of cgroups kills what it has frozen")
    frozen.mkdir()
    (frozen / "cgroup.procs").write_text(str(sleeper))
    (frozen / "freezer.state").write_text("FROZEN")
    os.kill(sleeper, signal.SIGKILL)
    thaw = threading.Timer(0.3, (frozen / "freezer.state").write_text, ["THAWED"])
    thaw.start()
    left = host.leaks()
    thaw.join()
    assert left == [f"left over: cgroup {frozen}"]
    frozen.rmdir()


def test_process_that_has_the_number_of_one_that_ended_is_not_killed(host: Host) -> None:
    sleeper = _sleeper(host)
    os.mkdir("/sys/fs/cgroup/pids/empty")
    kill({sleeper}, ["/sys/fs/cgroup/pids/empty"])
    assert process.start_time(sleeper)
    kill({sleeper}, ["/sys/fs/cgroup/pids"])
    assert not process.start_time(sleeper)
    os.rmdir("/sys/fs/cgroup/pids/empty")


def test_neighbour_reaches_the_host(host: Host) -> None:
    with host.neighbour() as there, socket.create_server(("192.0.2.1", 8080)) as server:
        server.settimeout(60)
        with subprocess.Popen([*there, "busybox", "nc", "192.0.2.1", "8080"], stdout=subprocess.PIPE) as client:
            connection, (address, _port) = server.accept()
            connection.sendall(b"hello")
            connection.close()
            assert (address, client.communicate(b"", timeout=60)[0]) == ("192.0.2.2", b"hello")


def test_play_returns_each_result(host: Host) -> None:
    played = host.play(
        [
            {"name": "links", "ansible.builtin.command": "ip -o link"},
            {"name": "twice", "ansible.builtin.ping": {}, "loop": [1, 2]},
        ]
    )
    assert "outside0" in played["links"]["stdout"]
    assert len(played["twice"]["results"]) == 2
    assert played.changed == 1


def _engine(root: str) -> dict[str, Any]:
    """Return the engine's files with metadata and content; checksums for the archive of sources, which has times."""
    found: dict[str, Any] = {}
    for path in sorted([Path(root), *Path(root, "engine").rglob("*"), Path(root, "engine")]):
        info = path.stat()
        content = None if path.is_dir() else path.read_bytes()
        if path.name.endswith(".zip") and path.name.count(".") == 1:
            with zipfile.ZipFile(path) as archive:
                content = [(one.filename, one.CRC) for one in archive.infolist()]
        marked = None if path.is_dir() else info.st_mtime_ns
        found[str(path)] = (info.st_mode, info.st_uid, info.st_gid, marked, content)
    return found


SHOWN = "umask; pwd; cat /proc/self/cgroup; readlink /proc/self/ns/{cgroup,ipc,mnt,net,uts}; echo $HOME $GIVEN"


@pytest.mark.parametrize(
    "settings", [{}, {"ANSIBLE_VERBOSITY": "1", "ANSIBLE_REMOTE_TEMP": "/run/libpod-test/temp"}], ids=str
)
def test_fork_of_ansible_is_what_the_program_would_be(
    host: Host, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    monkeypatch.setenv("GIVEN", "word")
    task: dict[str, Any] = {"shell": f"{SHOWN}; echo {{{{ ansible_verbosity }}}}", "args": {"executable": "/bin/bash"}}
    played = []
    for more in ({}, {"ANSIBLE_FORKS": "6"}):  # which only the program takes
        with ansible_fork.server(playbooks.environment, {**settings, **more}) as server:
            assert (server is None) == bool(more)
        (shown,) = host.play([{**task, "args": {**task["args"], "chdir": "/srv"}}], settings={**settings, **more}).tasks
        played.append(shown["stdout"])
    assert played[0] == played[1]
    assert os.readlink("/proc/self/ns/net") in played[0] and " word\n" in played[0]


def test_copied_engine_is_the_one_that_a_task_leaves(host: Host) -> None:
    root, task = host.parts.static_root, {"libpod.engine.libpod_container_info": {}}
    host.play([task], sends=True)
    sent = _engine(root)
    shutil.rmtree(root)
    kept_engine.install(root)
    assert len(sent) == 7 and _engine(root) == sent
    before = {path: os.stat(path).st_ino for path in sent}
    host.play([task])
    assert {path: os.stat(path).st_ino for path in before} == before


def _make_files(*names: str, resumes: bool = True) -> None:
    present = [os.path.exists(f"/srv/{name}") for name in names]
    if not resumes and any(present) and not all(present):
        sys.exit(1)
    for name in names:
        failpoint(f"write {name}")
        with open(f"/srv/{name}", "w", encoding="ascii"):
            pass
    print("{}")


def _unmake_files(*names: str) -> None:
    for name in names:
        failpoint(f"remove {name}")
        if os.path.exists(f"/srv/{name}"):
            os.unlink(f"/srv/{name}")
    print("{}")


def _remove_files() -> None:
    for name in ("a", "b", "c"):
        if os.path.exists(f"/srv/{name}"):
            os.unlink(f"/srv/{name}")


def _sweep(resumes: bool = True, **more: Any) -> Operation:
    """Return an operation that creates three files and removes them to undo it."""
    names = ("a", "b", "c")

    def make(host: Host, kill_at: str) -> modules.Result:
        return modules.in_child(lambda: _make_files(*names, resumes=resumes), kill_at=kill_at)

    def check(host: Host) -> None:
        assert all(os.path.exists(f"/srv/{name}") for name in names)

    remove = Task(lambda host, kill_at: modules.Result(_remove_files() or {}))
    return Operation([remove], Task(make, check), remove)._replace(**more)


def test_sweep_kills_at_each_effect_and_repairs(host: Host) -> None:
    killed: list[str] = []

    def noted(one: Task) -> Task:
        def run(host: Host, kill_at: str) -> modules.Result:
            killed.append(kill_at)
            return one.run(host, kill_at)

        return one._replace(run=run)

    for work in (finished, undone):
        killed.clear()
        work(host, _sweep()._replace(task=noted(_sweep().task)))
        assert [point for point in killed if "#" in point] == ["write a #1", "write b #1", "write c #1"]
        _remove_files()


def test_kill_is_followed_by_the_next_run_or_by_removal(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the next commit it is the other one of both."""

    def killed(follows: Callable[[Host, Operation, str], None], commit: int) -> set[str]:
        def run(host: Host, kill_at: str) -> modules.Result:
            points.update([kill_at] if "#" in kill_at else [])
            return one.task.run(host, kill_at)

        one, points = _sweep(), set[str]()
        monkeypatch.setattr(sweep, "_commit", lambda: commit)
        follows(host, one._replace(task=one.task._replace(run=run)), "making")
        return points

    before, after = ([killed(follows, commit) for follows in (finished, undone)] for commit in (6, 7))
    assert before == after[::-1] and sorted(map(len, before)) == [1, 2], before
    assert before[0] | before[1] == {"write a #1", "write b #1", "write c #1"}


def test_sweep_covers_the_undo_too(host: Host) -> None:
    def unmake(host: Host, kill_at: str) -> modules.Result:
        return modules.in_child(lambda: _unmake_files("a", "b", "c"), kill_at=kill_at)

    def check(host: Host) -> None:
        ways.append([name for name in ("a", "b", "c") if os.path.exists(f"/srv/{name}")])

    ways: list[list[str]] = []
    finished(host, _sweep(other=Task(unmake, check)))
    assert ways == [[]] * 3


def test_sweep_reports_what_a_removal_leaves(host: Host) -> None:
    removal = Task(lambda host, kill_at: modules.Result({}))
    with pytest.raises(SweepFailed, match=r"killed at write b #1, then removed(.|\n)*file /srv/a"):
        undone(host, _sweep(removal=removal))
    _remove_files()


def test_sweep_reports_a_repair_that_fails(host: Host) -> None:
    with pytest.raises(SweepFailed, match=r"killed at write b #1, then run again: it failed"):
        finished(host, _sweep(resumes=False))
    _remove_files()


def test_sweep_reports_a_repair_without_effect(host: Host) -> None:
    nothing = Task(lambda host, kill_at: modules.Result({}), _sweep().task.check)
    with pytest.raises(SweepFailed, match=r"killed at write a #1, then run again: AssertionError"):
        finished(host, _sweep(by=[nothing]))
    _remove_files()


def test_module_runs_in_a_process_of_its_own(host: Host) -> None:
    listing = host.module("libpod_container_info")
    assert (listing.exit_code, listing.changed, listing["containers"]) == (0, False, [])
    refused = host.container("no such name!")
    assert refused.failed and "name" in refused["msg"]
    with_no_such_option = host.module("libpod_container_info", {"no_such_option": 1})
    assert "no_such_option" in with_no_such_option["msg"]
