# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one module in a fresh process: ``subject.py PAYLOAD MODULE [steps]``, its options as JSON on standard input.

PAYLOAD is a zip of sources as Ansible makes it, compiled at each run; the environment says where the engine is,
as for a module on a target. AnsibleModule is loaded first, as every module needs it. Prints JSON: the milliseconds
from parsed arguments to the result, every import of ours inside; the peak resident set in KiB; whether a process was
started and which costly libraries were loaded; and the result. With ``steps`` also each failpoint that was passed, with
the milliseconds up to the next one.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from typing import Any, NoReturn

from ansible.module_utils import basic

COSTLY = ("pyroute2", "jmespath", "asyncio", "ssl", "urllib.request", "tarfile", "ctypes", "subprocess", "threading")
clock = time.perf_counter
parsing = 0.0  # seconds spent in AnsibleModule's own start, which is every module's
began = 0.0
passed: list[tuple[str, float]] = []  # failpoints, and when


def _give_arguments(options: dict[str, Any]) -> None:
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    basic._ANSIBLE_PROFILE = "legacy"


def _watch() -> None:
    """Time AnsibleModule's start, and stop the clock where the module hands back its result."""
    start = basic.AnsibleModule.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        global parsing
        before = clock()
        start(self, *args, **kwargs)
        parsing += clock() - before

    def leave(self: Any, **result: Any) -> NoReturn:
        report(result)

    def fail(self: Any, msg: str, **result: Any) -> NoReturn:
        report({"failed": True, "msg": msg, **result})

    basic.AnsibleModule.__init__, basic.AnsibleModule.exit_json, basic.AnsibleModule.fail_json = init, leave, fail


def _watch_steps(module: Any) -> None:
    """Note each failpoint of the engine that ``module`` loads."""
    load = module.load

    def observed(room: str) -> Any:
        loaded = load(room)
        failpoints = importlib.import_module("libpod_engine._model.failpoints")
        failpoints.observe(lambda what: passed.append((what, clock())))
        return loaded

    passed.append(("imports, arguments, plan", began))
    module.load = observed


def peak_kib() -> int:
    """Return the peak resident set of this program; getrusage would return the parent's where that was larger."""
    with open("/proc/self/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("VmHWM")).split()[1])


def report(result: dict[str, Any]) -> NoReturn:
    """Print the measure and end."""
    ended = clock()
    took = ended - began - parsing
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
    measure = {"ms": took * 1000, "peak_kib": peak_kib(), "forked": children, "result": result}
    measure["loaded"] = [name for name in COSTLY if name in sys.modules and name not in loaded_before]
    if passed:
        ends = [when for _name, when in passed[1:]] + [ended]
        measure["steps"] = [(name, (end - when) * 1000) for (name, when), end in zip(passed, ends)]
    print(json.dumps(measure, default=str))
    sys.stdout.flush()
    raise SystemExit(0)


if __name__ == "__main__":
    payload, name, *more = sys.argv[1:]
    options = json.load(sys.stdin)
    _give_arguments(options)
    _watch()
    loaded_before = set(sys.modules)
    if name == "nothing":  # what every module costs
        began = clock()
        basic.AnsibleModule(argument_spec={}).exit_json()
    sys.path.insert(0, payload)
    package = "ansible_collections.libpod.engine.plugins.modules"
    began = clock()
    __import__(f"{package}.{name}")
    if more == ["steps"]:
        _watch_steps(sys.modules[f"{package}.{name}"])
    sys.modules[f"{package}.{name}"].main()
