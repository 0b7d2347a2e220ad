# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names between containers: who finds whom at which address, by each container's own hosts file and C library."""

from __future__ import annotations

import os
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.networks import define_networks, forget_networks
from ansible_collections.libpod.engine.tests.support.process import WAITING, Process

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING}
Names = dict[str, list[str]]


@pytest.fixture
def networks(host: Host) -> Iterator[None]:
    """The networks front and back beside the default one."""
    define_networks("front", "back")
    yield
    host.empty()
    forget_networks()


def run(host: Host, name: str, **options: Any) -> dict[str, Any]:
    """Run a container: a second run changes nothing. Return its inspection."""
    options = {**BASE, **options}
    made = host.container(name, **options)
    assert not made.failed, made
    again = host.container(name, **options)
    assert (again["changed"], again.get("warnings", [])) == (False, []), again
    found: dict[str, Any] = made["container"]
    return found


def stop(host: Host, name: str) -> Result:
    done = host.container(name, state="stopped")
    assert done.changed, done
    return done


def names(one: dict[str, Any]) -> Names:
    """Return what each name means to a container, by the lines of its hosts file."""
    found: Names = {}
    for line in Process(one).read("root/etc/hosts").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name, []).append(address)
    return found


def address(one: dict[str, Any], network: str = "libpod") -> str:
    found: str = one["NetworkSettings"]["Networks"][network]["IPAddress"]
    return found


def pings(one: dict[str, Any], name: str) -> bool:
    return Process(one).run("ping", "-c", "1", "-W", "5", name).returncode == 0


def test_containers_find_one_another_by_name_hostname_alias_and_id(host: Host) -> None:
    first = run(host, "first", hostname="one.example.org", network_aliases=["db", "cache"])
    second = run(host, "second")
    inode = os.stat(Process(first).path("root/etc/hosts")).st_ino
    for name in ("first", "one.example.org", "db", "cache", first["Id"][:12]):
        assert names(second)[name] == [address(first)], name
        assert names(first)[name] == [address(first)], "by its own names too"
        assert pings(second, name)
    for name in ("second", second["Id"][:12]):
        assert names(first)[name] == [address(second)]
        assert pings(first, name)
    assert first["NetworkSettings"]["Networks"]["libpod"]["Aliases"] == ["cache", "db", first["Id"][:12]]
    stop(host, "second")
    assert "second" not in names(first) and second["Id"][:12] not in names(first)
    third = run(host, "second", hostname="new")
    assert names(first)["second"] == names(first)["new"] == [address(third)]
    assert os.stat(Process(first).path("root/etc/hosts")).st_ino == inode
    assert host.container("second", state="absent").changed
    assert "second" not in names(first)
    host.empty()
    host.expect_clean()
