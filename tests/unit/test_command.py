# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs run with limits on time and output, and are killed with all their children."""

from __future__ import annotations

import ast
import errno
import fcntl
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers import command, limits, overdue, process
from ansible_collections.libpod.engine.plugins.module_utils._model.errors import (
    HostExhausted,
    InvalidArgument,
    ToolFailed,
    ToolMissing,
    ToolTimedOut,
    take_warnings,
)

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
# The files that start a program, and what bounds it.
STARTERS = {
    "module_utils/_drivers/command.py": "the table of limits",
    "module_utils/_drivers/conmon/conmon.py": "it outlives the task, without output; the table has its answer's time",
    "module_utils/_drivers/oci/exec.py": "the table has the time of the start; the command has limits of its own",
    "module_utils/_drivers/oci/exec_guard.py": "a shell without output, which ends with this process",
    "module_utils/_container/runners/runner.py": "the engine itself, without output, until the container ends",
}
# What starts a program: of ``subprocess`` everything but its constants, errors and types.
STARTING = re.compile(
    r"subprocess\.(?!DEVNULL|PIPE|STDOUT|\w+E(?:rror|xpired)\b)\w+|os\.(?:exec|spawn|posix_spawn|system|popen)\w*"
    r"|pty\.spawn|asyncio\.create_subprocess_\w+|\S+\.run_command"
)


@pytest.fixture(autouse=True)
def _own_limits() -> Iterator[None]:
    limits.override("other=0.5")
    yield
    limits.override("")


def sh(script: str, *args: str, **more: Any) -> str:
    return command.run(["sh", "-c", script, "sh", *args], package="dash", **more)


def test_output_and_input_pass() -> None:
    assert sh("cat; echo no >&2", input="yes\n" * 100_000) == "yes\n" * 100_000


def test_missing_program_and_failure_are_named() -> None:
    with pytest.raises(ToolMissing, match="install the package nothing"):
        command.run(["/nowhere/tool", "do"], package="nothing")
    with pytest.raises(ToolFailed, match="^doing it: sh ended with exit code 3: words$"):
        sh("echo words >&2; exit 3", doing="doing it")
    with pytest.raises(ToolFailed, match="sh was killed by signal 9: no message$"):
        sh("kill -9 $$")


def test_program_over_its_time_limit_is_killed_with_its_children(tmp_path: Any) -> None:
    pids = tmp_path / "pids"
    # Both ignore SIGTERM.
    script = "trap '' TERM; echo $$ > $1; sh -c 'echo $$ >> $0; sleep 60; true' $1 & wait"
    begun = time.monotonic()
    with pytest.raises(ToolTimedOut) as caught:
        sh(script, str(pids), doing="doing it")
    assert time.monotonic() - begun < 40
    assert str(caught.value) == (
        "doing it: sh did not end within 0.5 seconds and was killed (a longer limit: tool_timeouts: "
        "{other: SECONDS}): no message"
    )
    assert caught.value.exit_code == 124
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2 and [process.start_time(pid) for pid in started] == [0, 0]


def test_background_children_are_not_waited_for() -> None:
    begun = time.monotonic()
    assert sh("sleep 30 & echo through") == "through\n"
    assert time.monotonic() - begun < 20


def test_flood_of_output_is_bounded_and_does_not_block(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.override("other=60")
    monkeypatch.setitem(limits.TABLE, "other", (60, 1))
    output = sh("echo first; head -c 50000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert output.startswith("first\nxxx") and output.endswith("x\nlast\n")
    assert len(output) < 1 << 20 | 100 and f"[{50000012 - (1 << 20)} bytes left out]" in output
    with pytest.raises(ToolFailed) as caught:
        sh("head -c 50000000 /dev/zero | tr '\\0' x >&2; exit 1", "y" * 100_000)
    assert len(str(caught.value)) < 3000 and len(caught.value.stderr) < 70_000
    assert max(len(word) for word in caught.value.argv) < 1100


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_exhausted_processes_or_descriptors_are_reported_in_one_sentence(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **more: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(HostExhausted, match="^cannot start sh: .*: a limit of this host is reached"):
        sh("true")


def test_timeouts_are_set_by_tool() -> None:
    limits.override("cni=5,conmon=0")
    assert (limits.of("cni").seconds, limits.of("conmon").seconds, limits.of("skopeo").seconds) == (5, 0, 21600)
    assert limits.of("unknown").tool == "other"
    assert limits.spell({"conmon": "9.5", "cni": 5}) == "cni=5,conmon=9.5"
    assert limits.parse(limits.spell({"conmon": 90000.25})) == {"conmon": 90000.25}


@pytest.mark.parametrize("tool, value", [("crun", 5), ("cni", "soon"), ("cni", -1), ("cni", "nan"), ("cni", None)])
def test_invalid_timeout_is_refused_by_name(tool: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"^tool_timeouts: '?{tool}"):
        limits.spell({tool: value})


def test_documentation_has_the_table() -> None:
    from ansible_collections.libpod.engine.plugins.doc_fragments.parts import ModuleDocFragment

    shown = (
        " ".join(ModuleDocFragment.DOCUMENTATION.split()).partition("defaults in seconds are")[2].partition(" - ")[0]
    )
    tools = re.findall(r"V\(([\w-]+)\)", shown)
    # Tools with the same default are listed together, before the number.
    documented = {tool: re.search(rf"V\({tool}\)\D*(\d+)", shown) for tool in tools}
    assert {tool: match and int(match[1]) for tool, match in documented.items()} == {
        tool: seconds for tool, (seconds, _size) in limits.TABLE.items()
    }


def test_program_of_a_killed_run_that_keeps_a_lock_is_ended(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "_GRACE", 0.0)
    monkeypatch.setattr(overdue, "_EVERY", 0.1)
    path = str(tmp_path / "web.lock")
    held = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(held, fcntl.LOCK_EX)
    # One process exceeds its limit; another does not, and has the file open without holding the lock.
    argv = ["sh", "-c", "sleep 60 & wait"]
    env = command.tool_environment()
    stuck = command.start(argv, package="dash", env=env, limit=limits.Limit("cni", 0.5, 9), pass_fds=(held,))
    os.close(held)
    waiting = os.open(path, os.O_RDWR)
    other = command.start(argv, package="dash", env=env, limit=limits.Limit("cni", 0.5, 9), pass_fds=(waiting,))
    begun = time.monotonic()
    try:
        overdue.lock(waiting, path)
        assert 0.2 < time.monotonic() - begun < 20 and stuck.wait(60) == -9 and other.poll() is None
        (warning,) = take_warnings()
        assert "cni (process" in warning and "held web.lock for more than its limit of 0.5 seconds" in warning
    finally:
        os.close(waiting)
        for one in (stuck, other):
            command.end(one)


def _starts(tree: ast.AST) -> Iterator[str]:
    """Yield the functions by which a file starts programs; ``Popen[bytes]`` is a type."""
    types = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        names = [ast.unparse(node)] if isinstance(node, ast.Attribute) and id(node) not in types else []
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from filter(STARTING.fullmatch, names)


def test_programs_are_started_only_where_their_time_and_output_are_bounded() -> None:
    found = {
        str(path.relative_to(PLUGINS)): {*_starts(ast.parse(path.read_text(encoding="utf-8")))}
        for path in PLUGINS.rglob("*.py")
    }
    assert {path: starts for path, starts in found.items() if starts} == dict.fromkeys(STARTERS, {"subprocess.Popen"})
