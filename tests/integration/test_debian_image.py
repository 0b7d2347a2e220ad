# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests' Debian image is what the tests with Python, sudo and systemd in a container take it for."""

from __future__ import annotations

from ansible_collections.libpod.engine.tests.support.hosts import Host


def test_container_of_the_debian_image_has_python_and_sudo(host: Host) -> None:
    image = host.debian()
    assert host.debian() == image
    made = host.container("one", image=image, command=["sleep", "1000"], state="started")
    assert not made.failed, made
    ran = host.module(
        "libpod_container_exec", {"name": "one", "argv": ["sudo", "python3", "-c", "import ssl, ctypes; print(1)"]}
    )
    assert ran["stdout"] == "1\n", ran
    ran = host.module(
        "libpod_container_exec", {"name": "one", "argv": ["cat", "/proc/1/cmdline", "/etc/debian_version"]}
    )
    assert ran["stdout"].startswith("sleep\0001000\00012."), ran


def test_what_one_container_of_the_debian_image_removes_another_one_has(host: Host) -> None:
    image = host.debian()
    made = host.container("one", image=image, command=["rm", "-rf", "/usr/share"], state="started", detach=False)
    assert not made.failed, made
    again = host.container("two", image=image, command=["ls", "/usr/share"], state="started", detach=False)
    assert again["container"]["State"]["ExitCode"] == 0, again
