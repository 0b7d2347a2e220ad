# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image's content in a new volume: only the image's and complete, despite concurrent changes and interruptions."""

from __future__ import annotations

import os
import shutil
import stat
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

IN_PLACE: dict[str, Any] = {"image": "/srv/tree", "rootfs": True, "network": "none", "stop_signal": "KILL"}
VOLUMES = "/srv/static/volumes"
TRIES = 25


@pytest.fixture(autouse=True)
def _tree(host: Host) -> Iterator[None]:
    """Yield a root filesystem that containers use in place, and a host directory with the same file names."""
    for folder in ("/srv/tree/bin", "/srv/tree/tmp", "/srv/tree/app/data", "/srv/host/data"):
        os.makedirs(folder)
    shutil.copy("/bin/busybox", "/srv/tree/bin/busybox")
    for name in ("sh", "mv", "ln", "rm", "sleep", "cat"):
        os.symlink("busybox", f"/srv/tree/bin/{name}")
    for number in range(20):
        for folder, said in (("/srv/tree/app/data", "image"), ("/srv/host/data", "host")):
            with open(f"{folder}/{number}", "w", encoding="ascii") as file:
                file.write(said)
    os.mkfifo("/srv/tree/app/data/fifo", 0o600)
    yield
    host.empty()
    for folder in ("/srv/tree", "/srv/host", VOLUMES):
        shutil.rmtree(folder, ignore_errors=True)


def content(name: str) -> dict[str, str]:
    """Return a volume's file contents by name; for anything but a regular file, its type."""
    files = {}
    for entry in os.scandir(f"{VOLUMES}/{name}/_data"):
        if entry.is_file(follow_symlinks=False):
            with open(entry.path, encoding="ascii") as file:
                files[entry.name] = file.read()
        else:
            files[entry.name] = stat.filemode(entry.stat(follow_symlinks=False).st_mode)[0]
    return files


WHOLE = {**{str(number): "image" for number in range(20)}, "fifo": "p"}


def test_container_that_swaps_links_during_copy_up_never_reads_host_files(host: Host) -> None:
    """Both share one root filesystem; the target's parent and the target are links to host directories by turns."""
    swap = (
        "cd /; while :; do mv app kept; ln -s /srv/host app; rm app; mv kept app;"
        " mv app/data app/kept; ln -s /srv/host/data app/data; rm app/data; mv app/kept app/data; done"
    )
    swapping = host.container("swapping", **IN_PLACE, command=["/bin/sh", "-c", swap])
    assert not swapping.failed, swapping
    copied = 0
    for number in range(TRIES):
        # When a link exists at the wrong moment, the task may fail in many ways.
        host.container("c", **IN_PLACE, command=["/bin/sleep", "1000"], volume=[f"v{number}:/app/data"])
        host.container("c", state="absent")
        files = content(f"v{number}") if os.path.isdir(f"{VOLUMES}/v{number}/_data") else {}
        assert "host" not in files.values(), f"try {number}"
        copied += bool(files)
    assert copied, "nothing was ever copied: nothing was tried"


def test_interrupted_copy_is_restarted(host: Host) -> None:
    wanted = {**IN_PLACE, "command": ["/bin/sleep", "1000"], "volume": ["v:/app/data"]}
    effects = host.module("libpod_container", {"name": "c", **wanted}, kill_at="nowhere").effects
    assert content("v") == WHOLE
    begin = next(number for number, name in enumerate(effects) if name.startswith("make volume"))
    end = next(number for number, name in enumerate(effects) if "volume.json" in name)
    assert sum("copy into the volume" in name for name in effects[begin:end]) == len(WHOLE)
    os.makedirs("/srv/other/bin")
    os.makedirs("/srv/other/app/data")
    shutil.copy("/bin/busybox", "/srv/other/bin/sleep")
    with open("/srv/other/app/data/other", "w", encoding="ascii") as file:
        file.write("other")
    points = [number for number in range(begin, end + 2) if number % 4 == 0 or "copy into" not in effects[number]]
    for turn, number in enumerate(points):
        assert not host.container("c", state="absent").failed
        shutil.rmtree(f"{VOLUMES}/v")
        killed = host.module("libpod_container", {"name": "c", **wanted}, kill_at=effects[number])
        assert killed.killed, effects[number]
        complete = os.path.exists(f"{VOLUMES}/v/volume.json") or not os.path.exists(
            f"{VOLUMES}/v/_data/.libpod-unfinished"
        )
        complete = complete and os.path.isdir(f"{VOLUMES}/v/_data") and bool(content("v"))
        if turn % 2 and not complete:
            # An incomplete copy of one image's content must not remain where another image's is to be copied.
            done = host.container("c", **{**wanted, "image": "/srv/other"})
            assert not done.failed and content("v") == {"other": "other"}, (effects[number], done)
        else:
            done = host.container("c", **wanted)
            assert not done.failed and content("v") == WHOLE, (effects[number], done)
        assert sorted(os.listdir(f"{VOLUMES}/v"))[:1] == ["_data"] and os.path.exists(f"{VOLUMES}/v/volume.json")
    host.empty()
    shutil.rmtree("/srv/other")


def test_volume_with_content_is_kept_and_an_empty_one_is_filled(host: Host) -> None:
    os.makedirs(f"{VOLUMES}/restored/_data")
    with open(f"{VOLUMES}/restored/_data/mine", "w", encoding="ascii") as file:
        file.write("mine")
    os.makedirs("/srv/elsewhere")
    os.makedirs(f"{VOLUMES}/linked")
    os.symlink("/srv/elsewhere", f"{VOLUMES}/linked/_data")
    options: dict[str, Any] = {**IN_PLACE, "command": ["/bin/sleep", "1000"]}
    done = host.container("c", **options, volume=["restored:/app/data"])
    assert not done.failed and content("restored") == {"mine": "mine"}
    assert not host.container("linked", **options, volume=["linked:/app/data"]).failed
    assert content("linked") == WHOLE
    host.empty()
    shutil.rmtree("/srv/elsewhere")


def test_devices_ids_and_capabilities_reach_the_volume(host: Host) -> None:
    os.mknod("/srv/tree/app/data/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.chown("/srv/tree/app/data/0", 1000, 1001)
    os.link("/srv/tree/app/data/0", "/srv/tree/app/data/again")
    os.setxattr("/srv/tree/app/data/1", "user.kind", b"x")
    os.chmod("/srv/tree/app/data", 0o3775)
    process = Process(host.container("c", **IN_PLACE, command=["/bin/sleep", "1000"], volume=["/app/data"]))
    (name,) = os.listdir(VOLUMES)
    made = os.stat(f"{VOLUMES}/{name}/_data/null")
    assert stat.S_ISCHR(made.st_mode) and made.st_rdev == os.makedev(1, 3)
    owned = os.stat(process.path("root/app/data/again"))
    assert (owned.st_uid, owned.st_gid, owned.st_nlink) == (1000, 1001, 2)
    assert os.getxattr(f"{VOLUMES}/{name}/_data/1", "user.kind") == b"x"
    assert stat.S_IMODE(os.stat(process.path("root/app/data")).st_mode) == 0o3775


def test_copy_up_past_its_time_limit_is_one_error_and_restarts_later(host: Host) -> None:
    options: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "volume": ["v:/data"]}
    failed = host.container("c", **options, tool_timeouts={"copy_up": 0.000000001})
    assert failed.failed and "what the image has at /data was not copied" in failed["msg"], failed
    assert "tool_timeouts: {copy_up: SECONDS}" in failed["msg"] and "container c" in failed["msg"]
    assert not host.container("c", **options).failed
    assert content("v") == {"seed": "from the image\n"}
