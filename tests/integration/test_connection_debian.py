# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin ``libpod`` and a Debian in a container: become by sudo and su, facts, background jobs."""

from __future__ import annotations

import os
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support import inside, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED
from ansible_collections.libpod.engine.tests.support.process import in_background, running

USERS = """set -e; useradd -m joe; useradd -m ann; echo joe:secret | chpasswd; echo root:toor | chpasswd
echo 'joe ALL=(ALL) ALL' >/etc/sudoers.d/joe; echo 'ann ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ann"""
TASKS = [{"command": "id -un"}, {"raw": "id -un; echo error >&2"}]
FILES = {"ANSIBLE_PIPELINING": "0", "ANSIBLE_REMOTE_TEMP": "/tmp", "ANSIBLE_SHELL_ALLOW_WORLD_READABLE_TEMP": "1"}


@pytest.fixture(scope="module", name="debian")
def _debian() -> Iterator[Host]:
    with Host() as host:
        made = host.container("c", image=host.debian(), command=["sleep", "infinity"], network="none")
        assert not made.failed, made
        inside.play(host, [{"raw": USERS}])
        yield host


# Hosts of one play, since each start of ansible-playbook takes longer than their tasks.
BECOME: dict[str, tuple[dict[str, Any], str]] = {
    "sudo with a password": ({"user": "joe", "become_password": "secret"}, "root"),
    "sudo without a password": ({"user": "ann"}, "root"),
    "sudo with an unneeded word": ({"user": "ann", "become_password": "not asked for"}, "root"),
    "sudo to another user": ({"user": "ann", "become_user": "joe"}, "joe"),
    "sudo of root": ({"become_user": "joe"}, "joe"),
    "su with a password": ({"user": "joe", "become_method": "su", "become_password": "toor"}, "root"),
    "su of root": ({"become_method": "su", "become_user": "joe"}, "joe"),
}


@pytest.mark.parametrize("settings", [PIPELINED, FILES])
def test_become(debian: Host, settings: dict[str, str]) -> None:
    hosts = {
        name: {**inside.variables(debian, become=True, **how), "ansible_host": "c"}
        for name, (how, _expected) in BECOME.items()
    }
    played = playbooks.play(TASKS, hosts=hosts, settings={"ANSIBLE_REMOTE_TEMP": "/tmp/ansible", **settings})
    results = {(one["inventory_host"], one["task"]): one for one in played.tasks}
    for name, (how, expected) in BECOME.items():
        command, raw = results[name, "command"], results[name, "raw"]
        assert command["stdout"] == expected, (name, command)
        assert (raw["stdout"], raw["stderr"].strip()) == (f"{expected}\n", "error"), (name, raw)
        assert str(how.get("become_password", "nothing")) not in played.output


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "wrong for sudo": ({"become_password": "wrong"}, "Incorrect sudo password"),
    "missing": ({}, "Missing sudo password"),
    "wrong for su": ({"become_method": "su", "become_password": "wrong"}, "Incorrect su password"),
}


def test_wrong_password_of_become_fails_the_task(debian: Host) -> None:
    hosts = {
        name: {**inside.variables(debian, user="joe", become=True, **how), "ansible_host": "c"}
        for name, (how, _message) in WRONG.items()
    }
    played = playbooks.play(TASKS[:1], hosts=hosts, settings={"ANSIBLE_REMOTE_TEMP": "/tmp/ansible"}, ok=False)
    results = {one["inventory_host"]: one for one in played.tasks}
    assert played.exit_code == 2
    for name, (_how, message) in WRONG.items():
        assert message in results[name]["msg"], results[name]


def test_become_that_never_succeeds_ends_after_the_timeout(debian: Host) -> None:
    how: dict[str, Any] = {"become_exe": "sleep 1300 #", "become_password": "secret", "libpod_timeout": 1}
    played = inside.play(debian, TASKS[:1], user="joe", become=True, ok=False, **how)
    assert "sudo in the container did not succeed within 1 seconds" in played["command"]["msg"]
    assert not running(debian.cgroups.processes(), "sleep", "1300")


def test_input_of_any_length_follows_the_password(debian: Host) -> None:
    text = "x" * 300_000
    task = {"command": {"cmd": "wc -c", "stdin": text, "stdin_add_newline": False}}
    played = inside.play(debian, [task], user="joe", become=True, become_password="secret", settings=PIPELINED)
    assert played["command"]["stdout"] == "300000"


def test_facts_and_interpreter_are_the_containers(debian: Host) -> None:
    played = inside.play(debian, [{"setup": {"gather_subset": "min,virtual"}}], python_interpreter="auto")
    facts = played["setup"]["ansible_facts"]
    assert (facts["ansible_distribution"], facts["ansible_user_id"]) == ("Debian", "root")
    assert facts["discovered_interpreter_python"].startswith("/usr/bin/python3")
    assert (facts["ansible_virtualization_type"], facts["ansible_virtualization_role"]) == ("podman", "guest")


def test_variables_of_play_connection_and_container(debian: Host) -> None:
    task = {"command": "env", "environment": {"OF_PLAY": "1", "BOTH": "play"}}
    played = inside.play(
        debian, [task], libpod_extra_env={"OF_CONNECTION": "2", "BOTH": "connection", "container": None}
    )
    lines = played["command"]["stdout_lines"]
    assert {"OF_PLAY=1", "OF_CONNECTION=2", "BOTH=play", "container=podman"} <= set(lines)


def test_job_in_the_background_outlives_its_task(debian: Host) -> None:
    tasks: list[dict[str, Any]] = [
        {"shell": "sleep 3; echo done", "async": 60, "poll": 0, "register": "job"},
        {"meta": "reset_connection"},
        {
            "async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "end",
            "until": "end is finished",
            "retries": 60,
            "delay": 0.5,
        },
    ]
    played = inside.play(debian, tasks)
    assert played["async_status"]["stdout"] == "done"


def test_connection_is_waited_for_while_the_container_starts(debian: Host) -> None:
    made = debian.container(
        "late", image=debian.debian(), command=["sleep", "infinity"], network="none", state="created"
    )
    assert not made.failed
    start = ["sh", "-c", 'sleep 2; exec "$0" "$@"', *self_program.argv(debian.parts), "start", "late"]
    with in_background(start, env={**os.environ, **debian.parts.environment()}):
        played = inside.play(debian, [{"wait_for_connection": {"timeout": 60, "sleep": 1}}, {"ping": {}}], "late")
    assert played["ping"]["ping"] == "pong"
