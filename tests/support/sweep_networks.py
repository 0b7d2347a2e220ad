# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks made, changed under a running container, and removed with it, for the kill sweep to interrupt."""

from __future__ import annotations

import json
import os
from typing import Any

from .hosts import Host
from .process import Process
from .sweep import Operation, Task
from .sweep_tasks import RUNNING, inspected, module, started

_ON: dict[str, Any] = {**RUNNING, "network": ["swept"]}


def _is_there(host: Host) -> None:
    with open("/srv/cni/swept.conflist", encoding="utf-8") as file:
        assert json.load(file)["plugins"][0]["mtu"] == 1400
    assert [name for name in os.listdir("/srv/cni") if "swept" in name] == ["swept.conflist"]


def _is_changed(host: Host) -> None:
    """Assert that the container runs on the changed network, by its own link."""
    one = inspected(host)
    links = json.loads(host.run("nsenter", f"--net=/proc/{Process(one).pid}/ns/net", "ip", "-json", "address"))
    (eth0,) = [link for link in links if link["ifname"] == "eth0"]
    assert eth0["mtu"] == 1300 and eth0["addr_info"][0]["local"] == one["NetworkSettings"]["IPAddress"]


def _is_gone(host: Host) -> None:
    assert not [name for name in os.listdir("/srv/cni") if "swept" in name]
    assert "cni-libpod1" not in host.run("ip", "link")
    assert not host.inspected()


def _network(check: Any, **options: Any) -> Task:
    return module("libpod_network", {"name": "swept", "force": True, **options}, check)


_MADE = _network(_is_there, opt={"mtu": 1400})
_REMOVED = _network(_is_gone, state="absent")
OPERATIONS = {
    "network made": Operation([_REMOVED], _MADE, _REMOVED),
    "network changed under a container": Operation(
        [_MADE, started(_ON)], _network(_is_changed, opt={"mtu": 1300}), _REMOVED
    ),
    # What it does inside the removal of the container is swept as that container's own task.
    "network removed with its container": Operation(
        [_MADE, started(_ON)], _REMOVED, _REMOVED, only="swept|link|cni|event|signal|rename|clear|lock"
    ),
}
