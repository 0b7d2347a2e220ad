# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file written or read in a running container: by its user's permissions, and never outside of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.container import Container
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}
EVERY_BYTE = bytes(range(256)) * 5000
USERNS: dict[str, Any] = {"uidmap": ["0:100000:65536"], "gidmap": ["0:200000:65536"]}


@pytest.fixture
def source(host: Host, tmp_path: Path) -> str:
    """Return a host file with every byte."""
    with open(f"{tmp_path}/source", "wb") as file:
        file.write(EVERY_BYTE)
    return f"{tmp_path}/source"


def _container(host: Host, **options: Any) -> tuple[Container, Process]:
    made = host.container("c", **{**OPTIONS, **options})
    assert not made.failed, made
    return Runtime(host.parts).container("c"), Process(made)


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("userns", [{}, USERNS])
@pytest.mark.parametrize("user", [None, "0", "web", "1234", "web:extra"])
def test_new_file_is_the_users_by_the_containers_umask(
    host: Host, source: str, user: Optional[str], userns: dict[str, Any]
) -> None:
    container, process = _container(host, umask="0027", **userns)
    assert container.put_file(source, "/tmp/new", user) == len(EVERY_BYTE)
    path = process.path("root/tmp/new")
    status = os.stat(path)
    shift = (100000, 200000) if userns else (0, 0)
    uid, gid = {None: (0, 0), "0": (0, 0), "web": (1000, 1000), "1234": (1234, 0), "web:extra": (1000, 2000)}[user]
    assert (status.st_uid, status.st_gid) == (uid + shift[0], gid + shift[1])
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert _content(path) == EVERY_BYTE
    assert container.fetch_file("/tmp/new", f"{source}-back", user) == len(EVERY_BYTE)
    assert _content(f"{source}-back") == EVERY_BYTE
