# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several containers at once, in forked processes.

They live no longer than the process that forked them, and work in a process group of their own, so that a terminal's
Ctrl-C does not end what they have begun.
"""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import contextmanager
from typing import IO, Any, Callable, Iterator, NamedTuple, NoReturn, Optional

from .._drivers.kernel.syscalls import die_with_parent

Result = dict[str, Any]


class _Worker(NamedTuple):
    pid: int
    orders: IO[str]
    results: IO[str]


class Workers:
    """At most ``count`` processes that run ``work(name)``, whose result is JSON."""

    def __init__(self, work: Callable[[str], Result], count: int) -> None:
        self._work = work
        self._count = count
        self._idle: list[_Worker] = []
        self._busy: dict[str, _Worker] = {}

    @property
    def busy(self) -> list[str]:
        """The names being worked on."""
        return list(self._busy)

    @property
    def room(self) -> bool:
        return len(self._busy) < self._count

    def begin(self, name: str) -> None:
        worker = self._idle.pop() if self._idle else self._forked()
        try:
            worker.orders.write(f"{name}\n")
            worker.orders.flush()
        except BrokenPipeError:
            pass  # it was killed while idle, which ``ended`` sees
        self._busy[name] = worker

    def ended(self) -> tuple[str, Optional[Result], str]:
        """Wait for one to finish, and return its name, its result, and where that is None how the worker ended."""
        ready, _writable, _special = select.select([worker.results for worker in self._busy.values()], [], [])
        name = next(name for name, worker in self._busy.items() if worker.results in ready)
        worker = self._busy.pop(name)
        line = worker.results.readline()
        if line.endswith("\n"):
            self._idle.append(worker)
            return name, json.loads(line), ""
        return name, None, self._reap(worker)

    def close(self) -> None:
        """End the workers once what they have begun is done."""
        for worker in (*self._idle, *self._busy.values()):
            self._reap(worker)
        self._idle, self._busy = [], {}

    @staticmethod
    def _reap(worker: _Worker) -> str:
        try:
            worker.orders.close()
        except BrokenPipeError:
            pass
        _pid, status = os.waitpid(worker.pid, 0)
        worker.results.close()
        if os.WIFSIGNALED(status):
            return f"was killed by signal {os.WTERMSIG(status)}"
        return f"ended with exit code {os.WEXITSTATUS(status)} and without a result"

    def _forked(self) -> _Worker:
        opened: list[int] = []
        try:
            for _pipe in range(2):
                opened += os.pipe()
            orders, results, parent = opened[:2], opened[2:], os.getpid()
            pid = os.fork()
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        if pid == 0:
            os.close(orders[1])
            os.close(results[0])
            self._live(orders[0], results[1], parent)
        os.close(orders[0])
        os.close(results[1])
        return _Worker(pid, open(orders[1], "w", encoding="utf-8"), open(results[0], encoding="utf-8"))

    def _live(self, orders: int, results: int, parent: int) -> NoReturn:
        """Run a worker to its end, which never returns into the parent's code."""
        code = 1
        try:
            die_with_parent(signal.SIGKILL)
            os.setpgid(0, 0)
            for other in (*self._idle, *self._busy.values()):
                os.close(other.orders.fileno())
            with open(orders, encoding="utf-8") as lines, open(results, "w", encoding="utf-8") as out:
                while os.getppid() == parent and (line := lines.readline()):
                    out.write(f"{json.dumps(self._work(line.rstrip()))}\n")
                    out.flush()
            code = 0
        finally:
            os._exit(code)


@contextmanager
def signals_noted() -> Iterator[list[str]]:
    """Collect the names of terminating signals that arrive during the block, in place of their effect.

    Handlers, and not SIG_IGN, which every program and container would inherit.
    """
    came: list[str] = []
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = {
        number: signal.signal(number, lambda got, _frame: came.append(signal.Signals(got).name)) for number in numbers
    }
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
