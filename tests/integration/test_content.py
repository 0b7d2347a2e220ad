# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a container or an image makes its files of, the engine's own work on them ends, and soon."""

from __future__ import annotations

import os
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
DEEP = 1200


def nest(folder: str, depth: int = DEEP, name: str = "deep" * 20) -> None:
    """Make directories one in another, and a file in the last."""
    inner = os.open(folder, os.O_RDONLY)
    for _level in range(depth):
        os.mkdir(name, dir_fd=inner)
        below = os.open(name, os.O_RDONLY, dir_fd=inner)
        os.close(inner)
        inner = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=inner))
    os.close(inner)


@pytest.fixture
def tree(host: Host) -> Iterator[str]:
    """A directory that is a root filesystem."""
    host.run("sh", "-c", "mkdir -p /srv/tree/bin /srv/tree/etc && cp /bin/busybox /srv/tree/bin/sh")
    yield "/srv/tree"
    host.run("rm", "-r", "/srv/tree")


def test_deep_trees_in_volumes_and_root_filesystems_are_removed(host: Host, tree: str) -> None:
    run = {**OPTIONS, "image": f"{tree}:O", "rootfs": True, "command": ["sh", "-c", "while :; do read -t 9 a; done"]}
    process = Process(host.container("c", volume=["named:/named", "/anonymous", "/srv/tree/etc:/over:O"], **run))
    for folder in ("/", "/named", "/anonymous", "/over"):
        nest(process.path(f"root{folder}"))
    assert not host.container("c", state="stopped", stop_timeout=0).failed
    gone = host.container("c", state="absent", delete_volumes=True)
    assert gone.get("actions") == ["deleted c"], gone
    pruned = host.module("libpod_prune", {"volume": True})
    assert pruned.get("actions") == ["removed volume named"], pruned
