# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part m: the first, 100th and 1,000th container of a host, and one task over all 1,000, which run.

In process, without ansible-playbook. The memory of a container is the PSS (proc(5), smaps_rollup) of each process that
runs for it beside its own, which the host's cgroups tell; processes for the host as a whole are divided among all.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any, Iterable, Mapping, Sequence

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import NETWORKS, Engine
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host

COUNTS = (1, 100, 1000)
CHECKED = 20  # containers with a health check
_SETTLED = 3  # seconds until their runners sleep


def crowd(host: Host, rounds: int) -> list[Row]:
    """All rows, without published ports."""
    rows = []
    engine = Engine(host)
    for net in NETWORKS:
        options = {key: one for key, one in engine.container("", "none").items() if key != "name"}
        options["network"] = [net]
        first: list[float] = []
        rows += _growth(engine, options, net, rounds, first)
        rows += _task(engine, options, net)
        _remove(engine, COUNTS[-1])
        # Minutes have passed, in which the machine's speed may have changed.
        first += _one_more(engine, options, rounds)
    rows.append(_with_health_check(engine, {**options, "network": ["none"]}))
    _remove(engine, CHECKED)
    return rows


def _remove(engine: Engine, count: int) -> None:
    listed = [{"name": f"m{number}"} for number in range(count)]
    engine.run("libpod_containers", containers=listed, defaults={"state": "absent"})


def _growth(engine: Engine, options: dict[str, Any], net: str, rounds: int, first: list[float]) -> list[Row]:
    """Return what one more container costs where all but it run; put the samples of the first one into ``first``."""
    rows = []
    for count in COUNTS:
        listed = [{"name": f"m{number}"} for number in range(count - 1)]
        engine.run("libpod_containers", containers=listed, defaults=options)
        samples = _one_more(engine, options, rounds)
        if count == 1:
            first += samples
        limit = limits.GROWTH if count == COUNTS[-1] else None
        rows.append(Row(f"m  create+start of number {count}, {net}", samples, "number 1", first, limit))
    return rows


def _one_more(engine: Engine, options: dict[str, Any], rounds: int) -> list[float]:
    """Return the milliseconds of the creation of a container, which is removed."""

    def once() -> Mapping[str, float]:
        up = engine.run("libpod_container", name="measured", **options)
        down = engine.run("libpod_container", name="measured", state="absent")
        assert up["result"]["changed"] and down["result"]["changed"], (up, down)
        return {"up": up["ms"]}

    return interleave({"once": once}, rounds)["up"]


def _task(engine: Engine, options: dict[str, Any], net: str) -> list[Row]:
    """Return what one task costs that leaves every container as it is, and what runs for a container beside it."""
    listed = [{"name": f"m{number}"} for number in range(COUNTS[-1])]
    engine.run("libpod_containers", containers=listed, defaults=options)
    same = engine.run("libpod_containers", containers=listed, defaults=options)
    assert not same["result"]["changed"] and not same["forked"], same["result"]
    shown = engine.run("libpod_container_info")["result"]["containers"]
    assert len(shown) == COUNTS[-1] and all(one["State"]["Running"] for one in shown)
    what = f"m  {COUNTS[-1]} unchanged in one task, {net}"
    return [
        Row(what, [same["ms"]], "allowed", [limits.TASK_SECONDS * 1000], 1.0),
        Row(f"{what}, peak RSS", [same["peak_kib"] / 1024], "allowed", [limits.TASK_MIB], 1.0, unit="MiB"),
        _memory(engine, shown, net),
    ]


def _with_health_check(engine: Engine, options: dict[str, Any]) -> Row:
    """Return the memory for containers with a health check, each of which has a runner."""
    listed = [{"name": f"m{number}"} for number in range(CHECKED)]
    checked = {**options, "healthcheck": "true", "healthcheck_interval": "1h"}
    engine.run("libpod_containers", containers=listed, defaults=checked)
    time.sleep(_SETTLED)
    shown = engine.run("libpod_container_info")["result"]["containers"]
    return _memory(engine, shown, "none, health check")


def _memory(engine: Engine, shown: Sequence[Mapping[str, Any]], what: str) -> Row:
    """Return the memory of what runs beside the processes of these containers, which are all of the host, for each."""
    helpers = engine.host.cgroups.processes() - {one["State"]["Pid"] for one in shown}
    assert {one["State"]["ConmonPid"] for one in shown} <= helpers
    each = sum(map(_share, helpers)) / len(shown) / 1024
    return Row(f"m  memory for one of {len(shown)}, {what}: {_names(helpers)}", [each], unit="MiB")


def _names(pids: Iterable[int]) -> str:
    """Return the programs of processes with their numbers, such as ``1000 conmon``."""
    names: Counter[str] = Counter()
    for pid in pids:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            names[file.read().strip()] += 1
    return ", ".join(f"{count} {name}" for name, count in sorted(names.items()))


def _share(pid: int) -> int:
    """Return a process's proportional set size in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        found = re.search(r"^Pss:\s+(\d+)", file.read(), re.M)
    return int(found[1]) if found else 0
