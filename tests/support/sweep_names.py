# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a container among neighbours on its network, killed where a record or a file gets its names."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime

from .hosts import Host
from .modules import Result
from .names import expect_names, names, running
from .networks import define_networks, forget_networks
from .process import eventually
from .sweep import Operation, Task
from .sweep_tasks import SERVING, Options, does, module, program, without_exit_command

IDLE: Options = {
    **{key: SERVING[key] for key in ("image", "stop_signal")},
    "command": ["tail", "-f", "/dev/null"],
}
WEB: Options = {**IDLE, "name": "web", "network_aliases": ["db"]}
MOVED: Options = {**IDLE, "name": "web", "network": ["libpod", "second"]}
GUEST: Options = {**IDLE, "name": "web", "network": "container:near"}
NEIGHBOURS = {"near": ["libpod"], "far": ["libpod", "second"]}
NAMED = r"a name|hosts|guests|networks|(libpod|second)\.json"


def _neighbours(host: Host) -> None:
    define_networks("second")
    for name, networks in NEIGHBOURS.items():
        assert not host.container(name, **IDLE, network=networks).failed


def _absent(host: Host, kill_at: str) -> Result:
    for name in ("late", "web", "moved", *NEIGHBOURS):
        result = host.container(name, state="absent")
        assert not result.failed, result
    forget_networks()
    host.expect_clean()
    return result


def _known(host: Host) -> None:
    ones = {one["Name"]: one for one in expect_names(host)}
    assert ones.keys() >= {"web", *NEIGHBOURS}, ones.keys()


def _forgotten(host: Host) -> None:
    ones = {one["Name"]: one for one in expect_names(host, "web", "db")}
    assert "web" not in ones and ones.keys() >= NEIGHBOURS.keys(), ones.keys()


def _is_guest(host: Host) -> None:
    ones = {one["Name"]: one for one in running(host)}
    near = ones["near"]["NetworkSettings"]["IPAddress"]
    assert names(ones["near"])["web"] == ["127.0.0.1"] and names(ones["far"])["web"] == [near]


def _crash(host: Host) -> None:
    (pid,) = (one["State"]["Pid"] for one in running(host) if one["Name"] == "web")
    os.kill(pid, 9)
    eventually(lambda: "web" not in {one["Name"] for one in running(host)})


def _others_are_known(host: Host) -> None:
    """Assert that what a killed run has left concerns its own container alone."""
    ones = {one["Name"]: one for one in running(host)}
    for reader in (one for name, one in ones.items() if name != "web"):
        for name in ones.keys() - {"web"}:
            networks = ones[name]["NetworkSettings"]["Networks"]
            shared = [networks[one]["IPAddress"] for one in reader["NetworkSettings"]["Networks"] if one in networks]
            assert names(reader).get(name, []) == shared, (reader["Name"], name)


def _rename(host: Host, kill_at: str) -> Result:
    ID.append(Runtime(host.parts).store.lookup("web"))
    return RENAME.run(host, kill_at)


def _next_of(name: str) -> Task:
    """Return the next task of one of the names, before which one name leads to the container of the other."""

    def run(host: Host, kill_at: str) -> Result:
        runtime = Runtime(host.parts)
        (named,) = (name for name, container_id in runtime.store.names() if container_id == ID[-1])
        leads = [one for one in ("web", "moved") if runtime.store.name_record(one).get("id") == ID[-1]]
        assert leads == [named] == [runtime.by_id(ID[-1]).name], leads
        return host.module("libpod_container", {**WEB, "name": name}, kill_at=kill_at)

    def check(host: Host) -> None:
        ones = {one["Name"]: one["Id"] for one in expect_names(host, "web", "moved")}
        (named,) = (one for one, container_id in ones.items() if container_id == ID[-1])
        joined = host.container("late", **IDLE, ipc=f"container:{named}", requires=[named], check=True)
        assert name in ones and not joined.changed, (ones, joined)
        # Its own name's next record replaces what is left of one that was being written.
        left = {*os.listdir(f"{host.parts.static_root}/names")} - {f"{named}.json.tmp"}
        assert left == {f"{one}.json" for one in ones}, left

    return Task(run, check)


# Of the containers that have been ``web`` when a rename began.
ID: list[str] = []
RENAME = program("rename", "web", "moved", check=lambda _host: None)
UP = module("libpod_container", WEB, _known)
DOWN = module("libpod_container", {"name": "web", "state": "stopped"}, _forgotten)
ON_BOTH = module("libpod_container", MOVED, _known)
AS_GUEST = module("libpod_container", GUEST, _is_guest)
LATE = module("libpod_container", {**IDLE, "name": "late"}, _others_are_known)
JOINED = module(
    "libpod_container", {**IDLE, "name": "late", "ipc": "container:web", "requires": ["web"]}, _others_are_known
)
LATE_AND_ALONE = LATE._replace(check=lambda host: expect_names(host, "web", "db"))
NOT_LATE = module("libpod_container", {"name": "late", "state": "absent"}, _others_are_known)
GONE = module("libpod_container", {"name": "web", "state": "absent"}, _forgotten)
NOT_MOVED = module("libpod_container", {"name": "moved", "state": "absent"}, _forgotten)
SETTLED = does(_neighbours)
UNCLEANED = Task(
    lambda host, _kill_at: host.module("libpod_container", dict(WEB), prepare=without_exit_command),
)
REMOVED = Task(_absent)


def _operation(before: list[Task], task: Task, **more: Any) -> Operation:
    return Operation([SETTLED, *before], task, REMOVED, only=NAMED, **more)


OPERATIONS = {
    "first start among neighbours": _operation([GONE], UP),
    # At each effect, whether it has to do with names or not.
    "start and stop among neighbours": _operation([UP, DOWN], UP, other=DOWN)._replace(only=""),
    "re-creation among neighbours": _operation([UP], ON_BOTH, other=UP),
    "start and stop of a guest": _operation([AS_GUEST, DOWN], AS_GUEST, other=DOWN),
    "exit among neighbours": _operation(
        [GONE, UNCLEANED, does(_crash)], program("exit", "ID", check=_forgotten), by=[DOWN, UP]
    ),
    "rename among neighbours": _operation(
        [NOT_LATE, NOT_MOVED, UP, JOINED], Task(_rename), by=[_next_of("web"), _next_of("moved"), REMOVED]
    )._replace(only=""),
    "start that a neighbour comes after": _operation([GONE, NOT_LATE], UP, by=[LATE]),
    "stop that a neighbour comes after": _operation([NOT_LATE, UP], DOWN, by=[LATE_AND_ALONE]),
}
