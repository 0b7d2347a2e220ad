# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that are removed at their end, and whose output and exit code a task or command waits for."""

from __future__ import annotations

import fcntl
import glob
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Iterator

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._container.base import ContainerBase
from ansible_collections.libpod.engine.plugins.module_utils._container.io import reading
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.concurrent_changes import ended, run_exit_command
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import eventually, in_background, read_until

JOB = "echo begun; exec sleep 1000"


@contextmanager
def _run(host: Host, script: str, *flags: str) -> Iterator[Popen[Any]]:
    """Run a container ``c`` in the foreground, which goes with its end."""
    argv = [*self_program.argv(host.parts), "run", "--rm", "--name", "c", "--network=none", *flags, "busybox"]
    how: dict[str, Any] = {"env": {**os.environ, **host.parts.environment()}, "stdin": PIPE, "stdout": PIPE}
    with in_background([*argv, "sh", "-c", script], **how) as running:
        yield running


def _listed(host: Host) -> str:
    return libpod(host, "ps", "-a", "--format", "{{.Names}} {{.State}}").stdout


@pytest.mark.parametrize("flags", [(), ("-i",)])
@pytest.mark.parametrize("verb", [("stop", "-t", "0"), ("kill",), ("rm", "-f", "-t", "0")])
def test_container_that_is_shown_can_be_ended_by_its_name(
    host: Host, flags: tuple[str, ...], verb: tuple[str, ...]
) -> None:
    with _run(host, JOB, *flags) as running:
        assert running.stdout is not None
        read_until(running.stdout.fileno(), "begun\n")
        libpod(host, *verb, "c")
        code = running.wait()
    assert code == 137 or verb[0] == "rm" and code == 125, code
    eventually(lambda: _listed(host) == "")
    host.expect_clean()


def test_container_is_renamed_while_it_is_shown(host: Host) -> None:
    with _run(host, "echo begun; while [ ! -e /go ]; do sleep 0.05; done; echo end; exit 3") as running:
        assert running.stdout is not None
        read_until(running.stdout.fileno(), "begun\n")
        libpod(host, "rename", "c", "d")
        libpod(host, "exec", "d", "touch", "/go")
        assert running.stdout.read() == b"end\n" and running.wait() == 3
    assert _listed(host) == ""


def test_output_is_complete_where_its_reader_is_slow(host: Host) -> None:
    with _run(host, "head -c 1000000 /dev/zero | tr '\\0' x; exit 4", "--log-opt", "max_size=10m") as running:
        assert running.stdout is not None
        eventually(lambda: _listed(host) == "c exited\n")
        # Another task has the name's lock now and then.
        assert not host.module("libpod_prune", {"image": True}).failed and _listed(host) == "c exited\n"
        assert running.stdout.read() == b"x" * 1_000_000 and running.wait() == 4
    assert _listed(host) == ""


def test_container_goes_with_its_end_where_its_reader_was_killed(host: Host) -> None:
    with _run(host, "echo begun; while [ ! -e /go ]; do sleep 0.05; done") as running:
        assert running.stdout is not None
        read_until(running.stdout.fileno(), "begun\n")
        running.kill()
        running.wait()
        libpod(host, "exec", "c", "touch", "/go")
    eventually(lambda: _listed(host) == "")


def test_container_goes_where_its_reader_ends_just_after_the_exit_command_has_looked_for_it(host: Host) -> None:
    container_id = ended(host, rm=True)

    def reader_ends_after_a_look() -> None:
        held = [os.open(f"{host.parts.static_root}/containers/{container_id}", os.O_RDONLY)]
        fcntl.flock(held[0], fcntl.LOCK_SH)
        look = reading.busy

        def busy(container: ContainerBase) -> bool:
            found = look(container)
            while held:
                os.close(held.pop())
            return found

        reading.busy = busy

    assert run_exit_command(host, container_id, reader_ends_after_a_look).exit_code == 0
    assert _listed(host) == ""
    host.expect_clean()


def test_task_that_waits_for_a_container_returns_what_it_printed_when_another_removes_it(host: Host) -> None:
    task: dict[str, Any] = {
        "image": "busybox",
        "network": "none",
        "rm": True,
        "detach": False,
        "command": ["sh", "-c", JOB],
    }
    log = f"{host.parts.static_root}/containers/*/ctr.log"
    # No program meanwhile: a task forks, and would have a pipe that the program's reader waits for.
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(host.container, "c", **task)
        eventually(lambda: any("begun" in Path(one).read_text("ascii") for one in glob.glob(log)))
        gone = host.container("c", state="absent", stop_timeout=0)
        done = waiting.result()
    assert gone["actions"] == ["deleted c"] and not gone.failed, gone
    assert (done["rc"], done["stdout"], done["container"]) == (137, "begun\n", {}), done
    host.expect_clean()
