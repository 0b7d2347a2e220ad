# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of the log limit of running containers: same process, same conmon, and the log keeps the limit."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Mapping, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import log as conmon_log
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.inotify import Renames
from ansible_collections.libpod.engine.plugins.module_utils._exit_command import log_limit
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result
from ansible_collections.libpod.engine.tests.support.process import ECHOING, PATIENCE, eventually, say

BASE: dict[str, Any] = {"name": "web", "image": "busybox", "network": "none", "command": ECHOING, "stop_timeout": 0}
LONG = 60.0
# A line whose length divides that of every buffer on its way, so that none is cut, and the bytes of its entry.
LINE = "x" * 63 + "\n"
ENTRY = len(LINE) + 45
# Room for a hundred entries, two hundred and three hundred.
SMALL, MIDDLE, LARGE = (f"{ENTRY * entries}b" for entries in (100, 200, 300))


class Web:
    """A running container, its conmon and its log."""

    def __init__(self, host: Host, result: Mapping[str, Any]) -> None:
        assert "container" in result, result
        self.id: str = result["container"]["Id"]
        self.pid: int = result["container"]["State"]["Pid"]
        self.log: str = result["container"]["HostConfig"]["LogConfig"]["Path"]
        self.run_dir = f"{host.parts.run_root}/containers/{self.id}"
        self._host = host
        with open(f"{self.run_dir}/conmon.pid", encoding="ascii") as file:
            self.conmon = int(file.read())

    @property
    def identity(self) -> tuple[str, int, int, int, int]:
        """What stays the same unless the container or conmon is started again."""
        return self.id, self.pid, process.start_time(self.pid), self.conmon, process.start_time(self.conmon)

    @property
    def own_limit(self) -> Optional[int]:
        return conmon_log.limit(self.conmon)

    @property
    def inode(self) -> int:
        return os.stat(self.log).st_ino

    @property
    def size(self) -> int:
        return os.stat(self.log).st_size

    def prints(self, lines: int) -> None:
        """Print lines into the current file."""
        inode, size = self.inode, self.size
        say(self.pid, LINE * lines)
        eventually(lambda: self.size == size + ENTRY * lines, seconds=LONG)
        assert self.inode == inode

    def rotates(self, lines: int) -> None:
        """Print more lines than the current file has room for."""
        inode = self.inode
        say(self.pid, LINE * lines)
        eventually(lambda: self.inode != inode, seconds=LONG)
        assert self.size <= ENTRY * lines

    def settles(self, entries: int) -> None:
        """Wait until the runner has seen the log within this limit, and so has nothing left to order."""
        runner = self.runner
        eventually(lambda: self._is_watched_by(runner) and self.size <= ENTRY * entries, seconds=LONG)

    def stays(self, *runners: int) -> bool:
        """Return whether all these runners watch the file that keeps the log's name for a moment."""
        inode = self.inode
        time.sleep(0.2)
        return self.inode == inode and all(self._is_watched_by(runner) for runner in runners)

    def _is_watched_by(self, runner: int) -> bool:
        """Return whether the runner watches the file that now has the log's name."""
        watched = f" ino:{self.inode:x} "
        for path in glob.glob(f"/proc/{runner}/fdinfo/*"):
            with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
                if watched in file.read():
                    return True
        return False

    def empties(self) -> None:
        inode = self.inode
        assert conmon_log.reopen(self.run_dir)
        eventually(lambda: self.inode != inode, seconds=LONG)

    @property
    def runner(self) -> int:
        """The PID of the recorded runner, which must be the only one; 0 without a runner and a record."""
        record = f"{self.run_dir}/log-limit-runner.json"
        try:
            with open(record, encoding="utf-8") as file:
                recorded, started = json.load(file)
        except FileNotFoundError:
            recorded = started = 0
        alive = recorded if process.alive(ProcessRef(recorded, started)) else 0
        # The runner may have a child that looks up what to do.
        eventually(lambda: self._runners() == ([alive] if alive else []), seconds=LONG)
        return alive

    def _runners(self) -> list[int]:
        pids = []
        for pid in self._host.cgroups.processes():
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    args = file.read().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if "log-limit" in args and self.id in args:
                pids.append(pid)
        return pids


def _to(host: Host, max_size: Optional[str], action: str, **more: Any) -> Result:
    """Change the limit; check mode predicts the change, and a second run changes nothing."""
    task = {**BASE, "log_opt": {"max_size": max_size}, **more}
    predicted = host.container(**task, check=True, diff=True)
    done = host.container(**task, diff=True)
    assert not done.failed and done["actions"] == predicted["actions"] == [f"{action} web"], (done, predicted)
    assert (done["diff"], done["plan"]) == (predicted["diff"], predicted["plan"])
    settled = host.container(**task)
    assert not settled.changed, settled
    return done


def test_log_limit_changes_live_without_a_conmon_limit(host: Host) -> None:
    web = Web(host, host.container(**BASE))
    before = web.identity
    assert web.own_limit is None and not web.runner
    web.prints(150)

    # A log that already exceeds the new limit is rotated at once.
    inode = web.inode
    assert Web(host, _to(host, SMALL, "updated")).identity == before
    eventually(lambda: web.inode != inode, seconds=LONG)
    assert web.size == 0
    with open(f"/proc/{web.runner}/cgroup", encoding="ascii") as file:
        assert all(line.rstrip().endswith(f"libpod-conmon-{web.id}") for line in file if ":memory:" in line)
    web.prints(60)
    web.prints(40)
    web.rotates(1)
    web.prints(70)
    shown = host.module("libpod_container_logs", {"name": "web"})["stdout"]
    assert shown.count("\n") + 1 in (70, 71), "the newest are there, the older ones are gone"

    runner = web.runner
    assert Web(host, _to(host, MIDDLE, "updated")).identity == before
    assert web.runner not in (0, runner)
    web.prints(100)
    web.rotates(40)
    assert Web(host, _to(host, None, "updated")).identity == before
    assert not web.runner
    web.prints(300)


def test_log_limit_above_conmons_own_needs_a_restart(host: Host) -> None:
    web = Web(host, host.container(**BASE, log_opt={"max_size": MIDDLE}))
    before = web.identity
    assert web.own_limit == 200 * ENTRY and not web.runner
    assert Web(host, _to(host, SMALL, "updated")).identity == before
    assert web.runner
    web.prints(90)
    web.rotates(20)
    # conmon keeps its own limit itself.
    assert Web(host, _to(host, MIDDLE, "updated")).identity == before
    assert not web.runner
    for above in (LARGE, None):
        done = _to(host, above, "restarted")
        assert "log_opt: restart" in done["diff"]["prepared"] and Web(host, done).id == web.id
    assert Web(host, done).own_limit is None

    os.mkdir("/srv/logs")
    _to(host, None, "restarted", log_opt={"path": "/srv/logs/web.log"})
    host.container("web", state="absent")
    shutil.rmtree("/srv/logs")


def test_log_limit_of_a_stopped_container_applies_at_its_next_start(host: Host) -> None:
    host.container(**BASE, log_opt={"max_size": SMALL})
    host.container("web", state="stopped")
    assert _to(host, LARGE, "updated", state="present")["container"]["State"]["Status"] == "exited"
    web = Web(host, host.container(**BASE, log_opt={"max_size": LARGE}))
    assert web.own_limit == 300 * ENTRY and not web.runner
    _to(host, SMALL, "updated")
    assert web.runner
    host.container("web", state="stopped")
    assert not web.runner
    web = Web(host, host.container("web", state="started"))
    assert web.own_limit == 100 * ENTRY and not web.runner


def test_killed_runner_is_drift_and_a_second_one_exits(host: Host) -> None:
    host.container(**BASE)
    task = {**BASE, "log_opt": {"max_size": SMALL}}
    web = Web(host, host.container(**task))
    first, before = web.runner, web.identity
    args = ["log-limit", web.id, str(web.pid)]
    environment = {**os.environ, **host.parts.environment()}
    for started in (process.start_time(web.pid), 1):
        argv = [*command.argv(host.parts), *args, str(started)]
        subprocess.run(argv, env=environment, check=True, timeout=LONG)
    assert web.runner == first

    os.kill(first, signal.SIGKILL)
    eventually(lambda: not process.start_time(first))
    predicted = host.container(**task, check=True, diff=True)
    assert predicted["actions"] == ["updated web"] and "log-limit runner" in predicted["diff"]["before"]
    assert host.container(**task)["actions"] == ["updated web"]
    assert web.identity == before and web.runner not in (0, first)
    assert not host.container(**task).changed
    web.prints(90)
    web.rotates(20)

    # Two runners at once, as if started unaware of each other: the log keeps the limit and continues.
    other = os.fork()
    if other == 0:
        log = log_limit._Log(100 * ENTRY, web.log, web.run_dir)
        log_limit._keep(process.ref(web.pid), log)
        os._exit(0)
    for _time in range(3):
        web.rotates(101)
        # The slower runner may still ask conmon to reopen the log.
        eventually(lambda runners=(web.runner, other): web.stays(*runners), seconds=LONG)
    web.empties()
    web.prints(90)

    # The runners exit with the container.
    os.kill(web.pid, signal.SIGKILL)
    eventually(lambda: not web._runners(), seconds=LONG)
    assert os.waitpid(other, 0)[1] == 0


def test_runner_that_is_killed_but_not_yet_gone_is_replaced_at_once(host: Host) -> None:
    web = Web(host, host.container(**BASE))
    host.container(**BASE, log_opt={"max_size": SMALL})
    first = web.runner
    frozen = Path("/sys/fs/cgroup/freezer/late")
    if not frozen.parent.is_dir():
        pytest.skip("version 2 of cgroups kills what it has frozen")
    frozen.mkdir()
    (frozen / "cgroup.procs").write_text(str(first))
    (frozen / "freezer.state").write_text("FROZEN")
    assert host.container(**BASE, log_opt={"max_size": MIDDLE})["actions"] == ["updated web"]
    assert process.start_time(first)
    (frozen / "freezer.state").write_text("THAWED")
    assert web.runner not in (0, first)
    web.settles(200)
    eventually(lambda: not process.start_time(first))
    frozen.rmdir()


def test_killed_change_is_finished_by_its_next_run(host: Host) -> None:
    web = Web(host, host.container(**BASE))
    before = web.identity
    tasks = [
        (entries, {**BASE, "log_opt": {"max_size": size}}) for entries, size in ((100, SMALL), (200, MIDDLE), (0, None))
    ]
    points = [host.module("libpod_container", task, kill_at=NOWHERE).effects for _entries, task in tasks]
    assert any("start log-limit runner" in name for name in points[0]) and points[2]
    for number in range(max(map(len, points))):
        for (entries, task), names in zip(tasks, points):
            # An effect may be missing: it is chance whether the runner has a child when it is killed.
            host.module("libpod_container", task, kill_at=names[min(number, len(names) - 1)])
            again = host.container(**task)
            assert not again.failed and Web(host, again).identity == before, (again, names[number:])
            assert not host.container(**task).changed
            assert bool(web.runner) == bool(entries)
            if entries:
                web.settles(entries)
            web.empties()
            web.prints(entries - 10 if entries else 250)
            if entries:
                web.rotates(20)


def test_order_to_reopen_serves_for_others_until_conmon_reads_it(host: Host) -> None:
    web = Web(host, host.container(**BASE))
    web.prints(1)
    renames = Renames(web.log)
    os.kill(web.conmon, signal.SIGSTOP)
    for _order in range(3):
        assert conmon_log.reopen(web.run_dir)
    os.kill(web.conmon, signal.SIGCONT)
    eventually(lambda: web.size == 0, seconds=LONG)
    web.prints(1)
    assert renames.count() == 1
    renames.close()


def _busy(pid: int) -> int:
    """Return a process's CPU time in nanoseconds (sched-stats of the kernel's documentation)."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def test_log_limiter_sleeps_while_idle_and_keeps_up_with_output(host: Host) -> None:
    host.container(**BASE)
    web = Web(host, host.container(**BASE, log_opt={"max_size": "1m"}))
    web.prints(1)
    runner = web.runner

    def sleeps() -> bool:
        at_rest = _busy(runner)
        time.sleep(1)
        return _busy(runner) == at_rest

    eventually(sleeps)  # once it has begun and seen that line, it does not wake up

    flood = {**BASE, "command": ["yes", "x" * 80]}
    host.container(**flood)
    web = Web(host, host.container(**flood, log_opt={"max_size": "1m"}))
    everybody = (web.runner, web.pid, web.conmon)
    began = [_busy(pid) for pid in everybody]
    inodes, sizes = set(), []
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline or len(inodes) <= 5:
        assert time.monotonic() < deadline + LONG * PATIENCE
        status = os.stat(web.log)
        inodes.add(status.st_ino)
        sizes.append(status.st_size)
        time.sleep(0.0005)
    mine, *others = (_busy(pid) - before for pid, before in zip(everybody, began))
    assert mine < sum(others) / 4
    assert sorted(sizes)[len(sizes) // 2] < 16 << 20


def test_log_limiter_without_inotify_polls(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.container(**BASE)
    web = Web(host, host.container(**BASE, log_opt={"max_size": SMALL}))
    runner = web.runner
    os.kill(runner, signal.SIGKILL)
    eventually(lambda: not process.start_time(runner))

    def none_left() -> None:
        raise OSError(24, "inotify")

    monkeypatch.setattr(log_limit, "Watch", none_left)
    args = [web.id, str(web.pid), str(process.start_time(web.pid))]
    child = os.fork()
    if child == 0:
        os._exit(log_limit.keep(host.parts, args))
    web.prints(90)
    web.rotates(20)
    # The runner has moved itself into a cgroup that the container's removal kills.
    assert not host.container("web", state="absent").failed
    assert os.waitpid(child, 0)[1] in (0, signal.SIGKILL)


def test_limits_of_several_containers_in_one_task(host: Host) -> None:
    def task(*sizes: Optional[str]) -> dict[str, Any]:
        return {
            "containers": [{**BASE, "name": f"c{n}", "log_opt": {"max_size": size}} for n, size in enumerate(sizes)]
        }

    host.module("libpod_containers", task(None, MIDDLE, MIDDLE))
    wanted = task(SMALL, SMALL, LARGE)
    predicted = host.module("libpod_containers", wanted, check=True)
    done = host.module("libpod_containers", wanted)
    assert done["actions"] == predicted["actions"] == ["updated c0", "updated c1", "restarted c2"], done
    assert not host.module("libpod_containers", wanted).changed


def test_check_mode_predicts_the_same_before_the_engine_is_installed(host: Host) -> None:
    tasks = [
        {"name": "web", "libpod.engine.libpod_container": {**BASE, "log_opt": {"max_size": size}}}
        for size in (None, SMALL)
    ]
    web = Web(host, host.play(tasks[:1])["web"])
    shutil.rmtree(f"{host.parts.static_root}/engine")
    predicted = host.play(tasks[1:], check=True)["web"]
    assert predicted["actions"] == ["updated web"]
    before = web.identity
    assert Web(host, host.play(tasks[1:], sends=True)["web"]).identity == before
    with open(f"/proc/{web.runner}/cmdline", encoding="utf-8") as file:
        assert f"\0{host.parts.static_root}/engine/" in file.read()
    web.prints(90)
    web.rotates(20)
