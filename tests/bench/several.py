# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Part f: a list of containers in one task, against one container, the floor one after another, and a loop."""

from __future__ import annotations

import time
from typing import Any, Mapping

from ansible_collections.libpod.engine.tests.bench import limits
from ansible_collections.libpod.engine.tests.bench.contenders import Engine, Floor
from ansible_collections.libpod.engine.tests.bench.rows import Row, interleave
from ansible_collections.libpod.engine.tests.support.hosts import Host

MANY = 100
# A round starts and removes several hundred containers.
_MOST_ROUNDS = 3


def several(host: Host, rounds: int) -> list[Row]:
    """All rows; the containers have no network."""
    engine = Engine(host)
    rounds = min(rounds, _MOST_ROUNDS)
    options = {key: value for key, value in engine.container("", "none").items() if key != "name"}
    return _created(engine, options, rounds) + _played(host, options, rounds)


def _created(engine: Engine, options: dict[str, Any], rounds: int) -> list[Row]:
    """Creations in one task, and the floor's one after another."""
    floor = Floor(engine)
    names = [f"m{number}" for number in range(MANY)]

    def ours() -> Mapping[str, float]:
        up = engine.run("libpod_containers", containers=[{"name": name} for name in names], defaults=options)
        assert len(up["result"]["actions"]) == 2 * MANY, up["result"]
        engine.run("libpod_containers", containers=[{"name": name} for name in names], defaults={"state": "absent"})
        return {"ours": up["ms"]}

    def theirs() -> Mapping[str, float]:
        took = sum(floor.up("none", name) for name in names)
        for name in names:
            floor.down("none", name)
        return {"theirs": took}

    samples = interleave({"ours": ours, "theirs": theirs}, rounds, warm_up=0)
    what = f"f  {MANY} created in one task, none"
    return [Row(what, samples["ours"], "floor, in turn", samples["theirs"], limits.CREATED_100)]


def _played(host: Host, options: dict[str, Any], rounds: int) -> list[Row]:
    """Whole ansible-playbook runs, each less an empty play: unchanged containers, and stopped ones that are started."""
    listed = {"containers": [{"name": f"m{number}"} for number in range(MANY)], "defaults": options}
    made = host.module("libpod_containers", listed)
    assert not made.failed, made
    looped = [f"m{number}" for number in range(MANY)]
    plays: dict[str, list[dict[str, Any]]] = {
        "empty": [],
        "one": [{"libpod.engine.libpod_container": {"name": "m0", **options}}],
        "all": [{"libpod.engine.libpod_containers": listed}],
        "loop": [{"libpod.engine.libpod_container": {"name": "{{ item }}", **options}, "loop": looped}],
    }

    def timed(name: str) -> float:
        before = time.perf_counter()
        host.play(plays[name])
        return (time.perf_counter() - before) * 1000

    def started(name: str) -> float:
        stopped = host.module("libpod_containers", {**listed, "defaults": {"state": "stopped"}})
        assert not stopped.failed, stopped
        return timed(name)

    def measure() -> Mapping[str, float]:
        empty = timed("empty")
        return {
            "one": timed("one") - empty,
            "all": timed("all") - empty,
            "started": started("all") - empty,
            "started in a loop": started("loop") - empty,
        }

    samples = interleave({"plays": measure}, rounds, warm_up=0)
    host.empty()
    return [
        Row(
            f"f  {MANY} unchanged in one task", samples["all"], "one container's", samples["one"], limits.UNCHANGED_100
        ),
        Row(f"f  {MANY} started in one task", samples["started"], f"loop of {MANY}", samples["started in a loop"]),
    ]
