# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of variables are in no log, process list, result or file that others can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import syslog
from ansible_collections.libpod.engine.tests.support.canary import files_with, readable_by_others
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import MODULES, Result
from ansible_collections.libpod.engine.tests.support.process import in_background, traced

GIVEN, FILED, CHANGED = "hunter2-given", "hunter2-filed", "hunter2-changed"
SECRET = "hunter2"
OPTIONS: dict[str, Any] = {
    "name": "web",
    "image": "localhost/busybox:latest",
    "command": ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"],
    "network": "bridge",
    "publish": ["8080:80"],
    "env": {"PASSWORD": GIVEN},
    "env_file": ["/srv/private/secrets"],
}
RUNNER = """
import importlib, json, sys
from ansible.module_utils import basic
name, options = json.load(sys.stdin)
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module(name).main()
"""


@pytest.fixture(autouse=True)
def _private(host: Host) -> Iterator[None]:
    """Create an env_file that only root can read."""
    os.mkdir("/srv/private", 0o700)
    with open("/srv/private/secrets", "w", encoding="ascii") as file:
        file.write(f"TOKEN={FILED}\n")
    yield
    host.run("rm", "-r", "/srv/private")


def _shown(result: Result) -> str:
    """Return all of a result except the container's own description, which the task requests."""
    return json.dumps({key: value for key, value in result.items() if key != "container"}) + result.stderr


def test_syslog_result_and_diff_have_no_value(host: Host) -> None:
    with syslog.syslog() as log:
        made = host.module("libpod_container", OPTIONS, diff=True)
        changed = {**OPTIONS, "env": {"PASSWORD": CHANGED, "NEW": SECRET}}
        predicted = host.module("libpod_container", changed, diff=True, check=True)
        recreated = host.module("libpod_container", changed, diff=True)
        failed = host.module("libpod_container", {**changed, "command": ["/no/such"]}, diff=True)
        refused = host.module("libpod_container", {**changed, "env": {"PASSWORD": f"{SECRET}\0"}})
        unsupported = host.module("libpod_container", {**changed, "no_such_option": 1})
        misshapen = host.module("libpod_container", {**changed, "env": [SECRET]})
    assert made["actions"] == ["created web", "started web"]
    assert predicted["actions"] == recreated["actions"] == ["recreated web"]
    for result in (predicted, recreated):
        assert sorted(result["diff"]["after"]["env"]) == ["NEW", "PASSWORD"]
    for result in (failed, refused, unsupported, misshapen):
        assert result.failed, result
    for result in (made, predicted, recreated, failed, refused, unsupported, misshapen):
        assert SECRET not in _shown(result), _shown(result)
    assert any("PASSWORD" in line for line in log.messages), "the invocation is logged"
    assert SECRET not in str(log)


def test_no_command_line_shows_a_value(host: Host) -> None:
    """Trace the command lines of the module and all its descendants while a container is created."""
    trace = "/srv/private/trace"
    with in_background(
        [*traced(trace), sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tracing:
        assert tracing.stdin is not None and tracing.stdout is not None
        json.dump([f"{MODULES}.libpod_container", {**host.arguments, **OPTIONS}], tracing.stdin)
        tracing.stdin.close()
        made = Result(json.loads(next(filter(str.strip, tracing.stdout))))
        assert not made.failed, made
        # conmon exits with its container, and the tracing with conmon.
        assert host.container("web", state="absent")["actions"] == ["deleted web"]
    with open(trace, encoding="utf-8", errors="replace") as file:
        executed = file.read()
    for part in ('/conmon"', '/runc"', '/bridge"', '["sh", "-c"'):
        assert part in executed, part
    assert SECRET not in executed


def test_no_file_with_a_value_can_be_read_by_others(host: Host) -> None:
    os.umask(0)
    try:
        made = host.module("libpod_container", OPTIONS)
    finally:
        os.umask(0o022)
    assert not made.failed, made
    pid = made["container"]["State"]["Pid"]
    deadline = time.monotonic() + 60
    while not {f"PASSWORD={GIVEN}", f"TOKEN={FILED}"} < set(_environment(pid).split("\0")):
        assert time.monotonic() < deadline, _environment(pid)
    tops = ("/srv", "/run", "/var/lib", "/etc")
    paths = files_with(SECRET, tops)
    assert f"{host.parts.static_root}/containers/{made['container']['Id']}/config.json" in paths
    assert readable_by_others([*paths, f"/proc/{pid}/environ"]) == []
    assert readable_by_others(["/etc/passwd"]) == ["/etc/passwd"]
    assert host.container("web", state="absent")["actions"] == ["deleted web"]
    assert files_with(SECRET, tops) == ["/srv/private/secrets"]


def _environment(pid: int) -> str:
    with open(f"/proc/{pid}/environ", encoding="utf-8") as file:
        return file.read()
