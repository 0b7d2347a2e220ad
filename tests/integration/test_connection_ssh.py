# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays in a container of a remote host by the connection plugin ``libpod_ssh``, through a real sshd."""

from __future__ import annotations

import contextlib
import glob
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.tests.support import kept_engine, playbooks, process, sshd
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.inside import PIPELINED, PYTHON
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

OPTIONS: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none", "state": "started"}


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    """Yield a host with an sshd, ``c``, which has Python, ``bare``, which has none, and the engine that tasks keep."""
    with Host() as host, sshd.Sshd():
        kept_engine.install(host.parts.static_root)
        assert not host.container("c", volume=PYTHON, **OPTIONS).failed
        assert not host.container("bare", **OPTIONS).failed
        sshd.add_user()
        yield host


@pytest.mark.parametrize("settings", [{"ANSIBLE_PIPELINING": "0"}, PIPELINED])
def test_module_runs_in_the_container(serving: Host, settings: dict[str, str]) -> None:
    played = sshd.play(serving, [{"ping": {}}, {"command": "readlink /proc/self/ns/mnt"}], settings=settings)
    assert played["ping"]["ping"] == "pong"
    assert played["command"]["stdout"] != os.readlink("/proc/self/ns/mnt")


def test_exit_codes_and_streams_are_the_commands(serving: Host, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho here $1; exit 3\n")
    tasks: list[dict[str, Any]] = [
        {"raw": r"printf 'a\000\377\r\n'; echo error >&2; exit 255", "ignore_errors": True},
        {"script": f"{script} one", "ignore_errors": True},
    ]
    played = sshd.play(serving, tasks, "bare")
    raw = played["raw"]
    # ssh alone would take 255 for a connection that failed.
    assert (raw["rc"], raw["stderr"]) == (255, "error\n") and raw["stdout"].startswith("a\0")
    assert (played["script"]["rc"], played["script"]["stdout"]) == (3, "here one\n")


def test_files_stream_into_the_container_and_back(serving: Host, tmp_path: Path) -> None:
    data = os.urandom(3 << 20) + b"\r\n\0"
    (tmp_path / "here").write_bytes(data)
    before = process.files("/srv/home")
    tasks: list[dict[str, Any]] = [
        {"copy": {"src": str(tmp_path / "here"), "dest": "/tmp/there"}, "vars": {"ansible_libpod_user": "web"}},
        {"raw": "stat -c %U:%G /tmp/there"},
        {"fetch": {"src": "/tmp/there", "dest": str(tmp_path / "back"), "flat": True}},
    ]
    settings = {"ANSIBLE_REMOTE_TEMP": "/tmp/web"}
    played = sshd.play(serving, tasks, settings=settings, user=sshd.USER, libpod_host_become=True)
    assert played["raw"]["stdout"] == "web:web\n"
    assert (tmp_path / "back").read_bytes() == data
    assert process.files("/srv/home") == before


# Hosts of one play, since each start of ansible-playbook takes longer than their tasks.
UNUSABLE: dict[str, tuple[dict[str, str], str]] = {
    "absent": ({}, "no container has the name or ID 'absent'"),
    "ended": ({}, "container ended: it is exited"),
    "held": ({}, "container held: it is paused"),
    "without that user": ({"libpod_user": "nobodyhere"}, "no user 'nobodyhere'"),
    "without that shell": ({"shell_executable": "/bin/none"}, "cannot run /bin/none in container bare"),
    "without an engine": (
        {"libpod_static_root": "/srv/none"},
        "it keeps no engine as /srv/none/engine/libpod, or not",
    ),
    "without root": ({"user": sshd.USER}, "is for root alone: log in as root, or set ansible_libpod_host_become"),
    "without a login": ({"user": "nobodyhere"}, "Permission denied (publickey"),
}


def _play_each(serving: Host, hosts: dict[str, dict[str, Any]], *tasks: dict[str, Any]) -> playbooks.Played:
    """Run tasks in ``bare``, or where ``libpod_container`` says, by each of these variables; tasks may fail."""
    given = {name: sshd.variables(serving, **{"libpod_container": "bare", **how}) for name, how in hosts.items()}
    settings = {**sshd.settings(), **PIPELINED, "ANSIBLE_REMOTE_TEMP": "/tmp/ansible"}
    return playbooks.play(tasks, hosts=given, settings=settings, ok=False)


def test_unusable_container_is_unreachable_with_one_sentence(serving: Host) -> None:
    for name, state in (("ended", "stopped"), ("held", "paused")):
        assert not serving.container(name, **OPTIONS).failed and not serving.container(name, state=state).failed
    hosts = {name: {**({} if how else {"libpod_container": name}), **how} for name, (how, _said) in UNUSABLE.items()}
    played = _play_each(serving, hosts, {"raw": "id"})
    results = {one["inventory_host"]: one for one in played.tasks}
    assert played.exit_code == 4 and "Traceback" not in played.output
    for name, (_how, message) in UNUSABLE.items():
        said = results[name]["msg"]
        assert results[name]["unreachable"] is True and message in said and "\n" not in said, (name, said)


def test_container_that_ends_during_a_task_is_unreachable(serving: Host) -> None:
    assert not serving.container("ending", **OPTIONS).failed
    played = sshd.play(serving, [{"raw": "kill -TERM 1; sleep 1000"}], "ending", ok=False)
    assert played.exit_code == 4 and "container ending ended while /bin/sh ran in it" in played["raw"]["msg"]


def test_container_is_reached_by_its_id_and_has_the_variables_of_play_and_connection(serving: Host) -> None:
    identity = str(serving.module("libpod_container_info", {"name": ["c"]})["containers"][0]["Id"])
    variables = {"OF_PLAY": "1", "BOTH": "play"}
    task = {"shell": "hostname; echo $OF_PLAY $OF_CONNECTION $BOTH", "environment": variables}
    extra = {"OF_CONNECTION": "2", "BOTH": "connection"}
    for name in (identity, identity[:12]):
        played = sshd.play(serving, [task], "any", libpod_container=name, libpod_extra_env=extra)
        assert played["shell"]["stdout_lines"] == [identity[:12], "1 2 play"]


OLDER = {
    "echo 'libpod: expected one of ps, or --help' >&2; exit 2": "is of a version without libpod_ssh",
    "echo \"libpod: 'connect' is no command: libpod --help lists them\" >&2; exit 125": (
        "is of a version without libpod_ssh"
    ),
    "head -c 8 >/dev/null; echo no space >&2; exit 1": "ended with 1 before it replied: no space",
}


def test_engine_that_cannot_answer_is_named(serving: Host) -> None:
    hosts = {f"h{number}": {"libpod_static_root": f"/srv/older-{number}"} for number in range(len(OLDER))}
    for how, content in zip(hosts.values(), OLDER):
        program = Path(how["libpod_static_root"], "engine/libpod")
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{content}\n")
        program.chmod(0o755)
    results = {one["inventory_host"]: one for one in _play_each(serving, hosts, {"raw": "id"}).tasks}
    for name, message in zip(hosts, OLDER.values()):
        assert results[name]["unreachable"] is True and message in results[name]["msg"], results[name]


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ("NOPASSWD: ALL", {"": "", "not asked for": ""}),
        (
            "ALL",
            {
                sshd.PASSWORD: "",
                "incorrect horse": "cannot become root on host 127.0.0.1",
                "": "cannot become root on host 127.0.0.1: Missing sudo password",
            },
        ),
    ],
)
def test_login_user_becomes_root_on_the_host(serving: Host, rule: str, messages: dict[str, str]) -> None:
    sshd.set_rule(rule)
    login: dict[str, Any] = {"user": sshd.USER, "libpod_host_become": True}
    hosts = {f"h{n}": {**login, "libpod_host_become_password": word} for n, word in enumerate(messages)}
    # The module needs Python, and "c" has it.
    hosts = {name: {**how, "libpod_container": "c"} for name, how in hosts.items()}
    played = _play_each(serving, hosts, {"ping": {}}, {"raw": "cat; id -u"})
    sshd.set_rule("NOPASSWD: ALL")
    assert "incorrect horse" not in played.output and sshd.PASSWORD not in played.output
    results = {(one["inventory_host"], one["task"]): one for one in played.tasks}
    for name, message in zip(hosts, messages.values()):
        ping, raw = results[name, "ping"], results.get((name, "raw"))
        if message:
            assert message in ping["msg"] and ping["unreachable"] is True and raw is None, ping
        else:
            assert raw and (raw["stdout"], raw["stderr"]) == ("0\n", ""), ping


def test_connection_is_reset_waited_for_and_left_by_background_jobs(serving: Host) -> None:
    tasks: list[dict[str, Any]] = [
        {"wait_for_connection": {"timeout": 60}},
        {"command": "sleep 2", "async": 60, "poll": 0, "register": "job"},
        {
            "async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "end",
            "until": "end.finished",
            "retries": 60,
            "delay": 0.5,
        },
        {"setup": {"gather_subset": "min"}},
    ]
    # A folder of its own: another user's connection persists for a minute.
    folder = f"{sshd.FOLDER}/reset"
    settings = {"ANSIBLE_SSH_CONTROL_PATH_DIR": folder}
    played = sshd.play(serving, tasks, python_interpreter="auto", settings=settings)
    assert played["async_status"]["rc"] == 0
    assert played["setup"]["ansible_facts"]["ansible_hostname"] != os.uname().nodename
    assert len(os.listdir(folder)) == 1
    sshd.play(serving, [{"raw": "true"}, {"meta": "reset_connection"}], settings=settings)
    eventually(lambda: not os.listdir(folder))


def test_hosts_process_list_has_nothing_of_the_command(serving: Host) -> None:
    tasks: list[dict[str, Any]] = [{"raw": ": hidden; sleep 177; true"}]
    with ThreadPoolExecutor() as beside:
        playing = beside.submit(sshd.play, serving, tasks, "bare", libpod_extra_env={"TOKEN": "concealed"})
        (command,) = eventually(lambda: process.running(serving.cgroups.processes(), "sleep", "177"), seconds=60)
        lines = list(_command_lines())
        os.kill(command, signal.SIGKILL)
        playing.result()
    # The container sees only itself; what the host's processes of the connection are called is for the host to see.
    serving_lines = [line for line in lines if " connect" in line]
    assert serving_lines and not [line for line in serving_lines if "hidden" in line or "concealed" in line]


def _command_lines() -> Iterator[str]:
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, errors="replace") as file:
            yield file.read().replace("\0", " ")
