# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one module in a fresh process: ``subject.py CODE MODULE [steps]``, its options as JSON on standard input.

It runs from what the target keeps, by the CODE of the program that the action plugin sends; the environment has the
request.
Ansible's own files are imported first, as every module needs them. Prints JSON: the milliseconds from there to the
result, without AnsibleModule's own start; the peak resident set in KiB; whether a process was started and which costly
libraries were loaded; and the result. With ``steps`` also each failpoint that was passed: its name, the number of its
thread (0 for the main one), and the milliseconds to it from the start, and from it up to the thread's next one or end.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from _thread import get_ident
from types import ModuleType
from typing import Any, NoReturn

COSTLY = ("pyroute2", "jmespath", "asyncio", "ssl", "urllib.request", "tarfile", "ctypes", "subprocess", "threading")
clock = time.perf_counter


class Measure:
    """The clock of one module, and what it has passed."""

    def __init__(self, basic: Any, steps: bool) -> None:
        """Begin; ``basic`` is Ansible's module of this name, and ``steps`` asks for failpoints."""
        self._passed: list[tuple[str, int, float]] = []  # failpoints, their thread's number, and when
        self._threads = {get_ident(): 0}  # the number of each thread that has passed one, and still runs
        self._numbers = iter(range(1, 1 << 16))
        self._parsing = 0.0  # seconds spent in AnsibleModule's own start, which is every module's
        self._steps = steps
        self._loaded = set(sys.modules)
        self._watch(basic)
        self._began = clock()

    def _watch(self, basic: Any) -> None:
        """Time AnsibleModule's start, and stop the clock where the module hands back its result."""
        start = basic.AnsibleModule.__init__

        def init(module: Any, *args: Any, **kwargs: Any) -> None:
            before = clock()
            start(module, *args, **kwargs)
            self._parsing += clock() - before
            if self._steps:
                self._passed.append(("imports, arguments, plan", 0, self._began))
                self.watch_threads()
                importlib.import_module("libpod_engine._model.failpoints").observe(self.note)

        def leave(_module: Any, **result: Any) -> NoReturn:
            self._report(result)

        def fail(_module: Any, msg: str, **result: Any) -> NoReturn:
            self._report({"failed": True, "msg": msg, **result})

        basic.AnsibleModule.__init__, basic.AnsibleModule.exit_json, basic.AnsibleModule.fail_json = init, leave, fail

    def watch_threads(self) -> None:
        """Note where a thread ends; its identifier may be another one's afterwards."""
        thread_class = importlib.import_module("threading").Thread
        run = thread_class.run

        def run_and_note(thread: Any) -> None:
            try:
                run(thread)
            finally:
                if get_ident() in self._threads:
                    self.note("")
                    del self._threads[get_ident()]

        thread_class.run = run_and_note

    def note(self, what: str) -> None:
        """Note a failpoint, or with an empty name the end of its thread."""
        if get_ident() not in self._threads:
            self._threads[get_ident()] = next(self._numbers)
        self._passed.append((what, self._threads[get_ident()], clock()))

    def steps_until(self, ended: float) -> list[tuple[str, int, float, float]]:
        """Return each failpoint's name, thread, and milliseconds; what no thread has ended lasts until the end."""
        ends: dict[int, float] = {}
        steps = []
        for name, thread, when in reversed(self._passed):
            if name:
                took = ends.get(thread, ended) - when
                steps.append((name, thread, (when - self._began) * 1000, took * 1000))
            ends[thread] = when
        return steps[::-1]

    def _report(self, result: dict[str, Any]) -> NoReturn:
        """Print the measure and end."""
        ended = clock()
        took = ended - self._began - self._parsing
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
        measure = {"ms": took * 1000, "peak_kib": peak_kib(), "forked": children, "result": result}
        measure["loaded"] = [name for name in COSTLY if name in sys.modules and name not in self._loaded]
        if self._steps:
            measure["steps"] = self.steps_until(ended)
        print(json.dumps(measure, default=str))
        sys.stdout.flush()
        raise SystemExit(0)


def peak_kib() -> int:
    """Return the peak resident set of this program; getrusage would return the parent's where that was larger."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def program(path: str) -> Any:
    """Return the names that a task's program defines, compiled as at each task."""
    this: Any = ModuleType("program")
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), vars(this))
    return this


def imported(this: Any) -> Any:
    """Import Ansible's own files, as the program does, and return ``basic``."""
    request = json.loads(os.environ[this.VARIABLE])
    path = this.of_ansible(this.engine_folder(request["static_root"]), request["ansible"])
    if not this.hold(path, request["ansible"]):
        raise SystemExit(f"{path} is missing or damaged")
    sys.path.insert(1, path)
    importlib.import_module("libpod_ansible")
    return importlib.import_module("ansible.module_utils.basic")


if __name__ == "__main__":
    source, name, *more = sys.argv[1:]
    arguments = sys.stdin.buffer.read()
    basic = imported(program(source))
    measure = Measure(basic, more == ["steps"])
    if name == "nothing":  # what every module costs
        basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = b'{"ANSIBLE_MODULE_ARGS": {}}', "legacy"
        basic.AnsibleModule(argument_spec={}).exit_json()
    measured = program(source)
    measured.run(measured, arguments)
