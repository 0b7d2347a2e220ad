# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitogen's strategy, which runs a host's tasks in one interpreter that it keeps."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from ansible_collections.libpod.engine.tests.support.hosts import Host

_PACKAGE = find_spec("ansible_mitogen")
assert _PACKAGE and _PACKAGE.submodule_search_locations
SETTINGS = {
    "ANSIBLE_STRATEGY": "mitogen_linear",
    "ANSIBLE_STRATEGY_PLUGINS": f"{_PACKAGE.submodule_search_locations[0]}/plugins/strategy",
    "ANSIBLE_DEPRECATION_WARNINGS": "false",
}
C, SECRET = "libpod.engine.libpod_container", "libpod.engine.libpod_secret"
WEB = {"image": "busybox", "network": "none", "command": ["sleep", "1000"], "stop_timeout": 0}
# What the collection's modules set for themselves alone.
LOOK = {"ansible.builtin.shell": "umask; pwd; env | sort; grep ^SigB /proc/self/status"}
INTERPRETER = {"ansible.builtin.shell": "ps -o ppid= -p $PPID; ulimit -n"}


def test_kept_interpreter_runs_every_kind_of_task_and_stays_as_it_was(host: Host) -> None:
    once: list[dict[str, Any]] = [
        {C: {"name": "web", **WEB}},
        {"libpod.engine.libpod_containers": {"containers": [{"name": name, **WEB} for name in ("one", "two")]}},
        {"libpod.engine.libpod_container_exec": {"name": "web", "command": "echo hello"}},
        {C: {"name": "bad", **WEB, "memory": "no size"}, "ignore_errors": True},
        {"libpod.engine.libpod_volume": {"name": "data"}},
        {SECRET: {"name": "first", "env": "VALUE"}, "environment": {"VALUE": "one"}},
        {SECRET: {"name": "second", "env": "VALUE"}, "environment": {"VALUE": "two"}},
        {C: {"name": "web", **WEB}, "check_mode": True},
        {"libpod.engine.libpod_container_info": {}},
    ]
    absent: list[dict[str, Any]] = [{C: {"name": name, "state": "absent"}} for name in ("web", "one", "two")]
    absent += [{"libpod.engine.libpod_volume": {"name": "data", "state": "absent"}}]
    absent += [{SECRET: {"name": name, "state": "absent"}} for name in ("first", "second")]
    os.symlink(sys.prefix, "/srv/venv")  # Mitogen splits the path of an interpreter at spaces
    variables = {"ansible_python_interpreter": "/srv/venv/bin/python"}
    played = host.play(
        [LOOK, INTERPRETER, *once, *once, LOOK, INTERPRETER, *absent, *absent], settings=SETTINGS, variables=variables
    )
    results = played.tasks
    before, after = results[:2], results[2 + 2 * len(once) : 4 + 2 * len(once)]
    assert [one["stdout"] for one in before] == [one["stdout"] for one in after]
    first, second = results[2 : 2 + len(once)], results[2 + len(once) : 2 + 2 * len(once)]
    assert [one["changed"] for one in first] == [True, True, True, False, True, True, True, False, False]
    assert [one["changed"] for one in second] == [False, False, True, False, False, False, False, False, False]
    for tasks in (first, second):
        assert tasks[2]["stdout"] == "hello\n" and tasks[3]["failed"] and "memory" in tasks[3]["msg"]
        assert [one["Name"] for one in tasks[-1]["containers"]] == ["one", "two", "web"]
    gone, again = results[-2 * len(absent) : -len(absent)], results[-len(absent) :]
    assert all(one["changed"] for one in gone) and not any(one["changed"] for one in again)
    os.unlink("/srv/venv")
    host.expect_clean()
