# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's work on the files of any container or image ends in bounded time."""

from __future__ import annotations

import os
import tarfile
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process
from ansible_collections.libpod.engine.tests.support.trees import depth, nest

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
DEEP, NAME = 1200, "deep" * 20


@pytest.fixture
def tree(host: Host) -> Iterator[str]:
    """Return a directory that is a root filesystem."""
    host.run("sh", "-c", "mkdir -p /srv/tree/bin /srv/tree/etc && cp /bin/busybox /srv/tree/bin/sh")
    yield "/srv/tree"
    host.run("rm", "-r", "/srv/tree")


def test_deep_trees_in_volumes_and_root_filesystems_are_removed(host: Host, tree: str) -> None:
    run = {**OPTIONS, "image": f"{tree}:O", "rootfs": True, "command": ["sh", "-c", "while :; do read -t 9 a; done"]}
    process = Process(host.container("c", volume=["named:/named", "/anonymous", "/srv/tree/etc:/over:O"], **run))
    for folder in ("/", "/named", "/anonymous", "/over"):
        nest(process.path(f"root{folder}"), DEEP, NAME)
    assert not host.container("c", state="stopped", stop_timeout=0).failed
    gone = host.container("c", state="absent", delete_volumes=True)
    assert gone.get("actions") == ["deleted c"], gone
    pruned = host.module("libpod_prune", {"volume": True})
    assert pruned.get("actions") == ["removed volume named"], pruned


def test_a_deep_tree_is_copied_in_and_out(host: Host, tree: str) -> None:
    host.run("mkdir", "/srv/tree/deep")
    nest("/srv/tree/deep", 5000, "d")
    assert not host.container("c", **OPTIONS).failed
    for src, dest, out in (("/srv/tree/deep", "/copied", False), ("/copied", "/srv/tree/back", True)):
        task = {"container": "c", "src": src, "dest": dest, "from_container": out}
        predicted = host.module("libpod_container_copy", task, check=True)
        done = host.module("libpod_container_copy", task)
        assert done["copied"] == predicted["copied"] and done["copied"][:2] == [dest, f"{dest}/d"]
    assert depth("/srv/tree/back", "d") == 5000


@pytest.mark.parametrize("levels, name", [(5000, "d"), (1000, NAME)])
def test_a_deep_tree_is_measured_compared_and_exported(host: Host, levels: int, name: str) -> None:
    process = Process(host.container("c", **OPTIONS))
    os.mkdir(process.path("root/srv"))
    nest(process.path("root/srv"), levels, name)
    container = Runtime(host.parts).container("c")
    assert [change.path for change in container.diff()][:2] == ["/srv", f"/srv/{name}"]
    assert container.storage.sizes(container.id)[0] < 10_000
    exported = host.module("libpod_export", {"container": "c", "dest": "/srv/c.tar"})
    assert not exported.failed, exported
    with tarfile.open("/srv/c.tar") as tree:
        assert sum(one.startswith("srv/") and one.endswith("/file") for one in tree.getnames()) == levels
    committed = host.module("libpod_commit", {"container": "c", "image": "localhost/deep:1"})
    assert committed.failed and "the image store cannot hold" in committed["msg"], committed
    host.run("rm", "/srv/c.tar")


def test_tree_at_the_depth_limit_of_the_image_store_is_committed(host: Host) -> None:
    levels = (3584 - len("/srv/file")) // 2
    process = Process(host.container("c", **OPTIONS))
    os.mkdir(process.path("root/srv"))
    nest(process.path("root/srv"), levels, "d")
    committed = host.module("libpod_commit", {"container": "c", "image": "localhost/deep:1"})
    assert not committed.failed, committed
    copy = Process(host.container("copy", **{**OPTIONS, "image": "localhost/deep:1"}))
    assert depth(copy.path("root/srv"), "d") == levels
    for name in ("copy", "c"):
        assert not host.container(name, state="absent").failed
    host.store("delete-image", committed["image_id"])


def test_committed_rootfs_is_complete_or_refused(host: Host, tree: str) -> None:
    run = {**OPTIONS, "image": f"{tree}:O", "rootfs": True, "command": ["sh", "-c", "while :; do read -t 9 a; done"]}
    process = Process(host.container("c", **run))
    nest(process.path("root"), 2000, "d")
    committed = host.module("libpod_commit", {"container": "c", "image": "localhost/deep:1"})
    assert committed.failed and "the image store cannot hold" in committed["msg"], committed
