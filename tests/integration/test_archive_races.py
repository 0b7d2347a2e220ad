# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives written side by side, changed while they are read, on a full file system, beside another user's files."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from functools import partial
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.trees.beside import beside
from ansible_collections.libpod.engine.plugins.module_utils._resources.images import import_tarball
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.concurrent_tasks import run_concurrently
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING

MIB = 1 << 20


@pytest.fixture
def made(host: Host) -> Iterator[Host]:
    """Yield a host with a directory for archives, and a volume ``v`` with a file of 4 MiB."""
    os.mkdir("/srv/out")
    assert not host.module("libpod_volume", {"name": "v"}).failed
    with open("/srv/static/volumes/v/_data/large", "wb") as file:
        file.write(os.urandom(4 * MIB))
    yield host
    _give_room()
    host.empty()
    assert not host.module("libpod_volume", {"name": "v", "state": "absent"}).failed
    shutil.rmtree("/srv/out")


def _ids(host: Host) -> set[str]:
    return {image["id"] for image in json.loads(host.store("images", "--json"))}


def _give_room(spare: int = 256 * MIB) -> None:
    there = os.statvfs("/srv")
    size = (there.f_blocks - there.f_bfree) * there.f_frsize + spare
    kernel.mount("none", "/srv", "tmpfs", flags=kernel.MS_REMOUNT, options=f"size={size}")


def test_archives_are_written_side_by_side(made: Host) -> None:
    long = "n" * 100
    exports = [{"volume": "v", "dest": f"/srv/out/{name}"} for name in ("a", "b", "same", "same")]
    saves = [{"image": [name], "dest": f"/srv/out/{long}-{name}"} for name in ("busybox", "bare")]
    work = [partial(made.module, "libpod_export", one) for one in exports]
    done = run_concurrently(made, [*work, *(partial(made.module, "libpod_save", one) for one in saves)])
    assert [one["msg"] for one in done if one.failed] == []
    assert [one.changed for one in done] in (
        [True, True, True, False, True, True],
        [True, True, False, True, True, True],
    )
    assert set(os.listdir("/srv/out")) == {"a", "b", "same", f"{long}-busybox", f"{long}-bare"}
    with open("/srv/static/volumes/v/_data/large", "rb") as file:
        content = file.read()
    for name in ("a", "b", "same"):
        with tarfile.open(f"/srv/out/{name}") as archive:
            member = archive.extractfile("large")
            assert member and member.read() == content
    for name in ("busybox", "bare"):
        with tarfile.open(f"/srv/out/{long}-{name}") as archive:
            member = archive.extractfile("manifest.json")
            assert member and json.load(member)[0]["RepoTags"] == [f"localhost/{name}:latest"]


@pytest.mark.parametrize("kind", ["export", "save"])
def test_another_users_file_does_not_become_the_archive(made: Host, kind: str) -> None:
    # In a directory such as /tmp where the kernel does not protect them (fs.protected_regular).
    there = beside("/srv/out/x.tar", kind)
    with open(there, "wb") as others:
        os.fchown(others.fileno(), 1000, 1000)
        os.chmod(there, 0o666)
        source: dict[str, Any] = {"volume": "v"} if kind == "export" else {"image": ["busybox"]}
        assert made.module(f"libpod_{kind}", {**source, "dest": "/srv/out/x.tar"}).changed
        assert os.fstat(others.fileno()).st_size == 0
    found = os.stat("/srv/out/x.tar")
    assert (found.st_uid, found.st_mode & 0o777) == (0, 0o600) and os.listdir("/srv/out") == ["x.tar"]


def test_archive_that_changes_while_it_is_loaded_is_no_image_under_anothers_id(made: Host) -> None:
    shutil.copytree(made.layout, "/srv/new")
    for tag in ("first", "second"):
        label = ("--no-history", "--image", "/srv/new:bare", "--tag", tag, "--config.label", f"is={tag}")
        made.run("umoci", "config", *label)
        copied = (f"oci:/srv/new:{tag}", f"docker-archive:/srv/out/{tag}:example.org/{tag}:1")
        made.run("skopeo", "--insecure-policy", "copy", "--quiet", *copied)
    shutil.rmtree("/srv/new")
    shutil.rmtree("/var/lib/containers", ignore_errors=True)
    before = _ids(made)
    os.mkdir("/srv/bin")
    kernel.mount("/srv/bin", "/usr/local/bin", flags=kernel.MS_BIND)  # on the path of the engine's tools
    with open("/srv/bin/skopeo", "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
        file.write('#!/bin/sh\ncat /srv/out/second > /srv/out/first\nexec /usr/bin/skopeo "$@"\n')
    refused = made.module("libpod_load", {"input": "/srv/out/first"})
    kernel.umount("/usr/local/bin")
    shutil.rmtree("/srv/bin")
    assert refused.failed and "/srv/out/first was changed while it was loaded" in refused["msg"], refused
    assert _ids(made) == before


def test_tar_file_that_changes_while_it_is_imported_is_refused(made: Host) -> None:
    assert made.module("libpod_export", {"volume": "v", "dest": "/srv/out/v.tar"}).changed
    before, unpack = _ids(made), import_tarball._unpack

    def changing(src: str, path: str) -> None:
        unpack(src, path)
        with open(src, "ab") as file:
            file.write(b"\0" * 512)

    def prepare() -> None:
        import_tarball._unpack = changing  # in the task's own process

    task = {"src": "/srv/out/v.tar", "image": "made"}
    refused = made.module("libpod_import", task, prepare=prepare)
    assert refused.failed and "/srv/out/v.tar was changed while it was read" in refused["msg"], refused
    assert _ids(made) == before and os.listdir("/srv/static/images") == []


def test_full_file_system_ends_each_operation_in_a_sentence_and_leaves_nothing(made: Host) -> None:
    made.container("c", image="busybox", command=WAITING, network="none", stop_signal="KILL")
    fill = {"name": "c", "argv": ["dd", "if=/dev/urandom", "of=/large", "bs=1M", "count=4"]}
    assert not made.module("libpod_container_exec", fill).failed
    assert made.module("libpod_commit", {"container": "c", "image": "large"}).changed
    assert made.module(
        "libpod_save", {"image": ["large"], "dest": "/srv/out/large.tar", "format": "oci-archive"}
    ).changed
    assert made.module("libpod_export", {"container": "c", "dest": "/srv/out/c.tar"}).changed
    assert made.module("libpod_image", {"name": "large", "state": "absent"}).changed
    tasks: list[tuple[str, dict[str, Any]]] = [
        ("libpod_commit", {"container": "c", "image": "other"}),
        ("libpod_save", {"image": ["busybox"], "dest": "/srv/out/b.tar"}),
        ("libpod_save", {"image": ["busybox"], "dest": "/srv/out/b.tar", "format": "oci-archive"}),
        ("libpod_image", {"name": "busybox", "push": True, "push_args": {"dest": "oci:/srv/out/layout:b"}}),
        ("libpod_load", {"input": "/srv/out/large.tar"}),
        ("libpod_import", {"src": "/srv/out/c.tar", "image": "other"}),
        ("libpod_export", {"container": "c", "dest": "/srv/out/d.tar"}),
    ]
    for spare in (MIB, 6 * MIB):
        _give_room(spare)
        free = os.statvfs("/srv").f_bfree
        for module, options in tasks if spare == MIB else tasks[:1]:
            refused = made.module(module, options)
            # tar(1) may say how much of a block was written.
            assert refused.failed and re.search("o space left on device|Wrote only", refused["msg"]), (module, refused)
            assert "/" in refused["msg"] and "\n" not in refused["msg"] and "level=" not in refused["msg"], refused
            shutil.rmtree("/srv/out/layout", ignore_errors=True)  # which skopeo had begun, at the user's own path
            # No more than what directories take.
            assert os.statvfs("/srv").f_bfree >= free - 64, (module, os.listdir("/srv/storage/tmp"))
            assert sorted(os.listdir("/srv/out")) == ["c.tar", "large.tar"], module
    _give_room()
    assert made.container("c", state="started")["actions"] == []
    assert made.module("libpod_load", {"input": "/srv/out/large.tar"}).changed
    assert made.module("libpod_image", {"name": "large", "state": "absent"}).changed
