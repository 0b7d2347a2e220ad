# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators type daily about containers: names, exit codes and output as podman's."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ansible_collections.libpod.engine.plugins.module_utils._drivers.process import start_time
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod, rows
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def test_rm_refuses_what_runs_and_removes_several(host: Host) -> None:
    pid = host.container("a", **RUNNING)["container"]["State"]["Pid"]
    made = host.container("b", **RUNNING, state="created")["container"]
    refused = libpod(host, "rm", "a", made["Id"][:9], code=2)
    assert (
        refused.stdout == f"{made['Id'][:9]}\n" and "a is running: " in refused.stderr and "--force" in refused.stderr
    )
    assert libpod(host, "rm", "nobody", code=1).stderr == "libpod: no container has the name or ID 'nobody'\n"
    assert libpod(host, "rm", "--ignore", "nobody").stdout == ""
    assert libpod(host, "rm", "-f", "-t", "0", "nobody", "a").stdout == "a\n" and not start_time(pid)
    assert libpod(host, "rm", "-a").stdout == ""
    assert "expected one of" in libpod(host, "rm", code=125).stderr
    assert "expected one of" in libpod(host, "rm", "-a", "x", code=125).stderr


def test_rm_all_removes_dependents_first(host: Host) -> None:
    first = host.container("a", **RUNNING)["container"]["Id"]
    second = host.container("b", **{**RUNNING, "network": "container:a"})["container"]["Id"]
    assert "depends on it" in libpod(host, "rm", "-f", "a", code=125).stderr
    assert set(libpod(host, "rm", "-f", "-a", "-t", "0").stdout.split()) == {first, second}
    assert libpod(host, "ps", "-aq").stdout == ""


def test_rm_removes_anonymous_volumes_where_asked(host: Host) -> None:
    for name in ("a", "b"):
        host.container(name, **{**RUNNING, "command": ["true"]}, volume=["/data"], wait="exited")
    assert len(libpod(host, "volume", "ls", "-q").stdout.split()) == 2
    libpod(host, "rm", "a")
    libpod(host, "rm", "-v", "b")
    (kept,) = libpod(host, "volume", "ls", "-q").stdout.split()
    host.module("libpod_volume", {"name": kept, "state": "absent"})


def test_signals_pause_and_wait(host: Host) -> None:
    trap = ["sh", "-c", "trap 'echo caught' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done"]
    made = host.container("a", **{**RUNNING, "command": trap})["container"]
    eventually(lambda: "ready" in libpod(host, "logs", "a").stdout)
    assert libpod(host, "pause", "a").stdout == "a\n"
    assert libpod(host, "pause", "--all").stdout == ""
    assert "paused" in libpod(host, "pause", "a", code=125).stderr
    assert libpod(host, "unpause", "--all").stdout == made["Id"] + "\n"
    assert libpod(host, "kill", "-s", "USR1", "--latest").stdout == made["Id"] + "\n"
    eventually(lambda: "caught" in libpod(host, "logs", "a").stdout)
    assert "--signal" in libpod(host, "kill", "-s", "NONE", "a", code=125).stderr
    assert libpod(host, "wait", "--condition", "running", "a").stdout == "-1\n"
    assert libpod(host, "kill", "--signal=TERM", "a").stdout == "a\n"
    mixed = libpod(host, "wait", "a", "nobody", code=125)
    assert mixed.stdout == "7\n" and "'nobody'" in mixed.stderr
    assert libpod(host, "wait", "-i", "nobody").stdout == "-1\n"
    assert "running" in libpod(host, "kill", "a", code=125).stderr
    assert "some of booted" in libpod(host, "wait", "--condition", "up", "a", code=125).stderr


def test_start_stop_and_restart_of_all_and_the_latest(host: Host) -> None:
    first = host.container("a", **RUNNING)["container"]["Id"]
    last = host.container("b", **RUNNING, state="created")["container"]["Id"]
    assert libpod(host, "stop", "-a", "-t", "0").stdout == f"{first}\n"
    assert libpod(host, "start", "-l").stdout == f"{last}\n"
    assert libpod(host, "restart", "--running", "-t", "0").stdout == f"{last}\n"
    assert libpod(host, "start", "--all").stdout == f"{first}\n{last}\n"
    assert libpod(host, "stop", "-i", "-t", "0", "nobody", "b").stdout == "b\n"


def test_published_ports_and_changed_files(host: Host) -> None:
    made = host.container("a", **{**RUNNING, "network": "bridge", "publish": ["127.0.0.1:8080:80", "53:53/udp"]})
    assert libpod(host, "port", "a").stdout == "53/udp -> 0.0.0.0:53\n80/tcp -> 127.0.0.1:8080\n"
    assert libpod(host, "port", "a", "80").stdout == libpod(host, "port", "-l", "80/tcp").stdout == "127.0.0.1:8080\n"
    assert "not published" in libpod(host, "port", "a", "80/udp", code=125).stderr
    short = made["container"]["Id"][:12]
    assert libpod(host, "port", "-a").stdout.splitlines()[1] == f"{short}\t80/tcp -> 127.0.0.1:8080"
    libpod(host, "exec", "a", "sh", "-c", "echo x >/www/new; rm /www/index.html; touch '/www/\033[2J'")
    assert libpod(host, "diff", "a").stdout == "C /www\nA /www/?[2J\nD /www/index.html\nA /www/new\n"
    changes = json.loads(libpod(host, "diff", "--format", "json", "-l").stdout)
    assert changes == {"changed": ["/www"], "added": ["/www/\x1b[2J", "/www/new"], "deleted": ["/www/index.html"]}


def test_ps_filters_and_formats(host: Host) -> None:
    pod = host.module("libpod_pod", {"name": "p", "state": "created"})["pod"]
    first = host.container("a", **RUNNING, label={"tier": "web"}, volume=["/srv:/data"])["container"]["Id"]
    host.container("b", **{**RUNNING, "network": None, "pod": "p"}, state="created")
    host.container("c", **{**RUNNING, "command": ["sh", "-c", "exit 3"]}, wait="exited")
    for words, names in (
        ((), "a"),
        (("-f", "status=exited"), "c"),
        (("-a", "-f", "exited=3"), "c"),
        (("-a", "-f", "label=tier=web", "-f", "label=tier"), "a"),
        (("-a", "-f", "label!=tier", "-f", "name=^[bc]$"), "b c"),
        (("-a", "-f", f"id={first[:5]}", "-f", "name=a"), "a"),
        (("-a", "-f", "ancestor=busybox", "-f", "pod=p"), "b"),
        (("-a", "-f", "since=a", "-f", "before=c"), "b"),
        (("-f", "volume=/data", "-f", "health=none"), "a"),
        (("-f", "network=nothing"), ""),
        (("--latest",), "c"),
        (("--last", "2"), "c b"),
    ):
        assert libpod(host, "ps", "--format", "{{.Names}}", *words).stdout.split() == names.split(), words
    line = ("ps", "-a", "--pod", "--noheading", "-f", "name=^b$")
    assert rows(libpod(host, *line).stdout)[0][-3:] == ["b", pod["Id"][:12], "p"]
    assert (
        libpod(host, "ps", "--format", "table {{.ID}}\t{{.Labels.tier}}").stdout
        == f"CONTAINER ID   LABELS\n{first[:12]}   web\n"
    )
    for words, said in (
        (("--filter", "colour=red"), "KEY one of ancestor"),
        (("--filter", "status=up"), "one of created"),
        (("--filter", "exited=x"), "a number"),
        (("--format", "{{.Nothing}}"), "there is no .Nothing, but .Id"),
        (("--format", "{{.Names"), "does not end"),
    ):
        assert said in libpod(host, "ps", *words, code=125).stderr
    assert (
        libpod(host, "inspect", "-f", "{{.State.ExitCode}} {{json .Config.Cmd}}", "c").stdout
        == '3 ["sh","-c","exit 3"]\n'
    )
    assert libpod(host, "inspect", "--type", "pod", "-f", "{{.Name}}", "p").stdout == "p\n"
    assert libpod(host, "inspect", "-f", "{{.Os}}", "busybox").stdout == "linux\n"
    mixed = libpod(host, "inspect", "-f", "{{.Name}}", "a", "nobody", code=125)
    assert mixed.stdout == "a\n" and "'nobody'" in mixed.stderr
    host.module("libpod_pod", {"name": "p", "state": "absent"})


def test_ps_sorts_and_exec_reads_files_of_variables(host: Host, tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        host.container(name, **RUNNING)
    names = ("ps", "--format", "{{.Names}}", "--sort")
    assert libpod(host, *names, "created").stdout.split() == ["b", "c", "a"]
    assert libpod(host, *names, "names").stdout.split() == ["a", "b", "c"]
    assert "invalid choice" in libpod(host, *names, "colour", code=125).stderr
    (tmp_path / "env").write_text("# of a\nA=1\nB=2\n")
    shown = libpod(host, "exec", "--env-file", str(tmp_path / "env"), "-e", "B=3", "a", "sh", "-c", "echo $A $B").stdout
    assert shown == "1 3\n"
    assert "--env-file" in libpod(host, "exec", "--env-file", "/no/such", "a", "true", code=125).stderr


def test_logs_of_several_say_whose_the_lines_are(host: Host) -> None:
    ids = {}
    for name in ("one", "two"):
        made = host.container(name, image="busybox", command=["echo", f"in {name}"], network="none", detach=False)
        ids[name] = made["container"]["Id"][:12]
    assert libpod(host, "logs", "one").stdout == "in one\n"
    assert libpod(host, "logs", "--names", "two", "one").stdout == "two in two\none in one\n"
    assert libpod(host, "logs", "one", "two").stdout == f"{ids['one']} in one\n{ids['two']} in two\n"
    assert "--follow" in libpod(host, "logs", "-f", "one", "two", code=125).stderr


def test_pod_stop_gives_the_time_that_is_asked_for(host: Host) -> None:
    libpod(host, "pod", "create", "--share", "none", "-n", "apps")
    host.container("slow", pod="apps", image="busybox", command=["sleep", "1000"], stop_timeout=120)
    begun = time.monotonic()
    libpod(host, "pod", "stop", "-t", "0", "apps")
    assert time.monotonic() - begun < 120
    assert libpod(host, "ps", "-q").stdout == ""
    libpod(host, "pod", "rm", "-f", "apps")
