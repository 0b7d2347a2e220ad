# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion of the operator's command: the words it proposes, and a real bash that inserts them."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.libpod.engine.plugins.module_utils._drivers.engine import command as self_program
from ansible_collections.libpod.engine.tests.support.hosts import Host
from ansible_collections.libpod.engine.tests.support.operator_command import libpod
from ansible_collections.libpod.engine.tests.support.process import WAITING, eventually, in_background, read_until

RUNNING: dict[str, Any] = {"image": "busybox", "command": WAITING, "network": "none"}


def _complete(host: Host, line: str) -> list[str]:
    done = libpod(host, "__complete", *line.split(" "))
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_words_that_can_follow(host: Host) -> None:
    host.container("web", **RUNNING, state="created")
    host.container("work", **RUNNING, state="created")
    host.module("libpod_volume", {"name": "data"})
    host.module("libpod_secret", {"name": "key", "data": "canary-4711"})
    host.module("libpod_pod", {"name": "p", "state": "created"})
    for line, words in (
        ("rest", ["restart"]),
        ("start w", ["web", "work"]),
        ("rm -f web wo", ["work"]),
        ("stop --ti", ["--time"]),
        ("logs --tail 5 we", ["web"]),
        ("exec web we", []),
        ("rename w", ["web", "work"]),
        ("rename web w", []),
        ("cp we", ["web:"]),
        ("run --pod ", ["p"]),
        ("run --restart=on", []),
        ("run -d busy", ["busybox:latest"]),
        ("volume in", ["inspect"]),
        ("volume rm --fo", ["--force"]),
        ("volume inspect ", ["data"]),
        ("secret rm ", ["key"]),
        ("pod stop ", ["p"]),
        ("image ins", ["inspect"]),
        ("image rm localhost/bus", ["localhost/busybox:latest"]),
        ("inspect --type=net", ["--type=network"]),
        ("inspect --type ne", ["network"]),
        ("save --format oci-a", ["oci-archive"]),
        ("completion z", ["zsh"]),
        ("nothing-like-this x", []),
    ):
        assert _complete(host, line) == words, line
    assert "boot" not in _complete(host, "") and "--all" in _complete(host, "ps -")
    host.module("libpod_volume", {"name": "data", "state": "absent"})
    host.module("libpod_secret", {"name": "key", "state": "absent"})
    host.module("libpod_pod", {"name": "p", "state": "absent"})


def _in_bash(host: Host, folder: Path, line: str) -> str:
    """Return what bash makes of the line by its own completion, as its array COMPREPLY."""
    (folder / "libpod").write_text(f'#!/bin/sh\nexec {shlex.join(self_program.argv(host.parts))} "$@"\n')
    (folder / "libpod").chmod(0o755)
    script = (
        'set -u; source <(libpod completion bash); COMP_LINE=$1 COMP_POINT=${#1}; eval "$(complete -p libpod >&2)"; '
        '_libpod libpod; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {**os.environ, **host.parts.environment(), "PATH": f"{folder}:{os.environ['PATH']}"}
    argv = ["bash", "--norc", "-c", script, "bash", line]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "-F _libpod libpod" in done.stderr, done
    return done.stdout


def test_bash_inserts_the_words(host: Host, tmp_path: Path) -> None:
    host.container("web", **RUNNING, state="created")
    for line, inserted in (
        ("libpod start w", "web\n"),
        ("libpod rm -f ", "web\n"),
        ("libpod run localhost/busybox:la", "latest\n"),
        ("libpod inspect --type=net", "network\n"),
        ("libpod cp we", "web:\n"),
    ):
        assert _in_bash(host, tmp_path, line) == inserted, line


# How each shell is started, and how it takes its completion.
SHELLS = {
    "bash": ("--norc --noprofile -i", "source <(libpod completion bash)"),
    "zsh": ("-f -i", "autoload -U compinit; compinit -u -D; source <(libpod completion zsh)"),
    "fish": ("-N -i -C 'function fish_prompt; echo -n \"ready> \"; end'", "libpod completion fish | source"),
}


@pytest.mark.parametrize("shell", [one for one in SHELLS if shutil.which(one)])
def test_the_tab_key_completes_a_name(host: Host, tmp_path: Path, shell: str) -> None:
    host.container("web", **RUNNING, state="created")
    _in_bash(host, tmp_path, "libpod start w")
    flags, sourced = SHELLS[shell]
    environment = {
        **os.environ,
        **host.parts.environment(),
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PS1": "ready> ",
        "HOME": str(tmp_path),
        "TERM": "xterm",
    }
    controller, terminal = pty.openpty()
    streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
    with in_background(["setsid", "--ctty", shell, *shlex.split(flags)], env=environment, **streams):
        os.close(terminal)
        read_until(controller, "ready> ")
        os.write(controller, f"{sourced} && echo sour''ced\r".encode())
        read_until(controller, "sourced")
        os.write(controller, b"libpod star\tw\t\r")
        eventually(lambda: libpod(host, "ps", "-q", "-f", "name=web").stdout != "", seconds=60.0)
        os.write(controller, b"exit\r")
        os.close(controller)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_of_their_shells(host: Host, tmp_path: Path, shell: str) -> None:
    script = libpod(host, "completion", shell).stdout
    libpod(host, "completion", "-f", "script", shell, folder=tmp_path)
    assert (tmp_path / "script").read_text() == script and "__complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
