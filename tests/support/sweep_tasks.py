# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sweeps kill: tasks of the container ``web``, and how the kernel shows that they are done."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Mapping

from ansible_collections.libpod.engine.plugins.module_utils._cli.main import main
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from . import cgroup_files
from .hosts import Host
from .modules import Result, in_child
from .process import PATIENCE
from .sweep import Check, Task

Options = Mapping[str, Any]
# The effects by which the records, the OCI runtime, the network or the store tell how far a task has come. What is
# mounted and made between two of them, in an init or a cleanup, is swept by create, start, stop and remove.
TURNS = "event|signal|json|rename|short name|a name|^conmon|^release|runc|cni|layer|clear|containers/ID|lock|log"
RUNNING: Options = {
    "name": "web",
    "image": "localhost/busybox:latest",
    "command": ["sleep", "1000"],
    "stop_signal": "KILL",
    "network": "none",
}
SERVING: Options = {
    **RUNNING,
    "network": "bridge",
    "publish": ["8080:80"],
    "volume": ["data:/data"],
    "memory": "64m",
}


def module(name: str, args: Options, check: Check, *, settles: bool = True) -> Task:
    return Task(lambda host, kill_at: host.module(name, dict(args), kill_at=kill_at), check, settles)


def started(options: Options, **how: Any) -> Task:
    """Return the task that has the container run with these options; ``how`` as for ``modules.run``."""
    return Task(
        lambda host, kill_at: host.module("libpod_container", dict(options), kill_at=kill_at, **how),
        lambda host: runs(host, options),
    )


def program(*words: str, check: Check) -> Task:
    """Return a run of the engine's program, as by conmon, the boot or an operator.

    ``ID`` stands for the container ID of ``web``, also once that is removed.
    """
    known = [""]

    def run(host: Host, kill_at: str) -> Result:
        known[0] = Runtime(host.parts).store.name_record("web").get("id") or known[0]

        def body() -> None:
            os.environ.update(host.parts.environment())
            raise SystemExit(main([known[0] if word == "ID" else word for word in words]))

        return in_child(body, kill_at=kill_at)

    return Task(run, check)


def does(*work: Callable[[Host], object]) -> Task:
    """Return a task that changes the host and is never killed."""

    def run(host: Host, kill_at: str) -> Result:
        for one in work:
            one(host)
        return Result()

    return Task(run)


def fails(task: Task, error: str) -> Task:
    """Return the task expected to fail with this error and to change nothing."""

    def run(host: Host, kill_at: str) -> Result:
        result = task.run(host, kill_at)
        if not result.killed:
            assert result.failed and result["error"] == error, result
            result.update(failed=False)
            result.exit_code = 0
        return result

    return Task(run, task.check, settles=False)


def without_exit_command() -> None:
    """For ``prepare``: conmon has nothing to run, as if the exit command were killed before its first instruction."""
    command.argv = lambda parts: []


# What the kernel says


def processes(host: Host) -> list[str]:
    """Return the command lines of the containers' processes, all ``sleep``, once they have started."""
    deadline = time.monotonic() + 10 * PATIENCE
    while True:
        found = []
        for pid in host.cgroups.processes():
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    found.append(file.read().replace("\0", " ").strip())
            except OSError:
                continue
        # Between `runc start` and the program stands an exec, in the middle of which there are no words.
        if not any(" init" in line or not line for line in found) or time.monotonic() > deadline:
            return sorted(line for line in found if line.startswith("sleep "))


def inspected(host: Host, name: str = "web") -> dict[str, Any]:
    (one,) = host.inspected(name)
    return one


def runs(host: Host, options: Options) -> dict[str, Any]:
    """Assert that the container runs, once, as the options say; return its inspection."""
    one = inspected(host)
    assert one["State"]["Status"] == ("paused" if options.get("state") == "paused" else "running"), one["State"]
    assert (found := processes(host)) == [" ".join(options["command"])], found
    with open(f"/proc/{one['State']['Pid']}/cmdline", encoding="utf-8") as file:
        assert file.read().split("\0")[:-1] == options["command"]
    with open(f"/proc/{one['State']['Pid']}/cgroup", encoding="ascii") as file:
        assert f":{one['State']['CgroupPath']}\n" in file.read(), "it runs outside of its cgroup"
    if "memory" in options:
        limit = cgroup_files.read("memory", one["State"]["CgroupPath"], "memory.limit_in_bytes")
        assert limit == str(int(options["memory"][:-1]) << 20)
    if "publish" in options:
        rules = [line for line in host.run("iptables", "-t", "nat", "-S").splitlines() if "--to-destination" in line]
        addresses = [found["IPAddress"] for found in one["NetworkSettings"]["Networks"].values()]
        inside = host.run("nsenter", f"--net=/proc/{one['State']['Pid']}/ns/net", "ip", "-o", "-4", "address")
        assert all(f"inet {address}/" in inside for address in addresses)
        assert [line.split()[-1] in [f"{address}:80" for address in addresses] for line in rules] == [True], rules
        assert [f"--dport {port.split(':')[0]} -j" in rules[0] for port in options["publish"]] == [True], rules
    if "volume" in options:
        with open(f"/proc/{one['State']['Pid']}/root/data/seed", encoding="utf-8") as file:
            assert file.read() == "from the image\n"
    return one


def is_stopped(host: Host) -> None:
    one = inspected(host)
    assert one["State"]["Status"] == "exited" and not one["State"]["Restarting"], one["State"]
    assert processes(host) == []
    assert not os.listdir(host.parts.netns_dir)


def is_gone(host: Host) -> None:
    assert not host.inspected()
    host.expect_clean()


ABSENT = module("libpod_container", {"name": "web", "state": "absent"}, is_gone)
STOPPED = module("libpod_container", {"name": "web", "state": "stopped"}, is_stopped)
