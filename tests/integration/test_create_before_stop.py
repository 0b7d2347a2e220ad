# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A re-created container is created before the old one stops, so that a refusal by the OCI runtime stops nothing."""

from __future__ import annotations

import os
import shutil
import socket
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.tests.support import cgroup_files, leaks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import NOWHERE, Result
from ansible_collections.libpod.engine.tests.support.process import UNMAKEABLE, WAITING, Process, eventually, settled

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
SERVING: dict[str, Any] = {
    **BASE,
    "command": ["httpd", "-f", "-p", "80"],
    "stop_signal": "KILL",
    "network": "bridge",
    "publish": ["8080:80"],
    "volume": ["data:/data", "/anonymous"],
}


@pytest.mark.parametrize(
    "options",
    [
        BASE,
        {**BASE, "state": "paused"},
        {**BASE, "uidmap": ["0:100000:65536"]},
        SERVING,
        {**SERVING, "uidmap": ["0:100000:65536"], "cidfile": "/srv/cid", "pid_file": "/srv/pid"},
    ],
    ids=["none", "paused", "mapped", "serving", "mapped and serving"],
)
def test_refusal_leaves_the_old_container_untouched(host: Host, options: dict[str, Any]) -> None:
    first = host.container("c", **options)
    assert not first.failed, first
    pid = Process(first).pid
    if options["command"] == WAITING and "state" not in options:
        settled(first)
    before = leaks.snapshot(host)
    predicted = host.container("c", check=True, **{**options, **UNMAKEABLE})
    assert predicted["actions"][0] == "recreated c", predicted  # check mode creates nothing
    refused = host.container("c", **{**options, **UNMAKEABLE})
    assert refused.failed and refused["error"] == "ContainerNotCreated" and "not a directory" in refused["msg"], refused
    assert (refused["changed"], refused["actions"]) == (False, [])
    eventually(lambda: leaks.difference(before, leaks.snapshot(host)) == [])  # the new one's conmon may be about to end
    (container,) = host.module("libpod_container_info")["containers"]
    assert (container["State"]["Pid"], container["Id"]) == (pid, first["container"]["Id"])
    assert container["State"]["Status"] == ("paused" if "state" in options else "running")
    if "publish" in options:
        _answers()
    assert host.container("c", **options)["actions"] == []


def _answers() -> None:
    """Wait until the web server takes a connection at the published port."""
    eventually(lambda: socket.create_connection(("127.0.0.1", 8080), timeout=20).close() is None)


def _recreated(host: Host, **options: Any) -> Result:
    done = host.module("libpod_container", {"name": "c", **options}, kill_at=NOWHERE)
    assert done["actions"] == ["recreated c"] and Process(done).pid, done
    return done


def _beside(done: Result) -> bool:
    """Return whether the new container was created before the old one got its signal."""
    signal = next(index for index, one in enumerate(done.effects) if one.startswith("signal "))
    return done.effects.index("conmon #1") < signal


@pytest.mark.parametrize("mapped", [False, True])
def test_new_container_takes_over_address_and_ports_after_the_stop(host: Host, mapped: bool) -> None:
    options = {**SERVING, **({"uidmap": ["0:100000:65536"]} if mapped else {})}
    assert not host.container("c", **options).failed
    done = _recreated(host, **options, env={"A": "1"})
    assert _beside(done)
    assert done.effects.index("cni DEL bridge #1") < done.effects.index("cni ADD bridge #1")
    address = done["container"]["NetworkSettings"]["IPAddress"]
    process = Process(done)
    assert f"inet {address}/" in host.run("nsenter", f"--net={process.path('ns/net')}", "ip", "-o", "-4", "address")
    assert f"{address}\t" in process.read("root/etc/hosts")
    _answers()
    with pytest.raises(OSError, match="in use"):
        socket.create_server(("0.0.0.0", 8080))
    assert host.container("c", **options, env={"A": "1"})["actions"] == []
    with socket.create_server(("0.0.0.0", 8081)):
        # A host port in use that no earlier run has checked.
        taken = host.container("c", **{**options, "publish": ["8081:80"], "env": {"A": "2"}})
    assert taken.failed and "8081" in taken["msg"] and not taken["changed"], taken


@pytest.fixture
def folders(host: Host) -> Iterator[None]:
    for name in ("hooks", "given", "below"):
        os.mkdir(f"/srv/{name}")
    yield
    for name in ("hooks", "given", "below", "tree"):
        shutil.rmtree(f"/srv/{name}", ignore_errors=True)


@pytest.mark.usefixtures("folders")
def test_container_sharing_resources_with_the_old_one_is_created_after_its_stop(host: Host) -> None:
    host.run(
        "sh", "-c", "mkdir -p /srv/tree/bin && cp /bin/busybox /srv/tree/bin/sh && cp /bin/busybox /srv/tree/bin/sleep"
    )
    tree = {
        "image": "/srv/tree",
        "rootfs": True,
        "command": ["sleep", "1000"],
        "stop_signal": "KILL",
        "network": "none",
    }
    cases: list[tuple[dict[str, Any], bool]] = [
        (BASE, True),
        ({**BASE, "hooks_dir": ["/srv/hooks"]}, False),
        ({**BASE, "volume": ["/srv/given:/given:U"]}, False),
        ({**BASE, "volume": ["/srv/below:/below:O"]}, False),
        ({**BASE, "timeout": 3600}, False),
        ({**BASE, "network": "bridge", "sysctl": {"net.ipv4.conf.eth0.forwarding": "1"}}, False),
        ({**BASE, "log_opt": {"path": "/srv/given/log"}}, True),
        ({**BASE, "log_opt": {"path": "/srv/given/log"}}, False),
        (tree, False),
        ({**tree, "image": "/srv/tree:O"}, False),
        ({**tree, "image": "/srv/tree:O"}, True),
        ({**BASE, "volume": ["lent:/lent"], "tmpfs": {"/t": ""}, "secrets": []}, True),
    ]
    assert not host.container("c", **BASE).failed
    for number, (options, beside) in enumerate(cases):
        done = _recreated(host, **options, env={"NUMBER": str(number)})
        assert _beside(done) == beside, options


def _tasks(cgroup: str) -> int:
    return int(cgroup_files.read("pids", cgroup, "pids.current") or 0)


def test_old_container_stops_first_if_both_do_not_fit(host: Host) -> None:
    parent = "/libpod_parent/tight"
    many = "i=0; while [ $i -lt 60 ]; do sleep 1000 & i=$((i+1)); done; wait"
    options = {**BASE, "cgroup_parent": parent, "command": ["sh", "-c", many], "stop_signal": "KILL"}
    old = Process(host.container("c", **options))
    eventually(lambda: _tasks(parent) > 60)
    cgroup_files.write("pids", parent, "pids.max", str(_tasks(parent) + 2))
    done = host.container("c", **{**options, "command": WAITING, "env": {"A": "1"}})
    assert done["actions"] == ["recreated c"], done.get("msg")
    assert Process(done).argv == WAITING and not start_time(old.pid)
    refused = host.container("c", **{**options, "command": WAITING, **UNMAKEABLE})
    assert refused.failed and refused["actions"] == [] and Process(done).argv == WAITING, refused
    host.container("c", state="absent")
    host.run("sh", "-c", f"rmdir /sys/fs/cgroup/*{parent} || true")
