# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A further process in a running container, through ``runc exec``; its specification never touches a disk."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import contextmanager
from typing import Any, Iterator, Mapping

from .command import tool_environment
from .conmon import failure_code, runtime_words
from .effects import effect
from .oci import OciRuntime


def execute(oci: OciRuntime, container_id: str, process: Mapping[str, Any], input: bytes) -> tuple[int, bytes, bytes]:
    """Run ``process`` (config.md#process) to its end: exit code, standard output and error; a terminal has only output.

    What the runtime itself refuses ends with 127 (not found), 126 (not executable) or 125, its words on standard error.
    """
    with command(oci, container_id, process) as (argv, kept):
        run = _in_terminal if process.get("terminal") else _in_pipes
        code, out, err = run(argv, kept, input, surroundings(process))
        words = runtime_words(f"/proc/self/fd/{kept[1]}") if code else ""
        return (failure_code(words), out, err or words.encode()) if words else (code, out, err)


def execute_attached(oci: OciRuntime, container_id: str, process: Mapping[str, Any], interactive: bool) -> int:
    """Run ``process`` on our own standard streams and return its exit code, or what ``execute`` has for a refusal."""
    with command(oci, container_id, process) as (argv, kept):
        if process.get("terminal") and not os.isatty(0):
            from .oci_terminal import relay

            code = relay(argv, kept, oci.name, interactive=interactive, how=surroundings(process))
        else:
            # A terminal is read by the runtime itself, and has to be there.
            stdin = None if interactive or process.get("terminal") else subprocess.DEVNULL
            code = subprocess.run(argv, stdin=stdin, pass_fds=kept, check=False, **surroundings(process)).returncode
        # It has said so on our standard error itself.
        words = runtime_words(f"/proc/self/fd/{kept[1]}") if code else ""
        return failure_code(words) if words else code


@contextmanager
def command(
    oci: OciRuntime, container_id: str, process: Mapping[str, Any], *options: str
) -> Iterator[tuple[list[str], tuple[int, int]]]:
    """The runtime's words, and the descriptors it is to inherit: the process's specification, and its log."""
    effect(f"{oci.name} exec")
    spec, log = _memory("process.json", json.dumps(process).encode()), _memory("log", b"")
    argv = [oci.path, *oci.global_arguments, "--log", f"/proc/self/fd/{log}", "--log-format", "json"]
    try:
        yield [*argv, "exec", *options, "--process", f"/proc/self/fd/{spec}", container_id], (spec, log)
    finally:
        os.close(spec)
        os.close(log)


def surroundings(process: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the runtime is started for ``process``: runc gives it its own umask, and not the one asked for."""
    return {"env": tool_environment(), "cwd": "/", "umask": process["user"].get("umask", 0o022)}


def _memory(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    return descriptor


def _in_pipes(argv: list[str], kept: tuple[int, ...], input: bytes, how: Mapping[str, Any]) -> tuple[int, bytes, bytes]:
    done = subprocess.run(argv, input=input, capture_output=True, pass_fds=kept, check=False, **how)
    return done.returncode, done.stdout, done.stderr


def _in_terminal(
    argv: list[str], kept: tuple[int, ...], input: bytes, how: Mapping[str, Any]
) -> tuple[int, bytes, bytes]:
    """The runtime passes on what it reads and writes on the terminal that is its own standard input and output."""
    import threading
    import tty

    ours, theirs = os.openpty()
    # Control-D and its like are for the container's terminal; this one only passes them on.
    tty.setraw(theirs)
    found: list[bytes] = []
    try:
        child = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, pass_fds=kept, **how)
        os.close(theirs)
        theirs = -1
        if input:
            threading.Thread(target=_write, args=(ours, input), daemon=True).start()
        _drain(ours, found)
        return child.wait(), b"".join(found), b""
    finally:
        for descriptor in (ours, theirs):
            if descriptor >= 0:
                os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    # A terminal's end of file is Control-D at the beginning of a line; elsewhere the first one ends the line.
    data += b"\x04" if data.endswith(b"\n") else b"\x04\x04"
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


def _drain(terminal: int, found: list[bytes]) -> None:
    """Read until the other side is closed, which a terminal says with EIO."""
    try:
        while data := os.read(terminal, 1 << 16):
            found.append(data)
    except OSError:
        pass
