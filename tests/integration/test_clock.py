# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock set back by days while containers run, restart, are checked and waited for: no wait is prolonged.

No namespace has a wall clock of its own, and the machine's is not the tests' to set: every process of the engine, the
helpers that conmon starts and the runners of health checks included, reads a shifted one instead.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from typing import Any, Callable, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._container import live_status
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import in_child
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, Process, eventually

DAYS = 3 * 86400.0
OFFSET = "/run/libpod-test/clock"
RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_timeout": 0}
# The engine's program with that clock; it starts the exit command and the health check runners with it as well.
PROGRAM = "/run/libpod-test/shifted.py"
SHIFTED = f"""
import sys, time
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
real = time.time
time.time = lambda: real() + float(open("{OFFSET}").read())
self_program.argv = lambda parts: [sys.executable, "-I", "{PROGRAM}"]
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture
def set_clock(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Return a function that sets the engine's clock to this many seconds from the true one."""

    def change(seconds: float) -> None:
        with open(f"{OFFSET}.new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(f"{OFFSET}.new", OFFSET)

    def now() -> float:
        with open(OFFSET, encoding="ascii") as file:
            return real() + float(file.read())

    real = time.time
    change(0.0)
    with open(PROGRAM, "w", encoding="ascii") as file:
        file.write(SHIFTED)
    monkeypatch.setattr(time, "time", now)
    monkeypatch.setattr(command, "argv", lambda parts: [sys.executable, "-I", PROGRAM])
    yield change
    host.empty()  # while there is a clock


def _inspected(host: Host) -> dict[str, Any]:
    (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
    return dict(container)


def _libpod(host: Host, *args: str) -> str:
    def body() -> None:
        os.environ.update(host.parts.environment())
        raise SystemExit(main(args))

    done = in_child(body)
    assert not done.failed, done
    return str(done.get("printed", ""))


def test_restart_backoff_is_unaffected(host: Host, set_clock: Callable[[float], None]) -> None:
    began = time.monotonic()
    host.container("c", restart_policy="always", **{**RUNNING, "command": ["sh", "-c", "exit 3"]})
    eventually(lambda: _inspected(host)["RestartCount"] >= 2, seconds=60.0)
    set_clock(-DAYS)
    eventually(lambda: "Restarting (3)" in _libpod(host, "ps", "-a"))
    # Its next delay is 3.2 seconds, and longer on a slow host, which leaves the time to stop it.
    enough = 6 + round(math.log2(PATIENCE))

    def waits() -> Any:
        one = _inspected(host)
        return one["RestartCount"] >= enough and one["State"]["Restarting"] and one

    one = eventually(waits, seconds=60.0)
    assert 0.1 * (2 ** (one["RestartCount"] - 1) - 1) <= time.monotonic() - began
    assert one["State"]["FinishedAt"] > "20"
    assert host.container("c", state="stopped")["actions"] == ["cancelled the restart of c"]


def test_exit_before_the_start_time_is_an_exit(host: Host, set_clock: Callable[[float], None]) -> None:
    made = host.container("c", **RUNNING, restart_policy="on-failure:1")
    set_clock(-DAYS)
    assert not host.container("c", **RUNNING, restart_policy="on-failure:1").changed
    assert "Up 0 seconds" in _libpod(host, "ps")
    os.kill(Process(made).pid, 9)
    eventually(lambda: _inspected(host)["RestartCount"] == 1 and _inspected(host)["State"]["Running"], seconds=60.0)
    assert _inspected(host)["State"]["StartedAt"] < made["container"]["State"]["StartedAt"]
    os.kill(Process(_inspected(host)).pid, 9)
    eventually(lambda: not _inspected(host)["State"]["Mounted"], seconds=60.0)
    assert (_inspected(host)["State"]["Status"], _inspected(host)["State"]["ExitCode"]) == ("exited", 137)
    again = host.container("c", **RUNNING, restart_policy="on-failure:1")
    assert again["actions"] == ["started c"] and again["container"]["State"]["Running"]


def test_health_is_checked_after_each_interval(host: Host, set_clock: Callable[[float], None]) -> None:
    check: dict[str, Any] = {
        "healthcheck": "test ! -e /tmp/sick",
        "healthcheck_interval": "200ms",
        "healthcheck_retries": 2,
    }
    made = host.container("c", **RUNNING, **check, wait="healthy", wait_timeout=60.0)
    assert not made.failed, made
    set_clock(-DAYS)
    before = live_status.timestamp()
    eventually(lambda: all(one["Start"] < before[:10] + "~" for one in _health(host)["Log"]), seconds=60.0)
    assert _health(host)["Status"] == "healthy"
    Process(made).run("touch", "/tmp/sick")
    eventually(lambda: _health(host)["Status"] == "unhealthy", seconds=60.0)


def _health(host: Host) -> dict[str, Any]:
    health: dict[str, Any] = _inspected(host)["State"]["Health"]
    return health


@pytest.mark.parametrize("module", ["wait", "container", "logs"])
def test_waiting_time_is_as_requested(host: Host, set_clock: Callable[[float], None], module: str) -> None:
    host.container("c", **RUNNING)
    began, back = time.monotonic(), threading.Timer(0.1, set_clock, [-60.0])
    back.start()
    if module == "wait":
        said = host.module("libpod_container_wait", {"name": "c", "condition": ["exited"], "timeout": 0.4})
    elif module == "container":
        said = host.container("c", **RUNNING, wait="exited", wait_timeout=0.4)
    else:
        said = host.module("libpod_container_logs", {"name": "c", "follow": True, "timeout": 0.4})
    back.join()
    assert 0.4 <= time.monotonic() - began < 30.0
    assert said.failed == (module != "logs") and ("after 0.4 seconds" in said.get("msg", "")) == said.failed, said


def test_logs_since_a_duration_are_complete(host: Host, set_clock: Callable[[float], None]) -> None:
    host.container("c", **{**RUNNING, "command": ["sh", "-c", "echo before; exec sleep 1000"]})
    eventually(lambda: "before" in _libpod(host, "logs", "c"))
    set_clock(-DAYS)
    host.container("c", state="stopped")
    output = _libpod(host, "events", "--no-stream", "--format", "json", "--since", "10m")
    events = [json.loads(line) for line in output.splitlines()]
    assert [event["Action"] for event in events] == ["create", "start", "died", "stop"]
    assert events[0]["Time"] > events[-1]["Time"], "in the order in which it happened"
    assert _libpod(host, "logs", "--since", "10m", "c") == "before\n"
