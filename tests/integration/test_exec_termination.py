# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a command in a container: by itself, whatever it leaves running, or by a time limit, signal or kill."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from typing import Any, ContextManager, Iterator, Sequence

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.io import exec as execs
from ansible_collections.libpod.engine.plugins.module_utils._container.io.exec import CommandTimedOut, Exec
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import take_warnings
from ansible_collections.libpod.engine.plugins.module_utils._runtime.runtime import Runtime
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.modules import Result
from ansible_collections.libpod.engine.tests.support.process import (
    PATIENCE,
    WAITING,
    eventually,
    in_background,
    kill_all,
    read_until,
    running,
)

SOON = 120.0 * PATIENCE  # seconds; an incorrect wait takes 1000


@pytest.fixture(scope="module", name="serving")
def _serving() -> Iterator[Host]:
    with Host() as host:
        assert not host.container("c", image="busybox", command=WAITING, network="none").failed
        yield host


def _exec(host: Host, script: str, **options: Any) -> Result:
    return host.module("libpod_container_exec", {"name": "c", "argv": ["sh", "-c", script], **options})


def _attached(host: Host, *args: str, **how: Any) -> ContextManager[subprocess.Popen[bytes]]:
    """``libpod exec``, as an operator runs it."""
    environment = {**os.environ, **host.parts.environment()}
    return in_background([*self_program.argv(host.parts), "exec", *args], env=environment, **how)


def _running(host: Host, *argv: str) -> list[int]:
    """Return the host's processes that have this command line."""
    return running(host.cgroups.processes(), *argv)


def _end(host: Host, *argv: str) -> None:
    kill_all(_running(host, *argv))
    eventually(lambda: not _running(host, *argv))


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("child", ["sleep 1099", "setsid sleep 1099"])
def test_command_ends_although_its_output_is_held_open(serving: Host, tty: bool, child: str) -> None:
    began = time.monotonic()
    script = f"trap '' HUP; {child} & head -c 200000 /dev/zero | tr '\\0' x; echo; echo wrong >&2; exit 3"
    done = _exec(serving, script, tty=tty)
    assert time.monotonic() - began < SOON
    assert done.get("rc") == 3, done
    assert done["stdout"].count("x") == 200_000
    assert "wrong" in done["stdout" if tty else "stderr"]
    # The shell may have exited before its child became the program.
    eventually(lambda: _running(serving, "sleep", "1099"))
    _end(serving, "sleep", "1099")


@pytest.mark.parametrize("options", [(), ("-i",), ("-t",), ("-i", "-t")])
def test_operators_exec_ends_with_its_command(serving: Host, options: Sequence[str]) -> None:
    script = "trap '' HUP; sleep 1001 & head -c 200000 /dev/zero | tr '\\0' x; exit 3"
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with _attached(serving, *options, "c", "sh", "-c", script, **how) as running:
        assert running.stdout
        assert running.stdout.read().count(b"x") == 200_000
        assert running.wait(SOON) == 3
    eventually(lambda: _running(serving, "sleep", "1001"))
    _end(serving, "sleep", "1001")


def test_process_left_writing_gets_a_closed_pipe_like_podman(serving: Host) -> None:
    later = "trap 'echo pipe > /tmp/end; exit' PIPE; while :; do sleep 0.1; /bin/echo later || echo $? > /tmp/end; done"
    assert _exec(serving, f"({later}) & echo ok")["stdout"].startswith("ok\n")
    eventually(lambda: bool(_exec(serving, "cat /tmp/end; :")["stdout"]))
    _exec(serving, "rm /tmp/end; kill -9 -1")
    serving.container("c", state="started", force_restart=True)


def test_child_that_floods_is_not_waited_for(serving: Host) -> None:
    began = time.monotonic()
    # The first line is let through once there is another one.
    flood = "yes flood | { read -r line; : >/tmp/floods; echo $line; exec cat; }"
    done = _exec(serving, f"{flood} & until [ -e /tmp/floods ]; do sleep 0.1; done; sleep 0.2; echo end >&2")
    assert time.monotonic() - began < SOON * 2
    assert (done["rc"], done["stderr"]) == (0, "end\n") and "flood" in done["stdout"]
    eventually(lambda: not _running(serving, "yes", "flood"))


def test_output_beyond_the_limit_of_a_result_is_cut_with_a_warning(
    serving: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execs, "OUTPUT_LENGTH", 1 << 20)
    wanted = Exec(["sh", "-c", "echo first; head -c 5000000 /dev/zero; echo last"])
    done = Runtime(serving.parts).container("c").exec(wanted)
    assert done.stdout.startswith(b"first\n") and done.stdout.endswith(b"last\n") and b" bytes left out" in done.stdout
    assert len(done.stdout) < (1 << 20) + 100
    assert "standard output is not complete" in " ".join(take_warnings())


@pytest.mark.parametrize("script", ["exec <&-; sleep 0.2; echo done", "head -c 1 >/dev/null; echo done", "echo done"])
def test_unread_input_kills_nothing(serving: Host, script: str) -> None:
    done = _exec(serving, script, stdin="x" * (3 << 20))
    assert (done["rc"], done["stdout"], done["stderr"]) == (0, "done\n", "")
    with _attached(
        serving, "-i", "c", "sh", "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        out, err = running.communicate(bytes(3 << 20), SOON)
    assert (running.returncode, out, err) == (0, b"done\n", b"")


def test_input_and_output_of_any_bytes_and_length_pass(serving: Host) -> None:
    data = os.urandom(3 << 20)
    assert Runtime(serving.parts).container("c").exec(Exec(["cat"]), data).stdout == data
    with _attached(serving, "-i", "c", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.communicate(data, SOON)[0] == data


def test_closed_reader_ends_the_writer(serving: Host) -> None:
    with _attached(serving, "c", "yes", "gone", stdout=subprocess.PIPE) as running:
        assert running.stdout and running.stdout.read(5) == b"gone\n"
        running.stdout.close()
        assert running.wait(SOON) == 128 + signal.SIGPIPE


# The limit


def _longer(seconds: float) -> Iterator[float]:
    """Yield limits until one is enough for the command to begin: a busy machine takes long for that."""
    yield from (seconds * 4**turn * PATIENCE for turn in range(4))


@pytest.mark.parametrize("tty", [False, True])
def test_timed_out_command_gets_sigterm_and_its_output_is_returned(serving: Host, tty: bool) -> None:
    script = "trap 'echo ending; exit 0' TERM; echo begun; sleep 1002 & sleep 1002 & wait"
    for seconds in _longer(1.0):
        done = _exec(serving, script, timeout=seconds, tty=tty)
        if "begun" in done["stdout"]:
            break
    assert (done["rc"], done.failed, done["error"]) == (124, True, "CommandTimedOut"), done
    assert done["msg"].startswith(f"sh in container c did not end within {seconds:g} seconds")
    assert done["stdout"].split() == ["begun", "ending"]
    assert not _running(serving, "sleep", "1002")


def test_command_that_ignores_sigterm_is_killed(serving: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execs, "_GRACE", 0.5)
    monkeypatch.setattr(execs, "OUTPUT_LENGTH", 1 << 20)
    for seconds in _longer(0.5):
        wanted = Exec(["sh", "-c", "trap '' TERM; sleep 1003 & yes"], timeout=seconds)
        with pytest.raises(CommandTimedOut) as caught:
            Runtime(serving.parts).container("c").exec(wanted)
        if caught.value.output:
            break
    assert b"y\n" in caught.value.output and len(caught.value.output) < (1 << 20) + 100
    assert not _running(serving, "sleep", "1003") and not _running(serving, "yes")


def test_unread_input_does_not_delay_the_time_limit(serving: Host) -> None:
    assert _exec(serving, "sleep 1004", timeout=0.5, stdin="x" * (1 << 20))["rc"] == 124
    done = _exec(serving, "cat; exit 5", timeout=60, stdin="in time")
    assert (done["rc"], done["stdout"]) == (5, "in time")


def test_operators_limit(serving: Host) -> None:
    with _attached(
        serving, "--timeout", "0.5", "c", "sleep", "1005", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        out, err = running.communicate(timeout=SOON)
    assert running.returncode == 124 and not out
    assert err.startswith(b"libpod: sleep in container c did not end within 0.5 seconds")
    assert not _running(serving, "sleep", "1005")


@pytest.mark.parametrize("value", [0, -1, "nan", "inf", 1e9])
def test_invalid_limit_is_refused(serving: Host, value: Any) -> None:
    refused = _exec(serving, "touch /tmp/ran", timeout=value)
    assert refused.failed and "timeout" in refused["msg"] and "seconds" in refused["msg"]
    with _attached(serving, "--timeout", str(value), "c", "true", stderr=subprocess.PIPE) as running:
        assert b"--timeout" in running.communicate()[1] and running.returncode == 125
    assert _exec(serving, "test -e /tmp/ran")["rc"] == 1
    detached = _exec(serving, "true", timeout=1, detach=True)
    assert detached.failed and "timeout" in detached["msg"]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"command": ["sh", "-c", "exit 0"]}, "command: is a list: expected text (argv takes a list)"),
        ({"command": {"sh": "-c"}}, "command: is a mapping"),
        ({"argv": ["sh", ["-c", "exit 0"]]}, "argv: an element is a list"),
        ({"argv": ["true"], "user": ["web"]}, "user: is a list"),
    ],
)
def test_list_as_text_is_not_split_as_a_command(serving: Host, task: dict[str, Any], message: str) -> None:
    refused = serving.module("libpod_container_exec", {"name": "c", **task})
    assert refused.failed and refused["error"] == "InvalidArgument" and message in refused["msg"], refused


# Signals and kills


def test_signals_go_to_the_command(serving: Host) -> None:
    script = "trap 'echo int' INT; trap 'echo term; exit 6' TERM; echo ready; while :; do sleep 0.1; done"
    with _attached(serving, "c", "sh", "-c", script, stdout=subprocess.PIPE) as running:
        assert running.stdout and read_until(running.stdout.fileno(), "ready\n") == "ready\n"
        running.send_signal(signal.SIGINT)
        assert read_until(running.stdout.fileno(), "int\n") == "int\n"
        running.send_signal(signal.SIGTERM)
        assert running.communicate(timeout=SOON)[0] == b"term\n" and running.returncode == 6


def test_killed_task_leaves_no_process(serving: Host) -> None:
    for options in ((), ("-i",), ("-t",), ("-i", "-t")):
        with _attached(
            serving, *options, "c", "sleep", "1006", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as running:
            (command,) = eventually(lambda: _running(serving, "sleep", "1006"))
            eventually(lambda child=command, pid=running.pid: _parent(child) == pid)
        assert not [pid for pid in serving.cgroups.processes() if _has_word(pid, b"--pid-file")]
        if "-t" in options:
            eventually(lambda: not _running(serving, "sleep", "1006"))  # its terminal has hung up
        else:
            _end(serving, "sleep", "1006")


def _parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[1])


def _has_word(pid: int, word: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return word in file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_stop_of_the_container_ends_the_command(host: Host) -> None:
    host.container("c", image="busybox", command=WAITING, network="none")
    with _attached(host, "c", "sleep", "1007") as running:
        eventually(lambda: _running(host, "sleep", "1007"))
        assert not host.container("c", state="stopped").failed
        assert running.wait(SOON) == 128 + signal.SIGKILL
    host.container("c", state="absent")
    host.expect_clean()


def test_operators_terminal_controls_the_command(serving: Host) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    before = termios.tcgetattr(theirs)
    script = "stty size; trap 'echo int' INT; trap 'stty size' WINCH; echo ready; while :; do read a && exit $a; done"
    with _attached(
        serving, "-i", "-t", "c", "sh", "-c", script, stdin=theirs, stdout=theirs, start_new_session=True
    ) as running:
        read_until(ours, "33 77\r\nready\r\n")
        os.write(ours, b"\x03")
        read_until(ours, "int\r\n")
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 55, 0, 0))
        running.send_signal(signal.SIGWINCH)
        read_until(ours, "44 55\r\n")
        os.write(ours, b"9\r")
        assert running.wait(SOON) == 9
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    os.close(ours)


def test_container_that_shares_the_hosts_pids(host: Host) -> None:
    assert not host.container("c", image="busybox", command=WAITING, network="none", pid="host").failed
    done = _exec(host, "sh -c 'sleep 1008 &' ; sleep 1008 & echo ok")
    assert (done["rc"], done["stdout"]) == (0, "ok\n")
    eventually(lambda: len(_running(host, "sleep", "1008")) == 2)
    assert _exec(host, "sh -c 'sleep 1009 &' ; sleep 1009", timeout=0.5)["rc"] == 124
    assert not _running(host, "sleep", "1009")
    host.container("c", state="absent")
    host.expect_clean()
