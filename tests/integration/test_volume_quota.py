# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes that are plain directories with a size: a project quota limits them, where the file system has such quotas.

A kernel without the quotas of ext4 (CONFIG_QFMT_V2) skips what needs them; that of ``make vm`` has them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import subprocess
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.kernel.syscalls import quotactl
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import WAITING

VOLUMES = "/srv/static/volumes"
MIB = 1 << 20
# As in a container by default: ext4 does not hold who has CAP_SYS_RESOURCE to a quota.
FEW = ("setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "--")


def _volume(host: Host, name: str, *options: str, check: bool = False, **more: Any) -> Result:
    return host.module("libpod_volume", {"name": name, "options": list(options), **more}, check=check)


def _done(host: Host, name: str, *options: str, **more: Any) -> Result:
    """Have a volume, as check mode predicts and a second run leaves it."""
    predicted = _volume(host, name, *options, check=True, **more)
    done = _volume(host, name, *options, **more)
    assert not done.failed and done["actions"] == predicted["actions"], (predicted, done)
    if not more:
        assert not _volume(host, name, *options).changed
    return done


def _has_room(name: str, size: int) -> bool:
    """Return whether a process of few capabilities can write a file of this size into a volume; it is removed then."""
    path = f"{VOLUMES}/{name}/_data/file"
    writer = ["dd", "if=/dev/zero", f"of={path}", "bs=4096", f"count={size // 4096}", "conv=fsync"]
    done = subprocess.run([*FEW, *writer], check=False, capture_output=True, text=True)
    os.unlink(path)
    assert done.returncode == 0 or "Disk quota exceeded" in done.stderr, done
    return done.returncode == 0


@contextlib.contextmanager
def _mounted(host: Host, features: str, options: str) -> Iterator[str]:
    """Mount an ext4 of 64 MiB on the directory of volumes; yield its device, "" where the kernel cannot mount it."""
    with open("/srv/image", "wb") as file:
        file.truncate(64 * MIB)
    host.run("mkfs.ext4", "-q", *features.split(), "/srv/image")
    device = host.run("losetup", "--find", "--show", "/srv/image").strip()
    os.makedirs(VOLUMES)
    try:
        kernel.mount(device, VOLUMES, "ext4", options=options)
        yield device
        kernel.umount(VOLUMES)
    except OSError as error:
        assert error.errno in (errno.EINVAL, errno.ENOSYS, errno.ENOENT, errno.ESRCH), error
        yield ""
    finally:
        host.run("losetup", "--detach", device)
        os.unlink("/srv/image")


@pytest.fixture(name="limited")
def _limited(host: Host) -> Iterator[str]:
    """Have project quotas in force on the directory of volumes; return the device of its file system."""
    with _mounted(host, "-O quota,project -E quotatype=prjquota", "prjquota") as device:
        if not device:
            pytest.skip("the kernel has no project quotas of ext4: make vm runs this test")
        yield device
        host.empty()
        for name in sorted(os.listdir(VOLUMES)):
            if name != "lost+found":
                assert not _volume(host, name, state="absent").failed


def test_size_limits_what_a_volume_holds(host: Host, limited: str) -> None:
    done = _done(host, "small", "size=4m", "o=inodes=10")
    assert done["actions"] == ["created small"] and done["volume"]["Options"]["SIZE"] == str(4 * MIB)
    _done(host, "other", "size=8m")
    _done(host, "free")
    assert _has_room("small", 3 * MIB) and not _has_room("small", 5 * MIB)
    assert _has_room("other", 7 * MIB) and not _has_room("other", 9 * MIB)
    assert _has_room("free", 16 * MIB)
    found = os.statvfs(f"{VOLUMES}/small/_data")
    assert found.f_blocks * found.f_frsize == 4 * MIB
    for number in range(9):
        os.mkdir(f"{VOLUMES}/small/_data/{number}")
    refused = subprocess.run([*FEW, "mkdir", f"{VOLUMES}/small/_data/9"], check=False, capture_output=True, text=True)
    assert "Disk quota exceeded" in refused.stderr


def test_container_meets_the_limit_and_a_change_of_it_at_once(host: Host, limited: str) -> None:
    _done(host, "v", "size=4m", "o=uid=5")
    done = host.container("c", image="busybox", command=WAITING, network="none", stop_signal="KILL", volume=["v:/data"])
    assert not done.failed, done

    def written(size: int) -> bool:
        argv = ["dd", "if=/dev/zero", "of=/data/big", "bs=4096", f"count={size // 4096}"]
        result = host.module("libpod_container_exec", {"name": "c", "argv": argv})
        assert result["rc"] == 0 or "quota exceeded" in result["stderr"], result
        return bool(result["rc"] == 0)

    assert not written(6 * MIB)
    assert os.path.exists(f"{VOLUMES}/v/_data/seed"), "the image's content counts too"
    assert _done(host, "v", "size=16m", "o=uid=5")["actions"] == ["updated v"]
    assert written(6 * MIB)
    assert _done(host, "v", "o=uid=5")["actions"] == ["updated v"]
    assert written(32 * MIB), "without a size there is no limit"
    assert _done(host, "v", "size=40m", "o=uid=5")["actions"] == ["updated v"], "what it holds was always counted"
    assert not written(45 * MIB)


def test_content_that_would_not_count_is_refused(host: Host, limited: str) -> None:
    _done(host, "v")
    os.mkdir(f"{VOLUMES}/v/_data/kept")
    for check in (True, False):
        refused = _volume(host, "v", "size=4m", check=check)
        assert refused.failed and "volume v has content, which a later size=4194304 would not count" in refused["msg"]
    assert _done(host, "v", "size=4m", recreate=True)["actions"] == ["recreated v"]
    assert not _has_room("v", 5 * MIB)


def _used_projects(device: str) -> dict[int, tuple[int, ...]]:
    """Return limits and counts of the projects that have any, by ID (Q_XGETNEXTQUOTA, quotactl(2))."""
    found: dict[int, tuple[int, ...]] = {}
    project = 1
    while True:
        buffer = bytearray(112)
        try:
            quotactl(0x5809, device, project, buffer)
        except FileNotFoundError:
            return found
        project, *numbers = struct.unpack_from("=I6Q", buffer, 4)
        if any(numbers):
            found[project] = tuple(numbers)
        project += 1


def test_removal_takes_the_limit_away(host: Host, limited: str) -> None:
    """Also that of an interrupted removal: the next one takes it up."""
    for size in (4, 8):
        _done(host, "v", f"size={size}m", "o=inodes=50")
        _done(host, "w", "size=4m")
        assert len(_used_projects(limited)) == 2
        assert _has_room("v", (size - 1) * MIB) and not _has_room("v", (size + 1) * MIB)
        assert _volume(host, "v", state="absent").changed
        os.rename(f"{VOLUMES}/w", f"{VOLUMES}/.pruned-w")
        assert not _volume(host, "w", state="absent").failed
        assert not os.path.exists(f"{VOLUMES}/.pruned-w") and _used_projects(limited) == {}


def test_project_of_another_owner_is_left_alone(host: Host, limited: str) -> None:
    """An administrator's project has the number that the volume would have, and limits other files."""
    _done(host, "v")
    inode = os.stat(f"{VOLUMES}/v/_data").st_ino
    theirs = struct.pack("=bbHI6Q", 1, 2, 0b1111, inode + 1, 64, 64, 0, 0, 0, 0) + bytes(56)
    quotactl(0x5804, limited, inode + 1, bytearray(theirs))
    _done(host, "v", "size=4m")
    assert _has_room("v", 3 * MIB) and _used_projects(limited)[inode + 1][0] == 64
    quotactl(0x5804, limited, inode + 1, bytearray(struct.pack("=bbHI6Q", 1, 2, 0b1111, *[0] * 7) + bytes(56)))


def _expect_refusal(host: Host) -> None:
    for check in (True, False):
        refused = _volume(host, "v", "size=4m", check=check)
        assert refused.failed and refused["error"] == "NotImplementedByHost", refused
        assert refused["msg"].startswith("options: volume v cannot have size=4194304: the file system of /srv"), refused
        assert "prjquota" in refused["msg"] and not os.path.exists(f"{VOLUMES}/v")


def test_file_system_without_project_quotas_is_named(host: Host) -> None:
    _expect_refusal(host)  # on a tmpfs
    with _mounted(host, "-O ^quota", "") as device:
        assert device
        _expect_refusal(host)
        assert not _volume(host, "v").failed and not _volume(host, "v", state="absent").failed
