# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's command on the host: its tables, its JSON, its exit codes."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod, rows
from ansible_collections.libpod.engine.tests.support.process import (
    WAITING,
    Process,
    eventually,
    in_background,
    read_until,
    settled,
)

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def test_ps_and_inspect(host: Host) -> None:
    made = host.container("web", **{**RUNNING, "network": "bridge", "publish": ["8080:80"]})["container"]
    host.container("done", **{**RUNNING, "command": ["sh", "-c", "exit 3"]})
    eventually(lambda: libpod(host, "ps").stdout.count("\n") == 2)
    heading, row = rows(libpod(host, "ps").stdout)
    assert heading[0] == "CONTAINER ID" and heading[-1] == "NAMES"
    assert row[0] == made["Id"][:12] and row[-1] == "web" and "0.0.0.0:8080->80/tcp" in row[-2]
    every = libpod(host, "ps", "--all").stdout
    assert "Exited (3)" in every and "Up " in every
    assert libpod(host, "ps", "-q", "--no-trunc").stdout == made["Id"] + "\n"
    listed = json.loads(libpod(host, "ps", "-a", "--format", "json").stdout)
    assert [(one["Names"], one["State"]) for one in listed] == [(["done"], "exited"), (["web"], "running")]
    assert [one["Networks"] for one in listed] == [[], list(made["NetworkSettings"]["Networks"])]
    (shown,) = json.loads(libpod(host, "inspect", made["Id"][:6]).stdout)
    assert shown["Config"].pop("Env") == ["PATH=/bin"] and made["Config"].pop("Env") == ["PATH=(hidden)"]
    assert shown == made
    missing = libpod(host, "inspect", "nobody", code=125)
    assert missing.stderr == "libpod: no container has the name or ID 'nobody'\n"


def test_logs_by_stream_tail_and_to_the_end(host: Host) -> None:
    speaking = "echo one; echo two; echo wrong >&2; read line; echo $line"
    host.container("c", **{**RUNNING, "command": ["sh", "-c", speaking], "interactive": True})
    # conmon reads the two streams on their own.
    logs = eventually(lambda: "wrong" in (one := libpod(host, "logs", "c")).stderr and "two" in one.stdout and one)
    assert (logs.stdout, logs.stderr) == ("one\ntwo\n", "wrong\n")
    assert libpod(host, "logs", "-n", "2", "c").stdout == "two\n"
    (first, *_rest) = map(json.loads, libpod(host, "logs", "--format", "json", "c").stdout.splitlines())
    assert (first["stream"], first["text"]) == ("stdout", "one")
    assert libpod(host, "logs", "-t", "c").stdout.startswith(f"{first['time']} one\n")
    argv = [*self_program.argv(host.parts), "logs", "-f", "c"]
    environment = {**os.environ, **host.parts.environment()}
    with in_background(argv, env=environment, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout
        shown = read_until(following.stdout.fileno(), "one\n")
        assert host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", "kill -9 -1"]})
        host.container("c", state="stopped", stop_time=0)
        shown += following.communicate(timeout=60)[0]
        assert shown == "one\ntwo\n" and following.returncode == 0
    assert libpod(host, "logs", "--tail", "-1", "c").stdout == "one\ntwo\n"


@pytest.mark.parametrize(
    ("args", "input", "code", "out"),
    [
        (("c", "echo", "-n", "a b"), "", 0, "a b"),
        (("-e", "A=1", "-w", "/tmp", "-u", "1", "c", "sh", "-c", "echo $A $PWD $(id -u)"), "", 0, "1 /tmp 1\n"),
        (("-i", "c", "cat"), "said", 0, "said"),
        (("c", "cat"), "said", 0, ""),
        (("c", "sh", "-c", "exit 42"), "", 42, ""),
        (("c", "nothing-like-this"), "", 127, ""),
        (("-e", "PASSED", "-e", "NEVER_SET", "c", "sh", "-c", "echo $PASSED ${NEVER_SET-unset}"), "", 0, "on unset\n"),
        (("-t", "c", "tty"), "", 0, "/dev/pts/0\n"),
        (("-t", "c", "sh", "-c", "exit 42"), "", 42, ""),
        (("-t", "c", "nothing-like-this"), "", 127, ""),
        # More than a terminal buffers, in both directions: what is typed is printed, and echoed.
        (("-t", "-i", "c", "cat"), f"{'x' * 79}\n" * 500, 0, ""),
    ],
)  # fmt: skip
def test_exec(
    serving: Host, monkeypatch: pytest.MonkeyPatch, args: Sequence[str], input: str, code: int, out: str
) -> None:
    monkeypatch.setenv("PASSED", "on")
    done = libpod(serving, "exec", *args, input=input, code=code)
    # The kernel drops what it has no room to echo (N_TTY's buffer of 4 KiB), never what the command writes.
    lines = input.count("\n")
    assert done.stdout == out or lines > 1 and lines <= done.stdout.count("\n") <= 2 * lines
    assert done.stderr.count("nothing-like-this") == done.stderr.count("\n") == (code == 127)


@pytest.fixture(scope="module")
def serving() -> Any:
    """One running container for tests that only look at it."""
    with Host() as host:
        settled(host.container("c", memory="64m", **RUNNING))
        yield host


def test_stats_and_top_match_the_kernel(serving: Host) -> None:
    shown = serving.module("libpod_container_info", {"name": ["c"]})["containers"][0]
    (one,) = json.loads(libpod(serving, "stats", "--no-stream", "--format", "json").stdout)
    assert (one["Name"], one["MemLimit"]) == ("c", 64 << 20) and 0 < one["MemUsage"] < 64 << 20
    assert one["PIDs"] == int(Process(shown).cgroup("pids", "pids.current") or 0)
    heading, row = rows(libpod(serving, "stats", "--no-stream", "c").stdout)
    assert heading[1:3] == ["NAME", "CPU %"] and "67.11MB" in row[3]
    line = libpod(serving, "stats", "--no-stream", "--format", "{{.Name}} {{.PIDS}} {{.MemUsage}}").stdout
    assert re.fullmatch(r"c \d+ \S+ / 67\.11MB\n", line), line
    titled = libpod(serving, "stats", "--no-stream", "--no-trunc", "--format", "table {{.ID}}\\t{{.CPUPerc}}").stdout
    assert re.fullmatch(rf"ID +CPU %\n{one['Id']} +[\d.]+%\n", titled), titled
    processes = json.loads(libpod(serving, "top", "c", "--format", "json").stdout)
    assert {str(one["PID"]) for one in processes} == set((Process(shown).cgroup("pids", "cgroup.procs") or "").split())
    assert {one["CPID"] for one in processes} >= {1} and any("sleep" in one["COMMAND"] for one in processes)
    assert rows(libpod(serving, "top", "c").stdout)[0][0] == "PID"


def test_a_noun_before_a_containers_verb_is_podmans(serving: Host) -> None:
    listed = libpod(serving, "ps", "-a").stdout
    for verb in ("ls", "list", "ps"):
        assert rows(libpod(serving, "container", verb, "-a").stdout)[1][0] == rows(listed)[1][0]
    assert libpod(serving, "container", "inspect", "c", "-f", "{{.Name}}").stdout == "c\n"
    assert "no container" in libpod(serving, "container", "inspect", "localhost/busybox", code=125).stderr
    assert json.loads(libpod(serving, "inspect", "-t", "image", "localhost/busybox").stdout)[0]["RepoTags"]
    own, whole = libpod(serving, "inspect", "-s", "-f", "{{.SizeRw}} {{.SizeRootFs}}", "c").stdout.split()
    assert 0 <= int(own) < int(whole)
    for words in (("exists",), ("container", "exists")):
        assert libpod(serving, *words, "c").stdout == ""
        assert libpod(serving, *words, "nobody", code=1).stderr == ""


def test_templates_of_figures_and_of_unset_fields(serving: Host) -> None:
    figures = libpod(serving, "stats", "--no-stream=true", "--format", "{{.Name}} {{.CPUPerc}} {{.PIDs}}").stdout
    assert figures.startswith("c ") and figures.split()[1].endswith("%")
    unset = libpod(serving, "inspect", "-f", "{{.Config.Healthcheck}} {{range .Mounts}}{{.Name}}{{end}}", "c").stdout
    assert unset == "<nil> \n"


def test_no_container_text_controls_the_operators_terminal(host: Host) -> None:
    hostile = "\x1b[2J\x9b1A\u202e\x07"
    said = "printf '\\033[2J\\302\\2331A\\342\\200\\256\\007'"
    made = host.container(
        "c",
        **{**RUNNING, "command": ["sh", "-c", "sleep 1000 & wait", hostile]},
        healthcheck=["CMD-SHELL", f"{said}; exit 1"],
        healthcheck_interval="disable",
        label={"hostile": hostile},
    )
    assert Process(made).argv[-1] == hostile
    for args, code in (
        (("ps", "--no-trunc"), 0),
        (("top", "c"), 0),
        (("stats", "--no-stream"), 0),
        (("events", "--no-stream"), 0),
        (("inspect", "c"), 0),
        (("healthcheck", "run", "c"), 1),
        (("exec", "-w", f"/{hostile}", "c", "true"), 127),
    ):
        done = libpod(host, *args, code=code)
        text = done.stdout + done.stderr
        assert text and text.replace("\n", "").isprintable(), args
    for args in (("ps",), ("inspect", "c"), ("top", "c")):
        as_json = () if args[0] == "inspect" else ("--format", "json")
        assert json.dumps(hostile)[1:-1] in libpod(host, *args, *as_json).stdout, args
    assert json.loads(libpod(host, "healthcheck", "run", "--format", "json", "c", code=1).stdout)["Output"] == hostile


def test_start_stop_and_restart_report_their_names(host: Host) -> None:
    made = host.container("c", **RUNNING)["container"]
    assert libpod(host, "stop", "-t", "5", "c").stdout == "c\n"
    assert libpod(host, "stop", made["Id"][:9]).stdout == made["Id"][:9] + "\n"
    assert libpod(host, "start", "c").stdout == "c\n"
    assert libpod(host, "restart", "c").stdout == "c\n"
    assert host.module("libpod_container_info", {"name": ["c"]})["containers"][0]["State"]["Running"]
    mixed = libpod(host, "stop", "nobody", "c", code=125)
    assert (mixed.stdout, "nobody" in mixed.stderr) == ("c\n", True)


def test_system_error_of_one_container_does_not_stop_the_others(host: Host) -> None:
    for name in ("b", "c"):
        host.container(name, **RUNNING)
    lock = f"{host.parts.run_root}/locks/b.lock"
    os.unlink(lock)
    os.mkdir(lock)
    mixed = libpod(host, "stop", "b", "c", code=125)
    os.rmdir(lock)
    assert mixed.stdout == "c\n" and mixed.stderr.startswith("libpod: b: "), mixed


def test_events_record_the_lifecycle(host: Host, tmp_path: Path) -> None:
    settled(host.container("c", **RUNNING))
    host.container("c", state="paused")
    host.container("c", state="stopped")
    host.container("c", state="absent")
    lines = libpod(host, "events", "--no-stream", "--format", "json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    actions = [event["Action"] for event in events]
    assert actions == ["create", "start", "pause", "unpause", "died", "stop", "remove"]
    assert {event["Name"] for event in events} == {"c"} and events[4]["ExitCode"] == 0
    assert libpod(host, "events", "--no-stream", "-f", "event=died").stdout.count("\n") == 1
    assert libpod(host, "events", "--no-stream", "-f", "container=other").stdout == ""
    form = "{{.Name}} {{.Status}} {{.ExitCode}}"
    formed = libpod(host, "events", "--no-stream", "--format", form).stdout.splitlines()
    assert formed == [f"c {one['Action']} {one.get('ExitCode', '')}" for one in events]
    *before, last = (event["Time"] for event in events)
    ended = libpod(host, "events", "--since", before[1], "--until", last, "--format", "json").stdout.splitlines()
    assert [json.loads(line)["Time"] for line in ended] == before[1:]
    argv = [*self_program.argv(host.parts), "events", "--format", "json"]
    environment = {**os.environ, **host.parts.environment()}
    heard = tmp_path / "heard"
    with open(heard, "wb") as file, in_background(argv, env=environment, stdout=file):

        def something() -> bool:
            host.container("d", **RUNNING)
            host.container("d", state="absent")
            return '"Name": "d"' in heard.read_text(encoding="utf-8")

        eventually(something, seconds=60.0)


def test_installed_engine_is_the_libpod_command(host: Host) -> None:
    """Through the action plugin: the archive on the host, its launcher, and conmon's use of it."""
    options = {"name": "c", **RUNNING, "restart_policy": "on-failure:1", "command": ["sh", "-c", "exit 1"]}
    played = host.play([{"libpod.engine.libpod_container": options}], sends=True)
    assert played.exit_code == 0, played.output
    launcher = f"{host.parts.static_root}/engine/libpod"
    environment = {**os.environ, **host.parts.environment()}

    def state() -> dict[str, Any]:
        done = subprocess.run([launcher, "inspect", "c"], env=environment, capture_output=True, text=True, check=True)
        container: dict[str, Any] = json.loads(done.stdout)[0]
        return {**container["State"], "RestartCount": container["RestartCount"]}

    eventually(lambda: state()["RestartCount"] == 1 and state()["Status"] == "exited", seconds=60.0)
    assert os.stat(launcher).st_mode & 0o777 == 0o700


def test_health_is_checked_on_demand(host: Host) -> None:
    check: dict[str, Any] = {
        "healthcheck": "echo said; test ! -e /tmp/bad",
        "healthcheck_interval": "disable",
        "healthcheck_retries": 1,
    }
    host.container("c", **RUNNING, **check)
    host.container("plain", **RUNNING)

    def health() -> dict[str, Any]:
        (container,) = host.module("libpod_container_info", {"name": ["c"]})["containers"]
        return dict(container["State"]["Health"])

    assert health()["Status"] == "starting"
    assert "(starting)" in libpod(host, "ps").stdout
    assert libpod(host, "healthcheck", "run", "c").stdout == "healthy: said\n" and health()["Status"] == "healthy"
    assert {one["Names"][0]: one["Health"] for one in json.loads(libpod(host, "ps", "--format", "json").stdout)} == {
        "c": "healthy",
        "plain": "",
    }
    assert "(healthy)" in libpod(host, "ps").stdout
    host.module("libpod_container_exec", {"name": "c", "argv": ["touch", "/tmp/bad"]})
    report = json.loads(libpod(host, "healthcheck", "run", "c", "--format", "json", code=1).stdout)
    assert (report["Status"], report["ExitCode"], report["FailingStreak"]) == ("unhealthy", 1, 1)
    assert health()["Log"][-1]["End"] == report["End"]
    assert "has no health check" in libpod(host, "healthcheck", "run", "plain", code=125).stderr


def test_help_names_every_command(host: Host) -> None:
    output = libpod(host, "--help").stdout
    for command in ("ps", "inspect", "logs", "exec", "cp", "stats", "events", "top", "healthcheck"):
        assert f"\n  {command} " in output and f"usage: libpod {command}" in libpod(host, command, "--help").stdout


def test_cp_copies_both_ways_as_podmans_does(host: Host, tmp_path: Path) -> None:
    made = host.container("c", **RUNNING, user="web", tmpfs={"/scratch": ""})
    root = Process(made).path("root")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/f").write_bytes(b"\0\xff")
    (tmp_path / "a:b").write_text("colon")
    for source, target, path in (
        ("folder/f", "c:/tmp/new", "tmp/new"),
        ("folder/f", "c:/tmp", "tmp/f"),
        ("folder", f"{made['container']['Id'][:8]}:tmp/", "tmp/folder/f"),
        ("folder/.", "c:scratch", "scratch/f"),
        ("./a:b", "c:/scratch/plain", "scratch/plain"),
        (f"{tmp_path}/a:b", "c:/scratch", "scratch/a:b"),
    ):
        assert libpod(host, "cp", source, target, folder=tmp_path).stdout == ""
        assert os.stat(f"{root}/{path}").st_uid == 1000, target
    with open(f"{root}/scratch/f", "rb") as file:
        assert file.read() == b"\0\xff"
    os.chown(tmp_path / "folder/f", 7, 8)
    libpod(host, "cp", "--archive=false", "folder/f", "c:/tmp/kept", folder=tmp_path)
    assert (os.stat(f"{root}/tmp/kept").st_uid, os.stat(f"{root}/tmp/kept").st_gid) == (7, 8)
    libpod(host, "cp", "-a", "c:/tmp/folder", "back", folder=tmp_path)
    libpod(host, "cp", "c:/tmp/folder/.", ".", folder=tmp_path)
    assert (tmp_path / "back/f").read_bytes() == (tmp_path / "f").read_bytes() == b"\0\xff"
    assert (tmp_path / "f").stat().st_uid == 0
    host.container("c", state="stopped")
    libpod(host, "cp", "c:/www/index.html", "page", folder=tmp_path)
    assert (tmp_path / "page").read_text() == "It works.\n"


def test_cp_takes_and_gives_archives(host: Host, tmp_path: Path) -> None:
    made = host.container("c", **RUNNING, user="web", tmpfs={"/scratch": ""})
    root = Process(made).path("root")
    (tmp_path / "folder").mkdir(0o700)
    (tmp_path / "folder/f").write_bytes(b"\0\xff")
    os.chown(tmp_path / "folder/f", 7, 8)
    cp = shlex.join([*self_program.argv(host.parts), "cp"])
    pipe: Any = functools.partial(subprocess.run, shell=True, cwd=tmp_path, check=True, capture_output=True)
    environment = {**os.environ, **host.parts.environment()}
    before = os.stat(f"{root}/scratch")
    pipe(f"tar c -C folder . | {cp} - c:/scratch && tar c folder | {cp} --archive=false - c:/tmp", env=environment)
    after = os.stat(f"{root}/scratch")
    assert (before.st_mode, before.st_uid) == (after.st_mode, after.st_uid)
    assert (os.stat(f"{root}/scratch/f").st_uid, os.stat(f"{root}/tmp/folder/f").st_uid) == (1000, 7)
    shown = pipe(f"{cp} c:/tmp/folder - | tar tv --numeric-owner", env=environment).stdout.splitlines()
    assert [line.split()[1] for line in shown] == [b"0/0", b"0/0"] and shown[1].endswith(b" folder/f")
    assert pipe(f"{cp} --archive=false c:/tmp/folder/. - | tar xO ./f", env=environment).stdout == b"\0\xff"
    outside = pipe(f"tar cP --transform=s,^folder,../../out, folder | {cp} - c:/tmp; true", env=environment).stderr
    assert b"leads out of the archive" in outside and outside.count(b"\n") == 1


def test_cp_says_in_one_line_what_cannot_be_copied(host: Host, tmp_path: Path) -> None:
    host.container("c", **RUNNING)
    (tmp_path / "f").write_text("x")
    for source, target, said in (
        ("f", "g", "expected one of them in a container"),
        ("c:/a", "c:/b", "expected one of them in a container"),
        ("./c:/a", "/c:/b", "expected one of them in a container"),
        ("-", "-", "needs CONTAINER:PATH"),
        ("-", "/tmp", "needs CONTAINER:PATH"),
        ("-", "c:/no", "dest: /no in container c"),
        ("-", "c:/etc/passwd", "expected a directory"),
        ("c:/no", "-", "src: /no in container c"),
        ("", "c:/tmp", "an empty path"),
        ("no", "c:/tmp", "src: "),
        ("f", "c:/no/such/", "dest: "),
        ("f", "nobody:/tmp", "'nobody'"),
    ):
        message = libpod(host, "cp", source, target, code=125, folder=tmp_path).stderr
        assert said in message and message.count("\n") == 1, message
    (tmp_path / "www").write_text("a file at the place of a directory")
    assert "overwrite" in libpod(host, "cp", "c:/www", ".", code=125, folder=tmp_path).stderr
    libpod(host, "cp", "--overwrite", "c:/www", ".", folder=tmp_path)
    assert (tmp_path / "www/index.html").exists()


def test_check_output_has_no_control_characters(host: Host) -> None:
    host.container("c", **RUNNING, healthcheck="printf '\\033[2Jall \\007gone'", healthcheck_interval="disable")
    assert libpod(host, "healthcheck", "run", "c").stdout == "healthy: ?[2Jall ?gone\n"


def test_table_stays_narrow_beside_a_pods_infra_container(host: Host) -> None:
    ports = [f"{port}:{port}" for port in range(20000, 20020)]
    assert not host.module("libpod_pod", {"name": "p", "state": "started", "publish": ports}).failed
    shown = libpod(host, "ps").stdout.splitlines()
    assert len(shown) == 2 and max(map(len, shown)) < 190, shown
    assert max(map(len, libpod(host, "ps", "--no-trunc").stdout.splitlines())) > 300
    host.module("libpod_pod", {"name": "p", "state": "absent"})


WRONG: list[tuple[Sequence[str], int, str]] = [
    (("stats", "-i", "-1"), 125, "--interval: '-1' cannot be used"),
    (("stats", "-i", "inf"), 125, "--interval: 'inf' cannot be used"),
    (("exit",), 2, "usage: libpod exit ID "),
    (("health", "a"), 2, "usage: libpod health ID PID START "),
    (("log-limit", "a", "1", "x"), 2, "usage: libpod log-limit ID PID START "),
    (("health", "a", "9" * 5000, "1"), 2, "usage: libpod health ID PID START "),
    (("boot", "--now"), 2, "usage: libpod boot "),
    (("start", "nobody"), 125, "'nobody'"),
    (("restart", "nobody"), 125, "'nobody'"),
    (("top", "nobody"), 125, "'nobody'"),
]


def test_wrong_arguments_are_one_line(serving: Host) -> None:
    for args, code, said in WRONG:
        message = libpod(serving, *args, code=code).stderr
        assert said in message and message.count("\n") == 1, (args, message)
    assert "usage: libpod halt" in libpod(serving, "halt", "--help").stdout


def test_version_is_that_of_the_collection(serving: Host) -> None:
    with open(os.path.join(os.path.dirname(__file__), "../../galaxy.yml"), encoding="utf-8") as file:
        (version,) = (line.split()[1] for line in file if line.startswith("version:"))
    assert libpod(serving, "--version").stdout == f"libpod (collection libpod.engine) version {version}\n"


UNKNOWN = {
    "": "expected one of ps, inspect",
    "log web": "'log' is no command: did you mean logs?",
    "container": "'container' is no command",
    "container images": "'container images' is no command: libpod --help",
    "kube play web.yml": "the module libpod_kube",
    "compose up": "the module libpod_compose",
    "prune": "'prune' is no command: libpod system prune",
    "build .": "libpod_image builds",
    "\x1b[2J": "is no command: libpod --help",
}


def test_wrong_arguments_are_refused_with_the_accepted_ones(host: Host) -> None:
    for args, said in UNKNOWN.items():
        message = libpod(host, *args.split(), code=125).stderr
        assert said in message and message.count("\n") == 1, (args, message)
    assert "usage: libpod ps" in libpod(host, "ps", "--loud", code=125).stderr
    long = libpod(host, "run", "--loud", "busybox", code=125).stderr.splitlines()
    assert len(long) == 2 and "libpod run --help" in long[0] and "unrecognized arguments: --loud" in long[1]
    assert "usage: libpod volume" in libpod(host, "volume", "rm", "--loud", code=125).stderr
