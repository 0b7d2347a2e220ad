# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays over ten containers of one remote host, and over ten remote hosts, ten at a time with ControlPersist."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.libpod.engine.tests.support import inside, playbooks, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED, PYTHON
from ansible_collections.libpod.engine.tests.support.process import WAITING

NAMES = [f"c{number}" for number in range(10)]
OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "volume": PYTHON}
TASKS: list[dict[str, Any]] = [
    {"ping": {}},
    {"copy": {"content": "{{ inventory_hostname }}", "dest": "/tmp/name"}},
    {"command": "cat /tmp/name /etc/hostname"},
]


def _play(hosts: dict[str, dict[str, Any]], tasks: list[dict[str, Any]]) -> playbooks.Played:
    settings = {**sshd.settings(), **PIPELINED, "ANSIBLE_REMOTE_TEMP": "/tmp/ansible", "ANSIBLE_FORKS": "10"}
    return playbooks.play(tasks, hosts=hosts, settings=settings)


def _printed(played: playbooks.Played) -> dict[str, str]:
    """Return what each host's last command printed: the host's name, then the container's."""
    lines = (one["stdout"] for one in played.tasks if one["task"] == "command")
    return {line[:2]: line[2:] for line in lines}


def test_ten_containers_of_one_remote_host_share_a_connection() -> None:
    with Host() as host, sshd.Sshd():
        listed = [{"name": name, "hostname": f"in-{name}", **OPTIONS} for name in NAMES]
        host.play([{"libpod.engine.libpod_containers": {"containers": listed}}])
        hosts = {name: sshd.variables(host) for name in NAMES}
        _play({"c0": hosts["c0"]}, [{"raw": "true"}])  # makes the connection, which lasts a minute
        before = _logins()
        played = _play(hosts, TASKS)
        assert _printed(played) == {name: f"in-{name}" for name in NAMES}
        assert _logins() == before


def _logins() -> int:
    with open(f"{sshd.FOLDER}/log", encoding="utf-8") as file:
        return file.read().count("Accepted publickey")


def test_ten_remote_hosts_in_one_play() -> None:
    with sshd.Machines(len(NAMES), {"name": "c", **OPTIONS}) as machines:
        hosts = {
            name: {**inside.variables(machines.host), **machine, "ansible_libpod_container": "c"}
            for name, machine in zip(NAMES, machines.variables())
        }
        played = _play(hosts, [*TASKS, {"raw": "readlink /proc/self/ns/pid"}])
        assert set(_printed(played)) == set(NAMES)
        namespaces = {one["stdout"] for one in played.tasks if one["task"] == "raw"}
        assert len(namespaces) == len(NAMES), json.dumps(hosts)
