# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that cannot succeed: refused before a container is changed, or reporting exactly what they have done."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._model.records.process_ref import ProcessRef
from ansible_collections.libpod.engine.tests.support.hooks import after_start
from ansible_collections.libpod.engine.tests.support.hosts import NETWORK, Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# What a start needs of the host, and the text in the refusal when it is missing.
NEEDED = {
    "/srv/needed/bound": "volume",
    "/srv/static/secrets/token": "secrets",
    "/srv/needed/profile.json": "security_opt",
    "/srv/cni/90-other.conflist": "other",
}


def _refused(host: Host, word: str, **task: Any) -> None:
    """Assert that check mode and the run refuse with the same message and keep the container's process."""
    before = Process(host.container("app", check=True, state="present"))
    predicted = host.container("app", check=True, **task)
    done = host.container("app", **task)
    assert predicted.failed and done.failed and predicted["msg"] == done["msg"] and word in done["msg"], (
        predicted,
        done,
    )
    assert not done.changed and done["actions"] == [], done
    assert Process(host.container("app", check=True, state="present")).pid == before.pid


def test_start_requirements_are_checked_before_the_stop(host: Host) -> None:
    os.makedirs("/srv/needed")
    os.makedirs("/srv/static/secrets", 0o700)
    for path in NEEDED:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write('{"defaultAction": "SCMP_ACT_ALLOW"}')
    with open(f"/srv/cni/87-{NETWORK}.conflist", encoding="ascii") as file:
        network = {**json.load(file), "name": "other"}
    with open("/srv/cni/90-other.conflist", "w", encoding="ascii") as file:
        json.dump(network, file)
    options = {
        "volume": ["/srv/needed/bound:/bound"],
        "secrets": ["token"],
        "security_opt": ["seccomp=/srv/needed/profile.json"],
        "network": ["other"],
    }
    made = host.container("app", **{**BASE, **options})
    assert not made.failed, made
    for path, word in NEEDED.items():
        os.rename(path, "/srv/away")
        for task in ({"restart": True}, {"recreate": True}):
            _refused(host, word, **task)
        os.rename("/srv/away", path)
    assert host.container("app", restart=True)["actions"] == ["restarted app"]
    host.container("app", state="absent")
    host.run("rm", "-r", *NEEDED, "/srv/needed", "/srv/static/secrets")


def test_rootfs_is_checked_before_the_stop(host: Host) -> None:
    for folder in ("bin", "proc", "sys", "dev", "etc"):
        os.makedirs(f"/srv/tree/{folder}")
    shutil.copy("/bin/busybox", "/srv/tree/bin/busybox")
    command = ["/bin/busybox", "sleep", "1000"]
    made = host.container("app", **{**BASE, "image": "/srv/tree", "command": command}, rootfs=True)
    assert not made.failed, made
    os.rename("/srv/tree", "/srv/elsewhere")
    for task in ({"restart": True}, {"recreate": True}):
        _refused(host, "root filesystem /srv/tree", **task)
    host.container("app", state="absent")
    shutil.rmtree("/srv/elsewhere")


@pytest.mark.parametrize("state", ["started", "created"])
def test_missing_command_is_refused(host: Host, state: str) -> None:
    """Neither the image nor the task has one."""
    host.container("app", **BASE)
    for task in ({"image": "bare", "network": "none"}, {**BASE, "entrypoint": "", "command": ""}):
        _refused(host, "has none, neither from its options nor from", state=state, **task)
    new = host.container("new", image="bare", network="none", state=state)
    assert new.failed and "give command or entrypoint" in new["msg"], new
    assert len(host.module("libpod_container_info")["containers"]) == 1


FAILING = """#!/bin/sh
case "$*" in *" start "*) if read times < /srv/fail && [ "$times" -gt 0 ]; then
    echo $((times - 1)) > /srv/fail; echo "cannot start today" >&2; exit 1
fi;; esac
exec {} "$@"
"""


def _failing_starts(times: int) -> None:
    with open("/srv/fail", "w", encoding="ascii") as file:
        file.write(f"{times}\n")


def test_failed_task_reports_what_it_stopped_and_started(host: Host, tmp_path: Path) -> None:
    runtime = shutil.which(host.parts.oci_runtime)
    os.mkdir("/srv/failing")
    oci = f"/srv/failing/{host.parts.oci_runtime}"
    with open(os.open(oci, os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="ascii") as file:
        file.write(FAILING.format(runtime))
    _failing_starts(0)
    hooked: dict[str, Any] = {**BASE, **after_start(tmp_path)}
    task: dict[str, Any] = {**hooked, "oci_runtime": oci}
    made = host.container("app", **task)
    assert not made.failed, made
    restart, recreate = {"restart": True, "oci_runtime": oci}, {**task, "env": {"A": "1"}}
    for wanted in (restart, recreate, {**task, "log_driver": "none"}):
        # The old container cannot be started again either; the next task starts it.
        _failing_starts(9)
        done = host.container("app", **wanted)
        assert done.failed and done.changed and done["actions"] == ["stopped app"], (wanted, done)
        _failing_starts(0)
        assert not host.container("app", **task).failed
        _failing_starts(1)
        done = host.container("app", **wanted)
        assert done.failed and done.changed and done["actions"] == ["restarted app"], (wanted, done)
        assert host.container("app", check=True, state="present")["container"]["State"]["Running"]
    _failing_starts(9)
    listed = host.module(
        "libpod_containers", {"containers": [{"name": "app", **hooked, "env": {"A": "1"}}], "oci_runtime": oci}
    )
    assert listed.failed and listed.changed and listed["actions"] == ["stopped app"], listed
    _failing_starts(0)
    host.container("app", state="absent")

    host.module("libpod_pod", {"name": "p", "share": "uts", "oci_runtime": oci})
    for name in ("a", "b"):
        host.container(name, **task, pod="p")
    _failing_starts(9)
    done = host.module("libpod_pod", {"name": "p", "state": "restarted", "oci_runtime": oci})
    assert done.failed and done.changed and {"stopped a", "stopped b"} <= set(done["actions"]), done
    _failing_starts(0)
    assert not host.module("libpod_pod", {"name": "p", "state": "absent"}).failed
    host.run("rm", "-r", "/srv/failing", "/srv/fail")


def test_attach_to_a_running_container(host: Host) -> None:
    command = ["sh", "-c", "echo run; trap 'exit 3' USR1; while :; do sleep 0.05; done"]
    task: dict[str, Any] = {**BASE, "command": command}
    host.container("app", **task)
    host.container("app", **task, restart=True)  # an earlier run's output is in the log too
    running = Process(host.container("app", **task))
    eventually(lambda: int(running.status["SigCgt"], 16) >> signal.SIGUSR1 - 1 & 1)

    def prepare() -> None:
        wait_end = process.wait_end

        def waited(one: ProcessRef, *how: Any) -> bool:
            """Have the container end now that the task waits for it."""
            process.wait_end = wait_end
            os.kill(running.pid, signal.SIGUSR1)
            return wait_end(one, *how)

        process.wait_end = waited

    done = host.container("app", **task, detach=False, prepare=prepare)
    assert (done.failed, done.changed, done["rc"], done["stdout"]) == (True, False, 3, "run\n"), done
    ended = host.container("app", **{**task, "command": ["echo", "ok"]}, detach=False)
    assert (ended.failed, ended.changed, ended["rc"], ended["stdout"]) == (False, True, 0, "ok\n"), ended


def test_check_mode_warns_of_what_earlier_tasks_may_create(host: Host) -> None:
    """Check mode warns of what is missing; for an existing container it fails as the run does."""
    warned = {
        "libpod_container_exec": {"name": "app", "command": "true"},
        "libpod_container_copy": {"container": "app", "src": "/etc/hostname", "dest": "/"},
        "libpod_container_logs": {"name": "app"},
        "libpod_container_wait": {"name": "app"},
        "libpod_export": {"container": "app", "dest": "/srv/app.tar"},
        "libpod_commit": {"container": "app", "image": "localhost/app:1"},
    }
    for module, args in warned.items():
        predicted = host.module(module, args, check=True)
        assert not predicted.failed and "'app'" in str(predicted["warnings"]), (module, predicted)
        assert host.module(module, args).failed
    for needed in (
        {"pod": "shop", "network": None},
        {"network": "container:app"},
        {"network": ["later"]},
        {"secrets": ["later"]},
        {"volume": ["/srv/later:/later"]},
    ):
        predicted = host.container("new", check=True, **{**BASE, **needed})
        assert predicted["actions"] == ["created new", "started new"] and predicted["warnings"], (needed, predicted)
        listed = host.module("libpod_containers", {"containers": [{"name": "new", **BASE, **needed}]}, check=True)
        assert listed["actions"] == ["created new", "started new"] and listed["warnings"], (needed, listed)
        assert host.container("new", **{**BASE, **needed}).failed
    stopped = host.container("new", check=True, state="stopped")
    assert stopped["actions"] == ["stopped new"] and stopped["warnings"], stopped
    host.container("app", **BASE)
    assert host.container("app", check=True, **BASE, secrets=["later"]).failed


def _become_nobody() -> None:
    os.environ["HOME"] = "/nonexistent"
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def test_module_that_needs_root_says_so(host: Host) -> None:
    for module, options in (("libpod_pod", {"name": "p"}), ("libpod_volume_info", {})):
        refused = host.module(module, options, prepare=_become_nobody)
        assert refused["msg"].startswith("the engine needs root, and runs as user ID 65534: set become: true, or run ")
    shown = host.module("libpod_login_info", {"registry": "r.io", "authfile": "/srv/none"}, prepare=_become_nobody)
    assert not shown.failed and shown["login"]["logged_in"] is False
