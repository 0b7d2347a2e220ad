# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's systemd as a container's first process: it boots, serves, stops and restarts, and stays confined."""

from __future__ import annotations

import functools
import os
import signal
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._container.lifecycle import boot
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import with_argument
from ansible_collections.libpod.engine.plugins.module_utils._runtime import waiting
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, Process, eventually

SERVER = "/usr/bin/python3 -m http.server --bind 127.0.0.1 8080"
SERVICE = f"[Service]\nExecStart={SERVER}\n[Install]\nWantedBy=multi-user.target\n"
FAILING = "[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n"
ENDLESS = FAILING.replace("/bin/false", "/bin/sleep infinity\nTimeoutStartSec=infinity")
LIMIT = 120 * PATIENCE


def instance(host: Host, **more: Any) -> dict[str, Any]:
    """Return the options of a container of the Debian image that is waited for."""
    wanted = {"image": host.debian(), "network": "none", "wait": "booted", "wait_timeout": f"{LIMIT:g}"}
    return {**wanted, **more}


def printed(host: Host, *argv: str, name: str = "c", rc: int = 0) -> str:
    done = host.module("libpod_container_exec", {"name": name, "argv": list(argv), "timeout": f"{LIMIT:g}"})
    assert not done.failed and done["rc"] == rc, done
    return str(done["stdout"]).strip()


def expect_booted(host: Host) -> None:
    assert printed(host, "systemctl", "is-system-running") == "running"
    assert printed(host, "systemctl", "--failed", "--quiet", "--no-legend", "--plain") == ""


def put(host: Host, path: str, content: str) -> None:
    done = host.module("libpod_container_exec", {"name": "c", "argv": ["tee", path], "stdin": content})
    assert not done.failed and done["rc"] == 0, done


def questions(process: Process) -> list[int]:
    """Return the processes that ask the systemd in a container for its state; other tests ask those in theirs."""
    asking = with_argument("is-system-running", ("systemctl",))
    namespace = process.namespace("pid")
    return [pid for pid in asking if _pid_namespace(pid) == namespace]


def _pid_namespace(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return 0  # it has ended


def test_systemd_boots_serves_and_stops_in_a_plain_container(host: Host) -> None:
    wanted = instance(host)
    made = host.container("c", **wanted)
    assert not made.failed, made
    expect_booted(host)
    assert printed(host, "systemd-detect-virt") == "podman"
    assert "Reached target multi-user.target" in printed(host, "journalctl", "--boot", "--no-pager")
    put(host, "/etc/systemd/system/web.service", SERVICE)
    printed(host, "systemctl", "daemon-reload")
    printed(host, "systemctl", "enable", "--now", "web")
    fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/').status)"
    eventually(lambda: printed(host, "systemctl", "is-active", "web") == "active")
    ask = {"name": "c", "argv": ["python3", "-c", fetch]}
    eventually(lambda: host.module("libpod_container_exec", ask)["stdout"].strip() == "200")
    assert "http.server" in printed(host, "systemctl", "status", "--no-pager", "web")
    again = host.container("c", **wanted)
    assert not again.failed and not again.changed, again
    stopped = host.container("c", state="stopped")
    # It ended by itself: killed at its time limit, its exit code would be 137.
    assert stopped["container"]["State"]["ExitCode"] == 0 and stopped["container"]["Config"]["StopSignal"] == 37
    started = host.container("c", **wanted)
    assert not started.failed and started["actions"] == ["started c"], started
    assert printed(host, "systemctl", "is-active", "web") == "active"
    assert host.container("c", state="absent").changed
    host.expect_clean()


def test_confinement_is_that_of_any_container(host: Host) -> None:
    plain = Process(host.container("plain", image="busybox", network="none", command=WAITING))
    process = Process(host.container("c", **instance(host)))
    assert process.capabilities == plain.capabilities
    same = {key: process.status[key] for key in ("Seccomp", "NoNewPrivs")}
    assert same == {key: plain.status[key] for key in same}
    assert process.namespace("cgroup") != os.stat("/proc/self/ns/cgroup").st_ino
    mounts = process.mounts
    if "/sys/fs/cgroup/systemd" in mounts:
        writable = {one for one, mount in mounts.items() if mount.fstype.startswith("cgroup") and "rw" in mount.options}
        assert writable == {"/sys/fs/cgroup/systemd"}
    masked = [line for line in plain.mounts if line.startswith(("/proc/", "/sys/")) and "cgroup" not in line]
    assert masked and set(masked) <= set(mounts)
    host.empty()


def test_failed_unit_is_named_by_the_waiting_task(host: Host) -> None:
    wanted = instance(host)
    assert not host.container("c", **wanted).failed
    for name in ("first", "second"):
        put(host, f"/etc/systemd/system/{name}.service", FAILING)
        printed(host, "systemctl", "enable", name)
    assert host.container("c", state="stopped").changed
    failed = host.container("c", **wanted)
    assert failed.failed and failed["error"] == "NotBooted", failed
    assert (
        "container c has booted and is degraded, for these units failed: first.service, second.service:"
        in failed["msg"]
    )
    assert failed["actions"] == ["started c"] and failed.changed
    seen = host.module("libpod_container_wait", {"name": "c", "condition": ["booted", "degraded"]})
    assert seen["condition"] == "degraded" and seen["system"] == "degraded", seen
    alone = host.module("libpod_container_wait", {"name": "c", "condition": "booted"})
    assert alone.failed and "second.service" in alone["msg"]
    printed(host, "systemctl", "reset-failed")
    assert host.module("libpod_container_wait", {"name": "c", "condition": "booted"})["condition"] == "booted"
    assert not host.container("c", **wanted).changed
    host.empty()


def test_waiting_for_a_boot_that_never_comes_fails(host: Host) -> None:
    refused = host.container("p", image="busybox", network="none", command=WAITING, wait="booted")
    assert refused.failed and "container p is not made for systemd, so that it never boots" in refused["msg"], refused
    dead: dict[str, Any] = {
        "image": "busybox",
        "network": "none",
        "systemd": "always",
        "stop_signal": "KILL",
        "wait": "booted",
    }
    late = host.container("p", **dead, command=WAITING, wait_timeout="1")
    assert late.failed and "but no systemd answers in it" in late["msg"], late
    ended = host.container("p", **dead, command=["sh", "-c", "exit 3"])
    assert ended.failed and "has ended before it was booted, with exit code 3" in ended["msg"], ended
    assert host.container("q", image="busybox", network="none", command=WAITING).changed
    never = host.module("libpod_container_wait", {"name": "q", "condition": "booted"})
    assert never.failed and "is never booted" in never["msg"], never
    host.empty()


def test_end_from_inside_follows_the_restart_policy(host: Host) -> None:
    wanted = instance(host, restart_policy="always")
    first = host.container("c", **wanted)
    assert not first.failed, first
    pid = Process(first).pid
    for verb in ("reboot", "poweroff"):
        host.module("libpod_container_exec", {"name": "c", "argv": ["systemctl", verb]})

        def restarted(pid: int = pid) -> bool:
            state = host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]
            return bool(state["Running"] and state["Pid"] != pid)

        eventually(restarted, seconds=LIMIT / PATIENCE)
        again = host.container("c", **wanted)
        assert not again.failed and not again.changed, again
        pid = Process(again).pid
    once = host.container("c", **instance(host, restart_policy="on-failure"))
    assert not once.failed, once
    host.module("libpod_container_exec", {"name": "c", "argv": ["systemctl", "poweroff"]})
    ended = host.module("libpod_container_wait", {"name": "c", "condition": "exited", "timeout": f"{LIMIT:g}"})
    assert not ended.failed and ended["exit_code"] == 0, ended
    host.empty()


def test_image_that_declares_the_cgroup_mount_a_volume_boots(host: Host) -> None:
    assert not host.container("c", **instance(host)).failed
    made = host.module(
        "libpod_commit", {"container": "c", "image": "declared", "changes": ["VOLUME /sys/fs/cgroup /run"]}
    )
    assert not made.failed, made
    wanted = instance(host, image="localhost/declared:latest", tty=True)
    done = host.container("c", **wanted)
    assert not done.failed, done
    expect_booted(host)
    mounts = Process(done).mounts
    assert mounts["/sys/fs/cgroup"].fstype in ("tmpfs", "cgroup2")
    assert [one["Destination"] for one in done["container"]["Mounts"]] == ["/run"]
    assert not host.container("c", **wanted).changed
    host.empty()
    host.store("delete-image", "localhost/declared:latest")


def test_privileged_system_gets_no_console_and_no_cgroup_of_the_host(host: Host) -> None:
    done = host.container("c", **instance(host, privileged=True))
    assert not done.failed, done
    expect_booted(host)
    process = Process(done)
    assert [name for name in os.listdir(process.path("root/dev")) if name[:3] == "tty" and name[3:].isdigit()] == []
    assert process.namespace("cgroup") != os.stat("/proc/self/ns/cgroup").st_ino
    assert printed(host, "cat", "/proc/1/cgroup").count("libpod") == 0
    assert "rootless=0" in Path(process.path("root/run/.containerenv")).read_text("utf-8")
    host.empty()


def test_privileged_system_boots_in_the_hosts_cgroup_namespace(host: Host) -> None:
    volume = ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    done = host.container("c", **instance(host, privileged=True, cgroupns="host", volume=volume))
    assert not done.failed, done
    expect_booted(host)
    assert Process(done).namespace("cgroup") == os.stat("/proc/self/ns/cgroup").st_ino
    host.empty()


def test_ten_boot_in_one_task(host: Host) -> None:
    names = [f"c{number}" for number in range(10)]
    wanted = [{"name": name, **instance(host)} for name in names]
    done = host.module("libpod_containers", {"containers": wanted})
    assert not done.failed, done
    for name in names:
        assert printed(host, "systemctl", "is-system-running", name=name) == "running"
    assert not host.module("libpod_containers", {"containers": wanted}).changed
    host.empty()


def test_exhausted_inotify_instances_are_named() -> None:
    """The limit is a user's, so that another user than the machine's exhausts it here."""
    from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.inotify import Watch

    assert boot.exhausted() == ""
    child = os.fork()
    if child == 0:
        os.setuid(54321)
        held = []
        try:
            while True:
                held.append(Watch())
        except OSError:
            os._exit(0 if "raise the sysctl fs.inotify.max_user_instances above" in boot.exhausted() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_killed_task_leaves_no_question_in_the_container(host: Host) -> None:
    """A boot without an end: the question ends with the task that asks it, or with its time."""
    wanted = instance(host)
    assert not host.container("c", **wanted).failed
    put(host, "/etc/systemd/system/endless.service", ENDLESS)
    printed(host, "systemctl", "enable", "endless")
    started = host.container("c", **{**wanted, "wait": "started"}, restart=True)
    assert started.changed
    asking = functools.partial(questions, Process(started))
    question = {"name": "c", "argv": ["systemctl", "is-system-running"]}
    eventually(lambda: host.module("libpod_container_exec", question).get("stdout") == "starting\n", seconds=60)
    late = host.container("c", **{**wanted, "wait_timeout": f"{3 * PATIENCE:g}"})
    assert late.failed and "its systemd is starting: give it a longer wait_timeout" in late["msg"], late
    eventually(lambda: asking() == [])
    child = os.fork()
    if child == 0:
        try:
            waiting.booted(Runtime(host.parts).container("c"), LIMIT)
        finally:
            os._exit(1)
    eventually(lambda: bool(asking()))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    eventually(lambda: asking() == [])
    host.empty()
