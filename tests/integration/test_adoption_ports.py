# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports in a row, which podman joins, of a container that changes hands."""

from __future__ import annotations

import os
import re
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support.adoption import (
    BACKENDS,
    COMMAND,
    PORT,
    PUBLISHED,
    Probe,
    begun,
    handed,
    of_backend,
)
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.podman import Podman

ROWS = ["9000-9002:9000-9002", "9003:9003", "127.0.0.1:9010-9011:9010-9011/udp"]

pytestmark = pytest.mark.usefixtures("cleared")


@pytest.fixture(scope="module", params=BACKENDS, name="both")
def _both(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Podman]]:
    with of_backend(request) as both:
        yield both


def in_nftables(host: Host) -> bool:
    """Return whether it has a later Debian's netavark, by ``.ci/netavark``."""
    return host.parts.network_backend == "netavark" and "LIBPOD_TEST_NETAVARK" in os.environ


def forwarding(host: Host) -> list[str]:
    """Return the rules by which the ports of ROWS lead into a container."""
    if in_nftables(host):
        lines = host.run("nft", "list", "table", "inet", "netavark").splitlines()
        return [line.strip() for line in lines if re.search(r"dport 90\d\d dnat ", line)]
    lines = host.run("iptables-save", "-t", "nat").splitlines()
    return [line for line in lines if re.search(r"--dport 90\d\d.* --to-destination ", line)]


def test_rules_of_podmans_for_several_ports_go_with_them(both: tuple[Host, Podman]) -> None:
    """netavark has one rule for a row; left behind, it would come before those of the container's next life."""
    host, podman = both
    begun(podman, *PUBLISHED, *(word for one in ROWS for word in ("-p", one)))
    for again in (False, True):
        handed(host, "adopted")
        task = host.container("web", image="busybox", command=COMMAND, publish=[f"{PORT}:80", *ROWS], drift="full")
        assert not task.failed and not task.changed, task
        assert {one for one in ("tcp", "udp") if any(f" {one} " in f" {line}" for line in forwarding(host))} == {
            "tcp",
            "udp",
        }
        if not again:
            before = forwarding(host)
            handed(host, "given_back")
            assert forwarding(host) == before
    assert not host.container("web", state="stopped").failed and forwarding(host) == []
    assert not host.container("web", state="started").failed
    with Probe() as probe:
        pass
    assert probe.failures == []


def test_ports_that_podmans_conmon_holds_are_changed_by_a_restart(both: tuple[Host, Podman]) -> None:
    """It can hold no others; their rules, and networks beside, are changed in place."""
    host, podman = both
    begun(podman, *PUBLISHED, "-p", ROWS[0])
    pid = handed(host, "adopted")["container"]["State"]["Pid"]
    task: dict[str, Any] = {"image": "busybox", "command": COMMAND, "publish": [f"{PORT}:80", ROWS[0]]}

    def changed(action: str) -> bool:
        predicted, done = (host.container("web", check=check, drift="full", **task) for check in (True, False))
        assert predicted["actions"] == done["actions"] == [action] and not done.failed, (predicted, done)
        again = host.container("web", drift="full", **task)
        assert not again.failed and not again.changed, again
        with Probe() as probe:
            pass
        assert probe.failures == []
        return bool(done["container"]["State"]["Pid"] == pid)

    if in_nftables(host):
        host.run("nft", "flush", "chain", "inet", "netavark", "NETAVARK-HOSTPORT-DNAT")
    else:
        host.run("iptables", "-t", "nat", "-D", *forwarding(host)[-1].split()[1:])
    assert changed("updated web") and len(forwarding(host)) >= 1
    assert host.module("libpod_network", {"name": "other"}).changed
    task["network"] = [BACKENDS[host.parts.network_backend][0], "other"]
    assert changed("updated web")
    task["publish"] = [f"{PORT}:80", ROWS[1]]
    assert not changed("restarted web")
    task["publish"] = [f"{PORT}:80"]
    assert host.container("web", **task)["actions"] == ["updated web"] and forwarding(host) == []
    assert not host.container("web", state="absent").failed
    assert host.module("libpod_network", {"name": "other", "state": "absent"}).changed
