# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_unit: the file that it writes, its commands, and a real systemd that starts, watches and stops by it."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kept_engine
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import PATIENCE, WAITING, eventually
from ansible_collections.libpod.engine.tests.support.syslog import journal

UNIT = "container-c.service"
FOLDER = "/srv/units"
PATH = f"{FOLDER}/{UNIT}"
PLAIN: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
# It ends with 143 at SIGTERM, and with 3 at SIGUSR1.
SHELL = "trap 'exit 143' TERM; trap 'exit 3' USR1; echo begun; while :; do sleep 1 & wait; done"
INNER: dict[str, Any] = {"image": "/srv/rootfs", "rootfs": True, "network": "none", "log_driver": "journald"}
INNER["command"] = ["sh", "-c", SHELL]
# What the engine needs in the Debian image beside its own files.
PARTS = ("/usr/bin/conmon", "/usr/sbin/runc", "/usr/share/containers/seccomp.json")


def write(host: Host, **options: Any) -> Result:
    os.makedirs(FOLDER, exist_ok=True)
    check = options.pop("check", False)
    return host.module("libpod_unit", {"name": "c", "dest": FOLDER, **options}, check=check, diff=True)


def test_file_is_written_once_and_removed(host: Host) -> None:
    early = write(host, check=True)
    assert early.changed and early["unit"] == UNIT and "container" in str(early["warnings"]), early
    assert not host.container("c", **PLAIN).failed
    times = {"restart_sec": "5s", "stop_timeout": 20}
    wanted: dict[str, Any] = {**times, "after": ["db.service"], "requires": ["db.service"]}
    predicted, made, again = (write(host, **wanted, check=check) for check in (True, False, False))
    assert (predicted["actions"], made["actions"], again["actions"]) == ([f"wrote unit {UNIT}"],) * 2 + ([],)
    text = Path(PATH).read_text("utf-8")
    assert text == made["systemd_units"]["container-c"] == made["diff"]["after"] == predicted["diff"]["after"]
    assert stat.S_IMODE(os.stat(PATH).st_mode) == 0o644
    for line in ("After=network-online.target db.service", "RestartSec=5", "TimeoutStopSec=80", "Restart=on-failure"):
        assert f"\n{line}\n" in text, text
    assert "stop --ignore --time 20 c" in text and "SuccessExitStatus" not in text, text
    replaced = write(host, restart_policy="no-restart")
    assert replaced["actions"] == [f"replaced unit {UNIT}"] and "\nRestart=no\n" in replaced["diff"]["after"]
    for check in (True, False):
        removed = write(host, state="absent", check=check)
        assert removed["actions"] == [f"removed unit {UNIT}"] and os.path.exists(PATH) == check
    assert not write(host, state="absent").changed and os.listdir(FOLDER) == []
    os.rmdir(FOLDER)


def test_tasks_write_one_unit_at_the_same_time(host: Host) -> None:
    assert not host.container("c", **PLAIN, state="present").failed
    tasks = [functools.partial(write, host, restart_sec=seconds) for seconds in (1, 2)]
    first, second = run_concurrently(host, tasks, waits_for="+units")
    assert first.changed and second.changed, (first, second)
    texts = [one["systemd_units"]["container-c"] for one in (first, second)]
    assert Path(PATH).read_text("utf-8") in texts and {first["diff"]["before"], second["diff"]["before"]} < {"", *texts}
    assert os.listdir(FOLDER) == [UNIT]
    shutil.rmtree(FOLDER)


def test_unit_that_could_not_work_is_refused(host: Host) -> None:
    host.container("c", **PLAIN, restart_policy="always")
    refused = write(host)
    assert refused.failed and "expected restart_policy: no" in refused["msg"], refused
    host.container("c", **PLAIN, restart_policy="no")
    for options, reason in (
        ({"sdnotify": "healthy"}, "has no health check"),
        ({"after": ["x\ny.service"]}, "expected the name of a unit"),
        ({"restart_sec": -1}, "whole seconds, 0 or more"),
        ({"dest": "/srv/none"}, "is not a directory"),
    ):
        refused = write(host, **options)
        assert refused.failed and reason in refused["msg"], refused
    os.symlink("/dev/null", PATH)
    masked = write(host)
    assert masked.failed and "not a regular file" in masked["msg"], masked
    assert write(host, name="nobody")["error"] == "NoSuchContainer"
    host.module("libpod_pod", {"name": "p", "state": "created"})
    for check in (False, True):
        pods = host.module("libpod_unit", {"name": "p", "dest": FOLDER}, check=check)
        assert pods.failed and "p is a pod, and a unit is one container's" in pods["msg"], pods
    host.module("libpod_pod", {"name": "p", "state": "absent"})
    new = write(host, check=True, new=True, use_names=False, force=True)
    assert [one.partition(":")[0] for one in new["warnings"]] == ["new", "use_names"]
    shutil.rmtree(FOLDER)


@contextlib.contextmanager
def notified(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Yield the socket that gets what systemd would get."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("/srv/manager.sock")
        manager.settimeout(60 * PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", "/srv/manager.sock")
        yield manager
    os.unlink("/srv/manager.sock")


def test_start_tells_systemd_whom_to_watch_and_when_it_is_ready(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    made = host.container("c", **PLAIN, state="present")
    assert not made.failed, made

    def conmon() -> str:
        (shown,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
        return f"MAINPID={shown['State']['ConmonPid']}"

    with notified(monkeypatch) as manager:
        for _start in range(2):  # the second one finds the container running
            libpod(host, "start", "--sdnotify", "conmon", "c")
            assert manager.recv(4096).decode() == f"{conmon()}\nREADY=1"
        # In the unit's cgroup, which is that of the process that was started.
        assert "libpod-" not in Path(f"/proc/{conmon()[8:]}/cgroup").read_text("ascii").replace(host.cgroups.name, "")
        host.container("c", **PLAIN, state="stopped")
        libpod(host, "start", "--sdnotify", "container", "c")
        assert manager.recv(4096).decode() == conmon()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inside:
            (shown,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
            inside.connect(f"/proc/{shown['State']['Pid']}/root/run/notify/notify.sock")
            inside.send(b"READY=1\n")
        assert manager.recv(4096).strip() == b"READY=1"
        assert libpod(host, "stop", "--ignore", "--unwatched", "c").stdout == ""
        libpod(host, "start", "--sdnotify", "conmon", "c", "d", code=125)


@contextlib.contextmanager
def another_host(host: Host) -> Iterator[functools.partial[str]]:
    """Yield what runs a program in a Debian with systemd that has this host's engine, container ``c`` and unit.

    conmon and runc are the machine's, with those of their libraries that the Debian image lacks.
    """
    assert not host.container("b", image="busybox", network="none").failed
    assert not host.module("libpod_export", {"container": "b", "dest": "/srv/b.tar"}).failed
    host.empty()
    os.makedirs("/srv/nested/rootfs")
    host.run("tar", "--directory=/srv/nested/rootfs", "--extract", "--file=/srv/b.tar")
    os.symlink("/srv/nested/rootfs", "/srv/rootfs")
    kept_engine.install(host.parts.static_root)
    with journal():
        made = host.container("c", **INNER, state="present")
    assert not made.failed, made
    assert not write(host).failed
    shutil.copytree("/srv/static", "/srv/nested/static", symlinks=True)
    host.empty()
    libraries = {line.split()[2] for one in PARTS[:2] for line in host.run("ldd", one).splitlines() if "=> /" in line}
    missing = [one for one in libraries if "glib" in one]
    volumes = ["/sys/fs/cgroup:/sys/fs/cgroup:rw", "/srv/nested:/srv", f"{PATH}:/etc/systemd/system/{UNIT}:ro"]
    volumes += [f"{one}:{one}:ro" for one in (*PARTS, *missing)]
    more: dict[str, Any] = {"privileged": True, "cgroupns": "host", "wait": "booted", "wait_timeout": "300"}
    made = host.container("s", image=host.debian(), network="none", volume=volumes, **more)
    assert not made.failed, made

    enter = (
        "nsenter",
        f"--target={made['container']['State']['Pid']}",
        "--mount",
        "--pid",
        "--ipc",
        "--uts",
        "--cgroup",
    )

    yield functools.partial(host.run, *enter)
    host.empty()
    for left in ("nested", "units"):
        shutil.rmtree(f"/srv/{left}")
    for file in ("b.tar", "rootfs"):
        os.unlink(f"/srv/{file}")


def test_systemd_starts_watches_and_stops_the_container(host: Host) -> None:
    """A whole life: the output in the status, an end by itself, a stop, and a container that runs already."""
    with another_host(host) as run:
        roots = [line[12:] for line in Path(PATH).read_text("utf-8").splitlines() if line.startswith("Environment=")]
        engine = ("env", *roots, "/srv/static/engine/libpod")

        def unit(*names: str) -> list[str]:
            return [run("systemctl", "show", "--property", name, "--value", UNIT).strip() for name in names]

        def shown(name: str) -> str:
            return run(*engine, "inspect", "--format", f"{{{{.State.{name}}}}}", "c").strip()

        def traps() -> bool:
            """Return whether the shell has set its two traps."""
            pid = shown("Pid")
            caught = int(run("grep", "SigCgt", f"/proc/{pid}/status").split()[1], 16)
            return run("cat", f"/proc/{pid}/cmdline").startswith("sh\0") and caught & 0x4200 == 0x4200

        assert run("systemd-analyze", "verify", "--man=no", f"/etc/systemd/system/{UNIT}") == ""
        run("systemctl", "start", UNIT)
        assert unit("ActiveState", "StatusErrno", "NRestarts") == ["active", "0", "0"]
        eventually(lambda: "begun" in run("systemctl", "status", "--no-pager", UNIT))
        (pid,) = unit("MainPID")
        assert "conmon" in run("cat", f"/proc/{pid}/comm")

        # A failure, after which systemd starts it again.
        run(*engine, "kill", "--signal", "USR1", "c")
        eventually(lambda: unit("ActiveState", "NRestarts") == ["active", "1"])
        # journald writes it, some time later.
        eventually(lambda: "status=3" in run("journalctl", "--no-pager", "--unit", UNIT))

        # conmon killed: the container, which nothing watches any more, is stopped, and started again.
        before = shown("Pid")
        run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
        eventually(lambda: unit("ActiveState", "NRestarts") == ["active", "2"])
        assert before != shown("Pid") != "0"
        eventually(traps)

        # A stop is no failure, neither systemd's nor the engine's.
        run("systemctl", "stop", UNIT)
        assert unit("ActiveState", "Result") == ["inactive", "success"]
        assert shown("Status") == "exited"
        run("systemctl", "start", UNIT)
        eventually(traps)
        run(*engine, "stop", "c")
        eventually(lambda: unit("ActiveState", "Result") == ["inactive", "success"])

        # One that runs already is watched from then on, and goes on.
        run(*engine, "start", "c")
        before = shown("Pid")
        eventually(traps)
        run("systemctl", "enable", "--now", UNIT)
        assert unit("ActiveState", "UnitFileState") == ["active", "enabled"]
        assert before == shown("Pid")
        run(*engine, "kill", "--signal", "USR1", "c")
        eventually(lambda: unit("ActiveState", "NRestarts") == ["active", "1"])
        # The boot of the engine starts no container of a unit.
        run("systemctl", "stop", UNIT)
        run(*engine, "boot")
        assert shown("Status") == "exited"
        run(*engine, "rm", "c")
