# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Background commands log to the host's journal or syslog, since no task reports their actions and failures."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.libpod.engine.plugins.module_utils import _engine_archive, _engine_boot, _engine_setup
from ansible_collections.libpod.engine.plugins.module_utils._drivers import host_log
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.plugins.module_utils._exit_command import log_limit, runner
from ansible_collections.libpod.engine.tests.support import failing_network, syslog
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

SECRET = "hunter2"
OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "env": {"PASSWORD": SECRET}}
# What syslog(3) puts before a message: facility daemon, time, program and PID.
HEAD = r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d libpod\[\d+\]: "


def level(name: str) -> Callable[[], None]:
    """Return a function that sets ``LIBPOD_LOG_LEVEL`` in a module's environment."""
    return lambda: os.environ.update(LIBPOD_LOG_LEVEL=name)


def libpod(host: Host, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the engine in a process of its own."""
    whole = {**os.environ, **host.parts.environment(), **environment}
    return subprocess.run([*command.argv(host.parts), *args], env=whole, capture_output=True, text=True, check=False)


def kill(container: dict[str, Any]) -> None:
    os.kill(Process(container).pid, 9)


def failed_cleanups(host: Host) -> list[dict[str, Any]]:
    done = libpod(host, "events", "--no-stream", "-f", "event=cleanup_failed", "--format", "json")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_failed_cleanup_after_an_exit_is_in_syslog_and_in_the_events(host: Host) -> None:
    failing_network.define(host)
    with syslog.syslog() as log:
        made = host.container("web", **{**OPTIONS, "network": "sticky"}, cni_plugin_dirs=failing_network.PLUGINS)
        container = made["container"]
        kill(made)
        eventually(lambda: failing_network.REASON in str(log))
        (line,) = log.engine
        assert re.match(
            rf"<27>{HEAD}exit: web \({container['Id'][:12]}\): container web is stopped, but its cleanup is incomplete",
            line,
        ), line
        assert "its networks" in line and "sticky" in line and SECRET not in str(log)
    (event,) = eventually(lambda: failed_cleanups(host))
    assert (event["ID"], event["Name"], event["Type"]) == (container["Id"], "web", "container")
    assert failing_network.REASON in event["Error"] and line.endswith(event["Error"])
    shown = libpod(host, "events", "--no-stream", "-f", "event=cleanup_failed").stdout
    assert shown.count("\n") == 1 and failing_network.REASON in shown
    failing_network.mend()
    again = host.container("web", **{**OPTIONS, "network": "sticky"}, cni_plugin_dirs=failing_network.PLUGINS)
    assert again["actions"] == ["repaired web", "started web"], again
    assert host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS)["actions"] == ["deleted web"]
    assert len(failed_cleanups(host)) == 1
    failing_network.forget(host)


def test_failed_cleanup_by_a_task_is_an_event_and_not_in_the_log(host: Host) -> None:
    failing_network.define(host)
    with syslog.syslog() as log:
        host.container("web", **{**OPTIONS, "network": "sticky"}, cni_plugin_dirs=failing_network.PLUGINS)
        gone = host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS)
    assert gone.failed and failing_network.REASON in gone["msg"]
    assert [failing_network.REASON in one["Error"] for one in failed_cleanups(host)] == [True]
    assert not log.engine
    failing_network.mend()
    assert not host.container("web", state="absent", cni_plugin_dirs=failing_network.PLUGINS).failed
    failing_network.forget(host)


def test_level_of_the_task_is_that_of_the_exit_command(host: Host) -> None:
    with syslog.syslog() as log:
        for name, chosen in (("quiet", ""), ("chatty", "info")):
            made = host.container(name, **OPTIONS, prepare=level(chosen))
            kill(made)
            eventually(lambda name=name: not _mounted(host, name))
        eventually(lambda: "cleaned up" in str(log))
        (line,) = log.engine
    container = made["container"]["Id"][:12]
    assert re.fullmatch(rf"<30>{HEAD}exit: chatty \({container}\): ended with exit code 137, and is cleaned up", line)


def _mounted(host: Host, name: str) -> bool:
    (one,) = host.module("libpod_container_info", {"name": [name]})["containers"]
    return bool(one["State"]["Mounted"])


def test_journal_entries_have_fields_and_no_container_output(host: Host) -> None:
    with syslog.syslog() as other, syslog.journal() as log:
        made = host.container("web", **OPTIONS, restart_policy="on-failure:1", prepare=level("info"))
        kill(made)
        eventually(lambda: "started again (" in str(log))
        assert host.container("web", state="absent")["actions"] == ["deleted web"]
        assert not other.engine
    fields = [dict(line.split("=", 1) for line in one.splitlines()) for one in log.messages]
    wanted = {"PRIORITY": "6", "SYSLOG_IDENTIFIER": "libpod", "SYSLOG_FACILITY": "3", "LIBPOD_COMMAND": "exit"}
    about = {"LIBPOD_CONTAINER_NAME": "web", "LIBPOD_CONTAINER_ID": made["container"]["Id"]}
    for one in fields:
        assert {key: value for key, value in one.items() if key != "MESSAGE"} == {**wanted, **about}
    texts = [one["MESSAGE"].partition("): ")[2] for one in fields]
    assert texts == [
        "ended with exit code 137, and is cleaned up",
        "started again in 0.1 seconds",
        "started again (on-failure:1)",
    ]


def test_failed_restart_and_boot_are_logged(host: Host) -> None:
    os.makedirs("/srv/bound")
    with syslog.syslog() as log:
        options = {**OPTIONS, "restart_policy": "always", "volume": ["/srv/bound:/bound"]}
        made = host.container("web", **options)
        os.rename("/srv/bound", "/srv/away")
        kill(made)
        line = eventually(lambda: log.engine)[0]
        assert "/srv/bound" in line
        assert re.search(r"<27>.* exit: web \(\w{12}\): .*; it is started again in 0\.2 seconds$", line), line
        host.container("web", state="stopped")
        done = libpod(host, "boot")
        assert done.returncode == 1
        (line,) = [one for one in log.engine if " boot: web (" in one]
        assert "/srv/bound" in line
        os.rename("/srv/away", "/srv/bound")
        assert libpod(host, "boot", LIBPOD_LOG_LEVEL="nonsense").returncode == 0
        assert "LIBPOD_LOG_LEVEL: 'nonsense' is not a level, warn is used" in log.engine[-1]
        assert SECRET not in str(log)
    host.container("web", state="absent")
    os.rmdir("/srv/bound")


def test_health_runner_logs_its_actions_without_check_output(host: Host) -> None:
    check = {"healthcheck": f"echo $PASSWORD {SECRET}; false", "healthcheck_interval": "1s"}
    with syslog.syslog() as log:
        options = {**OPTIONS, **check, "healthcheck_retries": 2, "health_on_failure": "kill"}
        made = host.container("web", **options, prepare=level("debug"))
        assert not made.failed, made
        eventually(lambda: "cleaned up" in str(log))
        text = str(log)
    about = rf"health: web \({made['container']['Id'][:12]}\): "
    assert len(re.findall(f"{about}health check ended with exit code 1", text)) == 2
    assert re.search(f"<28>.*{about}health is unhealthy, it was starting\n", text)
    assert re.search(f"<28>.*{about}its health checks fail: kill ", text)
    assert SECRET not in "\n".join(one for one in log.messages if " libpod[" in one)


def test_recurring_failure_of_a_runner_is_logged_once(host: Host) -> None:
    container = host.container("web", **OPTIONS)["container"]

    def fail(_container: object, _life: object, _runner: int) -> None:
        raise OSError(28, "No space left on device", "/run/libpod")

    host_log.enable("health")
    args = (container["Id"], "1", "1")
    try:
        with syslog.syslog() as log:
            assert [runner.ask(host.parts, args, fail, 10.0) for _turn in range(3)] == [10.0] * 3
            (line,) = log.messages
            assert "web (" in line and "/run/libpod: No space left on device: make room" in line
            assert line.endswith("; tried again every 10 seconds")
            # After a success, the next failure is logged again.
            assert runner.ask(host.parts, args, lambda *_about: 0.5, 10.0) == 0.5
            assert runner.ask(host.parts, args, fail, 10.0) == 10.0
            assert len(log.messages) == 2
    finally:
        host_log.disable()


def test_conmon_that_does_not_reopen_its_log_is_logged_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_limit, "_DEAF_SECONDS", 0.0)
    os.mkdir("/srv/bundle")
    Path("/srv/bundle/log").write_bytes(bytes(2))
    host_log.enable("log-limit")
    try:
        with syslog.syslog() as log:
            kept = log_limit._Log(1, "/srv/bundle/log", "/srv/bundle")
            for _turn in range(5):
                kept.look()
            (line,) = log.engine
            assert "log-limit: conmon does not begin /srv/bundle/log again" in line
    finally:
        host_log.disable()
        shutil.rmtree("/srv/bundle")


def test_program_with_an_incomplete_engine_reports_it(host: Host) -> None:
    os.makedirs("/srv/broken/engine")
    sources = (Path(str(one.__file__)).read_bytes() for one in (_engine_archive, _engine_setup, _engine_boot))
    Path("/srv/broken/engine/boot.py").write_bytes(_engine_setup.script(*sources))
    with syslog.syslog() as log:
        exec_argv = ["0" * 16, "exec", f"--env=PASSWORD={SECRET}", "web"]
        for argv in (["0" * 16, "exit", "0123456789abcdef"], exec_argv):
            done = subprocess.run([sys.executable, "-I", "/srv/broken/engine/boot.py", *argv], check=False)
            assert done.returncode == 125
        first, second = (one.partition("]: ")[2] for one in log.messages)
    assert first.startswith("exit 0123456789abcdef: /srv/broken/engine has no whole engine any more")
    assert second.startswith("exec: ") and SECRET not in second
    shutil.rmtree("/srv/broken")
