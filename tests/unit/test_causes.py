# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of failed programs and tasks: what they say of the cause."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._ansible.endings import failure
from ansible_collections.libpod.engine.plugins.module_utils._container.live import kernel_limits
from ansible_collections.libpod.engine.plugins.module_utils._drivers.images.skopeo_messages import is_absent


@pytest.mark.parametrize(
    ("message", "absent"),
    [
        ("reading manifest 1 in localhost:5000/app: manifest unknown", True),
        ("reading manifest 1 in ghcr.io/a/b: denied", True),
        ("requested access to the resource is denied", True),
        ("initializing source docker-archive:/x.tar:a: opening file: open /x.tar: no such file or directory", True),
        ("initializing source docker://r/a:1: reading certs: open /etc/c.crt: no such file or directory", False),
        ("initializing source docker://r/a:1: open /etc/c.crt: permission denied", False),
        ("pinging container registry r: dial tcp 127.0.0.1:1: connect: permission denied", False),
        ('exec: "docker-credential-x": executable file not found in $PATH', False),
    ],
)
def test_image_is_absent_only_where_its_source_says_so(message: str, absent: bool) -> None:
    assert is_absent(message) is absent


@pytest.mark.parametrize(
    ("limit", "cause"), [(1048576, "its memory limit of 1048576 bytes"), (0, "of the host or of a limit above")]
)
def test_memory_kill_names_the_limit_that_the_container_has(limit: int, cause: str) -> None:
    container: Any = {"State": {"OOMKilled": True}, "HostConfig": {"Memory": limit}}
    assert cause in failure("container c", 137, "", container)


def test_memory_kill_of_an_outlined_container_names_the_limits_that_it_may_have() -> None:
    container: Any = {"State": {"OOMKilled": True}}
    assert "its own memory limit" in failure("container c", 137, "", container)


@pytest.mark.parametrize("release", ["6.1+", "6.1.0-13-amd64", "6.18.5_custom"])
def test_kernel_release_may_end_in_anything(release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(release=release))
    assert kernel_limits.kernel_version()[0] == 6
