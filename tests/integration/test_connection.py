# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays in a container by the connection plugin ``libpod``: commands, files, users, and what makes it unreachable."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import inside, playbooks
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED, PYTHON
from ansible_collections.libpod.engine.tests.support.process import WAITING, running

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    """Yield a host with ``c``, which has Python, and ``bare``, which has none."""
    with Host() as host:
        assert not host.container("c", volume=PYTHON, **OPTIONS).failed
        assert not host.container("bare", **OPTIONS).failed
        yield host


@pytest.mark.parametrize("settings", [{}, PIPELINED])
def test_module_runs_in_the_container(serving: Host, settings: dict[str, str]) -> None:
    played = inside.play(serving, [{"ping": {}}, {"command": "readlink /proc/self/ns/mnt"}], settings=settings)
    assert played["ping"]["ping"] == "pong"
    assert played["command"]["stdout"] != os.readlink("/proc/self/ns/mnt")


def test_container_is_reached_by_its_id_and_an_unambiguous_beginning(serving: Host) -> None:
    ids = {"bare": str(serving.container("bare", **OPTIONS)["container"]["Id"])}
    for name in (ids["bare"], ids["bare"][:12]):
        assert inside.play(serving, [{"raw": "hostname"}], name)["raw"]["stdout"].strip() == ids["bare"][:12]
    # Until two IDs begin with the same decimal digit: a letter may be another container's name.
    shared = ""
    while not shared:
        name = f"more{len(ids)}"
        ids[name] = str(serving.container(name, state="created", **OPTIONS)["container"]["Id"])
        firsts = [one[0] for one in ids.values()]
        shared = next((one for one in firsts if one.isdecimal() and firsts.count(one) > 1), "")
    played = inside.play(serving, [{"raw": "id"}], shared, ok=False)
    for name in set(ids) - {"bare"}:
        assert not serving.container(name, state="absent").failed
    assert played.exit_code == 4 and played["raw"]["unreachable"] is True
    said = played["raw"]["msg"]
    assert f"the ID prefix {shared!r} matches" in said and "give more of it" in said and "\n" not in said, said


def test_raw_and_script_need_no_python(serving: Host, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho here $1; exit 3\n")
    tasks: list[dict[str, Any]] = [
        {"raw": "id -u; exit 5", "ignore_errors": True},
        {"script": f"{script} one", "ignore_errors": True},
    ]
    played = inside.play(serving, tasks, "bare")
    assert (played["raw"]["rc"], played["raw"]["stdout"]) == (5, "0\n")
    assert (played["script"]["rc"], played["script"]["stdout"]) == (3, "here one\n")


def test_files_pass_as_they_are_and_belong_to_the_remote_user(serving: Host, tmp_path: Path) -> None:
    data = os.urandom(3 << 20) + b"\r\n\0"
    (tmp_path / "here").write_bytes(data)
    tasks: list[dict[str, Any]] = [
        {"copy": {"src": str(tmp_path / "here"), "dest": "/tmp/there"}, "remote_user": "web"},
        {"raw": "stat -c %U:%G /tmp/there"},
        {"fetch": {"src": "/tmp/there", "dest": str(tmp_path / "back"), "flat": True}, "remote_user": "web"},
    ]
    played = inside.play(serving, tasks, settings={"ANSIBLE_REMOTE_TEMP": "/tmp/web"})
    assert played["raw"]["stdout"] == "web:web\n"
    assert (tmp_path / "back").read_bytes() == data


# Hosts of one play, since each start of ansible-playbook takes longer than their tasks.
UNUSABLE: dict[str, tuple[dict[str, str], str]] = {
    "absent": ({}, "no container has the name or ID 'absent'"),
    "ended": ({}, "container ended: it is exited"),
    "held": ({}, "container held: it is paused"),
    "without that user": ({"libpod_host": "bare", "user": "nobodyhere"}, "no user 'nobodyhere'"),
    "without that shell": (
        {"libpod_host": "bare", "shell_executable": "/bin/none"},
        "cannot run /bin/none in container bare",
    ),
}


def test_unusable_container_is_unreachable_with_one_sentence(serving: Host) -> None:
    for name, state in (("ended", "stopped"), ("held", "paused")):
        assert not serving.container(name, **OPTIONS).failed and not serving.container(name, state=state).failed
    hosts = {name: inside.variables(serving, **how) for name, (how, _message) in UNUSABLE.items()}
    played = playbooks.play([{"raw": "id"}], hosts=hosts, ok=False)
    results = {one["inventory_host"]: one for one in played.tasks}
    assert played.exit_code == 4 and "Traceback" not in played.output
    for name, (_how, message) in UNUSABLE.items():
        said = results[name]["msg"]
        assert results[name]["unreachable"] is True and message in said and "\n" not in said, (name, said)


def test_module_without_a_directory_for_its_files_says_so(serving: Host) -> None:
    read_only: dict[str, Any] = {"read_only": True, "read_only_tmpfs": False}
    assert not serving.container("fixed", volume=PYTHON, **read_only, **OPTIONS).failed
    played = inside.play(serving, [{"ping": {}}], "fixed", ok=False)
    assert played.exit_code == 2 and "container fixed has no directory in which this user may" in played["ping"]["msg"]
    assert "Traceback" not in played.output


def test_container_that_ends_during_a_task_is_unreachable(serving: Host) -> None:
    assert not serving.container("ending", **OPTIONS).failed
    played = inside.play(serving, [{"raw": "kill -TERM 1; sleep 1000"}], "ending", ok=False)
    assert played.exit_code == 4 and "container ending ended while /bin/sh ran in it" in played["raw"]["msg"]


def test_endless_output_is_ended_and_fails_the_task(serving: Host) -> None:
    played = inside.play(serving, [{"raw": "exec yes"}], "bare", ok=False)
    assert played.exit_code == 2 and "printed more than 256 MiB" in played["raw"]["msg"]
    assert not running(serving.cgroups.processes(), "yes")


def test_hosts_of_one_container_work_at_once(serving: Host) -> None:
    hosts = {name: inside.variables(serving, libpod_host="c") for name in ("one", "two", "three")}
    tasks: list[dict[str, Any]] = [
        {"raw": "touch /tmp/{{ inventory_hostname }}; until ls /tmp/one /tmp/two /tmp/three; do sleep 0.1; done"}
    ]
    played = playbooks.play(tasks, hosts=hosts)
    assert len(played.tasks) == 3


def test_name_is_never_an_option_or_a_path(serving: Host) -> None:
    names = ["--help", "-c", "../c", "c/../c", ""]
    hosts = {f"h{number}": inside.variables(serving, libpod_host=name) for number, name in enumerate(names)}
    played = playbooks.play([{"raw": "id"}], hosts=hosts, ok=False)
    assert played.exit_code == 4 and "Traceback" not in played.output
    assert [one["unreachable"] for one in played.tasks] == [True] * len(names), played.output


def test_failed_transfer_fails_the_task_and_says_why_once(serving: Host, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("true")
    # The shell makes the folder, and nobody else has that /proc/self.
    settings = {"ANSIBLE_REMOTE_TEMP": "/proc/self/cwd/tmp"}
    played = inside.play(serving, [{"script": str(tmp_path / "script")}], ok=False, settings=settings)
    assert played.exit_code == 2 and "unreachable" not in played["script"]
    assert played["script"]["msg"].count("a directory in its path does not exist") == 1
    assert played["script"]["msg"].endswith("does not exist")
