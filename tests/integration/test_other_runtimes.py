# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI runtimes other than runc and crun, by their path: gVisor's runsc, and youki's command line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import NotImplementedByHost
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support import cgroup_files, inside, other_runtimes
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

BASE: dict[str, Any] = {"image": "busybox", "command": ["sleep", "1000"], "network": "none", "stop_signal": "KILL"}
WEB: dict[str, Any] = {
    **BASE,
    "command": ["sh", "-c", "mkdir -p /www; echo page >/www/index.html; exec httpd -f -p 80 -h /www"],
    "network": "libpod",
    "publish": ["127.0.0.1:8080:80"],
}


@pytest.fixture
def runsc(host: Host) -> Iterator[str]:
    """Have runsc on the host as the OCI runtime of every task and command."""
    path = other_runtimes.runsc(host)
    host.parts = host.parts._replace(oci_runtime=path)
    yield path
    _forget(host, path)


@pytest.fixture
def youki(host: Host) -> Iterator[str]:
    """Likewise the stand-in for youki."""
    path = other_runtimes.youki(host)
    host.parts = host.parts._replace(oci_runtime=path)
    yield path
    _forget(host, path, "/srv/youki.calls", "/srv/youki-runc")


def _forget(host: Host, *paths: str) -> None:
    """Remove the containers, and then the runtime that the removal needs; the fixture ``host`` checks for leaks."""
    host.empty()
    for path in paths:
        shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)


def _made(host: Host, name: str, **options: Any) -> Result:
    made = host.container(name, **options)
    assert not made.failed and made["changed"], made
    return made


def _run(host: Host, name: str, *argv: str, **options: Any) -> str:
    done = host.module("libpod_container_exec", {"name": name, "argv": list(argv), **options})
    assert not done.failed, done
    return str(done["stdout"])


def _unchanged(host: Host, name: str, **options: Any) -> None:
    same = host.container(name, **options, diff=True)
    assert not same.failed and not same["changed"], same


def _status(host: Host, name: str) -> str:
    return str(host.inspected(name)[0]["State"]["Status"])


def _page(host: Host) -> None:
    eventually(lambda: host.run("wget", "-T2", "-qO-", "http://127.0.0.1:8080/") == "page\n")


def _limit(made: Result) -> Optional[str]:
    return cgroup_files.read("memory", made["container"]["State"]["CgroupPath"], "memory.limit_in_bytes")


def test_life_of_a_container_under_runsc(host: Host, runsc: str) -> None:
    options = {**WEB, "memory": "64m", "volume": ["kept:/data"]}
    made = _made(host, "c", **options)
    assert (made["container"]["OCIRuntime"], _limit(made)) == ("runsc", str(64 << 20))
    _unchanged(host, "c", **options)
    _page(host)
    assert "Starting gVisor" in _run(host, "c", "dmesg")
    failed = host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "echo no >&2; exit 3"]})
    assert (failed["rc"], failed["stderr"]) == (3, "no\n")
    assert _run(host, "c", "sh", "-c", "test -t 0 && echo yes", tty=True) == "yes\r\n"
    options["memory"] = "96m"
    assert host.container("c", **options)["actions"] == ["updated c"] and _limit(made) == str(96 << 20)
    _unchanged(host, "c", **options)
    assert host.container("c", state="paused")["actions"] == ["paused c"] and _status(host, "c") == "paused"
    assert not host.container("c", state="paused")["changed"]
    assert host.container("c", state="started")["actions"] == ["unpaused c"] and _status(host, "c") == "running"
    _page(host)
    assert host.container("c", **options, restart=True)["actions"] == ["restarted c"]
    assert _run(host, "c", "cat", "/www/index.html") == "page\n", "the container's layer outlives its process"
    assert host.container("c", state="stopped")["actions"] == ["stopped c"]
    assert not host.container("c", state="stopped")["changed"] and not os.listdir("/srv/run/runsc")
    job = host.container("job", **{**BASE, "command": ["sh", "-c", "echo out; exit 7"]}, detach=False)
    assert (job["rc"], job["stdout"]) == (7, "out\n"), job


def test_killed_sandbox_is_started_again(host: Host, runsc: str) -> None:
    made = _made(host, "c", **BASE, restart_policy="on-failure", healthcheck="true", healthcheck_interval="disable")
    assert libpod(host, "healthcheck", "run", "c").stdout.startswith("healthy")
    os.kill(made["container"]["State"]["Pid"], 9)
    eventually(lambda: host.inspected("c")[0]["RestartCount"] == 1 and _status(host, "c") == "running")
    assert _run(host, "c", "id", "-u") == "0\n"
    assert host.container("c", state="paused")["changed"]
    assert host.container("c", state="absent")["actions"] == ["deleted c"]


def test_gvisors_own_network(host: Host) -> None:
    """Its netstack takes the addresses out of the network namespace, which is no drift."""
    # Kernels from 6.11 on show this file in each network namespace, by which Debian's runsc takes all for the host's
    # (https://github.com/google/gvisor/issues/10704).
    hide = (
        """case "$*" in *" start "*) exec unshare --mount sh -c 'mount -n -t tmpfs hide /proc/sys/net; exec "$@"' - """
    )
    path = other_runtimes.runsc(host, "--overlay2=none")
    program = Path(path).read_text().splitlines()[-1].removeprefix("exec ")
    Path(path).write_text(f"#!/bin/sh\n{hide}{program} ;; esac\nexec {program}\n")
    host.parts = host.parts._replace(oci_runtime=path)
    made = _made(host, "c", **WEB)
    _page(host)
    address = made["container"]["NetworkSettings"]["Networks"]["libpod"]["IPAddress"]
    assert f"inet {address}/" in _run(host, "c", "ip", "address")
    inner = host.run("nsenter", f"--net=/proc/{made['container']['State']['Pid']}/ns/net", "ip", "address")
    assert "eth0" in inner and address not in inner
    _unchanged(host, "c", **WEB)
    _unchanged(host, "c", **WEB, drift="full")
    _forget(host, path, "/run/mount")


def test_command_over_its_time_is_ended_in_the_sandbox(host: Host, runsc: str) -> None:
    _made(host, "c", **BASE)
    late = host.module("libpod_container_exec", {"name": "c", "command": "sh -c 'sleep 100; true'", "timeout": 1})
    assert late.failed and "did not end within 1 seconds" in late["msg"], late
    left = _run(host, "c", "ps", "-o", "args").splitlines()
    assert not [line for line in left if "sleep 100" in line and "1000" not in line], left
    assert not inside.held(host)


@pytest.mark.parametrize("runtime", ["runsc", "youki"])
def test_start_of_a_killed_engine_goes_on(host: Host, request: pytest.FixtureRequest, runtime: str) -> None:
    """The runtime tells whether it has started what is recorded as created; no FIFO of its shows that."""
    request.getfixturevalue(runtime)
    _made(host, "c", **BASE, state="created")
    effect = f"{runtime} start #1"
    for status in ("created", "running"):
        killed = host.module("libpod_container", {"name": "c", **BASE}, kill_at=effect)
        assert killed.killed_at == effect, killed.effects
        assert host.inspected("c")[0]["State"]["ModelStatus"] == status
        assert not host.container("c", **BASE).failed and _status(host, "c") == "running"
        _unchanged(host, "c", **BASE)
        assert host.container("c", state="absent").changed
        _made(host, "c", **BASE, state="created")
        # Next, the record of the start.
        effect = f"write state.json #{1 + sum(one.startswith('write state.json') for one in killed.effects)}"


def test_what_a_sandbox_cannot_have(host: Host, runsc: str, second_network: str) -> None:
    _made(host, "c", **BASE)
    for option, value in {
        "pid": "host",
        "ipc": "container:c",
        "uidmap": ["0:100000:65536"],
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "personality": "linux32",
    }.items():
        refused = host.container("d", **{**BASE, option: value})
        assert refused.failed and refused["msg"].startswith(f"{option}: ") and runsc in refused["msg"], refused
    options = {**BASE, "network": "libpod", "umask": "0077"}
    made = host.container("c", **options)
    assert made["changed"] and any("umask: has no effect on container c" in one for one in made["warnings"]), made
    moved = host.container("c", **{**options, "network": ["libpod", "second"]})
    assert moved["actions"] == ["recreated c"] and "eth1" in _run(host, "c", "ip", "address"), moved
    shared = host.module("libpod_pod", {"name": "p"})
    assert shared.failed and shared["msg"].startswith("share: ipc, uts cannot be shared in pod p: "), shared
    assert host.module("libpod_pod", {"name": "p", "share": "net"}).changed
    member = {**BASE, "network": None, "pod": "p"}
    _made(host, "m", **member)
    assert "eth0" in _run(host, "m", "ip", "address")
    _unchanged(host, "m", **member)
    assert host.module("libpod_pod", {"name": "p", "state": "absent"}).changed


def test_files_of_a_sandbox(host: Host, runsc: str) -> None:
    os.mkdir("/srv/data")
    Path("/srv/file").write_text("from the host\n")
    _made(host, "c", **BASE, volume=["/srv/data:/data", *inside.PYTHON])
    assert "rather than to a volume" in libpod(host, "cp", "/srv/file", "c:/data/there").stderr
    assert _run(host, "c", "cat", "/data/there") == "from the host\n"
    _run(host, "c", "sh", "-c", "echo from inside >/root/back")
    libpod(host, "cp", "c:/root/back", "/srv/back")
    assert Path("/srv/back").read_text() == "from inside\n"
    assert inside.play(host, [{"ping": {}}], settings=inside.PIPELINED)["ping"]["ping"] == "pong"
    with pytest.raises(NotImplementedByHost, match="it runs in a sandbox of /srv/runsc"):
        Runtime(host.parts).container("c").fetch_file("/root/back", "/srv/back")
    _forget(host, "/srv/data", "/srv/file", "/srv/back")


@pytest.mark.parametrize("runtime", ["runsc", "youki"])
def test_unreadable_container_is_removed_by_its_runtimes_state(
    host: Host, request: pytest.FixtureRequest, runtime: str
) -> None:
    request.getfixturevalue(runtime)
    one = _made(host, "c", **{**BASE, "command": WAITING})["container"]["Id"]
    Path(f"/srv/static/containers/{one}/config.json").write_text("{")
    gone = host.container("c", state="absent", force_delete=True)
    assert not gone.failed and not os.listdir(f"/srv/run/{runtime}"), gone


def test_life_of_a_container_by_youkis_command_line(host: Host, youki: str) -> None:
    made = _made(host, "c", **BASE, memory="64m")
    assert made["container"]["OCIRuntime"] == "youki"
    folder = f"/srv/run/youki/{made['container']['Id']}"
    assert sorted(os.listdir(folder)) == ["notify.sock", "state.json", "youki_config.json"]
    _unchanged(host, "c", **BASE, memory="64m")
    assert _status(host, "c") == "running", "notify.sock outlives the start"
    assert _run(host, "c", "id", "-u") == "0\n"
    assert host.container("c", **BASE, memory="96m")["actions"] == ["updated c"] and _limit(made) == str(96 << 20)
    assert host.container("c", state="paused")["changed"] and _status(host, "c") == "paused"
    assert host.container("c", state="started")["changed"] and _status(host, "c") == "running"
    assert host.container("c", state="stopped")["changed"] and not os.path.exists(folder)
    assert host.container("c", state="started")["changed"] and _status(host, "c") == "running"
    wrong = host.container("d", **{**BASE, "command": ["/nope"]})
    assert wrong.failed and "/nope" in wrong["msg"], wrong
    assert host.container("c", state="absent")["changed"]
    used = set(Path("/srv/youki.calls").read_text().split())
    assert used == {"create", "start", "exec", "delete"}, used
