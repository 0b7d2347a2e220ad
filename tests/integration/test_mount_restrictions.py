# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodev, nosuid and noexec flags of mounts, which are those of podman 4.3.1."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.transport import Images
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.syscalls import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
)
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "stop_signal": "KILL"}
GUARDS = {"ro", "nosuid", "nodev", "noexec"}
# A device that the container's cgroup allows, and a set-user-ID program that reports whether it is root.
DANGEROUS = "mknod {0}/null c 1 3; chmod 666 {0}/null; cp /bin/busybox {0}/busybox; chmod 4755 {0}/busybox"


@pytest.fixture(autouse=True)
def _sources(host: Host) -> Iterator[None]:
    """Create a directory on a file system with restrictive flags and one on another; afterwards no volume is left."""
    for path in ("/srv/guarded", "/srv/open"):
        os.makedirs(path)
    kernel.mount("guarded", "/srv/guarded", "tmpfs", flags=MS_NOSUID | MS_NODEV | MS_NOEXEC)
    yield
    host.empty()
    kernel.umount("/srv/guarded")
    for path in ("/srv/guarded", "/srv/open", "/srv/static/volumes"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def saved(host: Host) -> Iterator[str]:
    """Yield an image with the dangerous files in its volume."""
    made = Process(host.container("maker", **{**OPTIONS, "image": "volume"}, image_volume="ignore"))
    assert made.run("sh", "-ec", DANGEROUS.format("/data")).returncode == 0
    assert host.module("libpod_commit", {"container": "maker", "image": "saved"}).changed
    host.container("maker", state="absent")
    yield "saved"
    host.empty()
    Images(host.parts).remove("saved")
    assert not host.module("libpod_prune", {"image": True}).failed


def guards(process: Process, target: str) -> set[str]:
    return GUARDS & {*process.mounts[target].options}


def gains(host: Host, name: str, folder: str) -> tuple[bool, bool]:
    """Return whether the device in FOLDER can be used, and whether the program there becomes root."""

    def run(user: str, *argv: str) -> tuple[int, str]:
        done = host.module("libpod_container_exec", {"name": name, "argv": argv, "user": user})
        return done["rc"], done["stderr"]

    device = run("0", "cat", f"{folder}/null")
    assert device in ((0, ""), (1, f"cat: can't open '{folder}/null': Permission denied\n")), device
    _code, said = run("1000", f"{folder}/busybox", "su", "-c", "true")
    assert ("must be suid" in said) != ("incorrect password" in said), said
    return device[0] == 0, "must be suid" not in said


def test_volume_content_gains_no_privilege_unless_requested(host: Host, saved: str) -> None:
    image = Process(host.container("c", **{**OPTIONS, "image": saved}, volume=["named:/named", "/nameless"]))
    for folder in ("/named", "/nameless"):
        assert image.run("sh", "-ec", DANGEROUS.format(folder)).returncode == 0
    for folder in ("/data", "/named", "/nameless"):
        assert gains(host, "c", folder) == (False, False) and guards(image, folder) == {"nosuid", "nodev"}
    borrowed = Process(host.container("borrower", **OPTIONS, volumes_from=["c"]))
    for folder in ("/data", "/named", "/nameless"):
        assert gains(host, "borrower", folder) == (False, False) and guards(borrowed, folder) == {"nosuid", "nodev"}
    for options, gained in (("dev", (True, False)), ("suid", (False, True)), ("dev,suid,exec", (True, True))):
        host.container("free", **OPTIONS, volume=[f"named:/v:{options}"])
        assert gains(host, "free", "/v") == gained, options
    host.container("free", **OPTIONS, mount=["type=volume,source=named,target=/v,suid"])
    assert gains(host, "free", "/v") == (False, True)


def test_bind_mount_keeps_the_restrictive_flags_of_its_source(host: Host) -> None:
    process = Process(
        host.container(
            "c",
            **OPTIONS,
            volume=["/srv/guarded:/g:ro", "/srv/guarded:/x:exec", "/srv/open:/o", "/srv/open:/n:nodev"],
            mount=["type=bind,source=/srv/guarded,target=/m,ro,suid"],
        )
    )
    flags = {target: guards(process, target) for target in ("/g", "/x", "/o", "/n", "/m")}
    assert flags == {
        "/g": GUARDS,
        "/x": {"nosuid", "nodev"},
        "/o": set(),
        "/n": {"nodev"},
        "/m": {"ro", "nodev", "noexec"},
    }


def test_read_only_source_is_not_opened_by_another_option(host: Host) -> None:
    kernel.mount("/srv/open", "/srv/open", flags=kernel.MS_BIND)
    kernel.mount("", "/srv/open", flags=kernel.MS_BIND | 0x20 | 0x1)  # MS_REMOUNT, MS_RDONLY
    try:
        process = Process(host.container("c", **OPTIONS, volume=["/srv/open:/o:nodev"]))
        assert guards(process, "/o") == {"ro", "nodev"}
        host.container("c", state="absent")
    finally:
        kernel.umount("/srv/open")


def test_live_mount_equals_that_of_a_start(host: Host) -> None:
    more: dict[str, Any] = {
        "volume": [
            *("v:/a", "v:/b:dev", "v:/c:suid,dev,exec", "v:/d:ro,noexec", "/nameless", "/srv/open:/f:ro"),
            *("/srv/guarded:/g", "/srv/guarded:/h:ro", "/srv/guarded:/i:exec", "/srv/guarded:/j:dev,suid,exec"),
        ],
        "tmpfs": {"/t": "", "/u": "exec,dev"},
    }
    task = {**OPTIONS, "volume": ["/srv/open:/d"]}
    process = Process(host.container("c", **task))
    predicted = host.container("c", check=True, **{**task, **more})
    done = host.container("c", **{**task, **more})
    assert predicted["actions"] == done["actions"] == ["updated c"] and Process(done).pid == process.pid, done
    targets = ("/a", "/b", "/c", "/d", "/nameless", "/f", "/g", "/h", "/i", "/j", "/t", "/u")
    live = {target: guards(process, target) for target in targets}
    assert live["/a"] == live["/nameless"] == {"nosuid", "nodev"} and live["/b"] == {"nosuid"}, live
    again = host.container("c", **{**task, **more})
    assert not again.changed and again["actions"] == []
    restarted = Process(host.container("c", **{**task, **more}, restart=True))
    assert {target: guards(restarted, target) for target in targets} == live


def test_container_of_an_earlier_version_changes_at_its_next_start(host: Host) -> None:
    task = {**OPTIONS, "volume": ["v:/v", "/srv/guarded:/g:ro"], "drift": "full"}
    process = Process(host.container("c", **task))
    for target in ("/v", "/dev"):
        assert process.run("mount", "-o", "remount,bind,suid,dev,exec", target).returncode == 0
    assert guards(process, "/v") == guards(process, "/dev") == set()
    for check in (True, False):
        again = host.container("c", check=check, **task)
        assert not again.changed and again["actions"] == [], again
    restarted = Process(host.container("c", restart=True))
    assert guards(restarted, "/v") == {"nosuid", "nodev"} and guards(restarted, "/dev") == {"nosuid", "noexec"}
    assert not host.container("c", **task).changed


def test_inspect_shows_the_options_of_the_mounts(host: Host) -> None:
    volumes = ["v:/a", "v:/b:suid,exec", "v:/c:ro,nocopy", "/srv/open:/d:bind,nodev,rslave", "/nameless"]
    made = host.container("c", **OPTIONS, volume=volumes)["container"]
    with open(made["OCIConfigPath"], encoding="utf-8") as file:
        spec = {mount["destination"]: {*mount["options"]} for mount in json.load(file)["mounts"]}
    shown = {mount["Destination"]: mount for mount in made["Mounts"]}
    assert len(shown) == len(volumes)
    for target, mount in shown.items():
        assert spec[target] == {*mount["Options"], mount["Propagation"], "rw" if mount["RW"] else "ro"} - {"nocopy"}
    assert shown["/b"]["Options"] == ["exec", "suid", "nodev", "rbind"]
    assert "v:/a:rw,rprivate,nosuid,nodev,rbind" in made["HostConfig"]["Binds"]


def test_nothing_runs_from_dev_but_the_init_program(host: Host) -> None:
    process = Process(host.container("c", **OPTIONS, init=True))
    assert process.argv[0] == "/dev/init" and guards(process, "/dev") == {"nosuid", "noexec"}
    assert process.run("cp", "/bin/busybox", "/dev/busybox").returncode == 0
    refused = host.module("libpod_container_exec", {"name": "c", "argv": ["/dev/busybox", "true"]})
    assert refused.failed and "permission denied" in str(refused).lower(), refused
    assert host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "echo x >/dev/null"]})["rc"] == 0


def test_engines_files_are_read_only_in_a_read_only_container(host: Host) -> None:
    process = Process(host.container("c", **OPTIONS, read_only=True, user="9999"))
    for file in ("hosts", "hostname", "resolv.conf", "passwd"):
        assert guards(process, f"/etc/{file}") == GUARDS
        assert "Read-only file system" in process.run("sh", "-c", f"echo x >>/etc/{file}").stderr
