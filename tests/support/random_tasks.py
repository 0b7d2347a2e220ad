# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations at random: values of options, and containers, lists and pods that have some of them."""

from __future__ import annotations

import random
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._model.errors import InvalidArgument
from ansible_collections.libpod.engine.plugins.module_utils._model.options.normalise import normalise
from ansible_collections.libpod.engine.plugins.module_utils._model.options.table import MOUNTS, OPTIONS

from .process import WAITING

BASE: dict[str, Any] = {"image": "busybox", "command": WAITING, "stop_signal": "KILL"}
# Of each option, values of different meanings; None is an omitted one.
CHOICES: dict[str, list[Any]] = {
    "memory": [None, "32m", "64m"],
    "cpu_shares": [None, 256, 512],
    "pids_limit": [None, 100, "-1"],
    "memory_swappiness": [None, 7],
    "label": [None, {"a": "1"}, {"a": "2", "b": "1"}],
    "annotation": [None, {"a": "1"}],
    "stop_timeout": [None, 1],
    "restart_policy": [None, "on-failure:2"],
    "healthcheck": [None, "true", "none"],
    "healthcheck_interval": [None, "1h", "2h"],
    "dns": [None, ["192.0.2.1"]],
    "etc_hosts": [None, {"db": "192.0.2.9"}],
    "env": [None, {"A": "1"}, {"A": "2"}],
    "hostname": [None, "web", "Web"],
    "workdir": [None, "/www"],
    "user": [None, "root", "0", "1000:1000"],
    "tmpfs": [None, {"/scratch": "size=1m"}, {"/scratch": "size=2m,exec", "/shared/t": ""}, {"/data": "ro"}],
    "volume": [
        None,
        ["kept:/shared"],
        ["kept:/shared:nosuid", "other:/www:ro", "/nameless"],
        ["/srv/cni:/cni:ro"],
        ["/srv/cni:/cni:rslave"],
        ["kept:/data", "other:/other:U"],
        ["kept:/www", "/etc/passwd:/shared/passwd"],
    ],
    "mount": [
        None,
        ["type=bind,source=/srv/cni,target=/www,ro"],
        ["type=tmpfs,target=/nameless,tmpfs-size=1m", "type=volume,source=kept,target=/there/kept"],
        ["type=ramfs,target=/www"],
    ],
    "ulimit": [None, ["nofile=100"]],
    "read_only": [None, True],
    "rewindable": [None, None, True],
    "log_opt": [None, {"max_size": "1m"}, {"max_size": "2m"}],
    "network": ["none", "none", "bridge", None],
    "publish": [None, ["8080:80"], ["8081:80"]],
    "image": ["busybox", "localhost/busybox:latest", "bare"],
    "comparisons": [None, None, {"label": "allow_more_present", "env": "ignore"}, {"*": "ignore"}],
    "recreate": [None, None, None, True],
    "force_restart": [None, None, None, True],
    "drift": [None, "full"],
    "state": ["started", "started", "started", "present", "stopped", "paused"],
}
LIST = {
    "defaults": {**{key: value for key, value in BASE.items() if key != "image"}, "label": {"stack": "x"}},
    "workers": 2,
}
# What asks for the same again at each run.
AGAIN = ("recreate", "force_restart")


def other_options(pick: random.Random, earlier: dict[str, Any]) -> dict[str, Any]:
    """Another configuration, in a few options; two times of three only in those that can change in place."""
    live = ["memory", "label", "log_opt", "dns", "healthcheck", "state"]
    names = pick.choice([pick.sample(sorted(CHOICES), 4), live, [*MOUNTS, "state"]])
    while True:
        changed = {name: pick.choice(CHOICES[name]) for name in names}
        found = {**{name: value for name, value in earlier.items() if name not in AGAIN}, **changed}
        if found.get("network") == "none":
            found.pop("publish", None)
        found = {name: value for name, value in found.items() if value is not None}
        try:
            normalise({name: value for name, value in found.items() if name in OPTIONS})
            return found
        except InvalidArgument:
            continue  # two options have one target


def some_options(pick: random.Random, choices: dict[str, list[Any]], earlier: dict[str, Any]) -> dict[str, Any]:
    """``earlier`` with some options chosen again."""
    names = pick.sample(sorted(choices), pick.randint(1, 6))
    changed = {name: pick.choice(choices[name]) for name in names}
    found = {**{name: value for name, value in earlier.items() if name not in AGAIN}, **changed}
    return {name: value for name, value in found.items() if value is not None}


def random_list(pick: random.Random) -> list[dict[str, Any]]:
    """Up to four containers, some of which need others; not every list makes sense.

    No ID begins like their names, for which one that is made in this very run does is chance.
    """
    found: list[dict[str, Any]] = []
    for name in pick.sample("vwxyz", pick.randint(1, 4)):
        one = {"name": name, **other_options(pick, {}), "image": "busybox", "network": "none"}
        # One that is to be down and is needed by one that is to be up would be started and stopped by turns.
        other = pick.choice("xyz")
        if name in "xyz":
            one["state"] = "started"
        if pick.random() < 0.4 and other != name:
            one.update({"requires": [other]} if pick.random() < 0.5 else {"network": f"container:{other}", "dns": None})
        if pick.random() < 0.15:
            one = {"name": name, "state": "absent"}
        for option in ("publish", "wait", *AGAIN, *(["hostname"] if "container:" in str(one.get("network")) else [])):
            one.pop(option, None)
        found.append({key: value for key, value in one.items() if value is not None})
    return found


POD_CHOICES: dict[str, list[Any]] = {
    "share": [None, "net", "ipc,uts"],
    "hostname": [None, "web"],
    "label": [None, {"a": "1"}],
    "memory": [None, "64m", "96m"],
    "cpus": [None, "0.5"],
    "publish": [None, ["8080:80"]],
    "network": [None, ["none"]],
    "add_host": [None, ["db:192.0.2.9"]],
    "recreate": [None, None, True],
    "state": ["created", "started", "started", "started", "stopped", "paused", "unpaused", "absent"],
}
