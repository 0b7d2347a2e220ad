# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers with podman's database of SQLite: killed at its commit, beside one of BoltDB, and refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kernel
from ansible_collections.libpod.engine.tests.support.adoption import (
    PUBLISHED,
    Probe,
    begun,
    handed,
    side_by_side,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.podman import HAS_PODMAN_4, OF_DEBIAN_13, OWN, Podman

MS_RDONLY = 1

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with side_by_side(request.session, "podman", OF_DEBIAN_13, network_backend="netavark") as both:
        yield both


def database(host: Host) -> str:
    return f"{host.parts.storage_root}/db.sql"


def rows(host: Host) -> dict[str, int]:
    """Return how many rows the tables have in which a container or volume is; references must lead to rows."""
    with closing(sqlite3.connect(database(host))) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


def set_version(host: Host, version: int) -> None:
    with closing(sqlite3.connect(database(host), isolation_level=None)) as connection:
        connection.execute("UPDATE DBConfig SET SchemaVersion = ?", (version,))


def test_container_leaves_the_database_and_comes_back_as_it_was(both: tuple[Host, Podman]) -> None:
    host, podman = both
    podman.run("ps")
    empty = rows(host)
    begun(podman, "--network", "none", "-v", "data:/data", "-v", "data:/again")
    there = rows(host)
    assert there["ContainerVolume"] == there["VolumeState"] == there["IDNamespace"] == 1
    handed(host, "adopted")
    assert rows(host) == empty
    handed(host, "given_back")
    assert rows(host) == there


@pytest.mark.parametrize("state, back", (("adopted", "given_back"), ("given_back", "adopted")))
def test_handover_that_is_killed_at_the_commit_is_undone_or_finished(
    both: tuple[Host, Podman], state: str, back: str
) -> None:
    host, podman = both
    before = begun(podman, *PUBLISHED)
    if state == "given_back":
        handed(host, back)
    with Probe() as probe:
        host.module("libpod_container", {"name": "web", "state": state}, kill_at="commit podman's database #1")
        assert len(podman.rows("ps")) == (state == "adopted")
        assert not host.container("web", state=state).failed
        handed(host, back)
    assert probe.failures == []
    assert not host.container("web", state="given_back").failed
    assert podman.rows("inspect", "web")[0]["State"]["Pid"] == before["State"]["Pid"]


def test_database_that_cannot_be_changed_is_refused_before_anything_is(both: tuple[Host, Podman]) -> None:
    host, podman = both
    begun(podman, "--network", "none")
    kernel.mount(database(host), database(host), flags=kernel.MS_BIND)
    kernel.mount("none", database(host), flags=kernel.MS_BIND | kernel.MS_REMOUNT | MS_RDONLY)
    for check in (True, False):
        refused = host.container("web", state="adopted", check=check)
        assert refused["error"] == "InvalidState" and "read-only" in refused["msg"], refused
    kernel.umount(database(host))
    set_version(host, 7)
    refused = host.container("web", state="adopted")
    assert refused["error"] == "NotImplementedByHost" and "version 7 of its tables" in refused["msg"], refused
    set_version(host, 1)
    handed(host, "adopted")


@pytest.mark.skipif(not HAS_PODMAN_4, reason="this Debian has no podman 4")
def test_two_databases_of_which_containers_conf_says_the_one_in_use(both: tuple[Host, Podman]) -> None:
    """podman 5 has BoltDB's while nothing is said; what was adopted from that is given back to SQLite's."""
    host, podman = both
    begun(podman, "--network", "none", name="new")
    podman.release = OWN
    before = begun(podman, *PUBLISHED, "-v", "data:/data")
    podman.release = OF_DEBIAN_13
    assert [row["Names"] for row in podman.rows("ps")] == [["web"]]
    assert host.container("new", state="adopted")["error"] == "NoSuchContainer"
    with Probe() as probe:
        handed(host, "adopted")
        podman.configure(database="sqlite")
        assert [row["Names"] for row in podman.rows("ps")] == [["new"]]
        handed(host, "adopted", "new")
        handed(host, "given_back")
        assert podman.run("exec", "web", "ls", "/data") == "seed\n"
    after = podman.rows("inspect", "web")[0]
    for part, key in (("State", "Pid"), ("NetworkSettings", "SandboxKey")):
        assert after[part][key] == before[part][key]
    attached = [one["NetworkSettings"]["Networks"]["podman"] for one in (before, after)]
    assert attached[0]["IPAddress"] == attached[1]["IPAddress"]
    podman.run("restart", "--time", "3", "web")
    with Probe() as again:
        pass
    assert (probe.failures, again.failures) == ([], [])


@pytest.mark.parametrize("state, back, kind", (("adopted", "", "DELETE"), ("given_back", "adopted", "INSERT")))
def test_check_mode_tries_what_the_run_does_to_the_database(
    both: tuple[Host, Podman], state: str, back: str, kind: str
) -> None:
    """What it cannot see by reading, such as a damaged index, which a trigger stands for here."""
    host, podman = both
    begun(podman, "--network", "none")
    if back:
        handed(host, back)
    before = rows(host)
    trigger = f"CREATE TRIGGER refused BEFORE {kind} ON ContainerState BEGIN SELECT RAISE(ABORT, 'as damaged'); END"
    with closing(sqlite3.connect(database(host), isolation_level=None)) as connection:
        connection.execute(trigger)
        predicted, done = host.container("web", check=True, state=state), host.container("web", state=state)
        connection.execute("DROP TRIGGER refused")
    assert predicted["error"] == done["error"] == "MalformedData" and predicted["msg"] == done["msg"], (predicted, done)
    assert "(as damaged)" in done["msg"] and rows(host) == before
    handed(host, state)


def test_database_that_stays_locked_is_named_with_what_to_do(both: tuple[Host, Podman]) -> None:
    host, podman = both
    before = begun(podman, *PUBLISHED)
    with Probe() as probe, closing(sqlite3.connect(database(host), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        refused = host.container("web", state="adopted")
    assert refused["error"] == "InvalidState" and "has been locked by another program for 10 seconds" in refused["msg"]
    handed(host, "adopted")
    assert probe.failures == [] and host.container("web")["container"]["State"]["Pid"] == before["State"]["Pid"]
