# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's output: in its log, and through conmon's socket while it runs."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io import attach, log_lines, logs
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_lines import Wanted, stream
from ansible_collections.libpod.engine.plugins.module_utils._drivers.conmon import log as conmon_log
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, InvalidState
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import ECHOING, WAITING, Process, eventually, say

OPTIONS: dict[str, Any] = {"image": "busybox", "network": "none"}


def test_log_lines_are_selected_by_number_and_time(host: Host) -> None:
    script = "echo one; echo two >&2; until [ -e /go ]; do sleep 0.01; done; echo three; printf tail"
    made = host.container("c", command=["sh", "-c", script], **OPTIONS)
    # conmon gives all that it reads at once the same time.
    eventually(lambda: len(host.module("libpod_container_logs", {"name": "c"})["log_lines"]) == 2)
    Path(Process(made).path("root/go")).touch()
    assert host.module("libpod_container_wait", {"name": "c"})["condition"]
    got = host.module("libpod_container_logs", {"name": "c"})
    assert (got["stdout"], got["stderr"], got.changed) == ("one\nthree\ntail", "two", False)
    assert [line["text"] for line in got["log_lines"] if line["stream"] == "stdout"] == ["one", "three", "tail"]
    third = next(line for line in got["log_lines"] if line["text"] == "three")
    since = host.module("libpod_container_logs", {"name": "c", "since": third["time"]})
    assert (since["stdout"], since["stderr"]) == ("three\ntail", "")
    until = host.module("libpod_container_logs", {"name": "c", "until": third["time"]})
    assert (until["stdout"], until["stderr"]) == ("one", "two")
    assert host.module("libpod_container_logs", {"name": "c", "tail": 0})["log_lines"] == []
    assert host.module("libpod_container_logs", {"name": "c", "tail": 1 << 63})["log_lines"] == got["log_lines"]
    assert host.module("libpod_container_logs", {"name": "c", "since": "1h"})["stdout"] == got["stdout"]
    stamped = host.module("libpod_container_logs", {"name": "c", "timestamps": True})
    assert stamped["stderr"].endswith(" two") and stamped["stderr"][:2] == "20"
    for wrong in ({"since": "yesterday"}, {"tail": -1}, {"timeout": 0.0}, {"name": "nobody"}):
        refused = host.module("libpod_container_logs", {"name": "c", **wrong})
        assert refused.failed and str(next(iter(wrong.values()))) in refused["msg"]
    host.container("fresh", state="present", command=["true"], **OPTIONS)
    assert host.module("libpod_container_logs", {"name": "fresh"})["log_lines"] == []


def test_follow_ends_with_the_container_or_at_the_timeout(host: Host) -> None:
    host.container("c", command=["sh", "-c", "echo a; sleep 0.5; echo b"], **OPTIONS)
    got = host.module("libpod_container_logs", {"name": "c", "follow": True, "timeout": 120})
    assert got["stdout"] == "a\nb"
    host.container("d", command=WAITING, **OPTIONS)
    began = time.monotonic()
    host.module("libpod_container_logs", {"name": "d", "follow": True, "timeout": 0.2})
    assert 0.2 <= time.monotonic() - began < 30
    # A container that prints without a pause always has more output, and another file.
    flood = ["sh", "-c", "yes | head -c 10000000; exec sleep 1000"]
    made = host.container("e", command=flood, log_opt={"max_size": "8k"}, stop_timeout=0, **OPTIONS)
    eventually(lambda: os.path.getsize(made["container"]["HostConfig"]["LogConfig"]["Path"]))
    got = host.module("libpod_container_logs", {"name": "e", "follow": True, "timeout": 0.2})
    assert set(got["stdout"].splitlines()) == {"y"}


def test_following_misses_nothing_across_log_rotation(host: Host) -> None:
    made = host.container("c", command=ECHOING, **OPTIONS)
    container = Runtime(host.parts).container("c")
    log = container.log_path

    def says(line: str) -> None:
        say(made["container"]["State"]["Pid"], f"{line}\n")

        def there() -> bool:
            with open(log, encoding="ascii") as file:
                return file.read().endswith(f" {line}\n")

        eventually(there)

    says("one, and long enough for what follows to be shorter")
    lines = stream(container, Wanted(follow=60.0))
    assert next(lines).text.startswith("one")
    os.truncate(log, 0)
    says("two")
    assert next(lines).text == "two"
    for number in range(3):
        says(f"{number} before")
        inode = os.stat(log).st_ino
        assert conmon_log.reopen(container.run_dir)
        eventually(lambda: os.stat(log).st_ino != inode)  # noqa: B023
        says(f"{number} after")
        assert [next(lines).text, next(lines).text] == [f"{number} before", f"{number} after"]
    host.container("c", state="stopped", timeout=0)
    assert list(lines) == []


def test_waiting_task_returns_the_output_within_the_log_limit(host: Host) -> None:
    script = "for i in 1 2 3 4 5; do echo $((++n)); done; while [ $n -lt ${MORE:-0} ]; do echo $((++n)); done"
    task = {**OPTIONS, "command": ["sh", "-c", script], "log_opt": {"max_size": "8k"}, "detach": False}
    assert host.container("c", **task)["stdout"] == "1\n2\n3\n4\n5\n"
    assert host.container("c", **task)["stdout"] == "1\n2\n3\n4\n5\n", "of this run alone"
    more = {**task, "command": ["sh", "-c", f"MORE=500; {script}"]}
    host.container("d", **more)
    done = host.container("d", **more)
    kept = host.module("libpod_container_logs", {"name": "d"})["stdout"]
    assert done["stdout"] == f"{kept}\n" and done["stdout"].endswith("\n499\n500\n")
    assert 0 < len(kept.splitlines()) < 500


def test_result_has_the_end_of_a_long_log_and_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "LENGTH", 1 << 20)
    script = "yes 123456789 | head -n 20000; echo last"
    host.container("c", command=["sh", "-c", script], wait="exited", **OPTIONS)
    got = host.module("libpod_container_logs", {"name": "c"})
    assert 5000 < len(got["log_lines"]) < 20000 and got["log_lines"][-1]["text"] == "last"
    left_out = 20001 - len(got["log_lines"])
    assert f"container c: the first {left_out} lines are left out" in got["warnings"][0], got["warnings"]
    assert "warnings" not in host.module("libpod_container_logs", {"name": "c", "tail": 5000})


def test_waiting_task_returns_beginning_and_end_of_a_long_output(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LENGTH", 1 << 16)
    script = "echo first; yes 123456789 | head -n 20000; echo last; echo other >&2"
    done = host.container("c", command=["sh", "-c", script], detach=False, **OPTIONS)
    assert done["stdout"].startswith("first\n") and done["stdout"].endswith("\nlast\n") and done["stderr"] == "other\n"
    assert len(done["stdout"]) < 1 << 17 and "bytes left out]" in done["stdout"]
    assert "container c: its stdout is not complete" in done["warnings"][0], done["warnings"]


def test_attach_before_the_start_shares_the_streams(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.container("c", state="present", interactive=True, command=["sh", "-c", "echo e >&2; cat; echo end"], **OPTIONS)
    container = Runtime(host.parts).container("c")
    with pytest.raises(InvalidState):
        container.attach(b"", 1)
    container.init()
    starter = threading.Timer(0.3, Runtime(host.parts).container("c").start)
    connect = attach.connect

    def connected(one: Any) -> Any:
        stream = connect(one)
        starter.start()
        return stream

    monkeypatch.setattr(attach, "connect", connected)
    got = container.attach(b"x" * 20000 + b"\n", 60)
    starter.join()
    assert (got.stdout, got.stderr, got.ended) == (b"x" * 20000 + b"\nend\n", b"e\n", True)
    assert container.wait(60) == 0


def test_attach_times_out_and_rejects_unread_input(host: Host) -> None:
    host.container("c", command=WAITING, **OPTIONS)
    container = Runtime(host.parts).container("c")
    assert container.attach(b"", 0.1) == (b"", b"", False)
    with pytest.raises(InvalidArgument, match="interactive"):
        container.attach(b"x", 1)
