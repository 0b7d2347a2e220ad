# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part m: the first, 100th and 1,000th container of a host, and one task over all 1,000, which run.

In process, without ansible-playbook. The memory of a conmon is its PSS (proc(5), smaps_rollup).
"""

from __future__ import annotations

import re
import statistics
from typing import Any, Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import NETWORKS, Engine
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host

COUNTS = (1, 100, 1000)


def crowd(host: Host, rounds: int) -> list[Row]:
    """All rows, without published ports."""
    rows = []
    for net in NETWORKS:
        engine = Engine(host)
        options = {key: one for key, one in engine.container("", "none").items() if key != "name"}
        options["network"] = [net]
        rows += _growth(engine, options, net, rounds)
        rows += _task(engine, options, net)
        listed = [{"name": f"m{number}"} for number in range(COUNTS[-1])]
        engine.run("libpod_containers", containers=listed, defaults={"state": "absent"})
    return rows


def _growth(engine: Engine, options: dict[str, Any], net: str, rounds: int) -> list[Row]:
    """Return what one more container costs where all but it run."""
    first: list[float] = []
    rows = []
    for count in COUNTS:
        listed = [{"name": f"m{number}"} for number in range(count - 1)]
        engine.run("libpod_containers", containers=listed, defaults=options)

        def once() -> Mapping[str, float]:
            up = engine.run("libpod_container", name="measured", **options)
            down = engine.run("libpod_container", name="measured", state="absent")
            assert up["result"]["changed"] and down["result"]["changed"], (up, down)
            return {"up": up["ms"], "down": down["ms"]}

        samples = interleave({"once": once}, rounds)
        first = first or samples["up"]
        limit = limits.GROWTH if count == COUNTS[-1] else None
        rows.append(Row(f"m  create+start of number {count}, {net}", samples["up"], "number 1", first, limit))
    return rows


def _task(engine: Engine, options: dict[str, Any], net: str) -> list[Row]:
    """Return what one task costs that leaves every container as it is, and a container's conmon."""
    listed = [{"name": f"m{number}"} for number in range(COUNTS[-1])]
    engine.run("libpod_containers", containers=listed, defaults=options)
    same = engine.run("libpod_containers", containers=listed, defaults=options)
    assert not same["result"]["changed"] and not same["forked"], same["result"]
    shown = engine.run("libpod_container_info")["result"]["containers"]
    assert len(shown) == COUNTS[-1] and all(one["State"]["Running"] for one in shown)
    shares = [_share(one["State"]["ConmonPid"]) / 1024 for one in shown]
    what = f"m  {COUNTS[-1]} unchanged in one task, {net}"
    return [
        Row(what, [same["ms"]], "allowed", [limits.TASK_SECONDS * 1000], 1.0),
        Row(f"{what}, peak RSS", [same["peak_kib"] / 1024], "allowed", [limits.TASK_MIB], 1.0, unit="MiB"),
        Row(f"m  conmon of one of {COUNTS[-1]}, {net}", [statistics.median(shares)], unit="MiB"),
    ]


def _share(pid: int) -> int:
    """Return a process's proportional set size in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        found = re.search(r"^Pss:\s+(\d+)", file.read(), re.M)
    return int(found[1]) if found else 0
