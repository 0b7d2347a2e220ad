# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod stats`` and ``libpod top``."""

from __future__ import annotations

import os
import sys
import time
from typing import Optional, Sequence, TypedDict

from .._container.container import Container
from .._drivers.cgroups import hierarchy
from .._model.engine_config import EngineConfig
from .._model.errors import ContainerStopped
from .._model.options.syntax.durations import seconds
from .._runtime.runtime import Runtime
from .._runtime.statistics import Statistics, statistics
from . import table
from .arguments import add_latest, add_one, containers, new_parser, selected, the_one
from .output.listing import Shape, add_format, show

_TICKS = os.sysconf("SC_CLK_TCK")
_DAY = 86400 * 10**9  # nanoseconds
_COMMAND = 120  # characters of a command line that a table shows
_COLUMNS = {
    "ID": "ID",
    "Name": "NAME",
    "CPUPerc": "CPU %",
    "MemUsage": "MEM USAGE / LIMIT",
    "MemPerc": "MEM %",
    "NetIO": "NET IO",
    "BlockIO": "BLOCK IO",
    "PIDS": "PIDS",
}
Sample = tuple[float, int]


class _Shown(TypedDict):
    Id: str
    Name: str
    CPU: float
    MemUsage: Optional[int]
    MemLimit: int
    NetInput: int
    NetOutput: int
    BlockInput: Optional[int]
    BlockOutput: Optional[int]
    PIDs: Optional[int]


class _Process(TypedDict):
    PID: int
    CPID: int
    PPID: int
    UID: int
    STATE: str
    ELAPSED: str
    TIME: str
    COMMAND: str


def stats(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """Print what running containers use, at each interval."""
    parser = new_parser("stats", "What running containers use, until interrupted.", formats=False)
    parser.add_argument("name", nargs="*", help="containers; all running ones if omitted")
    parser.add_argument("--no-stream", action="store_true", help="once, with the average since the start for CPU %%")
    parser.add_argument("-i", "--interval", default="2", help="time between two rounds, in seconds or such as 500ms")
    add_latest(parser)
    add_format(parser)
    parser.add_argument("--no-trunc", action="store_true", help="whole IDs")
    parser.set_defaults(quiet=False, noheading=False)
    options = parser.parse_args(arguments)
    names = selected(parts, options) if options.latest else options.name
    expected = "a duration above 0 and up to 24h such as 500ms, or a number of seconds"
    interval = seconds(options.interval, "--interval", expected, least=1, most=_DAY)
    before: dict[str, Sample] = {}
    while True:
        described = []
        for container in containers(parts, names):
            usage = statistics(container)
            if usage is not None:
                described.append(_described(container, usage, before))
        if options.format.startswith("table") and not options.no_stream and sys.stdout.isatty():
            sys.stdout.write("\x1b[2J\x1b[H")
        show(options, described, Shape(_COLUMNS, lambda one: _row(one, whole=options.no_trunc), "ID"))
        if options.no_stream:
            return 0
        time.sleep(interval)


def _described(container: Container, usage: Statistics, before: dict[str, Sample]) -> _Shown:
    """Return one container's figures in bytes and percent of one CPU; ``before`` has the last round's samples."""
    figures, links = usage.figures, [link.counters for link in usage.links]
    now, used = time.clock_gettime(time.CLOCK_BOOTTIME), figures["cpu_total_ns"] or 0
    then, had = before.get(container.id, (container.state.process.start_time / _TICKS, 0))
    before[container.id] = now, used
    return {
        "Id": container.id,
        "Name": container.name,
        "CPU": round((used - had) / 1e9 / max(now - then, 1e-3) * 100, 2),
        "MemUsage": figures["memory_usage"],
        "MemLimit": figures["memory_limit"] or _memory(),
        "NetInput": sum(link["rx_bytes"] for link in links),
        "NetOutput": sum(link["tx_bytes"] for link in links),
        "BlockInput": figures["io_read_bytes"],
        "BlockOutput": figures["io_write_bytes"],
        "PIDs": figures["pids_current"],
    }


def _memory() -> int:
    """Return the host's memory in bytes, the limit of a container without one."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _row(one: _Shown, *, whole: bool) -> dict[str, str]:
    """Return the fields of podman's templates, as texts."""
    usage, limit = one["MemUsage"], one["MemLimit"]
    share = f"{usage / limit * 100:.2f}%" if usage is not None and limit else "--"
    return {
        "ID": one["Id"] if whole else one["Id"][:12],
        "Name": one["Name"],
        "CPUPerc": f"{one['CPU']:.2f}%",
        "MemUsage": f"{table.size(usage)} / {table.size(limit)}",
        "MemPerc": share,
        "NetIO": f"{table.size(one['NetInput'])} / {table.size(one['NetOutput'])}",
        "BlockIO": f"{table.size(one['BlockInput'])} / {table.size(one['BlockOutput'])}",
        "PIDS": "--" if one["PIDs"] is None else str(one["PIDs"]),
    }


def top(parts: EngineConfig, arguments: Sequence[str]) -> int:
    """List a container's processes."""
    parser = new_parser("top", "The processes of a running container.")
    add_one(parser)
    options = parser.parse_args(arguments)
    container = Runtime(parts).container(the_one(parts, options)).peek()
    if not container.state.status.has_process:
        raise ContainerStopped(f"container {container.name} has no processes: it is {container.state.status}")
    pids = sorted(hierarchy.processes(container.host.cgroups, container.cgroup_path))
    processes = [process for process in map(_process, pids) if process]
    if options.format == "json":
        table.write_json(processes)
    else:
        keys = ("PID", "CPID", "PPID", "UID", "STATE", "ELAPSED", "TIME", "COMMAND")
        shown: list[dict[str, object]] = [
            {**one, "COMMAND": table.shortened(one["COMMAND"], _COMMAND)} for one in processes
        ]
        table.write_table(keys, [[one[key] for key in keys] for one in shown])
    return 0


def _process(pid: int) -> Optional[_Process]:
    """Return one process by the host's IDs (proc_pid_status(5)) and its own, CPID; None if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            status = dict(line.rstrip("\n").partition(":\t")[::2] for line in file)
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read().rpartition(")")[2].split()
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            command = file.read().rstrip("\0").replace("\0", " ") or f"[{status['Name']}]"
    except (FileNotFoundError, ProcessLookupError):
        return None
    return {
        "PID": pid,
        "CPID": int(status["NSpid"].split()[-1]),
        "PPID": int(status["PPid"]),
        "UID": int(status["Uid"].split()[1]),
        "STATE": status["State"].split()[0],
        "ELAPSED": _clock(time.clock_gettime(time.CLOCK_BOOTTIME) - int(stat[19]) / _TICKS),
        "TIME": _clock((int(stat[11]) + int(stat[12])) / _TICKS),
        "COMMAND": command,
    }


def _clock(seconds: float) -> str:
    whole = int(max(seconds, 0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
