# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What podman has on record of a container where it cannot be used, and the engine's own record of that."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import Any, Iterator, Mapping

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.podman import bolt
from ansible_collections.libpod.engine.plugins.module_utils._store.store import Store
from ansible_collections.libpod.engine.tests.support.adoption import (
    BACKENDS,
    begun,
    conmons,
    database,
    handed,
    of_backend,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.podman import Podman
from ansible_collections.libpod.engine.tests.support.process import eventually

SLEEP = ("sleep", "1000")

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with of_backend(request) as both:
        yield both


def record(host: Host, container_id: str, part: str, changes: Mapping[str, Any]) -> None:
    """Change members of podman's ``config`` or ``state`` of a container, or its ``tmp_dir`` for all containers."""
    if host.parts.network_backend == "cni":
        with bolt.opened(database(host)) as there:
            bucket, key = there.root.bucket(b"ctr", container_id.encode()), part.encode()
            if part == "tmp_dir":
                there.root.bucket(b"runtime-config")[b"tmp-dir"] = changes[part]
            elif "netns" in changes:
                bucket[b"netns"] = changes["netns"].encode()
            else:
                bucket[key] = json.dumps({**json.loads(bucket.value(key)), **changes}).encode()
            there.commit()
        return
    with closing(sqlite3.connect(database(host), isolation_level=None)) as connection:
        if part == "tmp_dir":
            connection.execute("UPDATE DBConfig SET TmpDir = ?", (changes[part],))
            return
        table = {"config": "ContainerConfig", "state": "ContainerState"}[part]
        (text,) = connection.execute(f"SELECT JSON FROM {table} WHERE ID = ?", (container_id,)).fetchone()
        changed = json.dumps({**json.loads(text), **changes})
        connection.execute(f"UPDATE {table} SET JSON = ? WHERE ID = ?", (changed, container_id))


SHM = {"ShmDir": "/srv", "mounts": ["/srv"]}
UNUSABLE: dict[str, tuple[str, dict[str, Any], str]] = {
    "volume": ("config", {"namedVolumes": [{"volumeName": "../x", "dest": "/x"}]}, "'../x'"),
    "port": ("config", {"newPortMappings": [{"host_port": 1 << 40, "container_port": 80}]}, "host_port: expected"),
    "signal": ("config", {"stopSignal": 999}, "stopSignal: expected"),
    "type": ("config", {"ShmDir": 5}, "ShmDir: expected a string"),
    "shm": ("config", SHM, "ShmDir: expected the path"),
    "static directory": ("config", {"staticDir": "/etc"}, "staticDir: expected a directory of this container"),
    "directory of the runs": ("config", {"tmp_dir": b"/a\0b"}, "tmp_dir: expected a string without NUL"),
    "process": ("state", {"conmonPid": 1}, "conmonPid: expected"),
    "bundle": ("state", {"configPath": "/nowhere"}, "configPath: expected the path"),
    "hosts": ("state", {"bindMounts": {"/etc/hosts": "/etc/passwd"}}, "bindMounts./etc/hosts: expected the path"),
    "run directory": ("state", {"runDir": "/etc/../srv"}, "runDir: expected a directory of this container"),
    "mount point": ("state", {"mountPoint": "/srv"}, "mountPoint: expected the mount point"),
    "namespace": ("state", {"netns": "/srv/data"}, "netns: expected a file in /run/netns"),
    "namespace's directory": ("state", {"netns": "/run/netns/.."}, "netns: expected a file in /run/netns"),
    "another's namespace": ("state", {"netns": "/run/netns/other"}, "is not in the namespace /run/netns/other"),
}
ENDED: dict[str, tuple[str, dict[str, Any], str]] = {
    "exit code": ("state", {"exitCode": "7"}, "exitCode: expected"),
    "memory": ("state", {"oomKilled": 1}, "oomKilled: expected"),
    "time": ("state", {"finishedTime": 5}, "finishedTime: expected"),
    "stop": ("state", {"stoppedByUser": 1}, "stoppedByUser: expected"),
    "run directory of the ended": ("state", {"runDir": "/etc"}, "runDir: expected"),
}


def test_record_that_cannot_be_used_is_refused_while_podman_has_it(both: tuple[Host, Podman]) -> None:
    """In check mode as in the run, and what a path leads to that is not the container's own stays."""
    host, podman = both
    for path in ("/srv/data", "/run/netns/other"):
        with open(path, "x", encoding="ascii"):
            pass
    container_id, containers = begun(podman, command=SLEEP)["Id"], f"{host.parts.static_root}/containers"
    for cases in (UNUSABLE, ENDED):
        for named, (part, changes, expected) in cases.items():
            with open(database(host), "rb") as file:
                before = file.read()
            record(host, container_id, "tmp_dir" if "tmp_dir" in changes else part, changes)
            for check in (True, False):
                refused = host.container("web", state="adopted", check=check)
                assert expected in refused["msg"] and refused["error"] != "Internal", (named, refused)
            assert Store(host.parts).name_record("web") == {} and os.listdir(containers) == [], named
            with open(database(host), "wb") as file:
                file.write(before)
        handed(host, "adopted")
        handed(host, "given_back")
        podman.run("stop", "--time", "0", "web")
        eventually(lambda: not conmons(host))
    for path in ("/srv/data", "/run/netns/other"):
        os.unlink(path)


def test_container_of_which_the_database_has_half_is_named(both: tuple[Host, Podman]) -> None:
    host, podman = both
    container_id = begun(podman, "--network", "none", command=SLEEP)["Id"]
    with open(database(host), "rb") as file:
        before = file.read()
    if host.parts.network_backend == "cni":
        with bolt.opened(database(host)) as there:
            there.root.bucket(b"ctr").pop(container_id.encode())
            there.commit()
    else:
        with closing(sqlite3.connect(database(host), isolation_level=None)) as connection:
            connection.execute("DELETE FROM ContainerState")
    refused = host.container("web", state="adopted")
    assert refused["error"] == "MalformedData" and "has container web without its state" in refused["msg"], refused
    with open(database(host), "wb") as file:
        file.write(before)


def test_container_that_the_user_has_stopped_is_not_started_at_boot(both: tuple[Host, Podman]) -> None:
    """Whichever engine has stopped it, or if none has started it yet."""
    host, podman = both
    policy = ["--network", "none", "--restart", "unless-stopped"]
    for name in ("stopped", "ended"):
        begun(podman, *policy, name=name)
    podman.run("create", "--name", "new", *policy, "localhost/busybox", *SLEEP)
    podman.run("stop", "--time", "3", "stopped")
    for name in ("stopped", "ended", "new"):
        handed(host, "adopted", name)
    assert not host.container("ended", state="stopped").failed
    handed(host, "given_back", "ended")
    handed(host, "adopted", "ended")
    libpod(host, "boot")
    assert libpod(host, "ps", "--quiet").stdout == ""
    for name in ("stopped", "ended", "new"):
        assert host.container(name, state="started").changed


@pytest.mark.parametrize("content", ("{", None))
def test_container_ends_and_goes_without_the_record_of_what_podman_had(
    both: tuple[Host, Podman], content: str | None
) -> None:
    host, podman = both
    static_dir = begun(podman, "--network", "none")["StaticDir"]
    path = handed(host, "adopted")["container"]["StaticDir"] + "/podman.json"
    os.unlink(path)
    if content is not None:
        with open(path, "w", encoding="ascii") as file:
            file.write(content)
    refused = host.container("web", state="given_back")
    assert refused["error"] in ("InvalidState", "MalformedData", "StateCorrupt") and refused["actions"] == [], refused
    stopped = host.container("web", state="stopped")
    assert not stopped.failed and "what podman noted of its last run stays" in str(stopped["warnings"]), stopped
    assert not host.container("web", state="started").failed
    assert not host.container("web", state="absent").failed
    assert not os.path.exists(static_dir) and not host.container("web", state="absent").changed
