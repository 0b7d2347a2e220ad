# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Malformed configurations and user files fail in one sentence, and only tasks of their own container."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "localhost/busybox:latest", "command": WAITING, "network": "none"}
HUGE = "9" * 5000
# Each text, and how many colons follow it.
USERS = {
    "uid": (f"root:x:0:0::/:/bin/sh\nweb:x:{HUGE}:{HUGE}::/:/bin/sh\n", 0),
    "all": (f"root:x:{HUGE}:{HUGE}::/:/bin/sh\n", 0),
    "line": ("root:x:0:0::/:/bin/sh\n", 5_000_000),
    "digits": ("root:x:²:٣::/:/bin/sh\nweb:x:²:0::/:/bin/sh\n", 0),
}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "health check that is a string": {"Healthcheck": "x"},
    "health check with a number": {"Healthcheck": {"Test": 5}},
    "health check of no time": {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 1 << 80}},
    "surrogate in a volume": {"Volumes": {"/\ud800": {}}},
    "NUL in a volume": {"Volumes": {"/a\0b": {}}},
    "volume longer than a path": {"Volumes": {"/a" * 5000: {}}},
    "component longer than a name": {"Volumes": {"/" + "a" * 300: {}}},
    "NUL in the working directory": {"WorkingDir": "/a\0b"},
    "surrogate in a variable": {"Env": ["A=\ud800"]},
    "number for a command": {"Cmd": [5]},
    "huge user": {"User": HUGE},
    "huge signal": {"StopSignal": HUGE},
    "list of labels": {"Labels": ["x"]},
}


@pytest.fixture
def other(host: Host) -> Iterator[Process]:
    """Yield a second container, which is unaffected by the first one's image."""
    process = Process(host.container("other", **OPTIONS))
    yield process
    again = host.container("other", **OPTIONS)
    assert again.changed is False and again["container"]["State"]["Pid"] == process.pid, again


def expect_a_sentence(result: Result) -> None:
    assert "Traceback" not in f"{result}{result.stderr}" and result.get("error") != "Internal", result
    assert not result.failed or result["msg"] and "\n" not in result["msg"] and len(result["msg"]) < 2000, result


@pytest.mark.parametrize(("users", "colons"), USERS.values(), ids=USERS)
def test_malformed_passwd_and_group_fail_in_one_sentence(host: Host, other: Process, users: str, colons: int) -> None:
    process = Process(host.container("c", **OPTIONS))
    for name in ("passwd", "group"):
        Path(process.path(f"root/etc/{name}")).write_text(users + ":" * colons, encoding="utf-8")
    for user in ("web", "root", "0", "1000:1000"):
        expect_a_sentence(host.module("libpod_container_exec", {"name": "c", "argv": ["true"], "user": user}))
    done = host.module("libpod_container_exec", {"name": "c", "argv": ["true"], "user": "0:0"})
    # runc itself reads lines of up to 64 KiB.
    assert done["rc"] == 0 or "token too long" in done["stderr"], done
    copied = host.module("libpod_container_copy", {"container": "c", "src": "/etc/hosts", "dest": "/tmp/hosts"})
    expect_a_sentence(copied)
    restarted = host.container("c", restart=True, **OPTIONS)
    expect_a_sentence(restarted)
    assert "token too long" in restarted["msg"] if restarted.failed else restarted["container"]["State"]["Running"]
    expect_a_sentence(host.container("c", user="web", **OPTIONS))
    expect_a_sentence(host.module("libpod_prune", {"container": True}))
    gone = host.container("c", state="absent")
    assert not gone.failed and gone["actions"] == ["deleted c"], gone


@pytest.fixture
def store(host: Host) -> Iterator[Path]:
    """Yield the configuration file of the image localhost/busybox, which is restored afterwards."""
    records = json.loads(Path("/srv/storage/overlay-images/images.json").read_text())
    (image,) = [one["id"] for one in records if "localhost/busybox:latest" in one["names"]]
    name = base64.b64encode(f"sha256:{image}".encode()).decode()
    path = Path(f"/srv/storage/overlay-images/{image}/={name}")
    before = path.read_text()
    yield path
    path.write_text(before)


@pytest.mark.parametrize("config", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_malformed_image_configuration_fails_in_one_sentence(
    host: Host, other: Process, store: Path, config: dict[str, Any]
) -> None:
    assert not host.container("c", **OPTIONS).failed
    document = json.loads(store.read_text())
    document["config"].update(config)
    store.write_text(json.dumps(document))
    for options in ({}, {"state": "created"}):
        for check in (True, False):
            expect_a_sentence(host.container("new", **{**OPTIONS, **options}, check=check))
    expect_a_sentence(host.container("c", restart=True, **OPTIONS))
    expect_a_sentence(host.container("c", recreate=True, **OPTIONS))
    pruned = host.module("libpod_prune", {"container": True, "volume": True})
    expect_a_sentence(pruned)
    for name in ("new", "c"):
        gone = host.container(name, state="absent", delete_volumes=True)
        assert not gone.failed, gone
