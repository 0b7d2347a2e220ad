# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes on file servers: what mount.TYPE is given, and what its failures lead to.

It has a stand-in here, since the kernels that run the tests have no file system of the network.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
DATA = "/srv/static/volumes/share/_data"
PROGRAMS, EXPORTED = Path("/srv/programs"), Path("/srv/exported")
# What it is given, a word a line; then the export is there, with the flags that it is given.
MOUNTS = """#!/bin/sh
printf '%s\\n' "$0" "$@" > /srv/given
mount --bind /srv/exported "$2" && mount -o "remount,bind,nosuid,nodev" "$2"
"""


@pytest.fixture(scope="module", name="host")
def _host() -> Iterator[Host]:
    with Host() as made:
        yield made


@pytest.fixture(autouse=True)
def _programs(host: Host) -> Iterator[None]:
    """Have a folder of programs on the path of the engine's tools; leave nothing mounted, and no volume."""
    for folder in (PROGRAMS, EXPORTED):
        folder.mkdir()
    (EXPORTED / "served").write_text("served\n")
    kernel.mount(str(PROGRAMS), "/usr/local/sbin", flags=kernel.MS_BIND)
    yield
    kernel.umount("/usr/local/sbin")
    host.empty()
    assert host.module("libpod_volume", {"name": "share", "state": "absent"}).changed
    for path in (PROGRAMS, EXPORTED, "/run/mount"):  # the last is mount(8)'s
        shutil.rmtree(path, ignore_errors=True)
    Path("/srv/given").unlink(missing_ok=True)
    host.expect_clean()


def _program(kind: str, text: str) -> None:
    path = PROGRAMS / f"mount.{kind}"
    path.write_text(text)
    path.chmod(0o755)


def _mounted() -> bool:
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return any(line.split()[4] == DATA for line in file)


@pytest.mark.parametrize(
    ("options", "kind", "device", "words"),
    [
        (["type=nfs", "device=nas:/export/web"], "nfs", "nas:/export/web", "nosuid,nodev"),
        (
            ["type=nfs", "device=:/export", "o=vers=4.1,addr=192.0.2.7,soft,ro"],
            "nfs",
            "192.0.2.7:/export",
            "nosuid,nodev,addr=192.0.2.7,ro,soft,vers=4.1",
        ),
        (["type=nfs4", "device=nas:/", "o=noatime"], "nfs", "nas:/", "nosuid,nodev,noatime,vers=4"),
        (["type=nfs4", "device=nas:/", "o=vers=4.2"], "nfs", "nas:/", "nosuid,nodev,vers=4.2"),
        (
            ["type=cifs", "device=//nas/share", "o=credentials=/root/nas"],
            "cifs",
            "//nas/share",
            "nosuid,nodev,credentials=/root/nas",
        ),
    ],
)
def test_program_is_given_server_directory_and_options(
    host: Host, options: list[str], kind: str, device: str, words: str
) -> None:
    _program(kind, MOUNTS)
    assert host.module("libpod_volume", {"name": "share", "options": options}).changed
    assert not host.module("libpod_volume", {"name": "share", "options": options}).changed and not _mounted()
    started = host.container("c", volume=["share:/data"], **OPTIONS)
    assert not started.failed, started
    given = Path("/srv/given").read_text(encoding="ascii").splitlines()
    assert given == [str(Path("/usr/local/sbin") / f"mount.{kind}"), device, DATA, "-o", words]
    assert Process(started).read("root/data/served") == "served\n" and _mounted()
    assert host.container("c", state="stopped").changed and not _mounted()
    assert (EXPORTED / "served").exists()


def test_what_cannot_be_mounted_fails_in_one_sentence_and_starts_nothing(host: Host) -> None:
    options = ["type=nfs", "device=nas:/export"]
    assert host.module("libpod_volume", {"name": "share", "options": options}).changed
    missing = host.container("c", volume=["share:/data"], **OPTIONS)
    assert missing["error"] == "ToolMissing" and "nfs-common" in missing["msg"], missing
    _program("nfs", "#!/bin/sh\necho 'mount.nfs: access denied by server' >&2; exit 32\n")
    denied = host.container("c", volume=["share:/data"], **OPTIONS)
    assert denied["error"] == "ToolFailed" and "cannot mount nas:/export: " in denied["msg"], denied
    assert denied["msg"].endswith("mount.nfs: access denied by server") and "\n" not in denied["msg"]
    _program("nfs", "#!/bin/sh\nsleep 1000\n")
    late = host.container("c", volume=["share:/data"], tool_timeouts={"other": 1}, **OPTIONS)
    assert late["error"] == "ToolTimedOut" and "tool_timeouts: {other: SECONDS}" in late["msg"], late
    assert not _mounted() and not os.listdir(DATA)
    _program("nfs", MOUNTS)
    assert not host.container("c", volume=["share:/data"], **OPTIONS).failed and _mounted()
