# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers for which the host has no room, or which something on the host stops half-way."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.oci.moved_state import move
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.adoption import (
    BACKENDS,
    PUBLISHED,
    Probe,
    begun,
    handed,
    of_backend,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.podman import Podman

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with of_backend(request) as both:
        yield both


@contextmanager
def room(free: int) -> Iterator[None]:
    """Have no more than this many bytes free on the file system of all roots."""

    def resize(size: str) -> None:
        kernel.mount("test-host", "/srv", "tmpfs", flags=kernel.MS_REMOUNT, options=f"mode=755,size={size}")

    there = os.statvfs("/srv")
    resize(str((there.f_blocks - there.f_bfree) * there.f_frsize + free))
    try:
        yield
    finally:
        resize("50%")


def test_adoption_without_room_is_refused_before_podman_loses_the_container(both: tuple[Host, Podman]) -> None:
    """For what is written once podman has it no more would not fit, and nobody would list it until then."""
    host, podman = both
    before = begun(podman, *PUBLISHED, "-v", "data:/data")
    with Probe() as probe:
        for free in (4096, 65536, 524288):
            with room(free):
                predicted, done = (host.container("web", state="adopted", check=check) for check in (True, False))
                assert predicted["msg"] == done["msg"] and "No space left on device" in done["msg"], (predicted, done)
                assert [row["Id"] for row in podman.rows("ps")] == [before["Id"]]
        handed(host, "adopted")
        for free in (4096, 16384):
            with room(free):
                done = host.container("web", state="given_back")
            listed = podman.rows("ps")
            assert bool(listed) == (not done.failed), done
            if done.failed:
                assert "No space left on device" in done["msg"], done
                assert host.container("web", state="adopted")["container"]["State"]["Running"]
            else:
                handed(host, "adopted")
        handed(host, "given_back")
    assert probe.failures == [] and podman.rows("inspect", "web")[0]["State"]["Pid"] == before["State"]["Pid"]


def test_adoption_that_cannot_be_finished_says_so_and_the_next_task_does_it(both: tuple[Host, Podman]) -> None:
    host, podman = both
    before = begun(podman, *PUBLISHED)
    there = f"{host.parts.run_root}/{host.parts.oci_runtime}"
    os.makedirs(there, exist_ok=True)
    os.rmdir(there)
    with open(there, "x", encoding="ascii"), Probe() as probe:
        stopped = host.container("web", state="adopted")
        assert stopped["error"] == "InvalidState" and "run the task again, which does the rest" in stopped["msg"]
        os.unlink(there)
        done = host.container("web", state="adopted")
        assert not done.failed and done["container"]["State"]["Pid"] == before["State"]["Pid"], done
    assert probe.failures == []
    handed(host, "given_back")


def test_state_of_the_oci_runtime_is_copied_wholly_or_not(both: tuple[Host, Podman]) -> None:
    host, _podman = both
    os.makedirs("/srv/from/web")
    with open("/srv/from/web/state.json", "wb") as file:
        file.write(bytes(1 << 16))
    os.mkdir("/srv/to")
    kernel.mount("test-host", "/srv/to", "tmpfs", options="size=16k")
    with pytest.raises(OSError, match=r"No space left on device: '/srv/to/\.web/state\.json'"):
        move("/srv/from", "/srv/to", "web")
    assert os.listdir("/srv/to") == [] and os.listdir("/srv/from/web") == ["state.json"]
    kernel.umount("/srv/to")
    host.run("rm", "-r", "/srv/from", "/srv/to")
