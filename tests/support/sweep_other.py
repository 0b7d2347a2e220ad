# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine does outside of a container's own task, for the kill sweep to interrupt."""

from __future__ import annotations

import os
import shutil
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._drivers import process
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images import archive_reader
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from .hosts import Host
from .modules import Result, in_child
from .process import Process, eventually
from .sweep import Operation, Task
from .sweep_tasks import (
    ABSENT,
    RUNNING,
    STOPPED,
    TURNS,
    Options,
    does,
    inspected,
    is_gone,
    is_stopped,
    module,
    processes,
    program,
    runs,
    started,
    without_exit_command,
)


def _end(host: Host) -> None:
    """Kill the container's process, as conmon sees it before the exit command."""
    pid = Process(inspected(host)).pid
    os.kill(pid, 9)
    eventually(lambda: not process.start_time(pid))


def _ended(options: Options) -> list[Task]:
    """Return tasks after which the container has exited and no exit command has run."""
    return [ABSENT, started(options, prepare=without_exit_command), does(_end)]


ALWAYS: Options = {**RUNNING, "restart_policy": "always"}
GOING: Options = {**RUNNING, "rm": True}
HELPED = program("exit", "ID", check=lambda host: runs(host, ALWAYS))
CRASHING: Options = {**RUNNING, "command": ["sh", "-c", "exit 3"], "restart_policy": "always"}


def _waits_for_its_restart(host: Host) -> None:
    assert not host.module("libpod_container", dict(CRASHING)).failed
    eventually(lambda: (one := inspected(host))["State"]["Restarting"] and one["RestartCount"] >= 3, seconds=60)


# Health


def _check_health(host: Host, kill_at: str) -> Result:
    return in_child(lambda: Runtime(host.parts).container("web").healthcheck() and None, kill_at=kill_at)


def _sick(action: str) -> Operation:
    """Return the sweep of a failing check and its action; the container's own task restarts it."""
    options: Options = {
        **RUNNING,
        "healthcheck": "false",
        "healthcheck_interval": "disable",
        "healthcheck_retries": 1,
        "healthcheck_failure_action": action,
    }
    return Operation([ABSENT, started(options)], Task(_check_health), ABSENT, by=[started(options)])


# Lists


def _stack(host: Host) -> dict[str, dict[str, Any]]:
    return {one["Name"]: one for one in host.inspected()}


def _several(second: str, *names: str) -> Task:
    """Return the task of a list: a network's owner, a joining container and one more, purging unlisted ones."""
    common = {"image": RUNNING["image"], "command": ["sleep", "1000"], "network": "none", "stop_signal": "KILL"}
    listed: list[dict[str, Any]] = [{"name": "owner", "command": ["sleep", second]}]
    listed += [{"name": "joiner", "network": "container:owner"}, *({"name": name} for name in names)]
    args = {"containers": listed, "defaults": {**common, "label": {"stack": "x"}}, "purge": "stack=x", "workers": 2}

    def check(host: Host) -> None:
        found = _stack(host)
        assert sorted(found) == sorted(["owner", "joiner", *names])
        assert processes(host) == sorted([f"sleep {second}", "sleep 1000", *("sleep 1000" for _name in names)])
        inodes = [os.stat(f"/proc/{found[name]['State']['Pid']}/ns/net").st_ino for name in ("owner", "joiner")]
        assert inodes[0] == inodes[1], "who joined has been handed over"

    return module("libpod_containers", args, check)


def _no_stack(host: Host, kill_at: str) -> Result:
    args = {"containers": [{"name": name, "state": "absent"} for name in ("owner", "joiner", "first", "second")]}
    return host.module("libpod_containers", args, kill_at=kill_at)


def _no_directories(host: Host) -> None:
    """Assert that no container is left, nor a directory of one, by which its label is known."""
    assert not _stack(host) and not processes(host)
    for root in (host.parts.static_root, host.parts.run_root):
        assert os.listdir(f"{root}/containers") == []


# Exec, commit, export


def _executes(host: Host) -> None:
    assert processes(host) == ["sleep 1000", "sleep 1111"]


def _no_image(host: Host) -> None:
    Images(host.parts).remove("saved")
    assert not host.module("libpod_prune", {"image": True}).failed


def _is_saved(host: Host) -> None:
    runs(host, RUNNING)
    assert Images(host.parts).store.find("saved") is not None


def _archives(host: Host) -> None:
    """Have an archive of an image that the store lacks, and one of a root filesystem."""
    if not os.path.exists("/srv/out"):
        os.mkdir("/srv/out")
        saved = {"image": ["volume"], "dest": "/srv/out/in.tar", "format": "oci-archive"}
        assert host.module("libpod_save", saved).changed
        host.run("tar", "--create", "--file=/srv/out/root.tar", "--directory=/srv/out", "in.tar")
    for name in ("saved", "volume"):
        Images(host.parts).remove(name)
    _no_cache(host)


def _no_cache(_host: Host) -> None:
    shutil.rmtree("/var/lib/containers", ignore_errors=True)


def _no_archives(host: Host) -> None:
    shutil.rmtree("/srv/out", ignore_errors=True)
    for name in ("saved", "volume"):
        Images(host.parts).remove(name)
    target = Images(host.parts)._target("localhost/volume:latest")
    host.run("skopeo", "--insecure-policy", "copy", "--quiet", f"oci:{host.layout}:volume", target)
    _no_cache(host)


def _is_written(host: Host) -> None:
    assert os.listdir("/srv/out") == ["out.tar"]
    assert len(archive_reader.read("/srv/out/out.tar").images) == 2 and os.listdir("/srv/static/images") == []


def _is_loaded(host: Host) -> None:
    assert Images(host.parts).store.find("volume") is not None and os.listdir("/srv/static/images") == []


def _is_imported(host: Host) -> None:
    assert Images(host.parts).store.find("saved") is not None and os.listdir("/srv/static/images") == []


def _is_exported(host: Host) -> None:
    assert os.listdir("/srv/out") == ["web.tar"]
    assert "bin/busybox" in host.run("tar", "--list", "--file=/srv/out/web.tar").split()


def _and(task: Task, *work: Any) -> Task:
    """Return the removal followed by what else restores the host."""
    return Task(lambda host, kill_at: [task.run(host, kill_at), *(one(host) for one in work)][0])


def _out_folder(host: Host) -> None:
    shutil.rmtree("/srv/out", ignore_errors=True)
    os.mkdir("/srv/out")


PURGED = module("libpod_containers", {"containers": [], "purge": "stack=x"}, _no_directories)
EXEC = {"name": "web", "argv": ["sleep", "1111"], "detach": True}
CLEANED = program("exit", "ID", check=is_stopped)
# What the operator's commands and the boot do is swept as the tasks that do the same; here are the ends of their parts.
PARTS = "event|signal|json"
OPERATIONS = {
    "exit": Operation(_ended(RUNNING), CLEANED, ABSENT, by=[CLEANED, STOPPED, started(RUNNING)], removed="json"),
    # Once the container's directories are gone nobody but who comes for the name can know that it was there.
    "exit and removal": Operation(
        _ended(GOING), program("exit", "ID", check=is_gone), ABSENT, by=[ABSENT], removed="json"
    ),
    "exit and restart": Operation(
        _ended(ALWAYS), HELPED, ABSENT, by=[HELPED, started(ALWAYS)], only=f"cgroup.procs|{TURNS}", removed=PARTS
    ),
    "cancelled restart": Operation([ABSENT, does(_waits_for_its_restart)], STOPPED, ABSENT, removed="signal"),
    **{f"check with action {action}": _sick(action) for action in ("kill", "stop", "restart")},
    "boot": Operation(
        [started(ALWAYS), does(Host.reboot)],
        program("boot", check=lambda host: runs(host, ALWAYS)),
        ABSENT,
        only="#1$",
        removed=PARTS,
    ),
    "libpod stop": Operation(
        [started(RUNNING)], program("stop", "web", check=is_stopped), ABSENT, only=PARTS, removed="event"
    ),
    "libpod start": Operation(
        [started(RUNNING), STOPPED],
        program("start", "web", check=lambda host: runs(host, RUNNING)),
        ABSENT,
        only=PARTS,
        removed="event",
    ),
    "libpod restart": Operation(
        [started(RUNNING)],
        program("restart", "web", check=lambda host: runs(host, RUNNING)),
        ABSENT,
        only=PARTS,
        removed="event",
    ),
    "list": Operation(
        [Task(_no_stack), _several("1001", "first")],
        _several("1002", "second"),
        Task(_no_stack),
        other=_several("1001", "first"),
        only="(json|lock|event.*|^conmon|runc.*|storage.*) #1$",
        removed="(json|event.*) #1$",
    ),
    "purge": Operation(
        [started({**RUNNING, "label": {"stack": "x"}})], PURGED, ABSENT, by=[PURGED, ABSENT], removed="event"
    ),
    "exec in the background": Operation(
        [ABSENT, started(RUNNING)], module("libpod_container_exec", EXEC, _executes, settles=False), ABSENT
    ),
    "commit": Operation(
        [started(RUNNING), does(_no_image)],
        module("libpod_commit", {"container": "web", "image": "saved"}, _is_saved),
        _and(ABSENT, _no_image),
    ),
    "save": Operation(
        [does(_out_folder, _no_cache)],
        module(
            "libpod_save",
            {"image": ["busybox", "bare"], "dest": "/srv/out/out.tar", "format": "oci-archive"},
            _is_written,
        ),
        does(lambda _host: shutil.rmtree("/srv/out"), _no_cache),
    ),
    "load": Operation(
        [does(_archives)], module("libpod_load", {"input": "/srv/out/in.tar"}, _is_loaded), does(_no_archives)
    ),
    "import": Operation(
        [does(_archives)],
        module(
            "libpod_import",
            {"src": "/srv/out/root.tar", "image": "saved"},
            _is_imported,
        ),
        does(_no_archives),
    ),
    "export": Operation(
        [started(RUNNING), does(_out_folder)],
        module("libpod_export", {"container": "web", "dest": "/srv/out/web.tar"}, _is_exported),
        _and(ABSENT, lambda _host: shutil.rmtree("/srv/out", ignore_errors=True)),
    ),
}
