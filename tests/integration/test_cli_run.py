# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod run`` and ``create`` with podman's flags."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io.log_lines import LogReader
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually, in_background, read_until


def test_run_detached_takes_podmans_flags(host: Host, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("FROM_FILE=1\nA=0\n")
    flags = (
        *("-d", "--name", "c", "--network", "none", "-e", "A=1", "--env", "B=x=y", "--env-file", "env", "-w", "/tmp"),
        *("-u", "1", "-m", "64m", "--cpus", "0.5", "--label", "tier=web", "-l", "bare", "--cap-add", "NET_ADMIN"),
        *("-v", "/srv:/data:ro", "--tmpfs", "/scratch:size=1m", "--restart", "on-failure:2", "-h", "inner", "-it"),
        *("--add-host", "db:10.0.0.1", "--add-host", "db:10.0.0.2", "--read-only", "--privileged=false"),
    )
    made = libpod(host, "run", *flags, "busybox", *WAITING, folder=tmp_path).stdout.strip()
    (shown,) = host.module("libpod_container_info", {"name": ["c"], "env_values": True})["containers"]
    config, limits = shown["Config"], shown["HostConfig"]
    assert shown["Id"] == made and shown["State"]["Running"] and config["Cmd"] == list(WAITING)
    assert {"A=1", "B=x=y", "FROM_FILE=1"} <= set(config["Env"])
    assert config["Labels"] == {"tier": "web", "bare": ""} and config["User"] == "1" and config["Hostname"] == "inner"
    assert (limits["Memory"], limits["NanoCpus"]) == (64 << 20, 500_000_000) and not limits["Privileged"]
    assert limits["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2} and limits["ReadonlyRootfs"]
    hosts = libpod(host, "exec", "c", "cat", "/etc/hosts").stdout
    assert "10.0.0.1" in hosts and "10.0.0.2" in hosts
    taken = libpod(host, "run", "-d", "--name", "c", "busybox", "true", code=125)
    assert "a container has the name 'c'" in taken.stderr and taken.stdout == ""
    unchanged = libpod(host, "inspect", "-f", "{{.Id}}", "c").stdout.strip()
    assert unchanged == made
    new = libpod(host, "run", "-d", "--replace", "--name", "c", "--network=none", "busybox", *WAITING).stdout.strip()
    assert new != made and libpod(host, "ps", "-aq", "--no-trunc").stdout == f"{new}\n"


def test_run_waits_and_shows_output_and_exit_code(host: Host) -> None:
    done = libpod(
        host, "run", "--rm", "--network", "none", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3", code=3
    )
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert libpod(host, "ps", "-aq").stdout == ""
    done = libpod(host, "run", "--network=none", "--name=kept", "--entrypoint", "echo", "busybox", "a b")
    assert done.stdout == "a b\n" and libpod(host, "ps", "-a", "--format", "{{.Names}}").stdout == "kept\n"


@pytest.mark.parametrize("kept", [False, True])
def test_output_is_shown_while_it_is_printed(host: Host, kept: bool) -> None:
    script = "echo begun; while [ ! -e /go ]; do sleep 0.05; done; echo err >&2; printf '\\377two\\nend'"
    verb = ["run", *([] if kept else ["--rm"]), "--name", "c", "--network", "none", "--log-opt", "max_size=1m"]
    argv = [*self_program.argv(host.parts), *verb, "busybox", "sh", "-c", script]
    how: dict[str, Any] = {"env": {**os.environ, **host.parts.environment()}, "stdout": PIPE, "stderr": PIPE}
    with in_background(argv, **how) as running:
        assert running.stdout is not None and running.stderr is not None
        read_until(running.stdout.fileno(), "begun\n")
        libpod(host, "exec", "c", "touch", "/go")
        assert (running.stdout.read(), running.stderr.read(), running.wait()) == (b"\xfftwo\nend", b"err\n", 0)
    if kept:
        again = subprocess.run([*self_program.argv(host.parts), "start", "-a", "c"], check=True, **how)
        assert again.stdout == b"begun\n\xfftwo\nend"


def test_live_output_goes_on_in_the_next_file_of_a_rotated_log(tmp_path: Path) -> None:
    path, got = tmp_path / "log", [b""]
    path.write_bytes(b"T stdout F before\nT stdout F a\nT stdout P b")
    reader = LogReader(str(path), start=len(b"T stdout F before\n"))

    def more() -> None:
        got.extend(part.content + b"\n" if part.ends else part.content for part in reader.entries())

    more()
    assert b"".join(got) == b"a\n"
    with path.open("ab") as file:
        file.write(b"c\nT stdout P \xc3\nnone\n")
    more()
    path.rename(tmp_path / "old")
    with (tmp_path / "old").open("ab") as file:
        file.write(b"T stdout F \xa9\n")
    more()  # the log is missing for a moment
    path.write_bytes(b"T stderr F next\n")
    more()
    more()
    assert b"".join(got) == b"a\nbc\xc3\xa9\nnext\n"


def test_run_passes_its_input_on(host: Host) -> None:
    new = ("--rm", "--network=none", "busybox", "sh", "-c")
    done = libpod(host, "run", "-i", *new, "cat; echo err >&2; exit 3", input="said\n" * 5000, code=3)
    assert (done.stdout, done.stderr) == ("said\n" * 5000, "err\n")
    assert libpod(host, "run", "-i", "--name=k", *new[1:], "echo begun; cat", input="x").stdout == "begun\nx"
    assert libpod(host, "ps", "-a", "--format", "{{.Names}} {{.State}}").stdout == "k exited\n"
    host.container("k", state="absent")
    assert "nothing-like-this" in libpod(host, "run", "-it", *new[:3], "nothing-like-this", code=127).stderr
    assert libpod(host, "ps", "-aq").stdout == ""


def test_start_passes_its_input_on(host: Host) -> None:
    libpod(host, "create", "-i", "--name", "c", "--network=none", "busybox", "sh", "-c", "cat; exit 4")
    for said in ("once\n", "again\n"):
        assert libpod(host, "start", "-ai", "c", input=said, code=4).stdout == said
    libpod(host, "run", "-di", "--name", "d", "--network=none", "busybox", "sh", "-c", "read A; echo got $A; exit 5")
    assert libpod(host, "start", "-i", "d", input="it\n", code=5).stdout == "got it\n", "it ran already"
    assert "expected one" in libpod(host, "start", "-ai", "c", "d", code=125).stderr


def test_latest_stands_for_a_name(host: Host) -> None:
    for name in ("first", "last"):
        said = f"echo {name}; sleep 1000; echo end of {name}"
        libpod(host, "run", "-d", "--name", name, "--network=none", "busybox", "sh", "-c", said)
    eventually(lambda: libpod(host, "logs", "-l").stdout == "last\n")
    assert libpod(host, "inspect", "-l", "--format", "{{.Name}}").stdout == "last\n"
    assert libpod(host, "exec", "-l", "echo", "-n", "said").stdout == "said"
    assert "end of last" in libpod(host, "top", "-l").stdout
    assert libpod(host, "stats", "-l", "--no-stream", "--format=json").stdout.count('"Name"') == 1
    for command in ("exec", "inspect", "logs", "top"):
        assert "--latest" in libpod(host, command, code=125).stderr
    assert "expected one of" in libpod(host, "logs", "-l", "first", code=125).stderr
    both = libpod(host, "logs", "first", "last").stdout.splitlines()
    assert [line.split()[1] for line in both] == ["first", "last"]


def test_run_and_attach_on_a_terminal(host: Host) -> None:
    """A shell of the container's on our terminal; the detach keys leave it running, for ``attach``."""
    how: dict[str, Any] = {"env": {**os.environ, **host.parts.environment()}}
    controller, terminal = pty.openpty()
    engine = self_program.argv(host.parts)
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        how.update(stdin=terminal, stdout=terminal, stderr=terminal)
        with in_background([*engine, "run", "-it", "--name", "c", "--network=none", "busybox", "sh"], **how) as one:
            read_until(controller, "# ")
            os.write(controller, b"stty size; tty; A=kept\r")
            assert "33 77" in read_until(controller, "/dev/pts/0")
            os.write(controller, b"\x10\x11")
            assert one.wait() == 0
        # Our own terminal is as it was.
        assert termios.tcgetattr(terminal)[3] & termios.ECHO
        with in_background([*engine, "attach", "c"], **how) as one:
            # What is typed before that is lost.
            eventually(lambda: not termios.tcgetattr(terminal)[3] & termios.ICANON)
            os.write(controller, b"\r")
            read_until(controller, "# ")
            os.write(controller, b"echo $A; exit 5\r")
            read_until(controller, "\nkept")
            assert one.wait() == 5
        refused = libpod(host, "attach", "c", code=125)
        assert "container c is exited: expected a running one" in refused.stderr
    finally:
        os.close(controller)
        os.close(terminal)


def test_attach_follows_a_container_and_passes_signals_on(host: Host) -> None:
    script = "trap 'echo got; exit 7' TERM; while :; do echo on; sleep 0.2; done"
    libpod(host, "run", "-d", "--name", "c", "--network=none", "busybox", "sh", "-c", script)
    how: dict[str, Any] = {"env": {**os.environ, **host.parts.environment()}, "stdout": PIPE, "stderr": PIPE}
    with in_background([*self_program.argv(host.parts), "attach", "c"], **how) as one:
        assert one.stdout is not None
        read_until(one.stdout.fileno(), "on\n")
        one.terminate()
        assert one.stdout.read().endswith(b"got\n") and one.wait() == 7
    assert "--detach-keys: 'x-1'" in libpod(host, "attach", "--detach-keys", "x-1", "c", code=125).stderr


def test_create_leaves_it_to_be_started(host: Host) -> None:
    made = libpod(host, "create", "--network", "none", "busybox", *WAITING).stdout.strip()
    (listed,) = json.loads(libpod(host, "ps", "-a", "--format", "json").stdout)
    assert (listed["Id"], listed["State"]) == (made, "created")
    assert libpod(host, "start", made[:9]).stdout == f"{made[:9]}\n"
    for words, said in (
        (("--memory", "lots", "busybox"), "memory: 'lots'"),
        (("--tmpfs", "x", "busybox"), "tmpfs"),
        (("--sysctl", "net", "busybox"), "--sysctl: the value cannot be used: expected NAME=VALUE"),
        (("--name", "a/b", "busybox"), "--name"),
        (("--network", "none", "nobody/none:1"), "nobody/none:1"),
    ):
        refused = libpod(host, "create", *words, code=125).stderr
        assert said in refused and refused.count("\n") == 1, refused
    usage = libpod(host, "run", "--help").stdout
    assert "--publish" in usage and "--detach" in usage and "=true" not in usage


def test_exit_codes_are_podmans(host: Host, tmp_path: Path) -> None:
    new = ("--rm", "--network=none", "busybox")
    for words, code in (
        (("run", *new, "sh", "-c", "exit 9"), 9),
        (("run", *new, "nothing-like-this"), 127),
        (("run", "-d", *new, "nothing-like-this"), 127),
        (("run", *new, "/etc/passwd"), 126),
        (("run", "--loud", *new), 125),
        (("run", "--memory", "lots", *new), 125),
    ):
        libpod(host, *words, code=code)
    libpod(host, "create", "--name", "c", "--network=none", "busybox", "sh", "-c", "echo $((count++)); exit 4")
    for _round in range(2):
        assert libpod(host, "start", "--attach", "c", code=4).stdout == "0\n"
    assert libpod(host, "start", "c").stdout == "c\n"
    libpod(host, "create", "--name", "gone", "--rm", "--network=none", "busybox", "sh", "-c", "echo out; exit 5")
    assert libpod(host, "start", "-a", "gone", code=5).stdout == "out\n"
    (tmp_path / "program").write_text("#!/bin/sh\n")
    (tmp_path / "program").chmod(0o755)
    libpod(host, "create", "--name", "none", "--network=none", "-v", f"{tmp_path}:/data", "busybox", "/data/program")
    (tmp_path / "program").unlink()
    assert "/data/program" in libpod(host, "start", "-a", "none", code=127).stderr
    assert "expected one" in libpod(host, "start", "-a", "c", "none", code=125).stderr
    libpod(host, "run", "-d", "--name", "up", "--network=none", "busybox", *WAITING)
    assert libpod(host, "exec", "up", "/etc/passwd", code=126).stderr.count("\n") == 1
    libpod(host, "stop", "-t", "0", "up")
    libpod(host, "exec", "up", "true", code=125)
