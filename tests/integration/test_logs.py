# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container prints: in its log afterwards, and through conmon's socket while it runs."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument, InvalidState
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

OPTIONS: dict[str, Any] = {"image": "busybox", "network": "none"}


def test_lines_of_the_log_by_number_time_and_stream(host: Host) -> None:
    words = "echo one; echo two >&2; sleep 0.3; echo three; printf tail"
    host.container("c", command=["sh", "-c", words], detach=False, **OPTIONS)
    got = host.module("libpod_container_logs", {"name": "c"})
    assert (got["stdout"], got["stderr"], got.changed) == ("one\nthree\ntail", "two", False)
    assert [line["text"] for line in got["log_lines"] if line["stream"] == "stdout"] == ["one", "three", "tail"]
    third = next(line for line in got["log_lines"] if line["text"] == "three")
    since = host.module("libpod_container_logs", {"name": "c", "since": third["time"]})
    assert (since["stdout"], since["stderr"]) == ("three\ntail", "")
    until = host.module("libpod_container_logs", {"name": "c", "until": third["time"]})
    assert (until["stdout"], until["stderr"]) == ("one", "two")
    assert host.module("libpod_container_logs", {"name": "c", "tail": 0})["log_lines"] == []
    assert host.module("libpod_container_logs", {"name": "c", "since": "1h"})["stdout"] == got["stdout"]
    stamped = host.module("libpod_container_logs", {"name": "c", "timestamps": True})
    assert stamped["stderr"].endswith(" two") and stamped["stderr"][:2] == "20"
    for wrong in ({"since": "yesterday"}, {"tail": -1}, {"timeout": 0.0}, {"name": "nobody"}):
        refused = host.module("libpod_container_logs", {"name": "c", **wrong})
        assert refused.failed and str(next(iter(wrong.values()))) in refused["msg"]
    host.container("fresh", state="present", command=["true"], **OPTIONS)
    assert host.module("libpod_container_logs", {"name": "fresh"})["log_lines"] == []


def test_follow_ends_with_the_container_or_with_the_time(host: Host) -> None:
    host.container("c", command=["sh", "-c", "echo a; sleep 0.5; echo b"], **OPTIONS)
    got = host.module("libpod_container_logs", {"name": "c", "follow": True, "timeout": 20})
    assert got["stdout"] == "a\nb"
    host.container("d", command=WAITING, **OPTIONS)
    began = time.monotonic()
    host.module("libpod_container_logs", {"name": "d", "follow": True, "timeout": 0.2})
    assert 0.2 <= time.monotonic() - began < 5


def test_attach_shares_the_streams_of_a_container_that_is_not_running_yet(host: Host) -> None:
    host.container("c", state="present", interactive=True, command=["sh", "-c", "echo e >&2; cat; echo end"], **OPTIONS)
    container = Runtime(host.parts).container("c")
    with pytest.raises(InvalidState):
        container.attach(b"", 1)
    container.init()
    starter = threading.Timer(0.3, Runtime(host.parts).container("c").start)
    starter.start()
    got = container.attach(b"x" * 20000 + b"\n", 20)
    starter.join()
    assert (got.stdout, got.stderr, got.ended) == (b"x" * 20000 + b"\nend\n", b"e\n", True)
    assert container.wait(10) == 0


def test_attach_ends_with_the_time_and_refuses_input_nobody_reads(host: Host) -> None:
    host.container("c", command=WAITING, **OPTIONS)
    container = Runtime(host.parts).container("c")
    assert container.attach(b"", 0.1) == (b"", b"", False)
    with pytest.raises(InvalidArgument, match="interactive"):
        container.attach(b"x", 1)
