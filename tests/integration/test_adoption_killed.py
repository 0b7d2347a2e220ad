# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A handover between podman and the engine that is killed anywhere: one of the two always has the container."""

from __future__ import annotations

from typing import Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._store.store import Store
from ansible_collections.libpod.engine.tests.support.adoption import (
    BACKENDS,
    PUBLISHED,
    Probe,
    begun,
    clear,
    of_backend,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.podman import Podman
from ansible_collections.libpod.engine.tests.support.sweep import Operation, Task, finished

# By backend, what podman run is given, and of its effects those that the first one's do not have.
SWEPT: dict[str, tuple[list[str], str]] = {
    "cni": (PUBLISHED, ""),
    "netavark": (
        [*PUBLISHED, "-v", "data:/data", "--rm", "--health-cmd", "true", "--health-interval", "1h"],
        "commit podman's database|an address of podman|volume|health|begun",
    ),
}


@pytest.fixture(params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with of_backend(request) as both:
        yield both
        clear(*both)


def test_handover_that_is_killed_at_any_effect_is_finished(both: tuple[Host, Podman]) -> None:
    """The server answers all the time, and its container is at each moment the engine's or podman's."""
    host, podman = both
    arguments, only = SWEPT[host.parts.network_backend]
    before = begun(podman, *arguments)

    def hand(state: str, kill_at: str) -> Result:
        done = host.module("libpod_container", {"name": "web", "state": state}, kill_at=kill_at)
        if done.killed:
            names = {row["Names"][0] for row in podman.rows("ps", "--all")}
            store = Store(host.parts)
            assert names == {"web"} or store.name_record("web").keys() & {"id", "handover"}, (names, done)
        return done

    def is_ours(host: Host) -> None:
        (found,) = host.inspected()
        assert found["State"]["Pid"] == before["State"]["Pid"] and podman.rows("ps", "--all") == []

    def is_theirs(_host: Host) -> None:
        assert podman.rows("inspect", "web")[0]["State"]["Pid"] == before["State"]["Pid"]
        assert podman.run("exec", "web", "echo", "theirs") == "theirs\n"

    there = Task(lambda _host, kill_at: hand("adopted", kill_at), is_ours)
    back = Task(lambda _host, kill_at: hand("given_back", kill_at), is_theirs)
    operation = Operation(
        before=(there, back),  # which make the engine's directories
        task=there,
        other=back,
        removal=Task(lambda host, _kill_at: host.container("web", state="given_back")),
        apart=True,
        only=only,
    )
    with Probe() as probe:
        finished(host, operation)
    assert probe.failures == []
