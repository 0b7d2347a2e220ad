# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays over six containers of one remote host, and over four remote hosts, all at a time with ControlPersist.

Containers of the hosts are hosts of a play, and the hosts are those of docs/howto/rolling-update.md.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible_collections.libpod.engine.tests.support import images, inside, kept_engine, playbooks, scenario, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED, PYTHON
from ansible_collections.libpod.engine.tests.support.process import WAITING

NAMES = [f"c{number}" for number in range(6)]  # of containers: more than Ansible has forks by default
MACHINES = NAMES[:4]
OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "volume": PYTHON}
READ: dict[str, Any] = {"command": "cat /tmp/name /etc/hostname"}


def _play(hosts: dict[str, dict[str, Any]], tasks: list[dict[str, Any]]) -> playbooks.Played:
    settings = {**sshd.settings(), **PIPELINED, "ANSIBLE_REMOTE_TEMP": "/tmp/ansible", "ANSIBLE_FORKS": str(len(NAMES))}
    return playbooks.play(tasks, hosts=hosts, settings=settings)


def _printed(played: playbooks.Played) -> dict[str, str]:
    """Return what each host's last command printed: the host's name, then the container's."""
    lines = (one["stdout"] for one in played.tasks if one["task"] == "command")
    return {line[:2]: line[2:] for line in lines}


def test_containers_of_one_remote_host_share_a_connection(tmp_path: Path) -> None:
    """A file is sent, and then a module by the command's input."""
    (tmp_path / "write").write_text("#!/bin/sh\nprintf %s $1 >/tmp/name\n")
    write = {"script": f"{tmp_path}/write {{{{ inventory_hostname }}}}"}
    with Host() as host, sshd.Sshd():
        listed = [{"name": name, "hostname": f"in-{name}", **OPTIONS} for name in NAMES]
        kept_engine.install(host.parts.static_root)
        assert not host.module("libpod_containers", {"containers": listed}).failed
        hosts = {name: sshd.variables(host) for name in NAMES}
        _play({"c0": hosts["c0"]}, [{"raw": "true"}])  # makes the connection, which lasts a minute
        before = _logins()
        played = _play(hosts, [write, READ])
        assert _printed(played) == {name: f"in-{name}" for name in NAMES}
        assert _logins() == before


def _logins() -> int:
    with open(f"{sshd.FOLDER}/log", encoding="utf-8") as file:
        return file.read().count("Accepted publickey")


BOOK = "rolling-update.yml"
PAGE = scenario.page_files(f"{images.PROJECT}/docs/howto/rolling-update.md")[BOOK]
SERVICE = "libpod.engine.libpod_container"
SETTINGS = {**sshd.settings(), **PIPELINED}


def _service(version: str) -> dict[str, Any]:
    """Return the page's service in a version, as options of its container."""
    options: dict[str, Any] = yaml.safe_load(PAGE.replace("{{ version }}", version))[0]["tasks"][0][SERVICE]
    return options


@pytest.fixture(scope="module")
def machines() -> Iterator[dict[str, dict[str, Any]]]:
    """Yield the variables of remote hosts, by the names of MACHINES: each has a container and the page's service."""
    with sshd.Machines(len(MACHINES), {"name": "c", **OPTIONS}, _service("1")) as made:
        shared = inside.variables(made.host)
        yield {name: {**shared, **machine} for name, machine in zip(MACHINES, made.variables())}


def test_remote_hosts_in_one_play(machines: dict[str, dict[str, Any]]) -> None:
    hosts = {name: {**machine, "ansible_libpod_container": "c"} for name, machine in machines.items()}
    mark = {"raw": "printf {{ inventory_hostname }} > /tmp/name; readlink /proc/self/ns/pid"}
    played = _play(hosts, [mark, READ])
    assert set(_printed(played)) == set(MACHINES)
    namespaces = {one["stdout"] for one in played.tasks if one["task"] == "raw"}
    assert len(namespaces) == len(MACHINES), json.dumps(hosts)


def _roll_out(folder: Path, hosts: dict[str, dict[str, Any]], version: str) -> tuple[int, list[str], str]:
    """Run the page's playbook; return its exit code, the hosts that it changed in their order, and all it printed."""
    (folder / BOOK).write_text(PAGE)
    argv = [playbooks.program(), "-i", playbooks.inventory(str(folder), hosts), BOOK]
    argv += ["-e", json.dumps({"version": version})]
    env = {**playbooks.environment(str(folder)), **SETTINGS}
    done = subprocess.run(argv, check=False, cwd=folder, env=env, capture_output=True, text=True)
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    changed = [one["inventory_host"] for one in results if one.get("changed")]
    return done.returncode, changed, done.stdout + done.stderr


def test_failing_version_stops_the_roll_out_and_the_old_one_goes_on(
    machines: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    hosts = {name: {**machine, "ansible_connection": "ssh"} for name, machine in machines.items()}
    status, changed, printed = _roll_out(tmp_path, hosts, "2")
    assert status == 0 and changed[0] == MACHINES[0] and sorted(changed) == sorted(MACHINES), printed
    status, changed, printed = _roll_out(tmp_path, hosts, "3; exit 1")  # its command ends there
    assert status != 0 and set(changed) <= set(MACHINES[:1]), printed
    ask = {
        "libpod.engine.libpod_container_exec": {"name": "rolling-web", "argv": ["wget", "-qO-", "http://127.0.0.1/"]}
    }
    played = playbooks.play([ask], hosts=hosts, settings=SETTINGS)
    assert [one["stdout"] for one in played.tasks] == ["2\n"] * len(MACHINES), played.output
