# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers know which by name, by each one's own /etc/hosts."""

from __future__ import annotations

from typing import Any

from .hosts import Host
from .process import Process

Names = dict[str, list[str]]


def names(one: dict[str, Any]) -> Names:
    """Return what each name means to a container, by the lines of its hosts file."""
    found: Names = {}
    for line in Process(one).read("root/etc/hosts").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name, []).append(address)
    return found


def running(host: Host) -> list[dict[str, Any]]:
    return [one for one in host.inspected() if one["State"]["Running"]]


def expect_names(host: Host, *others: str) -> list[dict[str, Any]]:
    """Assert that each running container has every other one at its addresses on the networks of both, and no more.

    ``others`` are names that no running container has, and so none may know. Return the running containers.
    """
    ones = running(host)
    on = {one["Name"]: one["NetworkSettings"]["Networks"] for one in ones}
    for one in ones:
        found = names(one)
        for name, networks in on.items():
            shared = [networks[network]["IPAddress"] for network in on[one["Name"]] if network in networks]
            assert found.get(name, []) == shared, (one["Name"], name)
        for name in {*others} - on.keys():
            assert name not in found, (one["Name"], name)
    return ones
