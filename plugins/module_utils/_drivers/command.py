# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the programs that the engine drives."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from typing import Mapping, NamedTuple, NoReturn, Optional, Sequence

from .._model import shared_locks
from .._model.errors import HostExhausted, LibpodError, ToolFailed, ToolMissing, ToolTimedOut
from .._model.failpoints import failpoint
from . import limits, overdue, process
from .engine.hardened import TOOL_PATH, tool_environment
from .streams import Flow, Sink

__all__ = ["TOOL_PATH", "run", "tool_environment"]

Started = subprocess.Popen[bytes]  # a program of ``start``
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL
_CHUNK = 1 << 16
# The first line of a crash of Go's runtime that got no thread; thousands of lines of stacks follow.
_NO_THREAD = ("runtime/cgo: pthread_create failed", "runtime: failed to create new OS thread")


def run(
    argv: Sequence[str],
    *,
    package: str,
    changes: bool = True,
    input: Optional[str] = None,
    env: Optional[Mapping[str, str]] = None,
    doing: str = "",
    label: str = "",
    lasting: bool = False,
    tool: str = "",
    terminal: int = -1,
) -> str:
    """Run a program to its end and return its standard output.

    - ``package``: the Debian package that has it.
    - ``changes``: false for calls that only read.
    - ``env``: added to the tools' environment.
    - ``doing``: begins the message where the program fails.
    - ``label``: the failpoint's verb, where it is not the first argument.
    - ``lasting``: the program may leave another one running, which must not keep the locks.
    - ``tool``: its row in the table of limits, by default its name.
    - ``terminal``: the descriptor of one that has its standard output; nothing is returned then.

    :raises ToolMissing: it does not exist. :raises HostExhausted: as ``start``.
    :raises ToolFailed: it ended with another exit code than 0. :raises ToolTimedOut: it exceeded its limit.
    """
    if changes:
        failpoint(f"{os.path.basename(argv[0])} {label or argv[1]}")
    locks = () if lasting else tuple(shared_locks.descriptors)
    limit = limits.of(tool or os.path.basename(argv[0]))
    started = start(
        argv, package=package, env=tool_environment(env), limit=limit, input=input, pass_fds=locks, stdout=terminal
    )
    ended = finish(started, limit, doing)
    if ended.code != 0:
        raise failure(argv, ended, doing)
    return ended.output


def failure(argv: Sequence[str], ended: Ended, doing: str, message: str = "") -> LibpodError:
    """Return the error for a program that ended with another exit code than 0; ``message`` is its own on it."""
    if any(line in ended.errors for line in _NO_THREAD):
        return HostExhausted(f"{doing + ': ' if doing else ''}{argv[0]} cannot go on", errno.EAGAIN)
    return ToolFailed(argv, ended.code, message or ended.errors or ended.output, doing)


def is_installed(name: str) -> bool:
    """Return whether a program is where the engine and its tools look for programs."""
    return any(os.access(f"{folder}/{name}", os.X_OK) for folder in TOOL_PATH.split(":"))


def start(
    argv: Sequence[str],
    *,
    package: str,
    env: Mapping[str, str],
    limit: limits.Limit,
    input: Optional[str] = None,
    pass_fds: Sequence[int] = (),
    stdout: int = -1,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, for ``finish``.

    Its environment has its ``limit``, for engines that wait for a lock which it holds after this one was killed.
    ``input`` is read from memory and not from a pipe, so the program has all of it even if the engine is killed now.
    ``stdout`` is a descriptor for its standard output, -1 for a pipe.

    :raises ToolMissing: it does not exist. :raises HostExhausted: no process or descriptor is left for it.
    """
    descriptor = -1
    try:
        if input is not None:
            descriptor = os.memfd_create("input")
            with open(descriptor, "wb", closefd=False) as file:
                file.write(os.fsencode(input))
            os.lseek(descriptor, 0, os.SEEK_SET)
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if input is None else descriptor,
            stdout=subprocess.PIPE if stdout < 0 else stdout,
            stderr=subprocess.PIPE,
            env={**env, overdue.VARIABLE: f"{limit.tool} {limit.seconds:g}"},
            cwd="/",
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        refused(error, argv[0], package)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def refused(error: OSError, program: str, package: str) -> NoReturn:
    """Raise the error for a program that could not be started.

    :raises ToolMissing, HostExhausted, OSError: as ``start``.
    """
    if error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR):
        raise ToolMissing(program, package) from error
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        raise HostExhausted(f"cannot start {program}", error.errno) from error
    raise error


class Ended(NamedTuple):
    """How a program ended: its exit code (-N: signal N), and the kept part of its output and standard error."""

    code: int
    output: str
    errors: str


def finish(started: subprocess.Popen[bytes], limit: limits.Limit, doing: str = "") -> Ended:
    """Wait for a program that ``start`` has started, and return how it ended.

    Its pipes are read until the program has ended; output beyond what is kept is counted and dropped. On an exception
    all processes of its session are killed.

    :raises ToolTimedOut: it exceeded its limit.
    """
    kept = {
        pipe.fileno(): Kept(size)
        for pipe, size in ((started.stdout, limit.kept), (started.stderr, limits.ERRORS_KEPT))
        if pipe
    }
    try:
        in_time = _follow(started.pid, kept, limit.seconds)
    except BaseException:
        end(started)
        raise
    output, errors = (kept[pipe.fileno()].text() if pipe else "" for pipe in (started.stdout, started.stderr))
    if not in_time:
        end(started)
        argv = started.args if isinstance(started.args, list) else [str(started.args)]
        raise ToolTimedOut(argv, errors or output, doing, limit.tool, limit.seconds, limits.OPTION)
    _close(started)
    return Ended(started.wait(), output, errors)


def end(started: subprocess.Popen[bytes]) -> None:
    """End a program that leads a session, and all its processes there: SIGTERM, then SIGKILL."""
    # Until it is reaped, below, no other process can have its PID.
    failpoint("end tool")
    try:
        os.killpg(started.pid, signal.SIGTERM)
        process.wait_end(process.ref(started.pid), _GRACE)
    except ProcessLookupError:
        pass
    process.kill_session(started.pid)
    _close(started)
    try:
        started.wait(1.0)
    except subprocess.TimeoutExpired:
        pass  # in an uninterruptible call: it ends when that returns


def _close(started: subprocess.Popen[bytes]) -> None:
    for pipe in (started.stdout, started.stderr):
        if pipe:
            pipe.close()


def _follow(pid: int, pipes: Mapping[int, Kept], seconds: float) -> bool:
    """Read ``pipes`` until the process has ended; return whether it ended in time."""
    deadline = time.monotonic() + seconds if seconds else float("inf")
    for pipe in pipes:
        os.set_blocking(pipe, False)
    ended = os.pidfd_open(pid)
    try:
        return Flow({pipe: Sink(kept.add) for pipe, kept in pipes.items()}).follow(ended, deadline)
    finally:
        os.close(ended)


class Kept:
    """Head and tail of an output of any length, in at most ``size`` bytes."""

    def __init__(self, size: int) -> None:
        self._half = size // 2
        self._head, self._tail = bytearray(), bytearray()
        self.dropped = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:] if room else data
        # Not at each chunk, which would move the whole tail each time.
        if len(self._tail) > 2 * self._half + _CHUNK:
            self._cut()

    def cut(self) -> bool:
        """Return whether a part of it is not kept."""
        self._cut()
        return self.dropped > 0

    def text(self) -> str:
        """Return ``content`` as text."""
        return self.content().decode(errors="replace")

    def content(self) -> bytes:
        """Return the kept bytes, with a line about those left out, if any."""
        self._cut()
        gap = b"\n[%d bytes left out]\n" % self.dropped if self.dropped else b""
        return bytes(self._head + gap + self._tail)

    def _cut(self) -> None:
        over = max(0, len(self._tail) - self._half)
        self.dropped += over
        del self._tail[:over]
